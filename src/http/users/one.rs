//! `/users/{id}`: one account.

use std::collections::BTreeMap;

use rouille::{Request, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{accounts, inputs, shown};
use crate::domain::user::{User, UserChange, UserId, UserRef};
use crate::domain::values::{Nullable, Values, present};
use crate::http::App;
use crate::http::bearer;
use crate::http::body;
use crate::http::preconditions;
use crate::http::problem::{Problem, ProblemBody};
use crate::service::accounts::{LastSuperuser, Target};

/// Give an account
///
/// Needs `users.view`.
#[utoipa::path(
    get, path = "/users/{id}", operation_id = "user", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, format = Uuid, description = "The account's id")),
    responses(
        (status = 200, description = "The account", body = User, headers(("ETag" = String, description = "Its version"))),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn read(app: &App, request: &Request, id: UserId) -> Result<Response, Problem> {
    let accounts = accounts(app, request)?;
    Ok(shown(&accounts.find(&UserRef::Id(id))?))
}

/// What is to be changed of an account (RFC 7396): what is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserPatch)]
pub(in crate::http) struct Body {
    /// The user name.
    #[schema(format = Email, required = false)]
    #[serde(default, deserialize_with = "present")]
    email: Option<String>,
    /// May be empty.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    first_name: Option<String>,
    /// May be empty.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    last_name: Option<String>,
    /// With a leading `+`; null for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, required = false)]
    phone_number: Option<Nullable<String>>,
    /// Whether it may log in. If not, its sessions and tokens end now.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    is_active: Option<bool>,
    /// Whether it may use this API; superusers alone may say so.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    is_staff: Option<bool>,
    /// Whether it may do everything; superusers alone may say so.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    is_superuser: Option<bool>,
    /// Names of the groups it belongs to, all of them.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    groups: Option<Vec<String>>,
    /// Values of the installation's own fields, by their names; null for none.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    fields: BTreeMap<String, Value>,
}

/// Change an account
///
/// Needs `users.change`, and `groups.change` for its groups; see the table in `docs/users.md`. All of it
/// is changed or nothing. With `If-Match` nothing is if somebody else was faster.
#[utoipa::path(
    patch, path = "/users/{id}", operation_id = "changeUser", tag = "users", security(("bearer" = [])),
    params(
        ("id" = String, Path, format = Uuid, description = "The account's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the account as it was seen"),
    ),
    request_body(content((Body = "application/merge-patch+json"), (Body = "application/json"))),
    responses(
        (status = 200, description = "The account as it is now", body = User, headers(("ETag" = String, description = "Its version"))),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The address is taken, or it is the last active superuser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "The account has changed: `ETag` says what its version is", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values break rules: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
        bearer::Refused,
    ),
)]
pub(in crate::http) fn change(
    app: &App,
    request: &Request,
    id: UserId,
) -> Result<Response, Problem> {
    let accounts = accounts(app, request)?;
    let body: Body = body::patch(request)?;
    let target = Target {
        name: UserRef::Id(id),
        version: preconditions::version(request)?,
    };
    let mut values = Values::default();
    let phone_number = values.read_nullable("phone_number", body.phone_number.as_ref());
    let change = UserChange {
        email: values.read("email", body.email.as_deref()),
        first_name: values.read("first_name", body.first_name.as_deref()),
        last_name: values.read("last_name", body.last_name.as_deref()),
        phone_number: phone_number.map(|number| number.0),
        external_id: None,
        is_active: body.is_active,
        is_staff: body.is_staff,
        is_superuser: body.is_superuser,
        groups: values.read_all("groups", body.groups.as_deref()),
        fields: inputs(body.fields),
    };
    values.check()?;
    let user = accounts.change(target, change, LastSuperuser::Keep)?;
    Ok(shown(&user))
}

/// Remove an account for good
///
/// Needs `users.delete`. Its tokens end now; its id is never used again.
#[utoipa::path(
    delete, path = "/users/{id}", operation_id = "deleteUser", tag = "users", security(("bearer" = [])),
    params(
        ("id" = String, Path, format = Uuid, description = "The account's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the account as it was seen"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is the last active superuser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "The account has changed: `ETag` says what its version is", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn delete(
    app: &App,
    request: &Request,
    id: UserId,
) -> Result<Response, Problem> {
    let accounts = accounts(app, request)?;
    let target = Target {
        name: UserRef::Id(id),
        version: preconditions::version(request)?,
    };
    accounts.delete(target, LastSuperuser::Keep)?;
    Ok(Response::empty_204())
}
