//! The rows of one transaction.

use std::collections::BTreeSet;

use super::password::{Fate, hash_of};
use super::{OnConflict, Outcome, Remark, Row, RowError};
use crate::domain::audit::Action;
use crate::domain::email::Email;
use crate::domain::field::Field;
use crate::domain::permission::PermissionName;
use crate::domain::sources::Random;
use crate::domain::user::{NewUser, User, UserChange, UserId, UserRef};
use crate::passwords::PhcString;
use crate::service::account_change::{self, Arrival};
use crate::service::accounts::{AccountError, LastSuperuser};
use crate::service::management::Series;
use crate::service::permissions::changing;
use crate::store::users::{self, Since};
use crate::store::{Fault, permissions};

/// What the rows of one transaction have in common.
pub(super) struct Batch<'b> {
    pub(super) random: &'b dyn Random,
    pub(super) on_conflict: OnConflict,
    /// All there are.
    pub(super) fields: Vec<Field>,
}

impl Batch<'_> {
    /// What becomes of a row.
    pub(super) fn bring(
        &self,
        series: &mut Series<'_>,
        row: Row,
    ) -> Result<Outcome, Fault<RowError>> {
        let tx = series.tx;
        let by_email = users::find(tx, &UserRef::Email(row.email.clone()))?;
        let by_id = match row.id {
            Some(id) if by_email.as_ref().is_none_or(|user| user.id != id) => {
                users::find(tx, &UserRef::Id(id))?
            }
            _ => None,
        };
        let by_id = match (by_id, &row.rest.external_id) {
            (None, Some(Some(external))) => {
                let found = users::find(tx, &UserRef::External(external.clone()))?;
                found.filter(|found| by_email.as_ref().is_none_or(|user| user.id != found.id))
            }
            (by_id, _) => by_id,
        };
        let found = match (by_id, by_email) {
            (None, None) => return self.add(series, row),
            (Some(user), Some(_)) => return Err(refused(RowError::Two(user.id, row.email))),
            (Some(user), None) | (None, Some(user)) => user,
        };
        match self.on_conflict {
            OnConflict::Fail => Err(refused(RowError::Exists(found.email))),
            OnConflict::Skip => Ok(Outcome::Skipped),
            OnConflict::Update if row.id.is_some_and(|id| id != found.id) => {
                Err(refused(RowError::OtherId(found.email, found.id)))
            }
            OnConflict::Update => self.update(series, row, &found),
        }
    }

    fn add(&self, series: &mut Series<'_>, row: Row) -> Result<Outcome, Fault<RowError>> {
        if let Some(id) = row.id
            && users::was_deleted(series.tx, id)?
        {
            return Err(refused(RowError::Deleted(id)));
        }
        let id = row
            .id
            .unwrap_or_else(|| UserId(self.random.uuid_v7(series.now)));
        let arrival = Arrival {
            id,
            since: Since {
                date_joined: row.date_joined.unwrap_or(series.now),
                last_login: row.last_login,
            },
        };
        let (password, permissions) = (row.password, row.permissions.unwrap_or_default());
        let new = new_user(row.email, row.rest);
        series.step(Action::UserAdded, |work| {
            work.entry.note("imported", true);
            let hash = password.hash().map(PhcString::as_str);
            if hash.is_some() {
                work.by.require_superuser().map_err(refused)?;
            }
            account_change::add(work, &self.fields, &new, hash, arrival).map_err(of_account)
        })?;
        for name in &permissions {
            direct(series, Action::UserGranted, id, name)?;
        }
        Ok(Outcome::Created)
    }

    fn update(
        &self,
        series: &mut Series<'_>,
        row: Row,
        user: &User,
    ) -> Result<Outcome, Fault<RowError>> {
        let mut remarks = standing_changed(&row, user);
        let has = hash_of(series.tx, &user.email)?;
        let email = row.email.clone();
        let lost_groups = match (&row.permissions, &row.rest.groups) {
            // Whoever writes a file by hand means it.
            (Some(_), Some(wanted)) => {
                let is_lost = |name: &&String| wanted.iter().all(|one| one.as_str() != *name);
                user.groups.iter().filter(is_lost).cloned().collect()
            }
            _ => Vec::new(),
        };
        let wanted = UserChange {
            email: Some(row.email),
            ..row.rest
        };
        let change = account_change::differing(wanted, user);
        let mut is_changed = false;
        if !change.is_empty() {
            is_changed = series.step(Action::UserChanged, |work| {
                work.entry.user = Some(user.id);
                work.entry.note("imported", true);
                let guard = LastSuperuser::Keep;
                account_change::change(work, &self.fields, user, &change, guard)
                    .map_err(of_account)?;
                Ok::<_, Fault<RowError>>(work.is_change)
            })?;
        }
        match row.password.over(has) {
            Fate::Stays => {}
            Fate::StaysUnknown(_) => remarks.push(Remark::KeepsPassword(email.clone())),
            Fate::StaysAlone(_) => remarks.push(Remark::KeepsPasswordAlone(email.clone())),
            Fate::Replaced(hash) => {
                is_changed = true;
                set_password(series, user, Some(hash))?;
            }
            Fate::Removed => {
                is_changed = true;
                set_password(series, user, None)?;
            }
        }
        let lost = match &row.permissions {
            Some(wanted) => {
                let (lost, has_more) = rights(series, user.id, wanted)?;
                is_changed |= has_more || !lost.is_empty();
                lost
            }
            None => Vec::new(),
        };
        if !lost.is_empty() || !lost_groups.is_empty() {
            remarks.push(Remark::Loses(email, lost_groups, lost));
        }
        Ok(if is_changed {
            Outcome::Updated(remarks)
        } else {
            Outcome::Unchanged(remarks)
        })
    }
}

/// Gives an account another password hash, or none; its sessions end.
fn set_password(
    series: &mut Series<'_>,
    user: &User,
    hash: Option<&PhcString>,
) -> Result<(), Fault<RowError>> {
    series.step(Action::UserPasswordChanged, |work| {
        work.entry.user = Some(user.id);
        work.entry.note("imported", true);
        work.by.require_superuser().map_err(refused)?;
        let done = if let Some(hash) = hash {
            account_change::set_password(work, user, hash.as_str())
        } else {
            work.entry.note("removed", true);
            account_change::remove_password(work, user)
        };
        done.map(drop).map_err(of_account)
    })
}

/// What Django makes of an account besides that somebody here may have decided otherwise.
fn standing_changed(row: &Row, user: &User) -> Vec<Remark> {
    let mut remarks = Vec::new();
    if row.permissions.is_none() {
        // Whoever writes a file by hand means it.
        return remarks;
    }
    if row.rest.is_active == Some(true) && !user.is_active {
        remarks.push(Remark::Enabled(row.email.clone()));
    }
    let is_less = |now: Option<bool>, was: bool| was && now == Some(false);
    if is_less(row.rest.is_staff, user.is_staff)
        || is_less(row.rest.is_superuser, user.is_superuser)
    {
        remarks.push(Remark::Demoted(row.email.clone()));
    }
    remarks
}

/// Lets an account do these things by itself and no others, as it belongs to the groups of its row and to
/// no others; gives what it may not any more, and whether it may more. Nobody elsewhere knows of the
/// permissions of this service itself: whoever was given them keeps them.
fn rights(
    series: &mut Series<'_>,
    id: UserId,
    wanted: &BTreeSet<PermissionName>,
) -> Result<(Vec<PermissionName>, bool), Fault<RowError>> {
    let mut lost = permissions::direct(series.tx, id)?;
    let mut has_more = false;
    for name in wanted.iter().filter(|name| !lost.contains(name)) {
        direct(series, Action::UserGranted, id, name)?;
        has_more = true;
    }
    lost.retain(|name| !wanted.contains(name) && !name.is_builtin());
    for name in &lost {
        direct(series, Action::UserRevoked, id, name)?;
    }
    Ok((lost, has_more))
}

/// Gives an account a permission by itself, or takes it.
fn direct(
    series: &mut Series<'_>,
    action: Action,
    id: UserId,
    name: &PermissionName,
) -> Result<(), Fault<RowError>> {
    let change = if action == Action::UserRevoked {
        permissions::revoke
    } else {
        permissions::grant
    };
    series.step(action, |work| {
        work.entry.note("imported", true);
        let changed = changing(work, &UserRef::Id(id), name, change);
        changed.map(drop).map_err(|fault| match fault {
            Fault::Store(error) => Fault::Store(error),
            Fault::Refused(error) => refused(error),
        })
    })
}

/// A new account of which no more is known.
pub(in crate::service) fn new_user(email: Email, rest: UserChange) -> NewUser {
    let is_superuser = rest.is_superuser.unwrap_or(false);
    NewUser {
        email,
        first_name: rest.first_name.unwrap_or_default(),
        last_name: rest.last_name.unwrap_or_default(),
        phone_number: rest.phone_number.flatten(),
        external_id: rest.external_id.flatten(),
        is_active: rest.is_active.unwrap_or(true),
        is_staff: rest.is_staff.unwrap_or(false),
        is_superuser,
        groups: rest.groups.unwrap_or_default(),
        fields: rest.fields,
    }
}

fn refused(error: impl Into<RowError>) -> Fault<RowError> {
    Fault::Refused(error.into())
}

fn of_account(fault: Fault<AccountError>) -> Fault<RowError> {
    match fault {
        Fault::Store(error) => Fault::Store(error),
        Fault::Refused(error) => refused(error),
    }
}
