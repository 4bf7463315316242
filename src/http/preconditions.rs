//! What a client has seen, and whether it is so still (RFC 9110, section 13): the version of a row is its
//! entity tag.

use rouille::{Request, Response};

use super::problem::{Code, Problem};

/// The version that the caller wants to change; `None`: whichever it is.
///
/// One strong tag, or `*`. A weak tag, or another text, is that of nothing that there is; what is no tag
/// is a malformed request.
pub(super) fn version(request: &Request) -> Result<Option<i64>, Problem> {
    let Some(field) = request.header("If-Match").map(str::trim) else {
        return Ok(None);
    };
    if field == "*" {
        return Ok(None);
    }
    let tags: Option<Vec<&str>> = field.split(',').map(|tag| quoted(tag.trim())).collect();
    let tags = tags.ok_or_else(|| {
        let detail = "If-Match must be the ETag of an earlier answer.";
        Problem::new(Code::InvalidRequest, detail)
    })?;
    match tags[..] {
        [tag] => tag.parse().map(Some).map_err(|_| nothing()),
        _ => Err(nothing()),
    }
}

/// What an entity tag has between its quotes; of a weak one, what no version looks like.
fn quoted(tag: &str) -> Option<&str> {
    let strong = tag.strip_prefix("W/").unwrap_or(tag);
    let text = strong.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('"')).then_some(if strong == tag { text } else { "weak" })
}

fn nothing() -> Problem {
    let detail = "If-Match names no version that there is.";
    Problem::new(Code::PreconditionFailed, detail)
}

/// The answer with its entity tag.
pub(super) fn tagged(response: Response, version: i64) -> Response {
    response.with_additional_header("ETag", tag(version))
}

/// 412, with what the version is now.
pub(super) fn failed(version: i64) -> Problem {
    let detail = format!("It has changed since: its version is {version} now. Read it again.");
    Problem::new(Code::PreconditionFailed, detail).with_header("ETag", tag(version))
}

fn tag(version: i64) -> String {
    format!("\"{version}\"")
}
