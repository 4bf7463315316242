//! What a change of an account consists of.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::accounts::{AccountError, LastSuperuser};
use crate::domain::audit::Entry;
use crate::domain::authority::{Authority, Deed, Denied};
use crate::domain::group::{GroupName, GroupRef};
use crate::domain::permission::Builtin;
use crate::domain::user::{User, UserChange, UserId};
use crate::store::sessions::{self, Which};
use crate::store::{Conn, Fault, StoreError, Tx, groups, members, users};

/// Whether all of a change but its groups is allowed.
pub(super) fn check_change(by: &Authority, user: &User, change: &UserChange) -> Result<(), Denied> {
    let differs = |wanted: Option<bool>, is: bool| wanted.is_some_and(|wanted| wanted != is);
    if differs(change.is_staff, user.is_staff) || differs(change.is_superuser, user.is_superuser) {
        by.check(Deed::Standing, user)?;
    }
    if differs(change.is_active, user.is_active) {
        by.check(Deed::Activity, user)?;
    }
    if change.names_profile() {
        by.check(Deed::Profile, user)?;
    }
    by.require(Builtin::UsersChange)
}

/// Lets an account belong to these groups and no others.
pub(super) fn move_between_groups(
    tx: &Tx<'_>,
    by: &Authority,
    user: &User,
    wanted: &BTreeSet<GroupName>,
) -> Result<(), Fault<AccountError>> {
    let check = |name: &GroupName| {
        let group = groups::find(tx, &GroupRef::Name(name.clone()))?;
        let group = group.ok_or_else(|| refused(AccountError::NoGroup(name.clone())))?;
        let allowed = by.check(Deed::Membership(&group), user);
        allowed.map(|()| group.id).map_err(refused)
    };
    let mut joins = Vec::new();
    let is_in = |name: &&GroupName| user.groups.iter().any(|own| own == name.as_str());
    for name in wanted.iter().filter(|name| !is_in(name)) {
        joins.push(check(name)?);
    }
    let mut leaves = Vec::new();
    for name in &user.groups {
        let name = GroupName::from_stored(name.clone());
        if !wanted.contains(&name) {
            leaves.push(check(&name)?);
        }
    }
    for group in joins {
        members::add(tx, group, user.id)?;
    }
    for group in leaves {
        members::remove(tx, group, user.id)?;
    }
    Ok(())
}

pub(super) fn set_active(
    tx: &Tx<'_>,
    id: UserId,
    is_active: bool,
    now: Timestamp,
) -> Result<Option<User>, StoreError> {
    if !is_active {
        sessions::end_of(tx, id, Which::All, now)?;
    }
    users::set_active(tx, id, is_active, now)
}

pub(super) fn guard_last_superuser(
    connection: &Conn,
    user: &User,
    guard: LastSuperuser,
) -> Result<(), StoreError> {
    let protected = guard == LastSuperuser::Keep && user.is_superuser && user.is_active;
    if protected && !users::other_active_superuser(connection, user.id)? {
        return Err(StoreError::LastSuperuser(user.email.clone()));
    }
    Ok(())
}

/// Notes what a change has made another, and says whether that is anything. Standing and groups are
/// noted as they are now; what is a person's own by name alone.
pub(super) fn note_differences(entry: &mut Entry, was: &User, is: &User) -> bool {
    let changed = [
        ("email", was.email.as_str() != is.email.as_str()),
        ("first_name", was.first_name != is.first_name),
        ("last_name", was.last_name != is.last_name),
        ("phone_number", was.phone_number != is.phone_number),
        ("is_active", was.is_active != is.is_active),
        ("is_staff", was.is_staff != is.is_staff),
        ("is_superuser", was.is_superuser != is.is_superuser),
        ("groups", was.groups != is.groups),
        ("fields", was.fields != is.fields),
    ];
    let changed = changed.iter().filter(|(_, differs)| *differs);
    let changed: Vec<&str> = changed.map(|(name, _)| *name).collect();
    for (name, value) in [
        ("is_active", is.is_active),
        ("is_staff", is.is_staff),
        ("is_superuser", is.is_superuser),
    ] {
        if changed.contains(&name) {
            entry.note(name, value);
        }
    }
    let only = |these: &User, those: &User| {
        let names = these.groups.iter();
        let only = names.filter(|name| !those.groups.contains(name));
        only.cloned().collect::<Vec<_>>()
    };
    entry.note_names("changed", &changed);
    entry.note_names("joined", only(is, was));
    entry.note_names("left", only(was, is));
    !changed.is_empty()
}

fn refused(error: impl Into<AccountError>) -> Fault<AccountError> {
    Fault::Refused(error.into())
}
