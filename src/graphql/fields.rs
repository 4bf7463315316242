//! The installation's own fields: which there are, and what changes them.

use serde::Deserialize;
use serde_json::Value;

use super::call::{Call, shown};
use super::reasons::no_field;
use super::refusal::Refusal;
use crate::domain::field::{FieldChange, FieldName, FieldType, Input, Spec};
use crate::domain::values::{Nullable, Values, present};
use crate::service::fields::{self, Force};

pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    shown(&fields::list(&call.caller.desk()?)?)
}

#[derive(Deserialize)]
struct Create {
    field: New,
}

/// What is absent, or null, is as the schema says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    label: Option<String>,
    required: Option<bool>,
    unique: Option<bool>,
    indexed: Option<bool>,
    default: Option<Value>,
    choices: Option<Vec<String>>,
    max_length: Option<u32>,
    pattern: Option<String>,
    min: Option<Value>,
    max: Option<Value>,
    self_read: Option<bool>,
    self_write: Option<bool>,
    in_token: Option<bool>,
}

pub(super) fn create(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let Create { field: new } = call.read()?;
    let mut values = Values::default();
    let name: Option<FieldName> = values.read("name", Some(&new.name));
    let kind: Option<FieldType> = values.read("type", Some(&new.kind));
    let label = values.read("label", new.label.as_deref());
    values.check()?;
    let spec = Spec {
        kind: kind.unwrap_or_default(),
        label: label.unwrap_or_default(),
        required: new.required.unwrap_or(false),
        unique: new.unique.unwrap_or(false),
        indexed: new.indexed.unwrap_or(false),
        default: new.default.map(Input::Json),
        choices: new.choices.unwrap_or_default(),
        max_length: new.max_length,
        pattern: new.pattern,
        min: new.min.map(Input::Json),
        max: new.max.map(Input::Json),
        self_read: new.self_read.unwrap_or(false),
        self_write: new.self_write.unwrap_or(false),
        in_token: new.in_token.unwrap_or(false),
    };
    shown(&fields::add(&desk, name.ok_or_else(no_field)?, spec)?)
}

#[derive(Deserialize)]
struct Change {
    name: String,
    version: Option<i64>,
    changes: Changes,
    force: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    #[serde(default, deserialize_with = "present")]
    label: Option<String>,
    #[serde(default, deserialize_with = "present")]
    required: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    unique: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    indexed: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    default: Option<Nullable<Value>>,
    #[serde(default, deserialize_with = "present")]
    choices: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    max_length: Option<Nullable<u32>>,
    #[serde(default, deserialize_with = "present")]
    pattern: Option<Nullable<String>>,
    #[serde(default, deserialize_with = "present")]
    min: Option<Nullable<Value>>,
    #[serde(default, deserialize_with = "present")]
    max: Option<Nullable<Value>>,
    #[serde(default, deserialize_with = "present")]
    self_read: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    self_write: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    in_token: Option<bool>,
}

pub(super) fn change(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let asked: Change = call.read()?;
    let changes = asked.changes;
    let mut values = Values::default();
    let label = values.read("label", changes.label.as_deref());
    values.check()?;
    let change = FieldChange {
        label,
        required: changes.required,
        unique: changes.unique,
        indexed: changes.indexed,
        default: changes.default.map(|value| value.0.map(Input::Json)),
        choices: changes.choices,
        max_length: changes.max_length.map(|length| length.0),
        pattern: changes.pattern.map(|pattern| pattern.0),
        min: changes.min.map(|value| value.0.map(Input::Json)),
        max: changes.max.map(|value| value.0.map(Input::Json)),
        self_read: changes.self_read,
        self_write: changes.self_write,
        in_token: changes.in_token,
    };
    let force = match asked.force {
        Some(true) => Force::Yes,
        _ => Force::No,
    };
    let name = named(&asked.name)?;
    shown(&fields::change(&desk, name, asked.version, change, force)?.field)
}

#[derive(Deserialize)]
struct Rename {
    name: String,
    version: Option<i64>,
    to: String,
}

pub(super) fn rename(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let asked: Rename = call.read()?;
    let to = super::refusal::value("to", &asked.to)?;
    shown(&fields::rename(
        &desk,
        named(&asked.name)?,
        asked.version,
        to,
    )?)
}

#[derive(Deserialize)]
struct Delete {
    name: String,
    version: Option<i64>,
}

pub(super) fn delete(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let Delete { name, version } = call.read()?;
    shown(&fields::delete(&desk, named(&name)?, version)?)
}

/// The field that an argument names; what is no name is none.
fn named(name: &str) -> Result<FieldName, Refusal> {
    name.parse().map_err(|_| no_field())
}
