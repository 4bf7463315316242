//! What a change of an account consists of: in the transaction of whoever makes it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::account_fields;
use super::accounts::{AccountError, LastSuperuser};
use super::management::Work;
use crate::domain::audit::Entry;
use crate::domain::authority::{Authority, Deed, Denied};
use crate::domain::field::Field;
use crate::domain::group::{GroupName, GroupRef};
use crate::domain::permission::Builtin;
use crate::domain::user::{NewUser, User, UserChange, UserId, UserRef};
use crate::store::sessions::{self, Which};
use crate::store::users::Since;
use crate::store::{Conn, Fault, StoreError, Tx, groups, members, users};

/// Which id a new account has, and since when it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) id: UserId,
    pub(super) since: Since,
}

/// Adds an account; `fields` are all there are.
pub(super) fn add(
    work: &mut Work<'_>,
    fields: &[Field],
    new: &NewUser,
    hash: Option<&str>,
    arrival: Arrival,
) -> Result<User, Fault<AccountError>> {
    let (tx, id) = (work.tx, arrival.id);
    work.entry.user = Some(id);
    let allowed = work.by.check_new(new.is_staff, new.is_superuser);
    allowed.map_err(refused)?;
    let user = account_fields::fill_new(tx, fields, &new.fields, || {
        Ok(users::insert_since(tx, id, new, hash, arrival.since)?)
    })?;
    for (mark, is_set) in [("staff", new.is_staff), ("superuser", new.is_superuser)] {
        if is_set {
            work.entry.note(mark, true);
        }
    }
    if !new.groups.is_empty() {
        work.entry.note_names("joined", &new.groups);
        move_between_groups(tx, &work.by, &user, &new.groups)?;
    }
    let name = UserRef::Id(id);
    let user = users::find(tx, &name)?;
    user.ok_or_else(|| refused(AccountError::NotFound(name)))
}

/// Changes what `change` names; `fields` are all there are. `None`: the account is gone.
pub(super) fn change(
    work: &mut Work<'_>,
    fields: &[Field],
    user: &User,
    change: &UserChange,
    guard: LastSuperuser,
) -> Result<Option<User>, Fault<AccountError>> {
    let tx = work.tx;
    check_change(&work.by, user, change).map_err(refused)?;
    if change.is_superuser == Some(false) || change.is_active == Some(false) {
        guard_last_superuser(tx, user, guard)?;
    }
    if change.names_columns() {
        users::update(tx, user.id, change)?;
    }
    account_fields::change(tx, fields, user, &change.fields)?;
    if let Some(groups) = &change.groups {
        move_between_groups(tx, &work.by, user, groups)?;
    }
    if let Some(is_active) = change.is_active.filter(|wanted| *wanted != user.is_active) {
        set_active(tx, user.id, is_active, work.now)?;
    }
    let changed = users::find(tx, &UserRef::Id(user.id))?;
    if let Some(changed) = &changed {
        work.is_change = note_differences(&mut work.entry, user, changed);
    }
    Ok(changed)
}

/// What of a change is another than it is: what is as it was draws no version.
pub(super) fn differing(change: UserChange, user: &User) -> UserChange {
    fn differing<T: PartialEq>(wanted: Option<T>, is: &T) -> Option<T> {
        wanted.filter(|wanted| wanted != is)
    }
    let same_groups = |wanted: &BTreeSet<GroupName>| {
        let wanted = wanted.iter().map(GroupName::as_str);
        wanted.eq(user.groups.iter().map(String::as_str))
    };
    UserChange {
        email: change
            .email
            .filter(|email| email.as_str() != user.email.as_str()),
        first_name: differing(change.first_name, &user.first_name),
        last_name: differing(change.last_name, &user.last_name),
        phone_number: differing(change.phone_number, &user.phone_number),
        external_id: differing(change.external_id, &user.external_id),
        is_active: differing(change.is_active, &user.is_active),
        is_staff: differing(change.is_staff, &user.is_staff),
        is_superuser: differing(change.is_superuser, &user.is_superuser),
        groups: change.groups.filter(|wanted| !same_groups(wanted)),
        fields: change.fields,
    }
}

/// Gives an account another password hash; its sessions end.
pub(super) fn set_password(
    work: &mut Work<'_>,
    user: &User,
    hash: &str,
) -> Result<Option<User>, Fault<AccountError>> {
    work.by.check(Deed::Profile, user).map_err(refused)?;
    sessions::end_of(work.tx, user.id, Which::All, work.now)?;
    Ok(users::set_password(work.tx, user.id, hash, work.now)?)
}

/// Leaves an account without a password; its sessions end.
pub(super) fn remove_password(
    work: &mut Work<'_>,
    user: &User,
) -> Result<Option<User>, Fault<AccountError>> {
    work.by.check(Deed::Profile, user).map_err(refused)?;
    sessions::end_of(work.tx, user.id, Which::All, work.now)?;
    Ok(users::remove_password(work.tx, user.id, work.now)?)
}

/// Removes an account, and returns what it was; `None`: it is gone already.
pub(super) fn delete(
    work: &mut Work<'_>,
    user: &User,
    guard: LastSuperuser,
) -> Result<Option<User>, Fault<AccountError>> {
    work.by.check(Deed::Deletion, user).map_err(refused)?;
    guard_last_superuser(work.tx, user, guard)?;
    let was_there = users::delete(work.tx, user.id, work.now)?;
    Ok(was_there.then(|| user.clone()))
}

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
        ("external_id", was.external_id != is.external_id),
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
