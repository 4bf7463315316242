//! What every answer has: an id, a line in the log, and an end even if the handler panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use hyper::Method;
use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use rouille::{Request, Response};

use super::App;
use super::problem::Problem;
use super::routes::Route;
use crate::sockets::request_id::{self, RequestId, RequestIds};

const X_REQUEST_ID: HeaderName = HeaderName::from_static(request_id::NAME);

/// The request's id: the client's own, if it is plain.
pub(super) fn id_of(ids: &RequestIds, headers: &HeaderMap) -> RequestId {
    let given = headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
    ids.given_or_fresh(given)
}

/// The id of a request that is under way.
pub(super) fn id_in(request: &Request) -> &str {
    request.header(request_id::NAME).unwrap_or_default()
}

/// A request's line in the log: id, method, route, status, duration; never its target or its
/// header fields, which may hold secrets. The line is written when this is dropped, so that a
/// request whose client went away has one too.
pub(super) struct Record {
    id: RequestId,
    method: &'static str,
    pub(super) route: &'static str,
    began: Instant,
    status: u16,
}

/// In the log, of a request whose client did not wait for the answer (nginx's number for it).
const CLIENT_WENT_AWAY: u16 = 499;

impl Record {
    pub(super) fn begin(id: &RequestId, method: &Method) -> Self {
        Self {
            id: id.clone(),
            method: known(method),
            route: "-",
            began: Instant::now(),
            status: CLIENT_WENT_AWAY,
        }
    }

    /// The record of something that could not be read as a request.
    pub(super) fn unparsed(id: &RequestId) -> Self {
        let mut record = Self::begin(id, &Method::GET);
        record.method = "-";
        record
    }

    pub(super) fn finish(mut self, status: u16) {
        self.status = status;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            id = self.id.as_str(),
            method = self.method,
            route = self.route,
            status = self.status,
            micros,
            "request"
        );
    }
}

/// The method's name, if it is one that somebody defined; the others are the client's own words.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Runs the handler; a panic becomes a 500, and what failed is in the log.
pub(super) fn run(
    app: &App,
    request: &Request,
    route: Route,
    id: &RequestId,
) -> Result<Response, Problem> {
    let Route { template, run, .. } = route;
    let run = AssertUnwindSafe(|| run(app, request));
    let outcome = catch_unwind(run).unwrap_or_else(|_| {
        tracing::error!(%id, route = template, "a handler panicked");
        Err(Problem::internal())
    });
    outcome.inspect_err(|problem| {
        if let Some(error) = problem.cause() {
            tracing::error!(%id, route = template, error, "a request failed");
        }
    })
}

/// Adds what every answer has: the id, and that no cache may keep it unless it says otherwise.
pub(super) fn complete(headers: &mut HeaderMap, id: &RequestId) -> Result<(), InvalidHeaderValue> {
    headers.insert(X_REQUEST_ID, HeaderValue::from_str(id.as_str())?);
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use cluster::Database;

    use super::*;
    use crate::domain::sources::fixed::CountingRandom;
    use crate::http::routes::Lane;
    use crate::http::tests::{app, log_of};

    #[test]
    fn a_handler_that_panics_is_a_500_with_a_line_in_the_log() {
        let database = Database::new();
        let app = app(&database);
        let request = Request::fake_http("GET", "/test", vec![], vec![]);
        let id = RequestIds::new(&CountingRandom::default()).fresh();
        let panics = Route {
            template: "/test",
            lane: Lane::Inline,
            run: Box::new(|_, _| panic!("the inside of it")),
        };
        let (outcome, log) = log_of(|| run(&app, &request, panics, &id));
        let response = outcome.unwrap_or_else(Problem::into_response);

        assert_eq!(response.status_code, 500);
        let field = |name: &str| {
            let found = response.headers.iter().find(|(found, _)| found == name);
            found.map_or("", |(_, value)| value)
        };
        assert_eq!(field("Content-Type"), "application/problem+json");
        let (mut reader, _) = response.data.into_reader_and_size();
        let body: serde_json::Value = serde_json::from_reader(&mut reader).expect("is JSON");
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("inside"), "{body}");
        assert!(
            log.contains(&id.to_string()) && log.contains("panicked"),
            "{log}"
        );

        let well = Route {
            template: "/test",
            lane: Lane::Inline,
            run: Box::new(|_, _| Ok(Response::text("well"))),
        };
        let answered = run(&app, &request, well, &id).map(|response| response.status_code);
        assert_eq!(answered.ok(), Some(200));
    }

    #[test]
    fn a_request_nobody_waits_for_has_a_line_in_the_log() {
        let id = RequestIds::new(&CountingRandom::default()).fresh();
        let ((), log) = log_of(|| drop(Record::begin(&id, &Method::GET)));
        assert!(
            log.contains("status=499") && log.contains(&id.to_string()),
            "{log}"
        );
        let ((), log) = log_of(|| Record::begin(&id, &Method::GET).finish(204));
        assert!(
            log.contains("status=204") && log.lines().count() == 1,
            "{log}"
        );
    }
}
