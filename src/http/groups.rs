//! `/groups`: accounts that may do the same.

use rouille::{Request, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::App;
use super::bearer;
use super::body;
use super::caller;
use super::pages::List;
use super::permissions;
use super::preconditions;
use super::problem::{Code, Problem, ProblemBody};
use super::users;
use crate::domain::group::{Group, GroupId, GroupName, GroupRef};
use crate::domain::permission::PermissionName;
use crate::domain::user::User;
use crate::domain::values::Values;
use crate::service::groups::{self, GroupError};
use crate::service::management::Management;

/// A page of groups.
#[derive(Serialize, ToSchema)]
#[schema(as = Groups)]
pub(super) struct Reply {
    /// By their names.
    groups: Vec<Group>,
    /// Give this as `cursor` for the next page; null: this is the last.
    #[schema(required = true)]
    next: Option<String>,
}

/// List groups by their names
///
/// Needs `groups.view`. Their members: `GET /users?group=NAME`.
#[utoipa::path(
    get, path = "/groups", operation_id = "listGroups", tag = "groups", security(("bearer" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "At most so many; by default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "The groups", body = Reply),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn list(app: &App, request: &Request) -> Result<Response, Problem> {
    let desk = desk(app, request)?;
    let list = List::read(request, &[])?;
    let after: Option<GroupName> = list.after(app)?.map(GroupName::from_stored);
    let page = groups::list(&desk, after.as_ref(), list.limit()?)?;
    let next = page.next.as_ref().map(GroupName::as_str);
    Ok(Response::json(&Reply {
        next: list.cursor(app, next),
        groups: page.groups,
    }))
}

/// A group's name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupToName)]
pub(super) struct Body {
    /// 1 to 150 characters; upper and lower case make two names.
    name: String,
}

/// Add a group, without members and permissions
///
/// Needs `groups.add`.
#[utoipa::path(
    post, path = "/groups", operation_id = "addGroup", tag = "groups", security(("bearer" = [])), request_body = Body,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "Names this request: sent again with it within a day, it is not carried out again and is answered the same")),
    responses(
        (status = 201, description = "The group", body = Group, headers(("ETag" = String), ("Location" = String))),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "There is one of that name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The name breaks a rule: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
        bearer::Refused,
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    let desk = desk(app, request)?;
    let group = groups::add(&desk, name(body::json(request)?)?)?;
    let place = format!("/groups/{}", group.id);
    let response = shown(&group).with_status_code(201);
    Ok(response.with_additional_header("Location", place))
}

/// Give a group
///
/// Needs `groups.view`.
#[utoipa::path(
    get, path = "/groups/{id}", operation_id = "group", tag = "groups", security(("bearer" = [])),
    params(("id" = String, Path, format = Uuid, description = "The group's id")),
    responses(
        (status = 200, description = "The group", body = Group, headers(("ETag" = String, description = "Its version"))),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such group", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn read(app: &App, request: &Request, id: &str) -> Result<Response, Problem> {
    Ok(shown(&groups::find(&desk(app, request)?, &named(id)?)?))
}

/// Give a group another name
///
/// Needs `groups.change`. Its members are in the group of the new name at once.
#[utoipa::path(
    patch, path = "/groups/{id}", operation_id = "renameGroup", tag = "groups", security(("bearer" = [])),
    params(
        ("id" = String, Path, format = Uuid, description = "The group's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the group as it was seen"),
    ),
    request_body(content((Body = "application/merge-patch+json"), (Body = "application/json"))),
    responses(
        (status = 200, description = "The group as it is now", body = Group, headers(("ETag" = String, description = "Its version"))),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such group", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "There is one of that name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "The group has changed: `ETag` says what its version is", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The name breaks a rule: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
        bearer::Refused,
    ),
)]
pub(super) fn change(app: &App, request: &Request, id: &str) -> Result<Response, Problem> {
    let desk = desk(app, request)?;
    let to = name(body::patch(request)?)?;
    let version = preconditions::version(request)?;
    Ok(shown(&groups::rename(&desk, named(id)?, version, to)?))
}

/// Remove a group for good
///
/// Needs `groups.delete`. Its members stay, without what it gave them.
#[utoipa::path(
    delete, path = "/groups/{id}", operation_id = "deleteGroup", tag = "groups", security(("bearer" = [])),
    params(
        ("id" = String, Path, format = Uuid, description = "The group's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the group as it was seen"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such group", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "The group has changed: `ETag` says what its version is", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn delete(app: &App, request: &Request, id: &str) -> Result<Response, Problem> {
    let desk = desk(app, request)?;
    groups::delete(&desk, named(id)?, preconditions::version(request)?)?;
    Ok(Response::empty_204())
}

/// Put an account into a group
///
/// Needs `groups.change` and all that the group may do. Who is a member stays one.
#[utoipa::path(
    put, path = "/groups/{id}/members/{user}", operation_id = "addMember", tag = "groups", security(("bearer" = [])),
    params(
        ("id" = String, Path, format = Uuid, description = "The group's id"),
        ("user" = String, Path, format = Uuid, description = "The account's id"),
    ),
    responses(
        (status = 200, description = "The account as it is now", body = User),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such group or account", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn add_member(
    app: &App,
    request: &Request,
    id: &str,
    user: &str,
) -> Result<Response, Problem> {
    let desk = desk(app, request)?;
    let user = groups::add_user(&desk, named(id)?, users::named(user)?)?;
    Ok(users::shown(&user))
}

/// Take an account out of a group
///
/// Needs `groups.change` and all that the group may do. Who is no member stays none.
#[utoipa::path(
    delete, path = "/groups/{id}/members/{user}", operation_id = "removeMember", tag = "groups", security(("bearer" = [])),
    params(
        ("id" = String, Path, format = Uuid, description = "The group's id"),
        ("user" = String, Path, format = Uuid, description = "The account's id"),
    ),
    responses(
        (status = 200, description = "The account as it is now", body = User),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such group or account", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn remove_member(
    app: &App,
    request: &Request,
    id: &str,
    user: &str,
) -> Result<Response, Problem> {
    let desk = desk(app, request)?;
    let user = groups::remove_user(&desk, named(id)?, users::named(user)?)?;
    Ok(users::shown(&user))
}

/// Give a permission to all members of a group
///
/// Needs `groups.change`, the permission itself and all that the group may do already.
#[utoipa::path(
    put, path = "/groups/{id}/permissions/{name}", operation_id = "grantToGroup", tag = "groups", security(("bearer" = [])),
    params(
        ("id" = String, Path, format = Uuid, description = "The group's id"),
        ("name" = String, Path, description = "The permission, as users.view"),
    ),
    responses(
        (status = 200, description = "The group as it is now", body = Group),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such group or permission", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn grant(
    app: &App,
    request: &Request,
    id: &str,
    name: &str,
) -> Result<Response, Problem> {
    permission(app, request, (id, name), groups::grant)
}

/// Take a permission from a group
///
/// Needs `groups.change`, the permission itself and all that the group may do.
#[utoipa::path(
    delete, path = "/groups/{id}/permissions/{name}", operation_id = "revokeFromGroup", tag = "groups", security(("bearer" = [])),
    params(
        ("id" = String, Path, format = Uuid, description = "The group's id"),
        ("name" = String, Path, description = "The permission, as users.view"),
    ),
    responses(
        (status = 200, description = "The group as it is now", body = Group),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such group or permission", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn revoke(
    app: &App,
    request: &Request,
    id: &str,
    name: &str,
) -> Result<Response, Problem> {
    permission(app, request, (id, name), groups::revoke)
}

fn permission(
    app: &App,
    request: &Request,
    (id, name): (&str, &str),
    work: fn(&Management, GroupRef, PermissionName) -> Result<Group, GroupError>,
) -> Result<Response, Problem> {
    let desk = desk(app, request)?;
    let group = work(&desk, named(id)?, permissions::named(name)?)?;
    Ok(shown(&group))
}

fn desk(app: &App, request: &Request) -> Result<Management, Problem> {
    Ok(app.services.managed_by(caller::actor(app, request)?))
}

fn name(body: Body) -> Result<GroupName, Problem> {
    let mut values = Values::default();
    let name = values.read("name", Some(&body.name));
    values.check()?;
    name.ok_or_else(Problem::internal)
}

fn named(id: &str) -> Result<GroupRef, Problem> {
    let id: Result<GroupId, _> = id.parse();
    id.map(GroupRef::Id).map_err(|_| none())
}

fn shown(group: &Group) -> Response {
    preconditions::tagged(Response::json(group), group.version)
}

fn none() -> Problem {
    Problem::new(Code::NotFound, "There is no such group.")
}

impl From<GroupError> for Problem {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::NotFound(_) => none(),
            GroupError::NoAccount(_) => users::none(),
            GroupError::NoPermission(_) => permissions::none(),
            GroupError::Changed(version) => preconditions::failed(version),
            GroupError::Denied(denied) => denied.into(),
            GroupError::Store(error) => error.into(),
        }
    }
}
