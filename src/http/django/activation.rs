//! `/auth/users/activation` of djoser, and its `resend_activation`.

use std::collections::BTreeMap;

use rouille::{Request, Response};
use utoipa::ToSchema;

use super::body::{Blank, Fields};
use super::caller;
use super::passwords::{Address, address, of_code};
use super::refusal::{self, Refused};
use crate::domain::account_code::Purpose;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::values::Values;
use crate::http::problem::Problem;
use crate::http::{App, origin};
use crate::service::account_codes::addresses;
use crate::service::account_codes::registration::{self, Newcomer};
use crate::tokens::{OpaqueKind, OpaqueToken};

/// A code from a letter.
#[derive(ToSchema)]
#[schema(as = DjangoActivation)]
pub(super) struct Activation {
    /// Anything: the code says whose it is.
    #[expect(dead_code, reason = "has to be there, and nothing hangs on it")]
    uid: String,
    /// The code.
    #[schema(value_type = String, format = Password)]
    token: Secret<String>,
    /// With the code of a registration: the account's password. djoser has taken it before.
    #[schema(value_type = Option<String>, format = Password, required = false, nullable = false)]
    password: Option<Secret<String>>,
    /// With the code of a registration.
    #[schema(required = false, nullable = false)]
    first_name: Option<String>,
    /// With the code of a registration.
    #[schema(required = false, nullable = false)]
    last_name: Option<String>,
    /// With the code of a registration.
    #[schema(required = false, nullable = false)]
    phone_number: Option<String>,
}

/// Confirm an address, or finish a registration
///
/// With the code of a registration the account is made now, with the password that is given now: nobody
/// else can have prepared it.
#[utoipa::path(
    post, path = "/auth/users/activation", operation_id = "djoserActivate", tag = "django",
    request_body(content((Activation = "application/json"), (Activation = "application/x-www-form-urlencoded"))),
    responses(
        (status = 204, description = "Confirmed"),
        (status = 400, description = "The code is not good, or a registration has no password yet, or a weak one", body = refusal::FieldErrors),
        (status = 401, description = "There is a token, and it is not good", body = refusal::Body),
        (status = 403, description = "Nobody registers here by themselves", body = refusal::Body),
    ),
)]
pub(super) fn confirm(app: &App, request: &Request) -> Result<Response, Refused> {
    caller::present(app, request)?;
    let from = origin::address_of(app, request);
    let activation = activation(&mut Fields::read(request)?)?;
    let token = activation.token.expose();
    match &activation.password {
        None => addresses::confirm(&app.services, token, from).map(drop),
        Some(password) => {
            let password = Password::new(password.expose());
            let newcomer = newcomer(&activation)?;
            registration::complete(&app.services, token, &password, newcomer, from).map(drop)
        }
    }
    .map_err(of_code)?;
    Ok(Response::empty_204())
}

/// Ask for the letter of a registration once more
///
/// The answer is the same whether there is such an account or not.
#[utoipa::path(
    post, path = "/auth/users/resend_activation", operation_id = "djoserResendActivation", tag = "django",
    request_body(content((Address = "application/json"), (Address = "application/x-www-form-urlencoded"))),
    responses(
        (status = 204, description = "Seen to"),
        (status = 400, description = "It is no address", body = refusal::FieldErrors),
        (status = 401, description = "There is a token, and it is not good", body = refusal::Body),
        (status = 403, description = "Nobody registers here by themselves", body = refusal::Body),
        (status = 429, description = "Too many letters were asked for from this address; see Retry-After", body = refusal::Body),
    ),
)]
pub(super) fn resend(app: &App, request: &Request) -> Result<Response, Refused> {
    caller::present(app, request)?;
    let Address { email } = address(&mut Fields::read(request)?)?;
    let from = origin::address_of(app, request);
    registration::request(&app.services, &email, from).map_err(Problem::from)?;
    Ok(Response::empty_204())
}

/// What is said; of a password and names only with the code of a registration.
fn activation(fields: &mut Fields) -> Result<Activation, Refused> {
    let (Some(uid), Some(token)) = (fields.text("uid"), fields.secret("token")) else {
        return Err(fields.refused());
    };
    let kind = OpaqueKind::Code(Purpose::Registration);
    let is_new = OpaqueToken::parse(kind, token.expose()).is_some();
    let mut name = |name| {
        fields
            .optional_text(name, Blank::Allowed)
            .filter(|_| is_new)
    };
    let activation = Activation {
        uid,
        token,
        first_name: name("first_name"),
        last_name: name("last_name"),
        phone_number: name("phone_number"),
        password: is_new.then(|| fields.secret("password")).flatten(),
    };
    fields.check()?;
    Ok(activation)
}

/// What somebody says of themselves.
fn newcomer(activation: &Activation) -> Result<Newcomer, Refused> {
    let mut values = Values::default();
    let first_name = activation.first_name.as_deref().unwrap_or_default();
    let first_name = values.read("first_name", Some(first_name));
    let last_name = activation.last_name.as_deref().unwrap_or_default();
    let last_name = values.read("last_name", Some(last_name));
    let number = activation.phone_number.as_deref();
    let number = number.filter(|number| !number.is_empty());
    let phone_number = values.read("phone_number", number);
    values.check().map_err(Problem::from)?;
    match (first_name, last_name) {
        (Some(first_name), Some(last_name)) => Ok(Newcomer {
            first_name,
            last_name,
            phone_number,
            fields: BTreeMap::new(),
        }),
        _ => Err(Problem::internal().into()),
    }
}
