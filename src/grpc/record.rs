//! A call's line in the log.

use std::time::Instant;

use tonic::Code;

use crate::sockets::request_id::RequestId;

/// A call's line in the log: id, method, status, duration; never its metadata or its message, which
/// hold secrets. The line is written when this is dropped, so that a cancelled call has one too.
pub(super) struct Record {
    id: RequestId,
    pub(super) method: &'static str,
    began: Instant,
    status: Code,
}

impl Record {
    pub(super) fn begin(id: &RequestId) -> Self {
        Self {
            id: id.clone(),
            method: "-",
            began: Instant::now(),
            status: Code::Cancelled,
        }
    }

    pub(super) fn finish(mut self, status: Code) {
        self.status = status;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            id = self.id.as_str(),
            method = self.method,
            status = name(self.status),
            micros,
            "call"
        );
    }
}

/// As the documents of gRPC write it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
