//! `GET /users` and `POST /users`.

use std::collections::BTreeMap;

use rouille::{Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{accounts, inputs, shown};
use crate::domain::field::Input;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::user::{NewUser, User};
use crate::domain::values::Values;
use crate::http::App;
use crate::http::bearer;
use crate::http::body;
use crate::http::pages::List;
use crate::http::problem::{Code, Problem, ProblemBody};
use crate::service::accounts::PasswordChecks;
use crate::store::users::{UserFilter, UserOrder};

/// Longer than any address, name or number is nothing to look for.
const MOST_SEARCHED: usize = 300;

/// A page of accounts.
#[derive(Serialize, ToSchema)]
#[schema(as = Users)]
pub(in crate::http) struct Reply {
    /// In their order.
    users: Vec<User>,
    /// Give this as `cursor` for the next page; null: this is the last.
    #[schema(required = true)]
    next: Option<String>,
}

/// List accounts, a page at a time
///
/// Needs `users.view`. Pages cost the same wherever they are; an account that is added meanwhile is in a
/// later page or in none, and no account is in two. `field.NAME=VALUE` gives only those that have this in the
/// own field of that name; an empty value those that have none.
#[utoipa::path(
    get, path = "/users", operation_id = "listUsers", tag = "users", security(("bearer" = [])),
    params(
        ("email" = Option<String>, Query, description = "Only the one with this address, in any letters"),
        ("external_id" = Option<String>, Query, description = "Only the one that had this primary key in the system it came from"),
        ("search" = Option<String>, Query, description = "Only those with this text in address, names or phone number"),
        ("group" = Option<String>, Query, description = "Only those in the group of this name"),
        ("active" = Option<bool>, Query, description = "Only those that may log in, or only the others"),
        ("staff" = Option<bool>, Query, description = "Only staff, or only the others"),
        ("superuser" = Option<bool>, Query, description = "Only superusers, or only the others"),
        ("order" = Option<String>, Query, description = "`id` (as they were made), `email`, or either with `-` before it"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "At most so many; by default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "The accounts", body = Reply),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "There is no such own field, or this is no value of it: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn list(app: &App, request: &Request) -> Result<Response, Problem> {
    let accounts = accounts(app, request)?;
    let list = List::read(
        request,
        &[
            "email",
            "external_id",
            "search",
            "group",
            "active",
            "staff",
            "superuser",
            "order",
            "field.",
        ],
    )?;
    let field = list.own_field()?.map(|(name, value)| {
        let value = Input::Text(value.to_owned());
        accounts.matching(name, &value)
    });
    let filter = UserFilter {
        is_active: list.flag("active")?,
        is_staff: list.flag("staff")?,
        is_superuser: list.flag("superuser")?,
        email: list.parsed("email")?,
        external_id: list.parsed("external_id")?,
        group: list.parsed("group")?,
        search: search(&list)?,
        field: field.transpose()?,
        order: order(&list)?,
        after: list.after(app)?,
    };
    let page = accounts.list(&filter, list.limit()?)?;
    Ok(Response::json(&Reply {
        next: list.cursor(app, page.next.as_deref()),
        users: page.users,
    }))
}

fn search(list: &List<'_>) -> Result<Option<String>, Problem> {
    match list.find("search") {
        Some(text) if text.len() > MOST_SEARCHED => Err(Problem::new(
            Code::InvalidRequest,
            "The parameter 'search' is longer than anything there is to find.",
        )),
        found => Ok(found.map(str::to_owned)),
    }
}

fn order(list: &List<'_>) -> Result<UserOrder, Problem> {
    match list.find("order") {
        None | Some("id") => Ok(UserOrder::Id),
        Some("-id") => Ok(UserOrder::IdDescending),
        Some("email") => Ok(UserOrder::Email),
        Some("-email") => Ok(UserOrder::EmailDescending),
        Some(_) => Err(Problem::new(
            Code::InvalidRequest,
            "The parameter 'order' must be id, -id, email or -email.",
        )),
    }
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser)]
pub(in crate::http) struct Body {
    /// The user name.
    #[schema(format = Email)]
    email: String,
    /// May be empty.
    #[serde(default)]
    first_name: String,
    /// May be empty.
    #[serde(default)]
    last_name: String,
    /// With a leading `+`; null for none.
    #[serde(default)]
    phone_number: Option<String>,
    /// The first password; without one the account cannot log in.
    #[serde(default, deserialize_with = "body::maybe_secret")]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret<String>>,
    /// Whether it may log in.
    #[serde(default = "yes")]
    #[schema(default = true)]
    is_active: bool,
    /// Whether it may use this API; superusers alone may say so.
    #[serde(default)]
    is_staff: bool,
    /// Whether it may do everything; superusers alone may say so.
    #[serde(default)]
    is_superuser: bool,
    /// Names of the groups it belongs to.
    #[serde(default)]
    groups: Vec<String>,
    /// Values of the installation's own fields, by their names; null for none.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    fields: BTreeMap<String, Value>,
}

fn yes() -> bool {
    true
}

/// Add an account
///
/// Needs `users.add`, and for each group `groups.change` and all of what the group may do.
#[utoipa::path(
    post, path = "/users", operation_id = "addUser", tag = "users", security(("bearer" = [])), request_body = Body,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "Names this request: sent again with it within a day, it is not carried out again and is answered the same")),
    responses(
        (status = 201, description = "The account", body = User, headers(("ETag" = String), ("Location" = String))),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The address is taken", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values break rules: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
        bearer::Refused,
    ),
)]
pub(in crate::http) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    let accounts = accounts(app, request)?;
    let body: Body = body::json(request)?;
    let mut values = Values::default();
    let email = values.read("email", Some(&body.email));
    let first_name = values.read("first_name", Some(&body.first_name));
    let last_name = values.read("last_name", Some(&body.last_name));
    let phone_number = values.read("phone_number", body.phone_number.as_deref());
    let groups = values.read_all("groups", Some(&body.groups));
    values.check()?;
    let (Some(email), Some(first_name), Some(last_name)) = (email, first_name, last_name) else {
        return Err(Problem::internal());
    };
    let new = NewUser {
        email,
        first_name,
        last_name,
        phone_number,
        external_id: None,
        is_active: body.is_active,
        is_staff: body.is_staff,
        is_superuser: body.is_superuser,
        groups: groups.unwrap_or_default(),
        fields: inputs(body.fields),
    };
    let password = body.password.map(|text| Password::new(text.expose()));
    let user = accounts.create(new, password.as_ref(), PasswordChecks::Enforce)?;
    let place = format!("/users/{}", user.id);
    let response = shown(&user).with_status_code(201);
    Ok(response.with_additional_header("Location", place))
}
