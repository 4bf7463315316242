//! From hyper's request to rouille's and back, through the right lane (ADR 3).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::App;
use super::answer;
use super::cors;
use super::django;
use super::gate;
use super::origin::UNIX_PEER;
use super::problem::{Code, Problem};
use super::routes::{self, LONGEST_WAIT, Lane, Route, Table};
use super::unparsed;
use crate::sockets::lane::{self, BlockingLane, LaneError, PLACES, WAITING_PLACES};
use crate::sockets::request_id::{self, RequestId, RequestIds};
use crate::tokens::authorization;

/// What hyper sends back.
pub(super) type Answer = Response<Full<Bytes>>;

/// Turns requests into answers.
pub(super) struct Exchange {
    app: Arc<App>,
    ids: RequestIds,
    table: Table,
    /// Whether a read of the database may take longer than an I/O thread has.
    reads_block: bool,
    /// For handlers that may wait.
    blocking: BlockingLane,
    /// For handlers that wait for something to happen.
    waiting: BlockingLane,
}

impl Exchange {
    pub(super) fn new(app: App) -> Self {
        let patience = app.services.store.patience();
        Self {
            ids: RequestIds::new(app.services.random()),
            table: routes::table(app.server.compat.django),
            reads_block: app.services.store.reads_block(),
            blocking: BlockingLane::new(PLACES, patience),
            waiting: BlockingLane::new(WAITING_PLACES, patience.map(|time| time + LONGEST_WAIT)),
            app: Arc::new(app),
        }
    }

    /// Answers one request. Whatever happens, there is an answer, with the request's id, and a
    /// line in the log.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: Option<SocketAddr>,
    ) -> Answer {
        let (parts, body) = request.into_parts();
        let id = answer::id_of(&self.ids, &parts.headers);
        let mut record = answer::Record::begin(&id, &parts.method);
        // hyper drops a Content-Length beside it, and another party may have gone by that one:
        // what follows is never run as a request (RFC 9112, section 6.1).
        let is_chunked = parts.headers.contains_key(TRANSFER_ENCODING);
        let django = self.app.server.compat.django && django::is_path(parts.uri.path());
        let django = django.then(|| parts.method.clone());
        let readers = cors::Readers::of(&self.app.server.cors_origins, &parts);
        let outcome = self.respond(&id, &mut record, parts, body, peer).await;
        let closes = is_chunked || outcome.as_ref().is_err_and(|refusal| refusal.closes);
        let response = outcome.unwrap_or_else(|Refusal { problem, .. }| match django {
            Some(method) => django::in_its_words(problem, method.as_str()),
            None => problem.into_response(),
        });
        let mut answer = into_hyper(response, &id);
        if let Some(readers) = readers {
            readers.mark(answer.headers_mut());
        }
        if closes {
            answer
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        record.finish(answer.status().as_u16());
        answer
    }

    /// What is sent for bytes that are no request: hyper says that with this status.
    pub(super) fn refuse_unparsed(&self, status: StatusCode) -> Vec<u8> {
        let id = self.ids.fresh();
        let record = answer::Record::unparsed(&id);
        let answer = into_hyper(unparsed::problem(status).into_response(), &id);
        record.finish(answer.status().as_u16());
        unparsed::bytes(answer)
    }

    async fn respond(
        &self,
        id: &RequestId,
        record: &mut answer::Record,
        parts: Parts,
        body: Incoming,
        peer: Option<SocketAddr>,
    ) -> Result<rouille::Response, Refusal> {
        gate::check(&parts).map_err(Refusal::and_close)?;
        let limit = self.app.server.max_body_bytes * routes::body_factor(parts.uri.path());
        let body = self.read(body, limit).await.map_err(Refusal::and_close)?;
        let request = into_rouille(parts, body, peer, id, self.app.server.compat.jwt_prefix);
        let Some(route) = (self.table)(&request) else {
            let preflight = cors::preflight(&self.app.server.cors_origins, &request, self.table);
            return preflight.ok_or_else(|| routes::refuse(&request, self.table).into());
        };
        record.route = route.template;
        let lane = match route.lane {
            Lane::Inline => None,
            Lane::Reading => self.reads_block.then_some(&self.blocking),
            Lane::Blocking => Some(&self.blocking),
            Lane::Waiting => Some(&self.waiting),
        };
        if let Some(lane) = lane {
            return self.run_in(lane, request, route, id).await;
        }
        let asked = Instant::now();
        // Whoever has asked meanwhile is heard first: one look at the database is then enough for all.
        tokio::task::yield_now().await;
        let run = || answer::run(&self.app, &request, route, id);
        let response = self.app.services.store.answering(asked, run);
        // And they are answered first: answers sent together wake clients once, answers sent one by
        // one give the core away after each.
        tokio::task::yield_now().await;
        response.map_err(Refusal::from)
    }

    /// The whole body, within its limits of size and time.
    async fn read(&self, body: Incoming, limit: usize) -> Result<Bytes, Problem> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let too_large = || {
            Problem::new(
                Code::BodyTooLarge,
                format!("A body may have {limit} bytes at most."),
            )
        };
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        let whole = Limited::new(body, limit).collect();
        match tokio::time::timeout(self.app.server.body_timeout, whole).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(Problem::new(
                Code::InvalidRequest,
                "The body did not arrive whole.",
            )),
            Err(_) => Err(Problem::new(
                Code::RequestTimeout,
                "The body took too long to arrive.",
            )),
        }
    }

    /// Nobody waits any longer for something to happen.
    pub(super) fn stop_waiting(&self) {
        self.app.services.stop_waiting();
    }

    async fn run_in(
        &self,
        lane: &BlockingLane,
        request: rouille::Request,
        route: Route,
        id: &RequestId,
    ) -> Result<rouille::Response, Refusal> {
        let (app, id) = (Arc::clone(&self.app), id.clone());
        let work = move || answer::run(&app, &request, route, &id);
        let done = lane.run(work).await;
        let outcome = done.unwrap_or_else(|error| Err(error.into()));
        outcome.map_err(Refusal::from)
    }
}

impl From<LaneError> for Problem {
    fn from(error: LaneError) -> Self {
        match error {
            LaneError::Full => Self::overloaded(lane::FULL),
            LaneError::TooLate => Self::overloaded(lane::TOO_LATE),
            LaneError::Panicked => Self::internal(),
        }
    }
}

/// A problem found before any handler ran, and whether the connection can go on after it.
struct Refusal {
    problem: Problem,
    closes: bool,
}

impl Refusal {
    /// Where the next request begins is not certain.
    fn and_close(problem: Problem) -> Self {
        Self {
            problem,
            closes: true,
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            closes: false,
        }
    }
}

/// `HEAD` is asked as `GET` (hyper sends no body then), a slash at the path's end is dropped, the id is
/// the one that the answer has, and `JWT` is another word for `Bearer` where that is so.
fn into_rouille(
    parts: Parts,
    body: Bytes,
    peer: Option<SocketAddr>,
    id: &RequestId,
    knows_jwt: bool,
) -> rouille::Request {
    let method = if parts.method == Method::HEAD {
        Method::GET
    } else {
        parts.method
    };
    let path = parts.uri.path();
    let path = path
        .strip_suffix('/')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(path);
    let url = match parts.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let sent = parts.headers.iter();
    let sent = sent.filter(|(name, _)| name.as_str() != request_id::NAME);
    let mut headers: Vec<_> = sent
        .filter_map(|(name, value)| {
            let text = value.to_str().ok()?;
            let is_jwt = knows_jwt && name == AUTHORIZATION;
            let bearer = is_jwt.then(|| authorization::jwt_as_bearer(text)).flatten();
            let text = bearer.unwrap_or_else(|| text.to_owned());
            Some((name.as_str().to_owned(), text))
        })
        .collect();
    headers.push((request_id::NAME.to_owned(), id.as_str().to_owned()));
    let peer = peer.unwrap_or(UNIX_PEER);
    rouille::Request::fake_http_from(peer, method.as_str(), url, headers, body.into())
}

fn into_hyper(response: rouille::Response, id: &RequestId) -> Answer {
    try_into_hyper(response, id).unwrap_or_else(|_| {
        tracing::error!(%id, "a handler made a response that cannot be sent");
        try_into_hyper(Problem::internal().into_response(), id).expect("a problem is plain")
    })
}

/// Fails on a header field with a line end in it: that is a 500, never two fields.
fn try_into_hyper(
    response: rouille::Response,
    id: &RequestId,
) -> Result<Answer, hyper::http::Error> {
    let (mut reader, size) = response.data.into_reader_and_size();
    let mut body = Vec::with_capacity(size.unwrap_or_default());
    // rouille's readers over memory do not fail, and we make no others.
    let _ = std::io::Read::read_to_end(&mut reader, &mut body);
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = StatusCode::from_u16(response.status_code)?;
    let headers = answer.headers_mut();
    for (name, value) in &response.headers {
        headers.append(
            HeaderName::from_bytes(name.as_bytes())?,
            HeaderValue::from_str(value)?,
        );
    }
    answer::complete(headers, id)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sources::fixed::CountingRandom;
    use crate::http::tests::log_of;

    #[test]
    fn a_full_lane_is_a_503_and_says_when_to_come_back() {
        let response = Problem::from(LaneError::Full).into_response();
        assert_eq!(response.status_code, 503);
        let retry = response
            .headers
            .iter()
            .find(|(name, _)| name == "Retry-After");
        assert!(retry.is_some());
        let response = Problem::from(LaneError::Panicked).into_response();
        assert_eq!(response.status_code, 500);
    }

    #[test]
    fn a_line_end_in_a_header_is_a_500_and_never_two_fields() {
        for value in ["a\r\nset-cookie: b", "a\nb", "a\rb", "a\0b"] {
            let id = RequestIds::new(&CountingRandom::default()).fresh();
            let response = rouille::Response::text("secret").with_additional_header("X-A", value);
            let (answer, log) = log_of(|| into_hyper(response, &id));
            assert_eq!(answer.status(), 500);
            let headers = answer.headers();
            assert!(!headers.contains_key("x-a") && !headers.contains_key("set-cookie"));
            assert_eq!(headers["content-type"], "application/problem+json");
            assert_eq!(headers["cache-control"], "no-store");
            assert_eq!(headers["x-request-id"], id.to_string().as_str());
            assert!(
                log.contains(&id.to_string()) && !log.contains("set-cookie"),
                "{log}"
            );
        }
    }
}
