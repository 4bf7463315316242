//! What can be said of a token without asking anybody.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Validation, decode};
use serde::Deserialize;
use serde_json::Value;

use crate::answers::{Json, is_user_id};
use crate::clock::unix_now;
use crate::error::Reason;
use crate::keys::Key;
use crate::settings::Settings;

/// authd takes none that is longer.
const MAX_TOKEN: usize = 8 * 1024;
const UNSIGNED: &str = "authd_pat_";

/// What a verdict is kept under: whoever reads the memory of them learns no token.
pub(crate) type Digest = [u8; 32];

/// The token of an `Authorization` header, if that is a bearer's.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim_matches(' ').split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

pub(crate) fn fingerprint(token: &str) -> Digest {
    let mut found = [0; 32];
    found.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    found
}

/// Whether it is of the letters of RFC 6750, section 2.1, and not too long.
pub(crate) fn check_form(token: &str) -> Result<(), Reason> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let letters = token.trim_end_matches('=');
    let is_good = token.len() <= MAX_TOKEN && !letters.is_empty() && letters.bytes().all(is_letter);
    is_good.then_some(()).ok_or(Reason::Malformed)
}

/// Whether it is a token that can be checked here; others are for authd alone.
pub(crate) fn is_signed(token: &str) -> bool {
    !token.starts_with(UNSIGNED)
}

/// The parts of a header that decide anything.
#[derive(Deserialize)]
struct Header {
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// What the header of a signed access token calls its key.
pub(crate) fn key_id(token: &str) -> Result<String, Reason> {
    let first = token.split('.').next().unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD
        .decode(first)
        .map_err(|_| Reason::Malformed)?;
    let header: Header = serde_json::from_slice(&bytes).map_err(|_| Reason::Malformed)?;
    let typ = header.typ.unwrap_or_default().to_ascii_lowercase();
    let is_access = typ == "at+jwt" || typ == "application/at+jwt";
    if !is_access || header.crit.is_some() {
        return Err(Reason::NotAccess);
    }
    header.kid.ok_or(Reason::UnknownKey)
}

/// The claims of an access token that authd has signed with this key for our audience, and that is of this hour.
pub(crate) fn claims(token: &str, key: &Key, settings: &Settings) -> Result<Json, Reason> {
    let mut validation = Validation::new(key.algorithm);
    validation.leeway = settings.leeway.as_secs();
    validation.validate_nbf = true;
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&[&settings.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let found = decode::<Json>(token, &key.key, &validation);
    let claims = found.map_err(|_| Reason::NotValid)?.claims;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let issued = claims
        .get("iat")
        .and_then(Value::as_u64)
        .ok_or(Reason::NotValid)?;
    let is_ahead = issued > unix_now() + settings.leeway.as_secs();
    let subject = text("sub").ok_or(Reason::NotValid)?;
    // A session is a user's; a client's token has none.
    let is_either = is_user_id(subject) == text("sid").is_some();
    let is_good = !is_ahead && is_either && text("jti").is_some();
    is_good.then_some(claims).ok_or(Reason::NotValid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_found_whatever_the_case_of_its_scheme() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer(" bEaReR   abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer"), None);
        assert_eq!(bearer(""), None);
    }

    #[test]
    fn what_no_token_looks_like_is_seen_at_once() {
        assert_eq!(check_form("a-._~+/Z9=="), Ok(()));
        for wrong in [
            "",
            "=",
            "a b",
            "a\n",
            "a=b",
            "ä",
            "a,b",
            &"a".repeat(MAX_TOKEN + 1),
        ] {
            assert_eq!(check_form(wrong), Err(Reason::Malformed), "{wrong:.20}");
        }
    }

    #[test]
    fn a_header_must_be_of_an_access_token_and_ask_for_nothing_more() {
        let id = |header: &str| key_id(&format!("{}.x.y", URL_SAFE_NO_PAD.encode(header)));
        assert_eq!(id(r#"{"typ":"AT+jwt","kid":"k"}"#), Ok("k".into()));
        assert_eq!(id(r#"{"typ":"JWT","kid":"k"}"#), Err(Reason::NotAccess));
        assert_eq!(
            id(r#"{"typ":"at+jwt","kid":"k","crit":[]}"#),
            Err(Reason::NotAccess)
        );
        assert_eq!(id(r#"{"typ":"at+jwt"}"#), Err(Reason::UnknownKey));
        assert_eq!(
            id(r#"{"typ":"at+jwt","kid":"k","kid":"l"}"#),
            Err(Reason::Malformed)
        );
        assert_eq!(id("["), Err(Reason::Malformed));
        assert_eq!(key_id("not.a.header"), Err(Reason::Malformed));
    }
}
