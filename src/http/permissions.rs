//! `/permissions`: what accounts can be allowed to do.

use rouille::{Request, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::App;
use super::bearer;
use super::body;
use super::caller;
use super::pages::List;
use super::problem::{Code, Problem, ProblemBody};
use super::users;
use crate::domain::permission::{Permission, PermissionName};
use crate::domain::values::{Values, sentence};
use crate::service::permissions::{self, PermissionError};

/// A page of permissions.
#[derive(Serialize, ToSchema)]
#[schema(as = Permissions)]
pub(super) struct Reply {
    /// By their names.
    permissions: Vec<Permission>,
    /// Give this as `cursor` for the next page; null: this is the last.
    #[schema(required = true)]
    next: Option<String>,
}

/// List permissions by their names
///
/// Needs `groups.view`.
#[utoipa::path(
    get, path = "/permissions", operation_id = "listPermissions", tag = "groups", security(("bearer" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "At most so many; by default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "The permissions", body = Reply),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn list(app: &App, request: &Request) -> Result<Response, Problem> {
    let desk = app.services.managed_by(caller::actor(app, request)?);
    let list = List::read(request, &[])?;
    let after = list.after(app)?.map(|name| named(&name)).transpose()?;
    let page = permissions::list(&desk, after.as_ref(), list.limit()?)?;
    let next = page.next.as_ref().map(PermissionName::as_str);
    Ok(Response::json(&Reply {
        next: list.cursor(app, next),
        permissions: page.permissions,
    }))
}

/// A permission to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPermission)]
pub(super) struct Body {
    /// Words with dots between.
    #[schema(example = "billing.refund")]
    name: String,
    /// What it allows, for people.
    #[serde(default)]
    description: String,
}

/// Add a permission of the installation's own
///
/// For superusers, who have it at once.
#[utoipa::path(
    post, path = "/permissions", operation_id = "addPermission", tag = "groups", security(("bearer" = [])), request_body = Body,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "Names this request: sent again with it within a day, it is not carried out again and is answered the same")),
    responses(
        (status = 201, description = "The permission", body = Permission),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "There is one of that name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values break rules: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
        bearer::Refused,
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    let desk = app.services.managed_by(caller::actor(app, request)?);
    let body: Body = body::json(request)?;
    let mut values = Values::default();
    let name = values.read("name", Some(&body.name));
    let description = values.read("description", Some(&body.description));
    values.check()?;
    let (Some(name), Some(description)) = (name, description) else {
        return Err(Problem::internal());
    };
    let made = permissions::add(&desk, name, description)?;
    Ok(Response::json(&made).with_status_code(201))
}

/// Remove a permission of the installation's own, from all who have it
///
/// For superusers.
#[utoipa::path(
    delete, path = "/permissions/{name}", operation_id = "deletePermission", tag = "groups", security(("bearer" = [])),
    params(("name" = String, Path, description = "The permission, as billing.refund")),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such permission", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is built in", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn delete(app: &App, request: &Request, name: &str) -> Result<Response, Problem> {
    let desk = app.services.managed_by(caller::actor(app, request)?);
    permissions::delete(&desk, named(name)?)?;
    Ok(Response::empty_204())
}

/// The permission that a path names.
pub(super) fn named(name: &str) -> Result<PermissionName, Problem> {
    name.parse().map_err(|_| none())
}

pub(super) fn none() -> Problem {
    Problem::new(Code::NotFound, "There is no such permission.")
}

impl From<PermissionError> for Problem {
    fn from(error: PermissionError) -> Self {
        match error {
            PermissionError::NotFound(_) => none(),
            PermissionError::NoAccount(_) => users::none(),
            PermissionError::Builtin(_) => Self::new(Code::Conflict, sentence(&error)),
            PermissionError::Denied(denied) => denied.into(),
            PermissionError::Store(error) => error.into(),
        }
    }
}
