//! `POST /auth/refresh`.

use rouille::{Request, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::problem::{Code, Problem, ProblemBody};
use super::{App, body, login, origin};
use crate::domain::secret::Secret;
use crate::service::refresh::{self, Exchange, RefreshError};

/// Who wants the next pair of tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Refresh)]
pub(super) struct Body {
    /// The refresh token of the login, or of the last refresh.
    #[serde(deserialize_with = "body::secret")]
    #[schema(value_type = String, format = Password)]
    refresh_token: Secret<String>,
}

/// Exchange a refresh token for a new pair
///
/// A refresh token is good once. Presented again within the window of grace (10 seconds by default)
/// it gives the same new refresh token; after that it ends the session, because somebody else has it.
#[utoipa::path(
    post, path = "/auth/refresh", operation_id = "refresh", tag = "auth", request_body = Body,
    responses(
        (status = 200, description = "The next pair of tokens", body = login::Reply),
        (status = 401, description = "The refresh token is not good, or not any more (`invalid_grant`): log in again", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    let body: Body = body::json(request)?;
    let exchange = Exchange {
        token: body.refresh_token.expose(),
        client: None,
        scope: None,
        origin: origin::of(app, request),
    };
    let grant = refresh::refresh(&app.services, exchange)?;
    Ok(login::reply(&grant))
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::InvalidGrant | RefreshError::InvalidScope => Self::new(
                Code::InvalidGrant,
                "The refresh token is not good: log in again.",
            ),
            RefreshError::Store(error) => error.into(),
            RefreshError::Keys(error) => error.into(),
            error => Self::internal().because(error),
        }
    }
}
