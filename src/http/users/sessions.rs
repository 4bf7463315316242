//! `/users/{id}/sessions`: the sessions of somebody else.

use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::named;
use crate::domain::session::Session;
use crate::http::App;
use crate::http::bearer;
use crate::http::caller;
use crate::http::problem::{Problem, ProblemBody};
use crate::service::sessions;

/// The sessions of an account.
#[derive(Serialize, ToSchema)]
#[schema(as = UserSessions)]
pub(in crate::http) struct Reply {
    /// In the order of their logins.
    sessions: Vec<Session>,
}

/// List the sessions of an account
///
/// Needs `sessions.view`.
#[utoipa::path(
    get, path = "/users/{id}/sessions", operation_id = "userSessions", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, format = Uuid, description = "The account's id")),
    responses(
        (status = 200, description = "The sessions that have not ended", body = Reply),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn list(app: &App, request: &Request, id: &str) -> Result<Response, Problem> {
    let desk = app.services.managed_by(caller::actor(app, request)?);
    let limit = app.services.session_rules().per_user;
    let sessions = sessions::of_other(&desk, &named(id)?, limit)?;
    Ok(Response::json(&Reply { sessions }))
}

/// End every session of an account
///
/// Needs `sessions.delete`, and that the account may no more than the caller.
#[utoipa::path(
    delete, path = "/users/{id}/sessions", operation_id = "endUserSessions", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, format = Uuid, description = "The account's id")),
    responses(
        (status = 204, description = "Ended"),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn delete(app: &App, request: &Request, id: &str) -> Result<Response, Problem> {
    let desk = app.services.managed_by(caller::actor(app, request)?);
    sessions::end_of_other(&desk, &named(id)?)?;
    Ok(Response::empty_204())
}
