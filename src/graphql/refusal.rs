//! What went wrong, as the `errors` of an answer say it: with the codes of the other edges.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, ServerError};
use serde_json::{Map, Value, json};

use crate::domain::values::{Invalid, sentence};

/// What went wrong, as a client may branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// The document, or an argument, is wrong.
    InvalidRequest,
    /// The document is too much; `limit` says in which way.
    LimitExceeded,
    InvalidCredentials,
    InvalidToken,
    InvalidGrant,
    Forbidden,
    NotFound,
    Conflict,
    PreconditionFailed,
    Invalid,
    TooManyRequests,
    Internal,
    Overloaded,
}

/// In which way a document can be too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Tokens,
    Nesting,
    Depth,
    Cost,
    Fields,
    RootFields,
    Aliases,
    Directives,
    Logins,
    Introspection,
}

/// A refusal or a failure.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: Code,
    message: Cow<'static, str>,
    more: More,
    /// What went wrong on our side; for the log alone.
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// What some refusals say besides.
#[derive(Clone, Debug)]
enum More {
    Nothing,
    /// How much there may be at most.
    Limit(Limit, usize),
    /// What the version is now.
    Version(i64),
    /// After how many seconds it may be asked again.
    Wait(u32),
    /// What is wrong with each field.
    Errors(BTreeMap<String, Vec<String>>),
}

impl Code {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::LimitExceeded => "limit_exceeded",
            Self::InvalidCredentials => "invalid_credentials",
            Self::InvalidToken => "invalid_token",
            Self::InvalidGrant => "invalid_grant",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::PreconditionFailed => "precondition_failed",
            Self::Invalid => "invalid",
            Self::TooManyRequests => "too_many_requests",
            Self::Internal => "internal",
            Self::Overloaded => "overloaded",
        }
    }
}

impl Limit {
    fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Nesting => "nesting",
            Self::Depth => "depth",
            Self::Cost => "cost",
            Self::Fields => "fields",
            Self::RootFields => "root_fields",
            Self::Aliases => "aliases",
            Self::Directives => "directives",
            Self::Logins => "logins",
            Self::Introspection => "introspection",
        }
    }
}

impl From<Invalid> for Refusal {
    fn from(Invalid(errors): Invalid) -> Self {
        Self::invalid(errors)
    }
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            more: More::Nothing,
            cause: None,
        }
    }

    /// With what went wrong on our side; it goes into the log under the request's id, never out.
    pub(super) fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// What went wrong on our side.
    pub(super) fn cause(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.cause.as_deref()?;
        Some(cause)
    }

    /// More of something than there may be.
    pub(super) fn over(limit: Limit, most: usize) -> Self {
        let name = limit.name();
        let message = format!("The document is over the limit '{name}', which is {most}.");
        Self {
            more: More::Limit(limit, most),
            ..Self::new(Code::LimitExceeded, message)
        }
    }

    /// What is wrong with each value.
    pub(super) fn invalid(errors: BTreeMap<String, Vec<String>>) -> Self {
        let message = "See 'errors': what is wrong with each field.";
        Self {
            more: More::Errors(errors),
            ..Self::new(Code::Invalid, message)
        }
    }

    /// The same for one.
    pub(super) fn of_field(name: &str, error: &impl Display) -> Self {
        Self::invalid([(name.to_owned(), vec![sentence(error)])].into())
    }

    /// Our fault; what happened is for the log alone.
    pub(super) fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        let message = "The failure is in the service's log under this request's id.";
        Self::new(Code::Internal, message).because(cause)
    }

    pub(super) fn changed(version: i64) -> Self {
        let message = format!("It has changed since: its version is {version} now. Read it again.");
        Self {
            more: More::Version(version),
            ..Self::new(Code::PreconditionFailed, message)
        }
    }

    /// Of somebody whose passwords were wrong too often.
    pub(super) fn too_many_wrong_passwords(wait_secs: u32) -> Self {
        let message = format!("Too many wrong passwords: try again in {wait_secs} seconds.");
        Self::too_many_requests(message, wait_secs)
    }

    pub(super) fn too_many_requests(message: String, wait_secs: u32) -> Self {
        Self {
            more: More::Wait(wait_secs),
            ..Self::new(Code::TooManyRequests, message)
        }
    }

    pub(super) fn overloaded(message: &'static str) -> Self {
        Self::new(Code::Overloaded, message)
    }

    #[cfg(test)]
    pub(super) fn limit(&self) -> Option<Limit> {
        match self.more {
            More::Limit(limit, _) => Some(limit),
            _ => None,
        }
    }

    fn extensions(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("code".to_owned(), self.code.name().into());
        match &self.more {
            More::Nothing => {}
            More::Limit(limit, most) => {
                members.insert("limit".to_owned(), limit.name().into());
                members.insert("most".to_owned(), (*most).into());
            }
            More::Version(version) => {
                members.insert("version".to_owned(), (*version).into());
            }
            More::Wait(secs) => {
                members.insert("retry_after".to_owned(), (*secs).into());
            }
            More::Errors(errors) => {
                members.insert("errors".to_owned(), json!(errors));
            }
        }
        members
    }

    /// As an error of a request of which nothing was executed.
    pub(super) fn to_json(&self) -> Value {
        json!({"message": self.message, "extensions": self.extensions()})
    }

    /// As an error of a field.
    pub(super) fn into_server_error(self, pos: async_graphql::Pos) -> ServerError {
        let mut extensions = ErrorExtensionValues::default();
        for (name, value) in self.extensions() {
            let value = async_graphql::Value::from_json(value).unwrap_or_default();
            extensions.set(name, value);
        }
        let mut error = ServerError::new(self.message, Some(pos));
        error.extensions = Some(extensions);
        error
    }
}

/// An error as it is sent; what the executor finds wrong with a document has no code of its own.
pub(super) fn shown(mut error: ServerError) -> Value {
    let extensions = error.extensions.get_or_insert_with(Default::default);
    if extensions.get("code").is_none() {
        extensions.set("code", Code::InvalidRequest.name());
    }
    serde_json::to_value(error).unwrap_or_default()
}

/// The value of an argument, or what is wrong with it.
pub(super) fn value<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Refusal> {
    text.parse()
        .map_err(|error: T::Err| Refusal::of_field(name, &error))
}
