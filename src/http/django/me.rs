//! `/auth/users/me` of djoser.

use std::collections::BTreeMap;

use rouille::{Request, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::{self, Blank, Fields};
use super::caller;
use super::own_fields::{self, Written};
use super::refusal::{self, Refusal, Refused};
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::domain::values::{Values, sentence};
use crate::http::problem::Problem;
use crate::http::{App, origin};
use crate::service::accounts::AccountError;
use crate::service::own_account::{self, OwnChange};
use crate::service::own_deletion::{self, OwnDeletionError};

/// The caller's account.
#[derive(Serialize, ToSchema)]
#[schema(as = DjangoUser)]
pub(super) struct Me<'a> {
    /// The primary key that it had in Django, a number if it was one; else its id here.
    #[schema(value_type = Object, example = 17)]
    id: Value,
    /// The user name.
    #[schema(example = "ada@example.com")]
    email: &'a str,
    /// May be empty.
    first_name: &'a str,
    /// May be empty.
    last_name: &'a str,
    /// E.164; empty for none.
    #[schema(example = "+442079460000")]
    phone_number: &'a str,
    /// The installation's own fields that accounts see of themselves, each by its name.
    #[serde(flatten)]
    fields: &'a BTreeMap<String, Value>,
}

/// What is to be changed; what is absent stays as it is. Fields that accounts do not change may be there
/// as they are.
#[derive(ToSchema)]
#[schema(as = DjangoUserChange)]
pub(super) struct Change {
    /// May be empty.
    #[schema(required = false, nullable = false)]
    first_name: Option<String>,
    /// May be empty.
    #[schema(required = false, nullable = false)]
    last_name: Option<String>,
    /// With a leading `+`; empty for none.
    #[schema(required = false, nullable = false)]
    phone_number: Option<String>,
    /// Anything else: the installation's own fields by their names.
    #[schema(ignore)]
    more: (Map<String, Value>, Written),
}

/// Give the caller's account
#[utoipa::path(
    get, path = "/auth/users/me", operation_id = "djoserMe", tag = "django", security(("bearer" = [])),
    responses(
        (status = 200, description = "The account as it is now", body = Me),
        (status = 401, description = "No token, or not a good one", body = refusal::Body),
        (status = 403, description = "The token is a client's", body = refusal::Body),
    ),
)]
pub(super) fn read(app: &App, request: &Request) -> Result<Response, Refused> {
    let user = caller::user(app, request)?.user.as_seen_by_itself();
    Ok(shown(&user))
}

/// Change the caller's account
#[utoipa::path(
    patch, path = "/auth/users/me", operation_id = "djoserChangeMe", tag = "django", security(("bearer" = [])),
    request_body(content((Change = "application/json"), (Change = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The account as it is now", body = Me),
        (status = 400, description = "Values break rules, or are not the account's to change", body = refusal::FieldErrors),
        (status = 401, description = "No token, or not a good one", body = refusal::Body),
        (status = 403, description = "The token is a client's, or it has a scope", body = refusal::Body),
    ),
)]
pub(super) fn change(app: &App, request: &Request) -> Result<Response, Refused> {
    let user = caller::user(app, request)?.user.as_seen_by_itself();
    let desk = app.services.managed_by(caller::actor(app, request)?);
    let change = wanted(&mut Fields::read(request)?)?;
    let mut values = Values::default();
    let number = change.phone_number.as_deref();
    let given = number.filter(|number| !number.is_empty());
    let phone_number = match values.read("phone_number", given) {
        None => number.map(|_| None),
        read => Some(read),
    };
    let (more, written) = change.more;
    let fields = own_account::fields(&app.services).map_err(Problem::from)?;
    let change = OwnChange {
        first_name: values.read("first_name", change.first_name.as_deref()),
        last_name: values.read("last_name", change.last_name.as_deref()),
        phone_number,
        fields: own_fields::changed(&fields, &user.fields, more, written),
    };
    values.check().map_err(Problem::from)?;
    let changed = own_account::change(&desk, None, change).map_err(|error| match error {
        AccountError::Fields(errors) => {
            let errors = errors
                .into_iter()
                .map(|(name, problems)| (name, problems.iter().map(sentence).collect()));
            Refusal::fields(errors.collect()).into()
        }
        error => Refused::Problem(error.into()),
    })?;
    Ok(shown(&changed))
}

/// Replace the caller's account
///
/// Nothing of it has to be there, so this is the same as `PATCH`.
#[utoipa::path(
    put, path = "/auth/users/me", operation_id = "djoserReplaceMe", tag = "django", security(("bearer" = [])),
    request_body(content((Change = "application/json"), (Change = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The account as it is now", body = Me),
        (status = 400, description = "Values break rules, or are not the account's to change", body = refusal::FieldErrors),
        (status = 401, description = "No token, or not a good one", body = refusal::Body),
        (status = 403, description = "The token is a client's, or it has a scope", body = refusal::Body),
    ),
)]
#[expect(
    dead_code,
    reason = "for the API's document: the handler is the one above"
)]
pub(super) fn replace() {}

/// The account's password, for what cannot be undone.
#[derive(ToSchema)]
#[schema(as = DjangoDeletion)]
pub(super) struct Deletion {
    /// The account's password.
    #[schema(value_type = String, format = Password)]
    current_password: Secret<String>,
}

/// Delete the caller's account for good
///
/// It takes a token of a session, without a scope.
#[utoipa::path(
    delete, path = "/auth/users/me", operation_id = "djoserDeleteMe", tag = "django", security(("bearer" = [])),
    request_body(content((Deletion = "application/json"), (Deletion = "application/x-www-form-urlencoded"))),
    responses(
        (status = 204, description = "Deleted"),
        (status = 400, description = "The password is wrong, or this is the last superuser", body = refusal::FieldErrors),
        (status = 401, description = "No token, or not a good one", body = refusal::Body),
        (status = 403, description = "The token is a client's or an API token, or it has a scope", body = refusal::Body),
        (status = 429, description = "Too many passwords were wrong; see Retry-After", body = refusal::Body),
    ),
)]
pub(super) fn delete(app: &App, request: &Request) -> Result<Response, Refused> {
    let caller = caller::user(app, request)?;
    let mut fields = Fields::read(request)?;
    let password = fields.secret("current_password");
    let Some(Deletion { current_password }) =
        password.map(|current_password| Deletion { current_password })
    else {
        return Err(fields.refused());
    };
    let owner = caller.owner(origin::address_of(app, request));
    let password = Password::new(current_password.expose());
    own_deletion::delete(&app.services, &owner, &password).map_err(|error| match error {
        OwnDeletionError::WrongPassword => {
            Refusal::field("current_password", "Invalid password.").into()
        }
        OwnDeletionError::Token(error) => Refusal::detail(403, sentence(&error)).into(),
        OwnDeletionError::TooMany(secs) => Problem::too_many_wrong_passwords(secs).into(),
        OwnDeletionError::Account(error) => Refused::Problem(error.into()),
    })?;
    Ok(Response::empty_204())
}

/// An account as djoser shows it.
pub(super) fn shown(user: &User) -> Response {
    body::json(&of(user))
}

/// An account as djoser shows it.
pub(super) fn of(user: &User) -> Me<'_> {
    Me {
        id: key(user),
        email: user.email.as_str(),
        first_name: user.first_name.as_str(),
        last_name: user.last_name.as_str(),
        phone_number: user
            .phone_number
            .as_ref()
            .map_or("", |number| number.as_str()),
        fields: &user.fields,
    }
}

/// The account's key as Django had it: most often a number.
fn key(user: &User) -> Value {
    let key = user.former_id();
    match key.parse::<i64>() {
        Ok(number) if number.to_string() == key => number.into(),
        _ => key.into(),
    }
}

fn wanted(fields: &mut Fields) -> Result<Change, Refused> {
    let change = Change {
        first_name: fields.optional_text("first_name", Blank::Allowed),
        last_name: fields.optional_text("last_name", Blank::Allowed),
        phone_number: fields.optional_text("phone_number", Blank::Allowed),
        more: fields.rest(),
    };
    fields.check()?;
    Ok(change)
}
