//! Private keys that were made elsewhere: a JSON Web Key (RFC 7517), PEM, or a shared secret.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pkcs1::der::Encode;
use pkcs1::{RsaPrivateKeyRef, UintRef};
use serde::Deserialize;

use super::key::{KeyAlgorithm, KeyError, SigningKey};
use crate::domain::secret::Secret;

/// Longest key that is read.
pub const MAX_BYTES: usize = 64 * 1024;

/// A shared secret is no longer than this.
const MAX_SECRET_BYTES: usize = 1024;

/// Why a key is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// In no form that is known.
    #[error(
        "this is neither a private JSON Web Key nor a private key in PEM; a shared secret is read with --algorithm HS256"
    )]
    Unreadable,
    /// Its private half is missing.
    #[error("this is the public half of a key: the private one is needed to sign")]
    Public,
    /// On a curve, or of a kind, that nothing is signed with here.
    #[error(
        "only Ed25519 and P-256 keys, RSA keys of 2048 bits or more, and shared secrets sign here"
    )]
    Kind,
    /// What it says of itself is not what was asked for.
    #[error("the key is not for the algorithm {0}")]
    Algorithm(&'static str),
    /// The halves do not fit, or the numbers are not those of a key.
    #[error("the parts of the key do not belong together, or it is an RSA key below 2048 bits")]
    Mismatch,
    /// Longer than any key.
    #[error("this is longer than any key ({MAX_BYTES} bytes, a shared secret {MAX_SECRET_BYTES})")]
    TooLong,
    /// As for every key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Members of a private JWK; what is not known is not looked at.
#[derive(Deserialize)]
struct PrivateJwk {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    d: Option<Secret<String>>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    p: Option<Secret<String>>,
    q: Option<Secret<String>>,
    dp: Option<Secret<String>>,
    dq: Option<Secret<String>>,
    qi: Option<Secret<String>>,
    k: Option<Secret<String>>,
}

/// Reads a key. `algorithm` is needed for a shared secret that is plain text; of any other key it
/// is a check.
pub fn read(
    text: &Secret<Vec<u8>>,
    algorithm: Option<KeyAlgorithm>,
) -> Result<SigningKey, PrivateKeyError> {
    if text.expose().len() > MAX_BYTES {
        return Err(PrivateKeyError::TooLong);
    }
    let start = text.expose().trim_ascii_start();
    let key = if start.starts_with(b"{") {
        from_jwk(start)?
    } else if start.starts_with(b"-----BEGIN ") {
        from_pem(start)?
    } else if algorithm == Some(KeyAlgorithm::Hs256) {
        shared_secret(line(text.expose()))?
    } else {
        return Err(PrivateKeyError::Unreadable);
    };
    match algorithm {
        Some(wanted) if wanted != key.algorithm() => Err(PrivateKeyError::Algorithm(wanted.name())),
        _ => Ok(key),
    }
}

/// Without the end of its line, which editors add.
fn line(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

fn shared_secret(secret: &[u8]) -> Result<SigningKey, PrivateKeyError> {
    if secret.len() > MAX_SECRET_BYTES {
        return Err(PrivateKeyError::TooLong);
    }
    let secret = Secret::new(secret.to_vec());
    Ok(SigningKey::from_private(KeyAlgorithm::Hs256, secret)?)
}

fn from_jwk(json: &[u8]) -> Result<SigningKey, PrivateKeyError> {
    let jwk: PrivateJwk = serde_json::from_slice(json).map_err(|_| PrivateKeyError::Unreadable)?;
    if jwk.used_for.as_deref().is_some_and(|used| used != "sig") {
        return Err(KeyError::Purpose.into());
    }
    let (algorithm, private) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("OKP", Some("Ed25519")) => (KeyAlgorithm::EdDsa, ed25519(&jwk)?),
        ("EC", Some("P-256")) => (KeyAlgorithm::Es256, p256(&jwk)?),
        ("RSA", _) => (KeyAlgorithm::Rs256, rsa(&jwk)?),
        ("oct", _) => (KeyAlgorithm::Hs256, Some(private(jwk.k.as_ref())?)),
        _ => return Err(PrivateKeyError::Kind),
    };
    if jwk
        .alg
        .as_deref()
        .is_some_and(|alg| alg != algorithm.name())
    {
        return Err(PrivateKeyError::Algorithm(algorithm.name()));
    }
    let private = private.ok_or(PrivateKeyError::Mismatch)?;
    if algorithm.is_shared_secret() {
        return shared_secret(private.expose());
    }
    Ok(SigningKey::from_private(algorithm, private)?)
}

/// As PKCS #8; `None`: the halves do not fit. So for the others.
fn ed25519(jwk: &PrivateJwk) -> Result<Option<Secret<Vec<u8>>>, PrivateKeyError> {
    let (seed, public) = (private(jwk.d.as_ref())?, public(jwk.x.as_ref())?);
    let pair = Ed25519KeyPair::from_seed_and_public_key(seed.expose(), &public);
    Ok(pair.ok().and_then(|pair| pkcs8(pair.to_pkcs8v1())))
}

fn p256(jwk: &PrivateJwk) -> Result<Option<Secret<Vec<u8>>>, PrivateKeyError> {
    let number = private(jwk.d.as_ref())?;
    let point = [vec![4], public(jwk.x.as_ref())?, public(jwk.y.as_ref())?].concat();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        number.expose(),
        &point,
    );
    Ok(pair.ok().and_then(|pair| pkcs8(pair.to_pkcs8v1())))
}

fn rsa(jwk: &PrivateJwk) -> Result<Option<Secret<Vec<u8>>>, PrivateKeyError> {
    let (modulus, exponent) = (public(jwk.n.as_ref())?, public(jwk.e.as_ref())?);
    let secret = |part: &Option<Secret<String>>| private(part.as_ref());
    let (own, primes) = (secret(&jwk.d)?, [secret(&jwk.p)?, secret(&jwk.q)?]);
    let chinese = [secret(&jwk.dp)?, secret(&jwk.dq)?, secret(&jwk.qi)?];
    let number = |bytes| UintRef::new(bytes).map_err(|_| PrivateKeyError::Mismatch);
    let key = RsaPrivateKeyRef {
        modulus: number(&modulus)?,
        public_exponent: number(&exponent)?,
        private_exponent: number(own.expose())?,
        prime1: number(primes[0].expose())?,
        prime2: number(primes[1].expose())?,
        exponent1: number(chinese[0].expose())?,
        exponent2: number(chinese[1].expose())?,
        coefficient: number(chinese[2].expose())?,
        other_prime_infos: None,
    };
    let der = Secret::new(key.to_der().map_err(|_| PrivateKeyError::Mismatch)?);
    let pair = RsaKeyPair::from_der(der.expose());
    Ok(pair.ok().and_then(|pair| rsa_pkcs8(&pair)))
}

fn from_pem(text: &[u8]) -> Result<SigningKey, PrivateKeyError> {
    let blocks = pem::parse_many(text).map_err(|_| PrivateKeyError::Unreadable)?;
    let [block] = blocks.as_slice() else {
        return Err(PrivateKeyError::Unreadable);
    };
    let der = block.contents();
    let ed = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok();
    let ec = || EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok();
    let (algorithm, private) = match block.tag() {
        "PRIVATE KEY" => {
            if let Some(pair) = ed() {
                (KeyAlgorithm::EdDsa, pkcs8(pair.to_pkcs8v1()))
            } else if let Some(pair) = ec() {
                (KeyAlgorithm::Es256, pkcs8(pair.to_pkcs8v1()))
            } else {
                let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| PrivateKeyError::Kind)?;
                (KeyAlgorithm::Rs256, rsa_pkcs8(&pair))
            }
        }
        "EC PRIVATE KEY" => {
            let pair = ec().ok_or(PrivateKeyError::Kind)?;
            (KeyAlgorithm::Es256, pkcs8(pair.to_pkcs8v1()))
        }
        "RSA PRIVATE KEY" => {
            let pair = RsaKeyPair::from_der(der).map_err(|_| PrivateKeyError::Mismatch)?;
            (KeyAlgorithm::Rs256, rsa_pkcs8(&pair))
        }
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => return Err(PrivateKeyError::Public),
        _ => return Err(PrivateKeyError::Kind),
    };
    let private = private.ok_or(PrivateKeyError::Mismatch)?;
    Ok(SigningKey::from_private(algorithm, private)?)
}

fn pkcs8(der: Result<impl AsRef<[u8]>, Unspecified>) -> Option<Secret<Vec<u8>>> {
    der.ok().map(|der| Secret::new(der.as_ref().to_vec()))
}

fn rsa_pkcs8(pair: &RsaKeyPair) -> Option<Secret<Vec<u8>>> {
    let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    Some(Secret::new(der.as_ref().to_vec()))
}

fn private(part: Option<&Secret<String>>) -> Result<Secret<Vec<u8>>, PrivateKeyError> {
    let text = part.ok_or(PrivateKeyError::Public)?;
    bytes(text.expose()).map(Secret::new)
}

fn public(part: Option<&String>) -> Result<Vec<u8>, PrivateKeyError> {
    bytes(part.ok_or(PrivateKeyError::Unreadable)?)
}

fn bytes(base64url: &str) -> Result<Vec<u8>, PrivateKeyError> {
    let decoded = URL_SAFE_NO_PAD.decode(base64url);
    decoded.map_err(|_| PrivateKeyError::Unreadable)
}
