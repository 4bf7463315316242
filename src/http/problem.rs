//! Errors as `application/problem+json` (RFC 9457).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;

use rouille::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{self, Content, ResponseBuilder};

use crate::domain::values::{Invalid, sentence};
use crate::service::keys::KeysError;
use crate::store::StoreError;

/// What went wrong, as a client may branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Code {
    /// The request itself is wrong: its target, its header, two tokens at once ...
    InvalidRequest,
    /// The body is not the JSON that is asked for.
    MalformedBody,
    /// The e-mail address or the password is wrong.
    InvalidCredentials,
    /// There is no token, or it is not good.
    InvalidToken,
    /// The refresh token is not good, or not any more (RFC 6749, section 5.2).
    InvalidGrant,
    /// Nobody has shown to be a client.
    InvalidClient,
    /// More is asked for than the client has.
    InvalidScope,
    /// The caller is known, and may not do this, or too little is shown for it.
    Forbidden,
    /// There is nothing at this path.
    NotFound,
    /// What came after the cursor is not known any more.
    Gone,
    /// There is one already, or its state forbids this.
    Conflict,
    /// It is not as the caller has seen it.
    PreconditionFailed,
    /// Values of the body break rules.
    Invalid,
    /// The path knows other methods.
    MethodNotAllowed,
    /// The body took too long to arrive.
    RequestTimeout,
    /// Request line and header fields are longer, or more, than allowed.
    HeaderTooLarge,
    /// The body is longer than allowed.
    BodyTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The caller asks for more at a time, or more often, than is anybody's share, or was wrong too
    /// often; see Retry-After.
    TooManyRequests,
    /// Our fault.
    Internal,
    /// Too much at once, or the database cannot be reached: try again later.
    Overloaded,
}

impl Code {
    pub(super) fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::MalformedBody => 400,
            Self::InvalidCredentials
            | Self::InvalidToken
            | Self::InvalidGrant
            | Self::InvalidClient => 401,
            Self::Forbidden | Self::InvalidScope => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::PreconditionFailed => 412,
            Self::Invalid => 422,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::TooManyRequests => 429,
            Self::HeaderTooLarge => 431,
            Self::Internal => 500,
            Self::Overloaded => 503,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not well-formed",
            Self::MalformedBody => "The body is not well-formed",
            Self::InvalidCredentials => "The e-mail address or the password is wrong",
            Self::InvalidToken => "The token is missing or not valid",
            Self::InvalidGrant => "The grant is not valid",
            Self::InvalidClient => "The client is not known, or not by this secret",
            Self::InvalidScope => "The scope is wider than what the client has",
            Self::Forbidden => "This is not allowed",
            Self::NotFound => "There is nothing here",
            Self::Gone => "What was asked for is gone",
            Self::Conflict => "There is one already, or its state forbids this",
            Self::PreconditionFailed => "It is not as it was seen",
            Self::Invalid => "Values of the body break rules",
            Self::MethodNotAllowed => "The method is not allowed here",
            Self::RequestTimeout => "The request took too long to arrive",
            Self::HeaderTooLarge => "The header is too large",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body has the wrong media type",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "The service failed",
            Self::Overloaded => "The service is overloaded",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::MalformedBody => "malformed_body",
            Self::InvalidCredentials => "invalid_credentials",
            Self::InvalidToken => "invalid_token",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidClient => "invalid_client",
            Self::InvalidScope => "invalid_scope",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Gone => "gone",
            Self::Conflict => "conflict",
            Self::PreconditionFailed => "precondition_failed",
            Self::Invalid => "invalid",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RequestTimeout => "request_timeout",
            Self::HeaderTooLarge => "header_too_large",
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::TooManyRequests => "too_many_requests",
            Self::Internal => "internal",
            Self::Overloaded => "overloaded",
        }
    }
}

/// A refusal or a failure, on its way to the client.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: Code,
    pub(super) detail: Cow<'static, str>,
    pub(super) header: Option<(&'static str, Cow<'static, str>)>,
    pub(super) more: More,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What some problems say besides.
#[derive(Debug)]
pub(super) enum More {
    Nothing,
    /// Where to begin again.
    Cursor(i64),
    /// What is wrong with each field.
    Errors(BTreeMap<String, Vec<String>>),
}

/// The body of every error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody<'a> {
    /// `urn:authd:problem:` and the code.
    #[serde(rename = "type")]
    problem_type: String,
    /// The code in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong this time.
    detail: &'a str,
    /// What went wrong, to branch on.
    #[schema(value_type = String, example = "invalid_token")]
    code: &'static str,
    /// With the code `gone`: where to begin again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    cursor: Option<i64>,
    /// For a body with bad values: what is wrong with each field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    errors: BTreeMap<String, Vec<String>>,
}

/// An error as the API's document describes it.
pub(super) fn response(description: &str) -> openapi::Response {
    let schema = openapi::Ref::from_schema_name("Problem");
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", Content::new(Some(schema)))
        .build()
}

/// One such error, for the handlers that know it.
pub(super) fn responses(
    status: &str,
    description: &str,
) -> BTreeMap<String, openapi::RefOr<openapi::Response>> {
    BTreeMap::from([(status.to_owned(), response(description).into())])
}

/// Seconds after which an overloaded service may be asked again.
const RETRY_AFTER: &str = "2";

impl From<Invalid> for Problem {
    fn from(Invalid(errors): Invalid) -> Self {
        Self::invalid(errors)
    }
}

impl Problem {
    pub(super) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            header: None,
            more: More::Nothing,
            cause: None,
        }
    }

    /// With what went wrong on our side; it goes into the log under the request's id, never out.
    pub(super) fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// What went wrong on our side.
    pub(super) fn cause(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.cause.as_deref()?;
        Some(cause)
    }

    /// With one more header field.
    pub(super) fn with_header(
        mut self,
        name: &'static str,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    /// With where to begin again.
    pub(super) fn with_cursor(mut self, cursor: i64) -> Self {
        self.more = More::Cursor(cursor);
        self
    }

    /// 422, with what is wrong with each field.
    pub(super) fn invalid(errors: BTreeMap<String, Vec<String>>) -> Self {
        let mut problem = Self::new(
            Code::Invalid,
            "See 'errors': what is wrong with each field.",
        );
        problem.more = More::Errors(errors);
        problem
    }

    /// 503, with when to come back.
    pub(super) fn overloaded(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Overloaded, detail).with_header("Retry-After", RETRY_AFTER)
    }

    /// 429, with when to come back.
    pub(super) fn too_many(detail: &'static str) -> Self {
        Self::new(Code::TooManyRequests, detail).with_header("Retry-After", RETRY_AFTER)
    }

    /// 429 for somebody whose passwords were wrong too often, with when to come back.
    pub(super) fn too_many_wrong_passwords(wait_secs: u32) -> Self {
        let detail = format!("Too many wrong passwords: try again in {wait_secs} seconds.");
        Self::too_many_requests(detail, wait_secs)
    }

    /// 429, with when to come back.
    pub(super) fn too_many_requests(detail: impl Into<Cow<'static, str>>, wait_secs: u32) -> Self {
        Self::new(Code::TooManyRequests, detail).with_header("Retry-After", wait_secs.to_string())
    }

    /// 500; what happened is for the log alone.
    pub(super) fn internal() -> Self {
        Self::new(
            Code::Internal,
            "The failure is in the service's log under this request's id.",
        )
    }

    pub(super) fn into_response(self) -> Response {
        let (cursor, errors) = match self.more {
            More::Nothing => (None, BTreeMap::new()),
            More::Cursor(cursor) => (Some(cursor), BTreeMap::new()),
            More::Errors(errors) => (None, errors),
        };
        let body = ProblemBody {
            problem_type: format!("urn:authd:problem:{}", self.code.name()),
            title: self.code.title(),
            status: self.code.status(),
            detail: &self.detail,
            code: self.code.name(),
            cursor,
            errors,
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let response = Response::from_data("application/problem+json", json)
            .with_status_code(self.code.status());
        match self.header {
            Some((name, value)) => response.with_additional_header(name, value),
            None => response,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let problem = match error {
            StoreError::Unavailable(ref unavailable) => Self::overloaded(unavailable.in_short()),
            StoreError::EmailTaken(_)
            | StoreError::ExternalIdTaken(_)
            | StoreError::GroupExists(_)
            | StoreError::FieldExists(_)
            | StoreError::PermissionExists(_)
            | StoreError::LastSuperuser(_) => {
                return Self::new(Code::Conflict, sentence(&error));
            }
            _ => Self::internal(),
        };
        problem.because(error)
    }
}

impl From<KeysError> for Problem {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(error) => error.into(),
            error => Self::internal().because(error),
        }
    }
}
