//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a request that creates something can be
//! sent again when its answer got lost.

use std::io::Read;

use rouille::{Request, Response};

use super::App;
use super::body;
use super::caller;
use super::problem::{Code, Problem};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::values::sentence;
use crate::service::idempotency::{self, Answer, Begun, IdempotencyError, Standing};

/// Carries a request out unless it came before; then it is answered what it was answered before. One
/// without a key is always carried out.
pub(super) fn once(
    app: &App,
    request: &Request,
    carry_out: fn(&App, &Request) -> Result<Response, Problem>,
) -> Result<Response, Problem> {
    let Some(field) = request.header("Idempotency-Key") else {
        return carry_out(app, request);
    };
    let by = caller::actor(app, request)?.authority;
    let key: IdempotencyKey = field
        .trim()
        .parse()
        .map_err(|error| Problem::new(Code::InvalidRequest, sentence(&error)))?;
    let body = body::bytes(request)?;
    let told = [request.method(), request.raw_url()].map(str::as_bytes);
    let all = [told[0], b" ", told[1], b"\n", &body].concat();
    match idempotency::begin(&app.services, &by, &key, &all)? {
        Standing::Answered(answer) => Ok(again(answer)),
        Standing::First(begun) => {
            let outcome = carry_out(app, &with_body(request, body));
            settle(app, begun, outcome)
        }
    }
}

/// Keeps what was made; a refusal has made nothing.
fn settle(
    app: &App,
    begun: Begun,
    outcome: Result<Response, Problem>,
) -> Result<Response, Problem> {
    let response = match outcome {
        Ok(response) if (200..300).contains(&response.status_code) => response,
        refused => {
            if let Err(error) = begun.forget(&app.services) {
                // What was refused, and whether it was, is what matters to whoever asked.
                tracing::error!(%error, "an Idempotency-Key could not be freed again");
            }
            return refused;
        }
    };
    let header = |name: &str| {
        let mut found = response.headers.iter();
        let found = found.find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone().into_owned())
    };
    let (status, location, etag) = (response.status_code, header("Location"), header("ETag"));
    let (mut reader, _) = response.data.into_reader_and_size();
    let mut body = String::new();
    // It is in memory.
    reader
        .read_to_string(&mut body)
        .map_err(|_| Problem::internal())?;
    let answer = Answer {
        status,
        body,
        location,
        etag,
    };
    if let Err(error) = begun.keep(&app.services, answer.clone()) {
        // It is done all the same, and whoever asks again is told so in another way.
        tracing::error!(%error, "an answer could not be kept for its Idempotency-Key");
    }
    Ok(shown(answer))
}

fn again(answer: Answer) -> Response {
    shown(answer).with_additional_header("Idempotency-Replayed", "true")
}

fn shown(answer: Answer) -> Response {
    let response = Response::from_data("application/json; charset=utf-8", answer.body);
    let mut response = response.with_status_code(answer.status);
    for (name, value) in [("Location", answer.location), ("ETag", answer.etag)] {
        if let Some(value) = value {
            response = response.with_additional_header(name, value);
        }
    }
    response
}

/// The same request: its body can be read but once.
fn with_body(request: &Request, body: Vec<u8>) -> Request {
    let headers = request.headers();
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Request::fake_http_from(
        *request.remote_addr(),
        request.method(),
        request.raw_url(),
        headers.collect(),
        body,
    )
}

impl From<IdempotencyError> for Problem {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::UnderWay => {
                Self::new(Code::Conflict, sentence(&error)).with_header("Retry-After", "1")
            }
            IdempotencyError::Other => {
                let sentences = vec![sentence(&error)];
                Self::invalid([("Idempotency-Key".to_owned(), sentences)].into())
            }
            IdempotencyError::Store(error) => error.into(),
        }
    }
}
