//! `POST /auth/login`.

use rouille::{Request, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{Code, Problem, ProblemBody};
use super::{App, body, origin};
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::passwords::PoolError;
use crate::service::grant::Grant;
use crate::service::login::{self, Attempt, LoginError};

/// Who wants to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Login)]
pub(super) struct Body {
    /// The account's e-mail address, in any letter case.
    #[schema(example = "ada@example.com")]
    email: String,
    /// The account's password.
    #[serde(deserialize_with = "body::secret")]
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// Tokens for the account (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(super) struct Reply<'a> {
    /// A signed access token (RFC 9068); good for verify, here and offline.
    access_token: &'a str,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the token expires.
    #[schema(example = 900)]
    expires_in: i64,
    /// Gets the next pair of tokens at `/auth/refresh`, once.
    refresh_token: &'a str,
}

/// Exchange an e-mail address and a password for tokens
///
/// 401 does not say which of the two was wrong, nor whether the account is disabled, nor does the
/// time it took.
#[utoipa::path(
    post, path = "/auth/login", operation_id = "login", tag = "auth", request_body = Body,
    responses(
        (status = 200, description = "Logged in", body = Reply),
        (status = 401, description = "The e-mail address or the password is wrong", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    let body: Body = body::json(request)?;
    let attempt = Attempt {
        email: &body.email,
        password: body.password.expose(),
        origin: origin::of(app, request),
        client: None,
        scope: Scope::default(),
    };
    let grant = login::login(&app.services, attempt)?;
    let address = origin::address_of(app, request).map(tracing::field::display);
    tracing::info!(user = %grant.user.id, address, "logged in");
    Ok(reply(&grant))
}

/// The tokens, as every way of getting some answers them.
pub(super) fn reply(grant: &Grant) -> Response {
    Response::json(&Reply {
        access_token: &grant.access_token,
        token_type: "Bearer",
        expires_in: grant.expires_in,
        refresh_token: grant.refresh_token.expose(),
    })
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::InvalidCredentials => Self::new(
                Code::InvalidCredentials,
                "The e-mail address or the password is wrong.",
            ),
            LoginError::Hashing(PoolError::Busy) => {
                Self::overloaded("Too many logins at once; try again later.")
            }
            LoginError::Store(error) => error.into(),
            LoginError::Keys(error) => error.into(),
            error => Self::internal().because(error),
        }
    }
}
