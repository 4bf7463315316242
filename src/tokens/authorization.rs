//! The value of an `Authorization` field (RFC 6750, section 2.1; RFC 9110, section 11.4).

/// The field wants to carry a bearer token and does not carry exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field does not hold exactly one token")]
pub struct MalformedBearer;

/// The bearer token of the field; `None` if it is of another scheme.
pub fn bearer(value: &str) -> Result<Option<&str>, MalformedBearer> {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Ok(None);
    }
    let token = rest.trim_matches(' ');
    if token.is_empty() || token.bytes().any(|byte| b" ,".contains(&byte)) {
        return Err(MalformedBearer);
    }
    Ok(Some(token))
}
