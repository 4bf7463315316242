//! Groups: accounts that may do the same.

use serde::Deserialize;
use serde_json::Value;

use super::call::{Call, shown};
use super::pages::List;
use super::permissions;
use super::reasons::no_group;
use super::refusal::value;
use super::refusal::{Code, Refusal};
use super::users;
use crate::domain::group::{Group, GroupId, GroupName, GroupRef};
use crate::domain::permission::PermissionName;
use crate::domain::user::{User, UserRef};
use crate::service::groups::{self, GroupError};
use crate::service::management::Management;

#[derive(Deserialize)]
struct Named {
    id: Option<String>,
    name: Option<String>,
}

pub(super) fn one(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let name = match call.read()? {
        Named {
            id: Some(id),
            name: None,
        } => named(&id)?,
        Named {
            id: None,
            name: Some(name),
        } => GroupRef::Name(value("name", &name)?),
        Named { .. } => {
            let message = "Give one of 'id' and 'name'.";
            return Err(Refusal::new(Code::InvalidRequest, message));
        }
    };
    shown(&groups::find(&desk, &name)?)
}

pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let list = List::of(call);
    let after = list.after()?.map(GroupName::from_stored);
    let page = groups::list(&desk, after.as_ref(), list.limit()?)?;
    let place = |group: &Group| group.name.to_string();
    list.of_shown(&page.groups, page.next.is_some(), place)
}

#[derive(Deserialize)]
struct Create {
    name: String,
}

pub(super) fn create(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let Create { name } = call.read()?;
    shown(&groups::add(&desk, value("name", &name)?)?)
}

#[derive(Deserialize)]
struct Rename {
    id: String,
    version: Option<i64>,
    name: String,
}

pub(super) fn rename(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let asked: Rename = call.read()?;
    let to = value("name", &asked.name)?;
    shown(&groups::rename(
        &desk,
        named(&asked.id)?,
        asked.version,
        to,
    )?)
}

#[derive(Deserialize)]
struct Delete {
    id: String,
    version: Option<i64>,
}

pub(super) fn delete(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let Delete { id, version } = call.read()?;
    shown(&groups::delete(&desk, named(&id)?, version)?)
}

pub(super) fn add_user(call: &Call<'_>) -> Result<Value, Refusal> {
    member(call, groups::add_user)
}

pub(super) fn remove_user(call: &Call<'_>) -> Result<Value, Refusal> {
    member(call, groups::remove_user)
}

pub(super) fn grant(call: &Call<'_>) -> Result<Value, Refusal> {
    permission(call, groups::grant)
}

pub(super) fn revoke(call: &Call<'_>) -> Result<Value, Refusal> {
    permission(call, groups::revoke)
}

#[derive(Deserialize)]
struct Member {
    group: String,
    user: String,
}

fn member(
    call: &Call<'_>,
    work: fn(&Management, GroupRef, UserRef) -> Result<User, GroupError>,
) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let asked: Member = call.read()?;
    let user = work(&desk, named(&asked.group)?, users::named(&asked.user)?)?;
    users::node(&user)
}

#[derive(Deserialize)]
struct Permission {
    group: String,
    permission: String,
}

fn permission(
    call: &Call<'_>,
    work: fn(&Management, GroupRef, PermissionName) -> Result<Group, GroupError>,
) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let asked: Permission = call.read()?;
    let name = permissions::named(&asked.permission)?;
    shown(&work(&desk, named(&asked.group)?, name)?)
}

fn named(id: &str) -> Result<GroupRef, Refusal> {
    let id: Result<GroupId, _> = id.parse();
    id.map(GroupRef::Id).map_err(|_| no_group())
}
