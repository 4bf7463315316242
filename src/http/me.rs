//! `GET /auth/me`: the caller's user.

use rouille::{Request, Response};

use super::App;
use super::bearer;
use super::problem::Problem;
use crate::domain::user::User;

/// Give the account behind the bearer token
#[utoipa::path(
    get, path = "/auth/me", operation_id = "me", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 200, description = "The account as it is now", body = User),
        bearer::Refused,
        bearer::NoUser,
    ),
)]
pub(super) fn read(app: &App, request: &Request) -> Result<Response, Problem> {
    let user = bearer::user(app, request)?.user;
    Ok(Response::json(&user.as_seen_by_itself()))
}
