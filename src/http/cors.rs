//! Pages of other origins, in a browser (the Fetch standard, section 3.3): whose answers they may read, if
//! anybody's. No credentials are allowed: a token is in `Authorization`, where only the page can put it.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};
use hyper::http::request::Parts;
use rouille::{Request, Response};

use super::routes::{self, Table};
use crate::config::CorsOrigins;

/// What pages may send beside what any form can.
const SENT: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, \
                    X-CSRFToken, X-Request-Id, X-Requested-With";

/// What pages may read beside what is always theirs.
const READ: &str =
    "ETag, Idempotency-Replayed, Location, Retry-After, WWW-Authenticate, X-Request-Id";

/// How long a browser need not ask again, in seconds.
const MAX_AGE: &str = "600";

/// What an answer says of who may read it. There is none where nobody else may, and none for a proxy: the
/// page's request is not to us then.
pub(super) struct Readers {
    origin: Option<HeaderValue>,
}

impl Readers {
    pub(super) fn of(origins: &CorsOrigins, parts: &Parts) -> Option<Self> {
        if origins.is_empty() || parts.uri.path().starts_with("/auth/forward") {
            return None;
        }
        let origin = parts.headers.get(ORIGIN);
        let known = |origin: &&HeaderValue| origin.to_str().is_ok_and(|text| origins.contain(text));
        Some(Self {
            origin: origin.filter(known).cloned(),
        })
    }

    pub(super) fn mark(self, headers: &mut HeaderMap) {
        // Whatever stands between keeps the answers apart.
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(READ),
            );
        }
    }
}

/// The answer to a browser that asks before it sends a page's request, where it may.
pub(super) fn preflight(
    origins: &CorsOrigins,
    request: &Request,
    table: Table,
) -> Option<Response> {
    let is_one = request.method() == "OPTIONS"
        && request.header("Access-Control-Request-Method").is_some()
        && request
            .header("Origin")
            .is_some_and(|origin| origins.contain(origin));
    if !is_one {
        return None;
    }
    let methods = routes::allowed(request.raw_url(), table);
    (!methods.is_empty()).then(|| {
        Response::empty_204()
            .with_additional_header("Access-Control-Allow-Methods", methods.join(", "))
            .with_additional_header("Access-Control-Allow-Headers", SENT)
            .with_additional_header("Access-Control-Max-Age", MAX_AGE)
    })
}
