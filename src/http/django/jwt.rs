//! `/api/token` of simplejwt, and `/auth/jwt` of djoser, which is the same.

use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{self, Fields};
use super::caller;
use super::refusal::{self, Refusal, Refused};
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::http::problem::Problem;
use crate::http::{App, login as own_login, origin};
use crate::service::grant::Grant;
use crate::service::login::{self, Attempt, LoginError};
use crate::service::refresh::{self, Exchange, RefreshError};
use crate::service::verification::{self, VerifyError};

/// Who wants to log in.
#[derive(ToSchema)]
#[schema(as = DjangoLogin)]
pub(super) struct Credentials {
    /// The account's e-mail address, in any letter case.
    #[schema(example = "ada@example.com")]
    email: String,
    /// The account's password; white space around it is dropped.
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// What is exchanged or ended.
#[derive(ToSchema)]
#[schema(as = DjangoRefresh)]
pub(super) struct Refresh {
    /// The refresh token of the login, or of the last refresh.
    #[schema(value_type = String, format = Password)]
    refresh: Secret<String>,
}

/// What is to be looked at.
#[derive(ToSchema)]
#[schema(as = DjangoToken)]
pub(super) struct Token {
    /// An access token, or a refresh token.
    #[schema(value_type = String, format = Password)]
    token: Secret<String>,
}

/// A pair of tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = DjangoTokens)]
pub(super) struct Pair<'a> {
    /// Gets the next pair, once. It is no JWT.
    refresh: &'a str,
    /// A signed access token, with the claims `token_type` and `user_id` beside others.
    access: &'a str,
}

/// Nothing: it is good, or done.
#[derive(Serialize, ToSchema)]
#[schema(as = DjangoNothing)]
pub(super) struct Nothing {}

/// Log in (simplejwt)
#[utoipa::path(
    post, path = "/api/token", operation_id = "djangoToken", tag = "django",
    request_body(content((Credentials = "application/json"), (Credentials = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "Logged in", body = Pair),
        (status = 400, description = "A field is missing or blank", body = refusal::FieldErrors),
        (status = 401, description = "Unknown, wrong or disabled: nobody is told which", body = refusal::Body),
        (status = 429, description = "Too many passwords were wrong; see Retry-After", body = refusal::Body),
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Refused> {
    let Credentials { email, password } = credentials(&mut Fields::read(request)?)?;
    let attempt = Attempt {
        email: &email,
        password: password.expose(),
        origin: origin::of(app, request),
        scope: Scope::default(),
        client: None,
    };
    let grant = login::login(&app.services, attempt).map_err(|error| match error {
        LoginError::InvalidCredentials => {
            let detail = "No active account found with the given credentials";
            Refusal::unauthorized(detail, None).into()
        }
        error => Refused::Problem(error.into()),
    })?;
    own_login::note(app, request, &grant);
    Ok(pair(&grant))
}

/// Log in (djoser)
#[utoipa::path(
    post, path = "/auth/jwt/create", operation_id = "djoserCreate", tag = "django",
    request_body(content((Credentials = "application/json"), (Credentials = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "Logged in", body = Pair),
        (status = 400, description = "A field is missing or blank", body = refusal::FieldErrors),
        (status = 401, description = "Unknown, wrong or disabled: nobody is told which", body = refusal::Body),
        (status = 429, description = "Too many passwords were wrong; see Retry-After", body = refusal::Body),
    ),
)]
#[expect(
    dead_code,
    reason = "for the API's document: the handler is the one above"
)]
pub(super) fn djoser_create() {}

/// Exchange a refresh token for the next pair (simplejwt)
#[utoipa::path(
    post, path = "/api/token/refresh", operation_id = "djangoTokenRefresh", tag = "django",
    request_body(content((Refresh = "application/json"), (Refresh = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The next pair", body = Pair),
        (status = 400, description = "The field is missing or blank", body = refusal::FieldErrors),
        (status = 401, description = "The token is not good, or not any more: log in again", body = refusal::Body),
    ),
)]
pub(super) fn refresh(app: &App, request: &Request) -> Result<Response, Refused> {
    let Refresh { refresh } = refresh_token(&mut Fields::read(request)?)?;
    let exchange = Exchange {
        token: refresh.expose(),
        client: None,
        scope: None,
        origin: origin::of(app, request),
    };
    let grant = refresh::refresh(&app.services, exchange).map_err(|error| match error {
        RefreshError::InvalidGrant => Refusal::bad_token("Token is invalid").into(),
        error => Refused::Problem(error.into()),
    })?;
    Ok(pair(&grant))
}

/// Exchange a refresh token for the next pair (djoser)
#[utoipa::path(
    post, path = "/auth/jwt/refresh", operation_id = "djoserRefresh", tag = "django",
    request_body(content((Refresh = "application/json"), (Refresh = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The next pair", body = Pair),
        (status = 400, description = "The field is missing or blank", body = refusal::FieldErrors),
        (status = 401, description = "The token is not good, or not any more: log in again", body = refusal::Body),
    ),
)]
#[expect(
    dead_code,
    reason = "for the API's document: the handler is the one above"
)]
pub(super) fn djoser_refresh() {}

/// Look whether a token is good (simplejwt)
///
/// As things stand: one of an ended session or a disabled account is not.
#[utoipa::path(
    post, path = "/api/token/verify", operation_id = "djangoTokenVerify", tag = "django",
    request_body(content((Token = "application/json"), (Token = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is", body = Nothing),
        (status = 400, description = "The field is missing or blank", body = refusal::FieldErrors),
        (status = 401, description = "It is not", body = refusal::Body),
    ),
)]
pub(super) fn verify(app: &App, request: &Request) -> Result<Response, Refused> {
    let Token { token } = token(&mut Fields::read(request)?)?;
    match verification::verify(&app.services, token.expose()) {
        Ok(_) => return Ok(body::json(&Nothing {})),
        Err(VerifyError::Refused(reason)) => {
            if !refresh::is_good(&app.services, token.expose()).map_err(Problem::from)? {
                tracing::debug!(%reason, "a token was refused");
                return Err(Refusal::bad_token(caller::message(reason)).into());
            }
        }
        Err(error) => return Err(Problem::from(error).into()),
    }
    Ok(body::json(&Nothing {}))
}

/// Look whether a token is good (djoser)
///
/// As things stand: one of an ended session or a disabled account is not.
#[utoipa::path(
    post, path = "/auth/jwt/verify", operation_id = "djoserVerify", tag = "django",
    request_body(content((Token = "application/json"), (Token = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is", body = Nothing),
        (status = 400, description = "The field is missing or blank", body = refusal::FieldErrors),
        (status = 401, description = "It is not", body = refusal::Body),
    ),
)]
#[expect(
    dead_code,
    reason = "for the API's document: the handler is the one above"
)]
pub(super) fn djoser_verify() {}

/// End the session of a refresh token (simplejwt)
///
/// Its access tokens end with it, at once.
#[utoipa::path(
    post, path = "/api/token/blacklist", operation_id = "djangoTokenBlacklist", tag = "django",
    request_body(content((Refresh = "application/json"), (Refresh = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "Ended", body = Nothing),
        (status = 400, description = "The field is missing or blank", body = refusal::FieldErrors),
        (status = 401, description = "The token is not good, or not any more", body = refusal::Body),
    ),
)]
pub(super) fn blacklist(app: &App, request: &Request) -> Result<Response, Refused> {
    let Refresh { refresh } = refresh_token(&mut Fields::read(request)?)?;
    let address = origin::address_of(app, request);
    let ended = refresh::end(&app.services, refresh.expose(), address).map_err(Problem::from)?;
    if ended {
        Ok(body::json(&Nothing {}))
    } else {
        Err(Refusal::bad_token("Token is invalid").into())
    }
}

fn pair(grant: &Grant) -> Response {
    body::json(&Pair {
        refresh: grant.refresh_token.expose(),
        access: &grant.access_token,
    })
}

fn credentials(fields: &mut Fields) -> Result<Credentials, Refused> {
    match (fields.text("email"), fields.secret("password")) {
        (Some(email), Some(password)) => Ok(Credentials { email, password }),
        _ => Err(fields.refused()),
    }
}

fn refresh_token(fields: &mut Fields) -> Result<Refresh, Refused> {
    let refresh = fields.secret("refresh");
    refresh
        .map(|refresh| Refresh { refresh })
        .ok_or_else(|| fields.refused())
}

fn token(fields: &mut Fields) -> Result<Token, Refused> {
    let token = fields.secret("token");
    token
        .map(|token| Token { token })
        .ok_or_else(|| fields.refused())
}
