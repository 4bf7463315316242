//! What a client shows of itself: the value of an `Authorization` field (RFC 9110, section 11.4), or a
//! cookie.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cookie::Cookie;
use percent_encoding::percent_decode_str;

use crate::domain::secret::Secret;

/// The field wants to carry a bearer token and does not carry exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field does not hold exactly one token")]
pub struct MalformedBearer;

/// The bearer token of the field (RFC 6750, section 2.1); `None` if it is of another scheme.
pub fn bearer(value: &str) -> Result<Option<&str>, MalformedBearer> {
    let Some(rest) = of_scheme(value, "Bearer") else {
        return Ok(None);
    };
    let bytes = rest.as_bytes();
    if rest.is_empty() || bytes.contains(&b' ') || bytes.contains(&b',') {
        return Err(MalformedBearer);
    }
    Ok(Some(rest))
}

/// The field of django-graphql-jwt, `JWT ...`, as the same with `Bearer`; `None` if it is of another scheme.
pub fn jwt_as_bearer(value: &str) -> Option<String> {
    of_scheme(value, "JWT").map(|rest| format!("Bearer {rest}"))
}

/// The token in the cookie of that name, which may be in any of these `Cookie` fields; `None` if there is
/// none, or it is empty.
pub fn in_cookie<'a>(
    fields: impl Iterator<Item = &'a str>,
    name: &str,
) -> Result<Option<String>, MalformedBearer> {
    let mut tokens = fields
        .flat_map(|field| Cookie::split_parse(field).flatten())
        .filter(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value_trimmed().to_owned());
    match (tokens.next(), tokens.next()) {
        (_, Some(_)) => Err(MalformedBearer),
        (token, None) => Ok(token.filter(|token| !token.is_empty())),
    }
}

/// The field wants to carry an id and a secret and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field does not hold an id and a secret")]
pub struct MalformedBasic;

/// A client's id and secret (RFC 7617), each form-encoded on its own (RFC 6749, section 2.3.1);
/// `None` if the field is of another scheme.
pub fn basic(value: &str) -> Result<Option<(String, Secret<String>)>, MalformedBasic> {
    let Some(encoded) = of_scheme(value, "Basic") else {
        return Ok(None);
    };
    id_and_secret(encoded).map(Some).ok_or(MalformedBasic)
}

/// What follows the scheme, if it is this one.
fn of_scheme<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    scheme
        .eq_ignore_ascii_case(wanted)
        .then(|| rest.trim_matches(' '))
}

fn id_and_secret(encoded: &str) -> Option<(String, Secret<String>)> {
    let bytes = Secret::new(STANDARD.decode(encoded).ok()?);
    let text = str::from_utf8(bytes.expose()).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id)?, Secret::new(form_decoded(secret)?)))
}

fn form_decoded(text: &str) -> Option<String> {
    let spaced = Secret::new(text.replace('+', " "));
    let decoded = percent_decode_str(spaced.expose()).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Option<(String, String)>, MalformedBasic> {
        let found = basic(value)?;
        Ok(found.map(|(id, secret)| (id, secret.expose().clone())))
    }

    #[test]
    fn jwt_is_another_word_for_bearer_and_no_way_around_its_rules() {
        for (jwt, as_bearer) in [
            ("JWT abc", Ok(Some("abc"))),
            ("jwt  abc ", Ok(Some("abc"))),
            ("JWT", Err(MalformedBearer)),
            ("JWT a b", Err(MalformedBearer)),
            ("JWT Bearer a", Err(MalformedBearer)),
        ] {
            let value = jwt_as_bearer(jwt).expect("is of the scheme");
            assert_eq!(bearer(&value), as_bearer, "{jwt}");
        }
        for other in ["Bearer abc", "JWTabc", "Basic YTpi", "", " JWT abc"] {
            assert_eq!(jwt_as_bearer(other), None, "{other}");
        }
    }

    #[test]
    fn basic_holds_an_id_and_a_secret_each_form_encoded() {
        let of = |text: &[u8]| read(&format!("basic {}", STANDARD.encode(text)));
        let pair = |id: &str, secret: &str| Ok(Some((id.to_owned(), secret.to_owned())));
        assert_eq!(of(b"billing:s:e"), pair("billing", "s:e"));
        assert_eq!(of(b"a%3Ab:c%25+d"), pair("a:b", "c% d"));
        assert_eq!(of(b":"), pair("", ""));
        for bad in [&b"billing"[..], b"", b"a:\xff", b"a:%ff"] {
            assert_eq!(of(bad), Err(MalformedBasic), "{bad:?}");
        }
        for bad in ["Basic", "Basic !", "Basic YTpi YTpi", "Basic YTpi=="] {
            assert_eq!(read(bad), Err(MalformedBasic), "{bad}");
        }
        assert_eq!(read("Bearer YTpi"), Ok(None));
    }
}
