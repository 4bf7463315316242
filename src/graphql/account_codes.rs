//! Codes: with them people choose a password, confirm an address or get an account; and whoever manages
//! accounts has some mailed to them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::call::{Call, secret};
use super::refusal::{Code, Refusal, value};
use super::users::{inputs, named, node};
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::user::UserRef;
use crate::domain::values::Values;
use crate::service::account_codes::managed::{AccountCodes, Delivery, Issued};
use crate::service::account_codes::registration::Newcomer;
use crate::service::account_codes::{CodeError, addresses, passwords, registration};

#[derive(Deserialize)]
struct Address {
    email: String,
}

/// What comes of it is not known yet, whoever the address belongs to.
pub(super) fn request_reset(call: &Call<'_>) -> Result<Value, Refusal> {
    let Address { email } = call.read()?;
    passwords::request_reset(call.services(), &email, call.caller.origin.address)?;
    Ok(true.into())
}

#[derive(Deserialize)]
struct Reset {
    #[serde(deserialize_with = "secret")]
    token: Secret<String>,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

pub(super) fn reset(call: &Call<'_>) -> Result<Value, Refusal> {
    let asked: Reset = call.read()?;
    let password = Password::new(asked.password.expose());
    let (token, address) = (asked.token.expose(), call.caller.origin.address);
    passwords::set_password(call.services(), token, &password, address)?;
    Ok(true.into())
}

#[derive(Deserialize)]
struct NewAddress {
    email: String,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

pub(super) fn request_email_change(call: &Call<'_>) -> Result<Value, Refusal> {
    let by = call.caller.owner()?;
    let asked: NewAddress = call.read()?;
    let email = value("email", &asked.email)?;
    let password = Password::new(asked.password.expose());
    addresses::request_change(call.services(), &by, &password, email)?;
    Ok(true.into())
}

#[derive(Deserialize)]
struct Confirmation {
    #[serde(deserialize_with = "secret")]
    token: Secret<String>,
}

pub(super) fn confirm_email(call: &Call<'_>) -> Result<Value, Refusal> {
    let Confirmation { token } = call.read()?;
    addresses::confirm(call.services(), token.expose(), call.caller.origin.address)?;
    Ok(true.into())
}

pub(super) fn register(call: &Call<'_>) -> Result<Value, Refusal> {
    let Address { email } = call.read()?;
    let email = value("email", &email)?;
    registration::request(call.services(), &email, call.caller.origin.address)?;
    Ok(true.into())
}

#[derive(Deserialize)]
struct Complete {
    registration: Registration,
}

/// What is absent, or null, is as the schema says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    #[serde(deserialize_with = "secret")]
    token: Secret<String>,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
    fields: Option<BTreeMap<String, Value>>,
}

pub(super) fn confirm_registration(call: &Call<'_>) -> Result<Value, Refusal> {
    let Complete {
        registration: asked,
    } = call.read()?;
    let mut values = Values::default();
    let first_name = values.read(
        "first_name",
        Some(asked.first_name.as_deref().unwrap_or("")),
    );
    let last_name = values.read("last_name", Some(asked.last_name.as_deref().unwrap_or("")));
    let phone_number = values.read("phone_number", asked.phone_number.as_deref());
    values.check()?;
    let (Some(first_name), Some(last_name)) = (first_name, last_name) else {
        return Err(Refusal::new(Code::Invalid, "A name is missing."));
    };
    let newcomer = Newcomer {
        first_name,
        last_name,
        phone_number,
        fields: inputs(asked.fields),
    };
    let password = Password::new(asked.password.expose());
    let (token, address) = (asked.token.expose(), call.caller.origin.address);
    let user = registration::complete(call.services(), token, &password, newcomer, address)?;
    node(&user.as_seen_by_itself())
}

#[derive(Deserialize)]
struct Whose {
    user: String,
}

pub(super) fn invite(call: &Call<'_>) -> Result<Value, Refusal> {
    mail(call, AccountCodes::invite)
}

pub(super) fn start_reset(call: &Call<'_>) -> Result<Value, Refusal> {
    mail(call, AccountCodes::reset)
}

pub(super) fn start_confirmation(call: &Call<'_>) -> Result<Value, Refusal> {
    mail(call, AccountCodes::confirm_email)
}

/// Whoever asks for a code never sees it (statement 80). Links to pass on are `authctl`'s.
fn mail(
    call: &Call<'_>,
    make: fn(&AccountCodes, &UserRef, Delivery) -> Result<Issued, CodeError>,
) -> Result<Value, Refusal> {
    let codes = call.caller.account_codes()?;
    let Whose { user } = call.read()?;
    let issued = make(&codes, &named(&user)?, Delivery::Mail)?;
    Ok(issued.expires_at.to_string().into())
}
