//! `/auth/me`: the caller's user.

use std::collections::BTreeMap;

use rouille::{Request, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::App;
use super::bearer;
use super::body;
use super::caller;
use super::preconditions;
use super::problem::{Problem, ProblemBody};
use super::users;
use crate::domain::field::Input;
use crate::domain::user::User;
use crate::domain::values::{Nullable, Values, present};
use crate::service::own_account::{self, OwnChange};

/// Give the account behind the bearer token
#[utoipa::path(
    get, path = "/auth/me", operation_id = "me", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 200, description = "The account as it is now", body = User, headers(("ETag" = String, description = "Its version"))),
        bearer::Refused,
        bearer::NoUser,
    ),
)]
pub(super) fn read(app: &App, request: &Request) -> Result<Response, Problem> {
    let user = bearer::user(app, request)?.user;
    Ok(users::shown(&user.as_seen_by_itself()))
}

/// What is to be changed of the caller's account (RFC 7396): what is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(as = OwnPatch)]
pub(super) struct Body {
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
    /// Values of those of the installation's own fields that accounts write themselves; null for none.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    fields: BTreeMap<String, Value>,
    /// What accounts have besides, and do not change of themselves.
    #[serde(flatten)]
    #[schema(ignore)]
    more: BTreeMap<String, Value>,
}

/// Change the account behind the bearer token
///
/// Names, phone number and the own fields that accounts write themselves; whatever else is named is refused
/// (422), and nothing is changed then. The token must be one without a scope.
#[utoipa::path(
    patch, path = "/auth/me", operation_id = "changeMe", tag = "auth", security(("bearer" = [])),
    params(("If-Match" = Option<String>, Header, description = "The ETag of the account as it was seen")),
    request_body(content((Body = "application/merge-patch+json"), (Body = "application/json"))),
    responses(
        (status = 200, description = "The account as it is now", body = User, headers(("ETag" = String, description = "Its version"))),
        (status = 403, description = "The token is a client's, or it has a scope", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The account was just deleted or disabled", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "The account has changed: `ETag` says what its version is", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values break rules, or are not the account's to change: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
        bearer::Refused,
    ),
)]
pub(super) fn change(app: &App, request: &Request) -> Result<Response, Problem> {
    let desk = app.services.managed_by(caller::actor(app, request)?);
    let body: Body = body::patch(request)?;
    let version = preconditions::version(request)?;
    let mut values = Values::default();
    for name in body.more.keys().take(MOST_TOLD) {
        let name: String = name.chars().take(LONGEST_TOLD).collect();
        values.refuse(&name, &"accounts do not change this of themselves");
    }
    let phone_number = values.read_nullable("phone_number", body.phone_number.as_ref());
    let fields = body.fields.into_iter();
    let change = OwnChange {
        first_name: values.read("first_name", body.first_name.as_deref()),
        last_name: values.read("last_name", body.last_name.as_deref()),
        phone_number: phone_number.map(|number| number.0),
        fields: fields
            .map(|(name, value)| (name, Input::from(value)))
            .collect(),
    };
    values.check()?;
    Ok(users::shown(&own_account::change(&desk, version, change)?))
}

/// Of what is not the account's to change, so many are told, with so much of their names.
const MOST_TOLD: usize = 20;
const LONGEST_TOLD: usize = 63;
