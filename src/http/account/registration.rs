//! `/auth/register`: an account for whoever has an address, where that is allowed.

use std::collections::BTreeMap;

use rouille::{Request, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Accepted, accepted};
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::domain::values::Values;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::{App, body, origin};
use crate::service::account_codes::registration::{self, Newcomer};

/// Who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration)]
pub(in crate::http) struct Wanted {
    /// The address to log in with.
    #[schema(example = "ada@example.com")]
    email: String,
}

/// Ask for an account
///
/// A page to choose a password is mailed to the address; there is no account before that. The answer
/// is the same if the address has an account: its owner is told.
#[utoipa::path(
    post, path = "/auth/register", operation_id = "register", tag = "account", request_body = Wanted,
    responses(
        (status = 202, description = "Seen to", body = Accepted),
        (status = 403, description = "Nobody registers here by themselves", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "It is no address: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many letters were asked for from this address, whether there are such accounts or not; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
    ),
)]
pub(in crate::http) fn request(app: &App, request: &Request) -> Result<Response, Problem> {
    let body: Wanted = body::json(request)?;
    let mut values = Values::default();
    let email = values.read("email", Some(&body.email));
    values.check()?;
    if let Some(email) = email {
        registration::request(&app.services, &email, origin::address_of(app, request))?;
    }
    Ok(accepted(
        "A page that ends the registration is mailed to the address.",
    ))
}

/// A code that was mailed to an address, and the account to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RegistrationConfirmation)]
pub(in crate::http) struct Confirmation {
    /// The code, as the page was given it.
    #[serde(deserialize_with = "body::secret")]
    #[schema(value_type = String, format = Password)]
    token: Secret<String>,
    /// The account's password.
    #[serde(deserialize_with = "body::secret")]
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
    /// First name.
    #[serde(default)]
    first_name: String,
    /// Last name.
    #[serde(default)]
    last_name: String,
    /// Phone number, as +44 20 7946 0000.
    phone_number: Option<String>,
    /// Values of the installation's own fields that accounts write themselves, by their names.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    fields: BTreeMap<String, Value>,
}

/// Make the account that was asked for
///
/// Its address is confirmed, and the password is the one given here: nobody else can have prepared it.
#[utoipa::path(
    post, path = "/auth/register/confirm", operation_id = "confirmRegistration", tag = "account", request_body = Confirmation,
    responses(
        (status = 201, description = "The account, as it sees itself", body = User),
        (status = 403, description = "Nobody registers here by themselves", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The address has an account by now", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The code is not good, or values break rules: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
    ),
)]
pub(in crate::http) fn confirm(app: &App, request: &Request) -> Result<Response, Problem> {
    let body: Confirmation = body::json(request)?;
    let mut values = Values::default();
    let first_name = values.read("first_name", Some(&body.first_name));
    let last_name = values.read("last_name", Some(&body.last_name));
    let phone_number = values.read("phone_number", body.phone_number.as_deref());
    values.check()?;
    let (Some(first_name), Some(last_name)) = (first_name, last_name) else {
        return Err(Problem::internal());
    };
    let fields = body.fields.into_iter();
    let newcomer = Newcomer {
        first_name,
        last_name,
        phone_number,
        fields: fields.map(|(name, value)| (name, value.into())).collect(),
    };
    let password = Password::new(body.password.expose());
    let address = origin::address_of(app, request);
    let token = body.token.expose();
    let user = registration::complete(&app.services, token, &password, newcomer, address)?;
    Ok(Response::json(&user.as_seen_by_itself()).with_status_code(201))
}
