//! Bodies. The wire has bounded them already.

use std::collections::BTreeMap;
use std::io::Read;

use rouille::Request;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use super::problem::{self, Code, Problem};
use crate::domain::secret::Secret;

/// 415 of the routes that take a body, for the API's document.
pub(super) struct Refused;

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problem::responses("415", "The body is not declared as JSON")
    }
}

/// Reads a body that must be JSON of this shape; says where it is not.
pub(super) fn json<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    if !is_of_type(request, "application/json") {
        let detail = "Send the body with 'Content-Type: application/json'.";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    parsed(request)
}

fn parsed<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    let bytes = bytes(request)?;
    if !bytes.trim_ascii_start().starts_with(b"{") {
        // serde would take an array for a struct, its values in the order of the fields.
        let detail = "The body: expected an object at line 1.";
        return Err(Problem::new(Code::MalformedBody, detail));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Problem::new(Code::MalformedBody, format!("The body: {error}.")))
}

/// Reads a merge patch (RFC 7396) of this shape; as JSON it will do, too.
pub(super) fn patch<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    if is_of_type(request, "application/merge-patch+json") {
        parsed(request)
    } else {
        json(request)
    }
}

/// A text that must never be printed.
pub(super) fn secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

/// The same where there may be none.
pub(super) fn maybe_secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret<String>>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(Secret::<String>::new))
}

/// Whether the request came with a body of at least one byte.
pub(super) fn is_present(request: &Request) -> bool {
    request
        .header("Content-Length")
        .is_some_and(|length| length != "0")
        || request.header("Transfer-Encoding").is_some()
}

/// Whether the body is declared to be of this media type, whatever its parameters.
pub(super) fn is_of_type(request: &Request, media_type: &str) -> bool {
    is_type(
        request.header("Content-Type").unwrap_or_default(),
        media_type,
    )
}

fn is_type(content_type: &str, media_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(media_type)
}

/// The body as it came.
pub(super) fn bytes(request: &Request) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    if let Some(mut body) = request.data() {
        // The wire hands over what is in memory already.
        body.read_to_end(&mut bytes)
            .map_err(|_| Problem::internal())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_application_json_is_json() {
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;",
        ] {
            assert!(is_type(good, "application/json"), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/jsonp",
            "application/problem+json",
            "json",
        ] {
            assert!(!is_type(bad, "application/json"), "{bad}");
        }
    }
}
