//! From what went wrong to the canonical status codes.

use std::error::Error;

use hyper::header::HeaderMap;
use tonic::{Code, Status};

use crate::service::keys::KeysError;
use crate::service::verification::VerifyError;
use crate::sockets::lane::{self, LaneError};
use crate::sockets::request_id::RequestId;
use crate::store::StoreError;

/// What callers are told of a failure on our side; what it was is for the log alone.
const INTERNAL: &str = "The failure is in the service's log under this request's id.";

/// Why a call has no answer.
pub(super) struct Failure {
    status: Status,
    /// What went wrong on our side.
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// The status to send; the cause goes into the log under the request's id.
    pub(super) fn told(self, id: &RequestId) -> Status {
        if let Some(error) = &self.cause {
            let error: &(dyn Error + 'static) = error.as_ref();
            tracing::error!(%id, error, "a call failed");
        }
        self.status
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self {
            status,
            cause: None,
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Refused(reason) => {
                tracing::debug!(%reason, "a token was refused");
                Status::unauthenticated(
                    "The token is malformed, expired, revoked or not from here.",
                )
                .into()
            }
            VerifyError::Keys(error) => error.into(),
            VerifyError::Store(error) => error.into(),
        }
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(error) => error.into(),
            error => Self {
                status: Status::internal(INTERNAL),
                cause: Some(Box::new(error)),
            },
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let status = match error {
            StoreError::Unavailable(ref unavailable) => Status::unavailable(unavailable.in_short()),
            _ => Status::internal(INTERNAL),
        };
        Self {
            status,
            cause: Some(Box::new(error)),
        }
    }
}

impl From<LaneError> for Failure {
    fn from(error: LaneError) -> Self {
        match error {
            LaneError::Full => Status::unavailable(lane::FULL),
            LaneError::TooLate => Status::unavailable(lane::TOO_LATE),
            LaneError::Panicked => Status::internal(INTERNAL),
        }
        .into()
    }
}

/// The status among these fields, if there is one, in the canonical codes: tonic says
/// `OUT_OF_RANGE` of a message over the limit, and `INTERNAL` of one that it cannot read.
pub(super) fn canonical(headers: &mut HeaderMap) -> Option<Code> {
    let status = Status::from_header_map(headers)?;
    let canonical = match status.code() {
        Code::OutOfRange => {
            Status::resource_exhausted("The message is larger than this method takes.")
        }
        Code::Internal if status.message() != INTERNAL => {
            Status::invalid_argument("The message is not one that this method takes.")
        }
        code => return Some(code),
    };
    canonical.add_header(headers).ok()?;
    Some(canonical.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: &Status) -> (Option<Code>, Status) {
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).expect("is plain");
        let code = canonical(&mut headers);
        (code, Status::from_header_map(&headers).expect("is there"))
    }

    #[test]
    fn what_tonic_says_of_a_message_is_said_in_the_canonical_codes() {
        let too_large = Status::out_of_range("decoded message length too large: found 5242883");
        let (code, sent) = seen(&too_large);
        assert_eq!(code, Some(Code::ResourceExhausted));
        assert_eq!(sent.code(), Code::ResourceExhausted);
        assert!(!sent.message().contains("5242883"), "{sent}");

        let (code, sent) = seen(&Status::internal("failed to decode Protobuf message"));
        assert_eq!(
            (code, sent.code()),
            (Some(Code::InvalidArgument), Code::InvalidArgument)
        );

        let (code, sent) = seen(&Status::internal(INTERNAL));
        assert_eq!((code, sent.message()), (Some(Code::Internal), INTERNAL));
        let (code, _) = seen(&Status::unauthenticated("no"));
        assert_eq!(code, Some(Code::Unauthenticated));
        assert_eq!(canonical(&mut HeaderMap::new()), None);
    }
}
