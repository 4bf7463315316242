//! JSON Web Signatures in compact form (RFC 7515), read strictly.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::key::VerifyingKey;
use super::strict_json::UniqueObject;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Why a token is not good. Callers answer all of them alike; the log may tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of unpadded base64url, or a header that is no plain JSON object.
    #[error("the token is malformed")]
    Malformed,
    /// `crit` asks for an extension; none is understood.
    #[error("the token asks for an extension")]
    Critical,
    /// The header names no key, or none that is known.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The header's algorithm is not its key's.
    #[error("the token's algorithm is not its key's")]
    WrongAlgorithm,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// `typ` is not that of an access token (RFC 9068, section 4).
    #[error("the token is not an access token")]
    WrongType,
    /// A claim is missing or of the wrong kind.
    #[error("the token's claims are malformed")]
    BadClaims,
    /// Issued by someone else.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// Issued for someone else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Past its life.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies ahead.
    #[error("the token is not valid yet")]
    NotYet,
}

/// The parts of the header that decide anything. `jwk`, `jku`, `x5u` and `x5c` are not among
/// them: a token does not choose its key (RFC 8725, section 3.10).
#[derive(Debug)]
pub struct Header {
    /// The key's id.
    pub kid: Option<String>,
    /// The media type.
    pub typ: Option<String>,
    algorithm: String,
}

/// A token whose signature was checked.
#[derive(Debug)]
pub struct Verified {
    /// Its header.
    pub header: Header,
    /// Its payload, decoded.
    pub payload: Vec<u8>,
}

/// Checks the signature of a token with the key that `find_key` has for its `kid`.
///
/// The algorithm is the key's; that the header names the same one is checked, not followed.
pub fn verify<'k>(
    token: &str,
    find_key: impl FnOnce(Option<&str>) -> Option<&'k VerifyingKey>,
) -> Result<Verified, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
    if payload.contains('.') {
        return Err(TokenError::Malformed);
    }
    let header = Header::parse(&decode(header)?)?;
    let payload = decode(payload)?;
    decode(signature)?;
    let key = find_key(header.kid.as_deref()).ok_or(TokenError::UnknownKey)?;
    if !key.goes_by(&header.algorithm) {
        return Err(TokenError::WrongAlgorithm);
    }
    if !key.verifies(message.as_bytes(), signature) {
        return Err(TokenError::BadSignature);
    }
    Ok(Verified { header, payload })
}

/// The `kid` a token names, unchecked: for choosing what to load, never for trust.
pub fn claimed_kid(token: &str) -> Result<Option<String>, TokenError> {
    let (header, _) = token.split_once('.').ok_or(TokenError::Malformed)?;
    Ok(Header::parse(&decode(header)?)?.kid)
}

/// Unpadded base64url; padding, other letters and non-zero trailing bits are refused.
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed)
}

impl Header {
    fn parse(json: &[u8]) -> Result<Self, TokenError> {
        let UniqueObject(mut members) =
            serde_json::from_slice(json).map_err(|_| TokenError::Malformed)?;
        if members.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        let algorithm = text(&mut members, "alg")?.ok_or(TokenError::Malformed)?;
        let (kid, typ) = (text(&mut members, "kid")?, text(&mut members, "typ")?);
        // No key is called so, and not every database can look for it.
        if kid.as_ref().is_some_and(|kid| kid.contains('\0')) {
            return Err(TokenError::UnknownKey);
        }
        Ok(Self {
            kid,
            typ,
            algorithm,
        })
    }

    /// Whether `typ` is that of an access token (RFC 9068, section 4): `at+jwt`, in any letter
    /// case, with or without `application/`.
    pub fn is_access_token(&self) -> bool {
        self.typ.as_deref().is_some_and(|typ| {
            typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
        })
    }
}

/// A member that may be absent, but must be a string.
fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, TokenError> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::Malformed),
    }
}
