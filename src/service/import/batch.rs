//! The rows of one transaction.

use std::collections::BTreeSet;

use super::{OnConflict, Outcome, Row, RowError};
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
use crate::store::{Fault, StoreError, permissions};

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
        let (hash, permissions) = (row.password_hash, row.permissions);
        let new = new_user(row.email, row.rest);
        series.step(Action::UserAdded, |work| {
            work.entry.note("imported", true);
            if hash.is_some() {
                work.by.require_superuser().map_err(refused)?;
            }
            let hash = hash.as_ref().map(PhcString::as_str);
            account_change::add(work, &self.fields, &new, hash, arrival).map_err(of_account)
        })?;
        grant(series, id, &permissions)?;
        Ok(Outcome::Created)
    }

    fn update(
        &self,
        series: &mut Series<'_>,
        row: Row,
        user: &User,
    ) -> Result<Outcome, Fault<RowError>> {
        let email = row.email.clone();
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
        if let Some(hash) = row.password_hash
            && has_other_password(series, &email, &hash, row.keeps_password)?
        {
            is_changed = true;
            series.step(Action::UserPasswordChanged, |work| {
                work.entry.user = Some(user.id);
                work.entry.note("imported", true);
                work.by.require_superuser().map_err(refused)?;
                account_change::set_password(work, user, hash.as_str()).map_err(of_account)
            })?;
        }
        is_changed |= grant(series, user.id, &row.permissions)?;
        Ok(if is_changed {
            Outcome::Updated
        } else {
            Outcome::Unchanged
        })
    }
}

/// Lets an account do these things by itself; says whether there was one that it could not.
fn grant(
    series: &mut Series<'_>,
    id: UserId,
    names: &BTreeSet<PermissionName>,
) -> Result<bool, Fault<RowError>> {
    let mut is_change = false;
    for name in names {
        is_change |= series.step(Action::UserGranted, |work| {
            work.entry.note("imported", true);
            let granted = changing(work, &UserRef::Id(id), name, permissions::grant);
            granted.map_err(|fault| match fault {
                Fault::Store(error) => Fault::Store(error),
                Fault::Refused(error) => refused(error),
            })?;
            Ok::<_, Fault<RowError>>(work.is_change)
        })?;
    }
    Ok(is_change)
}

/// Whether the password is to take the place of the account's.
fn has_other_password(
    series: &Series<'_>,
    email: &Email,
    hash: &PhcString,
    keeps: bool,
) -> Result<bool, StoreError> {
    let found = users::credentials(series.tx, email)?;
    let has = found.and_then(|found| found.password_hash);
    Ok(has.is_none_or(|has| !keeps && has.expose() != hash.as_str()))
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
