//! Permissions: which there are, and which accounts hold by themselves.

use super::management::{Management, MayBeDenied, Work};
use crate::domain::audit::Action;
use crate::domain::authority::{Deed, Denied};
use crate::domain::label::Label;
use crate::domain::permission::{Builtin, Permission, PermissionName};
use crate::domain::user::{User, UserId, UserRef};
use crate::store::{Fault, StoreError, Tx, permissions, users};

/// Why a permission was not made, found, given or taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PermissionError {
    /// There is no such permission.
    #[error("there is no permission '{0}': see 'authctl permission list'")]
    NotFound(PermissionName),
    /// There is no such account.
    #[error("there is no account '{0}'")]
    NoAccount(UserRef),
    /// The service itself asks for it.
    #[error("the permission '{0}' is built in")]
    Builtin(PermissionName),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Some permissions by their names.
#[derive(Debug)]
pub struct Page {
    /// The permissions.
    pub permissions: Vec<Permission>,
    /// Where the next page begins; `None`: this is the last.
    pub next: Option<PermissionName>,
}

/// Adds a permission of the installation's own. Superusers have it at once.
pub fn add(
    desk: &Management,
    name: PermissionName,
    description: Label,
) -> Result<Permission, PermissionError> {
    desk.attempt(Action::PermissionAdded, move |work| {
        adding(work, &name, &description)
    })
}

pub(super) fn adding(
    work: &mut Work<'_>,
    name: &PermissionName,
    description: &Label,
) -> Result<Permission, Fault<PermissionError>> {
    work.entry.permission = Some(name.clone());
    work.by.require_superuser().map_err(refused)?;
    Ok(permissions::insert(work.tx, name, description)?)
}

/// Gives a permission of the installation's own another description.
pub(super) fn describing(
    work: &mut Work<'_>,
    name: &PermissionName,
    description: &Label,
) -> Result<(), Fault<PermissionError>> {
    work.entry.permission = Some(name.clone());
    work.by.require_superuser().map_err(refused)?;
    if known(work, name)?.is_builtin {
        return Err(refused(PermissionError::Builtin(name.clone())));
    }
    Ok(permissions::describe(work.tx, name, description)?)
}

/// The permission of that name.
pub fn find(desk: &Management, name: &PermissionName) -> Result<Permission, PermissionError> {
    desk.check_view(Builtin::GroupsView, Action::GroupViewed)?;
    let found = desk
        .store
        .read(|connection| permissions::find(connection, name))?;
    found.ok_or_else(|| PermissionError::NotFound(name.clone()))
}

/// One page of permissions. Whoever sees groups sees what they may be given.
pub fn list(
    desk: &Management,
    after: Option<&PermissionName>,
    limit: u32,
) -> Result<Page, PermissionError> {
    desk.check_view(Builtin::GroupsView, Action::GroupViewed)?;
    let ask = limit.saturating_add(1);
    let mut found = desk
        .store
        .read(|connection| permissions::list(connection, after, ask))?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| last.name.clone());
    Ok(Page {
        permissions: found,
        next,
    })
}

/// Removes a permission, from all who have it, and returns what it was.
pub fn delete(desk: &Management, name: PermissionName) -> Result<Permission, PermissionError> {
    desk.attempt(Action::PermissionDeleted, move |work| deleting(work, &name))
}

pub(super) fn deleting(
    work: &mut Work<'_>,
    name: &PermissionName,
) -> Result<Permission, Fault<PermissionError>> {
    work.entry.permission = Some(name.clone());
    work.by.require_superuser().map_err(refused)?;
    let found = known(work, name)?;
    if found.is_builtin {
        return Err(refused(PermissionError::Builtin(name.clone())));
    }
    permissions::delete(work.tx, name)?;
    Ok(found)
}

/// Gives an account a permission by itself, and returns it.
pub fn grant(
    desk: &Management,
    user: UserRef,
    name: PermissionName,
) -> Result<User, PermissionError> {
    change(desk, Action::UserGranted, user, name, permissions::grant)
}

/// Takes from an account what it was given by itself, and returns it.
pub fn revoke(
    desk: &Management,
    user: UserRef,
    name: PermissionName,
) -> Result<User, PermissionError> {
    change(desk, Action::UserRevoked, user, name, permissions::revoke)
}

/// What an account was given by itself.
pub fn direct(desk: &Management, user: UserId) -> Result<Vec<PermissionName>, PermissionError> {
    desk.check_view(Builtin::UsersView, Action::UserViewed)?;
    let read = |connection: &_| permissions::direct(connection, user);
    Ok(desk.store.read(read)?)
}

fn change(
    desk: &Management,
    action: Action,
    user: UserRef,
    name: PermissionName,
    change: fn(&Tx<'_>, UserId, &PermissionName) -> Result<bool, StoreError>,
) -> Result<User, PermissionError> {
    desk.attempt(action, move |work| changing(work, &user, &name, change))
}

pub(super) fn changing(
    work: &mut Work<'_>,
    user: &UserRef,
    name: &PermissionName,
    change: fn(&Tx<'_>, UserId, &PermissionName) -> Result<bool, StoreError>,
) -> Result<User, Fault<PermissionError>> {
    work.by.require(Builtin::UsersChange).map_err(refused)?;
    let absent = || refused(PermissionError::NoAccount(user.clone()));
    let account = users::find(work.tx, user)?.ok_or_else(absent)?;
    work.entry.user = Some(account.id);
    known(work, name)?;
    work.entry.permission = Some(name.clone());
    let deed = Deed::Permission(name);
    work.by.check(deed, &account).map_err(refused)?;
    work.is_change = change(work.tx, account.id, name)?;
    users::find(work.tx, &UserRef::Id(account.id))?.ok_or_else(absent)
}

fn known(work: &Work<'_>, name: &PermissionName) -> Result<Permission, Fault<PermissionError>> {
    let found = permissions::find(work.tx, name)?;
    found.ok_or_else(|| refused(PermissionError::NotFound(name.clone())))
}

impl MayBeDenied for PermissionError {
    fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Denied(denied) => Some(denied),
            _ => None,
        }
    }
}

fn refused(error: impl Into<PermissionError>) -> Fault<PermissionError> {
    Fault::Refused(error.into())
}
