//! Permissions: what accounts can be allowed to do.

use serde::Deserialize;
use serde_json::Value;

use super::call::{Call, shown};
use super::pages::List;
use super::reasons::no_permission;
use super::refusal::Refusal;
use crate::domain::label::Label;
use crate::domain::permission::{Permission, PermissionName};
use crate::domain::values::Values;
use crate::service::permissions;

pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let list = List::of(call);
    let after = list.after()?.map(PermissionName::from_stored);
    let page = permissions::list(&desk, after.as_ref(), list.limit()?)?;
    let place = |permission: &Permission| permission.name.to_string();
    list.of_shown(&page.permissions, page.next.is_some(), place)
}

#[derive(Deserialize)]
struct Create {
    name: String,
    description: Option<String>,
}

pub(super) fn create(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let asked: Create = call.read()?;
    let mut values = Values::default();
    let name: Option<PermissionName> = values.read("name", Some(&asked.name));
    let description: Option<Label> = values.read("description", asked.description.as_deref());
    values.check()?;
    let name = name.ok_or_else(no_permission)?;
    let made = permissions::add(&desk, name, description.unwrap_or_default())?;
    shown(&made)
}

#[derive(Deserialize)]
struct Delete {
    name: String,
}

pub(super) fn delete(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let Delete { name } = call.read()?;
    shown(&permissions::delete(&desk, named(&name)?)?)
}

/// The permission that an argument names; what is no name is none.
pub(super) fn named(name: &str) -> Result<PermissionName, Refusal> {
    name.parse().map_err(|_| no_permission())
}
