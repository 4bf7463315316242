//! `GET /auth/me`: the caller's user.

use rouille::{Request, Response};

use super::App;
use super::bearer;
use super::problem::{Problem, ProblemBody};
use crate::domain::user::User;
use crate::service::verification;

/// Give the account behind the bearer token
#[utoipa::path(
    get, path = "/auth/me", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 200, description = "The account as it is now", body = User),
        (status = 400, description = "More than one token, or none in a bearer header", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "No token, or not a good one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database cannot be used; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) fn read(app: &App, request: &Request) -> Result<Response, Problem> {
    let token = bearer::token(request)?.ok_or_else(bearer::missing)?;
    let verification = verification::verify(&app.services, token)?;
    Ok(Response::json(&verification.user))
}
