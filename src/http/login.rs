//! `POST /auth/login`.

use rouille::{Request, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::oauth::client_auth;
use super::problem::{Code, Problem, ProblemBody};
use super::{App, body, origin};
use crate::domain::client::Client;
use crate::domain::scope::{Scope, ScopeError};
use crate::domain::secret::Secret;
use crate::passwords::PoolError;
use crate::service::client_grant;
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
    /// The client to make the session through, if it does not show itself by HTTP Basic. It alone
    /// can use the refresh token then, at `/oauth/token`.
    client_id: Option<String>,
    /// The client's secret.
    #[serde(default, deserialize_with = "body::maybe_secret")]
    #[schema(value_type = Option<String>, format = Password)]
    client_secret: Option<Secret<String>>,
    /// What the session's tokens are to be used for: of the client's scopes, by default all of them.
    scope: Option<String>,
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
    /// What the access token may be used for, if anything in particular.
    #[serde(skip_serializing_if = "Scope::is_empty")]
    #[schema(value_type = String, required = false)]
    scope: &'a Scope,
}

/// Exchange an e-mail address and a password for tokens
///
/// 401 does not say which of the two was wrong, nor whether the account is disabled, nor does the
/// time it took.
#[utoipa::path(
    post, path = "/auth/login", operation_id = "login", tag = "auth", request_body = Body,
    responses(
        (status = 200, description = "Logged in", body = Reply),
        (status = 401, description = "The e-mail address or the password is wrong, or the client that it names", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The client may not ask for this scope", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many passwords were wrong, whether there is such an account or not; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    let body: Body = body::json(request)?;
    let secret = body.client_secret.as_ref();
    let client = client_auth::named_at_login(
        app,
        request,
        body.client_id.as_deref(),
        secret.map(|secret| secret.expose().as_str()),
    )?;
    let attempt = Attempt {
        email: &body.email,
        password: body.password.expose(),
        origin: origin::of(app, request),
        scope: scope(client.as_ref(), body.scope.as_deref())?,
        client: client.map(|client| client.id),
    };
    let grant = login::login(&app.services, attempt)?;
    note(app, request, &grant);
    Ok(reply(&grant))
}

/// Says in the log who logged in.
pub(super) fn note(app: &App, request: &Request, grant: &Grant) {
    let address = origin::address_of(app, request).map(tracing::field::display);
    tracing::info!(user = %grant.user.id, address, "logged in");
}

/// The tokens, as every way of getting some answers them.
pub(super) fn reply(grant: &Grant) -> Response {
    Response::json(&Reply {
        access_token: &grant.access_token,
        token_type: "Bearer",
        expires_in: grant.expires_in,
        refresh_token: grant.refresh_token.expose(),
        scope: &grant.scope,
    })
}

/// Only what a client has can be asked for.
fn scope(client: Option<&Client>, wanted: Option<&str>) -> Result<Scope, Problem> {
    let invalid = |detail| Problem::new(Code::InvalidScope, detail);
    let wanted: Option<Scope> = wanted
        .map(str::parse)
        .transpose()
        .map_err(|error: ScopeError| invalid(error.to_string()))?;
    match (client, wanted) {
        (None, None) => Ok(Scope::default()),
        (None, Some(wanted)) if wanted.is_empty() => Ok(wanted),
        (None, Some(_)) => Err(invalid(
            "Without a client there is no scope to ask for.".into(),
        )),
        (Some(client), wanted) => client_grant::allowed(client, wanted)
            .ok_or_else(|| invalid("The client may not ask for this.".into())),
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::InvalidCredentials => Self::new(
                Code::InvalidCredentials,
                "The e-mail address or the password is wrong.",
            ),
            LoginError::TooMany(secs) => Self::too_many_wrong_passwords(secs),
            LoginError::Hashing(PoolError::Busy) => {
                Self::overloaded("Too many logins at once; try again later.")
            }
            LoginError::Store(error) => error.into(),
            LoginError::Keys(error) => error.into(),
            error => Self::internal().because(error),
        }
    }
}
