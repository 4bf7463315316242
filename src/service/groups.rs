//! Groups: accounts that may do the same.

use std::sync::Arc;

use super::management::{Management, MayBeDenied, Work};
use crate::domain::audit::Action;
use crate::domain::authority::{Deed, Denied};
use crate::domain::group::{Group, GroupId, GroupName, GroupRef};
use crate::domain::permission::{Builtin, PermissionName};
use crate::domain::user::{User, UserId, UserRef};
use crate::store::{Fault, StoreError, Tx, groups, members, permissions, users};

/// Why a group was not made, found or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// There is no such group.
    #[error("there is no group '{0}'")]
    NotFound(GroupRef),
    /// There is no such account.
    #[error("there is no account '{0}'")]
    NoAccount(UserRef),
    /// There is no such permission.
    #[error("there is no permission '{0}': see 'authctl permission list'")]
    NoPermission(PermissionName),
    /// The group is not as the caller has seen it.
    #[error("the group has changed: its version is {0} now")]
    Changed(i64),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Some groups by their names.
#[derive(Debug)]
pub struct Page {
    /// The groups.
    pub groups: Vec<Group>,
    /// Where the next page begins; `None`: this is the last.
    pub next: Option<GroupName>,
}

/// Adds a group, without members and permissions.
pub fn add(desk: &Management, name: GroupName) -> Result<Group, GroupError> {
    let random = Arc::clone(&desk.sources.random);
    desk.attempt(Action::GroupAdded, move |work| {
        let id = GroupId(random.uuid_v7(work.now));
        adding(work, id, &name)
    })
}

pub(super) fn adding(
    work: &mut Work<'_>,
    id: GroupId,
    name: &GroupName,
) -> Result<Group, Fault<GroupError>> {
    work.by.require(Builtin::GroupsAdd).map_err(refused)?;
    let group = groups::insert(work.tx, id, name, work.now)?;
    note_group(work, &group);
    Ok(group)
}

/// The group of that name.
pub fn find(desk: &Management, name: &GroupRef) -> Result<Group, GroupError> {
    desk.check_view(Builtin::GroupsView, Action::GroupViewed)?;
    let found = desk
        .store
        .read(|connection| groups::find(connection, name))?;
    found.ok_or_else(|| GroupError::NotFound(name.clone()))
}

/// One page of groups.
pub fn list(desk: &Management, after: Option<&GroupName>, limit: u32) -> Result<Page, GroupError> {
    desk.check_view(Builtin::GroupsView, Action::GroupViewed)?;
    let ask = limit.saturating_add(1);
    let mut found = desk
        .store
        .read(|connection| groups::list(connection, after, ask))?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| last.name.clone());
    Ok(Page {
        groups: found,
        next,
    })
}

/// Gives a group another name; its members are in the group of that name from now on.
pub fn rename(
    desk: &Management,
    name: GroupRef,
    version: Option<i64>,
    to: GroupName,
) -> Result<Group, GroupError> {
    desk.attempt(Action::GroupRenamed, move |work| {
        let group = seen(work, Builtin::GroupsChange, &name, version)?;
        work.entry.note("to", to.as_str());
        let allowed = work.by.check_group(Builtin::GroupsChange, &group);
        allowed.map_err(refused)?;
        if group.name == to {
            work.is_change = false;
            return Ok(group);
        }
        let renamed = groups::rename(work.tx, group.id, &to)?;
        renamed.ok_or_else(|| refused(GroupError::NotFound(name)))
    })
}

/// Removes a group, and returns what it was. Its members stay, without what it gave them.
pub fn delete(
    desk: &Management,
    name: GroupRef,
    version: Option<i64>,
) -> Result<Group, GroupError> {
    desk.attempt(Action::GroupDeleted, move |work| {
        deleting(work, &name, version)
    })
}

pub(super) fn deleting(
    work: &mut Work<'_>,
    name: &GroupRef,
    version: Option<i64>,
) -> Result<Group, Fault<GroupError>> {
    let group = seen(work, Builtin::GroupsDelete, name, version)?;
    let allowed = work.by.check_group(Builtin::GroupsDelete, &group);
    allowed.map_err(refused)?;
    groups::delete(work.tx, group.id)?;
    Ok(group)
}

/// Makes an account a member, and returns it. A member stays one.
pub fn add_user(desk: &Management, name: GroupRef, user: UserRef) -> Result<User, GroupError> {
    move_user(desk, Action::GroupUserAdded, name, user, members::add)
}

/// Takes an account out of a group, and returns it. Who is no member stays none.
pub fn remove_user(desk: &Management, name: GroupRef, user: UserRef) -> Result<User, GroupError> {
    move_user(desk, Action::GroupUserRemoved, name, user, members::remove)
}

/// Gives a group a permission: its members have it at once.
pub fn grant(
    desk: &Management,
    name: GroupRef,
    permission: PermissionName,
) -> Result<Group, GroupError> {
    change_permission(desk, Action::GroupGranted, name, permission, groups::grant)
}

/// Takes a permission from a group.
pub fn revoke(
    desk: &Management,
    name: GroupRef,
    permission: PermissionName,
) -> Result<Group, GroupError> {
    change_permission(desk, Action::GroupRevoked, name, permission, groups::revoke)
}

fn move_user(
    desk: &Management,
    action: Action,
    name: GroupRef,
    user: UserRef,
    change: fn(&Tx<'_>, GroupId, UserId) -> Result<bool, StoreError>,
) -> Result<User, GroupError> {
    desk.attempt(action, move |work| {
        let group = seen(work, Builtin::GroupsChange, &name, None)?;
        let absent = || refused(GroupError::NoAccount(user.clone()));
        let account = users::find(work.tx, &user)?.ok_or_else(absent)?;
        work.entry.user = Some(account.id);
        let deed = Deed::Membership(&group);
        work.by.check(deed, &account).map_err(refused)?;
        work.is_change = change(work.tx, group.id, account.id)?;
        users::find(work.tx, &user)?.ok_or_else(absent)
    })
}

fn change_permission(
    desk: &Management,
    action: Action,
    name: GroupRef,
    permission: PermissionName,
    change: fn(&Tx<'_>, GroupId, &PermissionName) -> Result<bool, StoreError>,
) -> Result<Group, GroupError> {
    desk.attempt(action, move |work| {
        changing_permission(work, &name, &permission, change)
    })
}

pub(super) fn changing_permission(
    work: &mut Work<'_>,
    name: &GroupRef,
    permission: &PermissionName,
    change: fn(&Tx<'_>, GroupId, &PermissionName) -> Result<bool, StoreError>,
) -> Result<Group, Fault<GroupError>> {
    let needs = Builtin::GroupsChange;
    let group = seen(work, needs, name, None)?;
    if permissions::find(work.tx, permission)?.is_none() {
        return Err(refused(GroupError::NoPermission(permission.clone())));
    }
    work.entry.permission = Some(permission.clone());
    let allowed = work.by.check_group_permission(&group, permission);
    allowed.map_err(refused)?;
    work.is_change = change(work.tx, group.id, permission)?;
    seen(work, needs, name, None)
}

/// The group, if it is as the caller has seen it. Whoever does not have what the change needs is not told
/// whether there is such a group, nor its version.
fn seen(
    work: &mut Work<'_>,
    needs: Builtin,
    name: &GroupRef,
    version: Option<i64>,
) -> Result<Group, Fault<GroupError>> {
    let found = groups::find(work.tx, name)?;
    if let Some(group) = &found {
        note_group(work, group);
    }
    work.by.require(needs).map_err(refused)?;
    let group = found.ok_or_else(|| refused(GroupError::NotFound(name.clone())))?;
    if version.is_some_and(|version| version != group.version) {
        return Err(refused(GroupError::Changed(group.version)));
    }
    Ok(group)
}

/// Names it, too: it may be gone when somebody reads of it.
fn note_group(work: &mut Work<'_>, group: &Group) {
    work.entry.group = Some(group.id);
    work.entry.note("group", group.name.as_str());
}

impl MayBeDenied for GroupError {
    fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Denied(denied) => Some(denied),
            _ => None,
        }
    }
}

fn refused(error: impl Into<GroupError>) -> Fault<GroupError> {
    Fault::Refused(error.into())
}
