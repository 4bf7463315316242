//! One call: which method, for how long, with what outcome.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

use super::answer::{AnswerBody, End};
use super::calls::{Call, Calls};
use super::methods::{self, Method, Shape};
use super::record::Record;
use super::status;
use super::timeout;
use crate::config::ServerConfig;
use crate::service::Services;
use crate::sockets::Stop;
use crate::sockets::lane;
use crate::sockets::request_id::{self, RequestId, RequestIds};

/// What hyper sends back.
pub(super) type Answer = Response<AnswerBody>;

/// Calls that last, such as a watch of what ends: each looks at the database every now and then.
const WATCHES: usize = 256;

/// The same for those that nobody needs to show anything for: they take no place from the others.
const OPEN_WATCHES: usize = 32;

const X_REQUEST_ID: HeaderName = HeaderName::from_static(request_id::NAME);

/// Turns calls into answers.
pub(super) struct Exchange {
    methods: Vec<Method>,
    ids: RequestIds,
    /// For a call whose caller has no deadline, or a later one: time for its message to arrive,
    /// and for the database to answer.
    longest: Duration,
    /// Places for calls that last, on all connections together.
    watches: Arc<Semaphore>,
    open_watches: Arc<Semaphore>,
    /// How long a client may take for an answer that is there.
    write_timeout: Duration,
}

impl Exchange {
    pub(super) fn new(services: Arc<Services>, config: &ServerConfig) -> Self {
        Self {
            ids: RequestIds::new(services.random()),
            longest: config.body_timeout + services.store.patience().unwrap_or_default(),
            methods: methods::table(services, config),
            watches: Arc::new(Semaphore::new(WATCHES)),
            open_watches: Arc::new(Semaphore::new(OPEN_WATCHES)),
            write_timeout: config.write_timeout,
        }
    }

    /// Answers one call. Whatever happens, there is a status, with the request's id, and a line in
    /// the log.
    pub(super) async fn answer(
        &self,
        mut request: Request<Incoming>,
        calls: &Arc<Calls>,
        stop: Stop,
    ) -> Answer {
        let given = request.headers().get(X_REQUEST_ID);
        let id = self
            .ids
            .given_or_fresh(given.and_then(|id| id.to_str().ok()));
        let mut record = Record::begin(&id);
        request.extensions_mut().insert(id.clone());
        let method = self.method(request.uri().path());
        if let Some(method) = method {
            record.method = method.path;
        }
        let shape = method.map_or(Shape::Unary, |method| method.shape);
        let deadline = self.deadline(request.headers(), shape);
        let call = calls.begin(self.last_moment(shape));
        if !is_grpc(request.headers()) {
            return not_grpc(record, call, &id);
        }
        let (response, end) = match (method, deadline, self.place(shape)) {
            (None, ..) => (refusal(&no_method()), None),
            (_, Err(refused), _) | (_, _, Err(refused)) => (refusal(&refused), None),
            (Some(method), Ok(deadline), Ok(place)) => {
                let response = run(method, request, deadline).await;
                let end = (shape != Shape::Unary).then(|| end(deadline, stop, place));
                (response, end)
            }
        };
        finish(response, end, record, call, &id)
    }

    fn method(&self, path: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.path == path)
    }

    /// A place for a call that lasts; no other needs one.
    fn place(&self, shape: Shape) -> Result<Option<OwnedSemaphorePermit>, Status> {
        let places = match shape {
            Shape::Watch => &self.watches,
            Shape::OpenWatch => &self.open_watches,
            Shape::Unary | Shape::Exchange => return Ok(None),
        };
        let place = Arc::clone(places).try_acquire_owned();
        place.map(Some).map_err(|_| Status::unavailable(lane::FULL))
    }

    /// By when a call must be off the connection.
    fn last_moment(&self, shape: Shape) -> Option<Instant> {
        (!shape.lasts()).then(|| Instant::now() + self.longest + self.write_timeout)
    }

    /// When the call's time is over: the caller's deadline or ours, whichever is earlier.
    fn deadline(&self, headers: &HeaderMap, shape: Shape) -> Result<Option<Instant>, Status> {
        let asked = timeout::asked_for(headers)
            .map_err(|_| Status::invalid_argument("The metadata grpc-timeout is malformed."))?;
        let most = (!shape.lasts()).then_some(self.longest);
        let wait = asked.into_iter().chain(most).min();
        Ok(wait.map(|wait| Instant::now() + wait))
    }
}

async fn run(
    method: &Method,
    request: Request<Incoming>,
    deadline: Option<Instant>,
) -> Response<Body> {
    let answering = (method.run)(request);
    let outcome = match deadline {
        None => answering.await,
        Some(deadline) => match tokio::time::timeout_at(deadline, answering).await {
            Ok(outcome) => outcome,
            Err(_) => return refusal(&too_late()),
        },
    };
    match outcome {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// What ends a stream that goes on: its deadline, or the end of the daemon. It keeps its place until
/// this is dropped.
fn end(deadline: Option<Instant>, mut stop: Stop, place: Option<OwnedSemaphorePermit>) -> End {
    Box::pin(async move {
        let _place = place;
        let deadline = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = deadline => too_late(),
            () = stop.told() => Status::unavailable("The service is stopping."),
        }
    })
}

fn finish(
    mut response: Response<Body>,
    end: Option<End>,
    record: Record,
    call: Call,
    id: &RequestId,
) -> Answer {
    let record = match status::canonical(response.headers_mut()) {
        Some(code) => {
            record.finish(code);
            None
        }
        None => Some(record),
    };
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response.map(|body| AnswerBody::new(body, end, record, call))
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let is_grpc = |value: &HeaderValue| {
        let rest = value.as_bytes().strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    };
    headers.get(CONTENT_TYPE).is_some_and(is_grpc)
}

/// 415, as gRPC's document of its protocol asks for.
fn not_grpc(record: Record, call: Call, id: &RequestId) -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    finish(response, None, record, call, id)
}

fn refusal(status: &Status) -> Response<Body> {
    status.clone().into_http()
}

fn no_method() -> Status {
    Status::unimplemented("There is no such method here.")
}

fn too_late() -> Status {
    Status::deadline_exceeded("The call's time is over.")
}
