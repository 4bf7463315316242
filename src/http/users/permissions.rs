//! `/users/{id}/permissions`: what an account was given by itself.

use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{named, shown};
use crate::domain::permission::PermissionName;
use crate::domain::user::{User, UserRef};
use crate::http::App;
use crate::http::bearer;
use crate::http::caller;
use crate::http::permissions::named as permission_named;
use crate::http::problem::{Problem, ProblemBody};
use crate::service::management::Management;
use crate::service::permissions::{self, PermissionError};

/// What an account may do, and why.
#[derive(Serialize, ToSchema)]
#[schema(as = UserPermissions)]
pub(in crate::http) struct Reply {
    /// What it was given by itself.
    #[schema(value_type = Vec<String>)]
    direct: Vec<PermissionName>,
    /// All that it may do: by itself, through its groups or as a superuser.
    #[schema(value_type = Vec<String>)]
    effective: Vec<PermissionName>,
}

/// Say what an account may do
///
/// Needs `users.view`.
#[utoipa::path(
    get, path = "/users/{id}/permissions", operation_id = "userPermissions", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, format = Uuid, description = "The account's id")),
    responses(
        (status = 200, description = "By itself, and in all", body = Reply),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn list(app: &App, request: &Request, id: &str) -> Result<Response, Problem> {
    let actor = caller::actor(app, request)?;
    let user = app.services.accounts(actor.clone()).find(&named(id)?)?;
    let direct = permissions::direct(&app.services.managed_by(actor), user.id)?;
    Ok(Response::json(&Reply {
        direct,
        effective: user.permissions,
    }))
}

/// Give an account a permission by itself
///
/// Needs `users.change` and the permission itself. That it has it already is no error.
#[utoipa::path(
    put, path = "/users/{id}/permissions/{name}", operation_id = "grantToUser", tag = "users", security(("bearer" = [])),
    params(
        ("id" = String, Path, format = Uuid, description = "The account's id"),
        ("name" = String, Path, description = "The permission, as users.view"),
    ),
    responses(
        (status = 200, description = "The account as it is now", body = User),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account, or no such permission", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn grant(
    app: &App,
    request: &Request,
    id: &str,
    name: &str,
) -> Result<Response, Problem> {
    change(app, request, (id, name), permissions::grant)
}

/// Take a permission from an account that it was given by itself
///
/// Needs `users.change` and the permission itself. That it has not got it is no error.
#[utoipa::path(
    delete, path = "/users/{id}/permissions/{name}", operation_id = "revokeFromUser", tag = "users", security(("bearer" = [])),
    params(
        ("id" = String, Path, format = Uuid, description = "The account's id"),
        ("name" = String, Path, description = "The permission, as users.view"),
    ),
    responses(
        (status = 200, description = "The account as it is now", body = User),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account, or no such permission", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn revoke(
    app: &App,
    request: &Request,
    id: &str,
    name: &str,
) -> Result<Response, Problem> {
    change(app, request, (id, name), permissions::revoke)
}

fn change(
    app: &App,
    request: &Request,
    (id, name): (&str, &str),
    work: fn(&Management, UserRef, PermissionName) -> Result<User, PermissionError>,
) -> Result<Response, Problem> {
    let desk = app.services.managed_by(caller::actor(app, request)?);
    let user = work(&desk, named(id)?, permission_named(name)?)?;
    Ok(shown(&user))
}
