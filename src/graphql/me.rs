//! The account of whoever asks.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::call::{Call, secret};
use super::refusal::Refusal;
use super::users::{inputs, node};
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::values::{Nullable, Values, present};
use crate::service::own_account::{self, OwnChange};
use crate::service::own_password::{self, PasswordChange};

pub(super) fn read(call: &Call<'_>) -> Result<Value, Refusal> {
    node(&call.caller.user()?.clone().as_seen_by_itself())
}

#[derive(Deserialize)]
struct Update {
    version: Option<i64>,
    changes: Changes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    #[serde(default, deserialize_with = "present")]
    first_name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    last_name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    phone_number: Option<Nullable<String>>,
    fields: Option<BTreeMap<String, Value>>,
}

pub(super) fn change(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let Update { version, changes } = call.read()?;
    let mut values = Values::default();
    let phone_number = values.read_nullable("phone_number", changes.phone_number.as_ref());
    let change = OwnChange {
        first_name: values.read("first_name", changes.first_name.as_deref()),
        last_name: values.read("last_name", changes.last_name.as_deref()),
        phone_number: phone_number.map(|number| number.0),
        fields: inputs(changes.fields),
    };
    values.check()?;
    node(&own_account::change(&desk, version, change)?)
}

#[derive(Deserialize)]
struct Passwords {
    #[serde(deserialize_with = "secret")]
    current_password: Secret<String>,
    #[serde(deserialize_with = "secret")]
    new_password: Secret<String>,
}

pub(super) fn change_password(call: &Call<'_>) -> Result<Value, Refusal> {
    let asked: Passwords = call.read()?;
    let change = PasswordChange {
        by: call.caller.owner()?,
        current: &Password::new(asked.current_password.expose()),
        new: &Password::new(asked.new_password.expose()),
    };
    own_password::change(call.services(), &change)?;
    Ok(true.into())
}
