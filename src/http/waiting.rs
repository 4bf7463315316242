//! For how long a request wants to wait for something to happen.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use super::problem::{self, Code, Problem};
use super::routes::LONGEST_WAIT;
use crate::service::listeners::TooMany;

/// 429 of the routes that wait, for the API's document.
pub(super) struct TooManyWait;

impl IntoResponses for TooManyWait {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problem::responses(
            "429",
            "16 requests of the caller wait already; see Retry-After",
        )
    }
}

/// The time that `wait` says, with its unit; without it, none.
pub(super) fn patience(wait: Option<&str>) -> Result<Duration, Problem> {
    let Some(text) = wait else {
        return Ok(Duration::ZERO);
    };
    let span: Option<Span> = text.parse().ok();
    let time = span.and_then(|span| {
        let time = span.to_duration(SpanRelativeTo::days_are_24_hours());
        Duration::try_from(time.ok()?).ok()
    });
    time.filter(|time| *time <= LONGEST_WAIT).ok_or_else(|| {
        let detail =
            "The parameter 'wait' must be a time with its unit, as 30s, and no longer than 1m.";
        Problem::new(Code::InvalidRequest, detail)
    })
}

impl From<TooMany> for Problem {
    fn from(_: TooMany) -> Self {
        Self::too_many(
            "Too many requests of yours wait already: ask again when one has its answer.",
        )
    }
}
