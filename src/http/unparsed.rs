//! What is no request: hyper finds out and answers with an empty 400 or 431. Our clients are owed
//! a problem with an id (RFC 9457), so `patience` sends what is made here in place of it.

use std::fmt::Write;
use std::io::IoSlice;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Bytes;

use super::exchange::Answer;
use super::problem::{Code, Problem};

/// The status of hyper's own refusal, if that is what it wants to send. Only its refusals carry
/// a 4xx and no id; it writes them in one piece.
pub(super) fn refusal(bufs: &[IoSlice<'_>]) -> Option<StatusCode> {
    let first = bufs.iter().find(|buf| !buf.is_empty())?;
    let rest = first
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| first.strip_prefix(b"HTTP/1.0 "))?;
    let status = StatusCode::from_bytes(rest.get(..3)?).ok()?;
    status.is_client_error().then_some(status)
}

/// The same in our words.
pub(super) fn problem(status: StatusCode) -> Problem {
    match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG => Problem::new(
            Code::HeaderTooLarge,
            "Request line and header fields are longer, or more, than is served.",
        ),
        _ => Problem::new(
            Code::InvalidRequest,
            "This is not an HTTP request that is served.",
        ),
    }
}

/// The answer as it stands on the wire. It is the last of its connection.
pub(super) fn bytes(answer: Answer) -> Vec<u8> {
    let (parts, body) = answer.into_parts();
    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", parts.status);
    for (name, value) in &parts.headers {
        // A problem's header fields are our own, in ASCII.
        let value = value.to_str().unwrap_or_default();
        // Writing to a string does not fail.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let body = whole(body);
    let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

/// A body that is in memory already.
fn whole(body: Full<Bytes>) -> Bytes {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(body.collect()).poll(&mut context) {
        Poll::Ready(Ok(body)) => body.to_bytes(),
        Poll::Pending | Poll::Ready(Err(_)) => Bytes::new(),
    }
}
