//! Errors as RFC 6749, section 5.2, has them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rouille::Response;
use serde::Serialize;
use utoipa::openapi::{self, Content, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::http::problem::{Code, Problem};
use crate::service::keys::KeysError;
use crate::store::StoreError;

/// Why a request is refused, by the names of RFC 6749, 6750, 7009 and 8707.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum OauthCode {
    /// A parameter is missing, there twice, or the request is otherwise wrong.
    InvalidRequest,
    /// The same, and the body is no form.
    NoForm,
    /// Nobody has shown to be a client.
    InvalidClient,
    /// The client has shown a bearer token that is not good, or not a client's.
    InvalidToken,
    /// The refresh token is not good, or not this client's.
    InvalidGrant,
    /// More is asked for than the client, or the refresh token, has.
    InvalidScope,
    /// The `resource` is none of the client's audiences.
    InvalidTarget,
    /// There is no such grant here.
    UnsupportedGrantType,
    /// Tokens of this kind cannot be revoked.
    UnsupportedTokenType,
}

impl OauthCode {
    fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::NoForm => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidToken => "invalid_token",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::NoForm => 415,
            _ => 400,
        }
    }

    /// What a 401 must ask for.
    fn challenge(self) -> Option<&'static str> {
        match self {
            Self::InvalidClient => Some("Basic realm=\"authd\""),
            Self::InvalidToken => Some("Bearer realm=\"authd\", error=\"invalid_token\""),
            _ => None,
        }
    }

    /// As the other routes name it.
    fn code(self) -> Code {
        match self {
            Self::InvalidClient => Code::InvalidClient,
            Self::InvalidToken => Code::InvalidToken,
            Self::InvalidGrant => Code::InvalidGrant,
            Self::InvalidScope => Code::InvalidScope,
            _ => Code::InvalidRequest,
        }
    }
}

/// Why there is no other answer.
#[derive(Debug)]
pub(in crate::http) enum OauthError {
    /// The client can do something about it.
    Refused(OauthCode, Cow<'static, str>),
    /// The client cannot: answered as everywhere.
    Failed(Problem),
}

/// The body of every refusal (RFC 6749, section 5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = OauthError)]
pub(in crate::http) struct ErrorBody<'a> {
    /// What went wrong, to branch on.
    #[schema(example = "invalid_client")]
    error: &'static str,
    /// What went wrong, in words.
    error_description: &'a str,
}

/// 400, 401 and 415 of these routes, for the API's document.
pub(in crate::http) struct Refused;

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let response = |description: &str| {
            let content = |name| Content::new(Some(openapi::Ref::from_schema_name(name)));
            ResponseBuilder::new()
                .description(description)
                .content("application/json", content("OauthError"))
                .content("application/problem+json", content("Problem"))
                .build()
        };
        [
            ("400", "A parameter is missing, there twice, or not allowed"),
            (
                "401",
                "No client, or not by this secret; see WWW-Authenticate",
            ),
            ("415", "The body is not declared as a form"),
        ]
        .map(|(status, description)| (status.to_owned(), response(description).into()))
        .into()
    }
}

impl OauthError {
    pub(super) fn new(code: OauthCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(code, description.into())
    }
}

/// What a handler of these routes answers.
pub(super) fn answered(result: Result<Response, OauthError>) -> Result<Response, Problem> {
    let (code, description) = match result {
        Ok(response) => return Ok(response),
        Err(OauthError::Failed(problem)) => return Err(problem),
        Err(OauthError::Refused(code, description)) => (code, description),
    };
    let response = Response::json(&ErrorBody {
        error: code.name(),
        error_description: &description,
    });
    let response = response.with_status_code(code.status());
    Ok(match code.challenge() {
        Some(challenge) => response.with_additional_header("WWW-Authenticate", challenge),
        None => response,
    })
}

/// For routes that answer errors as this API does, and let clients in as these do.
impl From<OauthError> for Problem {
    fn from(error: OauthError) -> Self {
        match error {
            OauthError::Failed(problem) => problem,
            OauthError::Refused(code, description) => {
                let problem = Self::new(code.code(), description);
                match code.challenge() {
                    Some(challenge) => problem.with_header("WWW-Authenticate", challenge),
                    None => problem,
                }
            }
        }
    }
}

impl From<StoreError> for OauthError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<KeysError> for OauthError {
    fn from(error: KeysError) -> Self {
        Self::Failed(error.into())
    }
}
