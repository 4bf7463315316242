//! Accounts as they are declared.

use std::collections::BTreeSet;

use super::{ApplyError, DeclaredUser, Entry, Plan, Verb};
use crate::domain::audit::Action;
use crate::domain::field::Field;
use crate::domain::permission::PermissionName;
use crate::domain::user::{User, UserChange, UserId, UserRef};
use crate::passwords::PhcString;
use crate::service::account_change::{self, Arrival};
use crate::service::accounts::{AccountError, LastSuperuser};
use crate::service::import::new_user;
use crate::service::permissions;
use crate::store::users::{self, Since};
use crate::store::{self, Fault, StoreError};

impl Plan<'_, '_> {
    pub(super) fn user(
        &mut self,
        entry: &Entry<DeclaredUser>,
        fields: &[Field],
    ) -> Result<(), Fault<ApplyError>> {
        let wanted = &entry.what;
        let found = users::find(self.series.tx, &UserRef::Email(wanted.email.clone()))?;
        let (verb, id, mut what) = match found {
            None => (Verb::Add, self.add_user(entry, fields)?, vec![]),
            Some(user) => (
                Verb::Change,
                user.id,
                self.change_user(entry, fields, &user)?,
            ),
        };
        if let Some(permissions) = &wanted.permissions {
            what.extend(self.user_permissions(entry, id, permissions)?);
        }
        if verb == Verb::Add || !what.is_empty() {
            self.note(verb, "user", &wanted.email, what);
        }
        Ok(())
    }

    fn add_user(
        &mut self,
        entry: &Entry<DeclaredUser>,
        fields: &[Field],
    ) -> Result<UserId, Fault<ApplyError>> {
        let wanted = &entry.what;
        let id = UserId(self.random.uuid_v7(self.series.now));
        let since = Since {
            date_joined: self.series.now,
            last_login: None,
        };
        let new = new_user(wanted.email.clone(), wanted.rest.clone());
        let hash = &wanted.password_hash;
        let added = self.series.step(Action::UserAdded, |work| {
            if hash.is_some() {
                work.by.require_superuser().map_err(refused)?;
            }
            let hash = hash.as_ref().map(PhcString::as_str);
            account_change::add(work, fields, &new, hash, Arrival { id, since })
        });
        added.map_err(|fault| blamed(entry, fault))?;
        Ok(id)
    }

    fn change_user(
        &mut self,
        entry: &Entry<DeclaredUser>,
        fields: &[Field],
        user: &User,
    ) -> Result<Vec<String>, Fault<ApplyError>> {
        let wanted = &entry.what;
        let change = UserChange {
            email: Some(wanted.email.clone()),
            ..wanted.rest.clone()
        };
        let change = account_change::differing(change, user);
        let mut what = Vec::new();
        if !change.is_empty() {
            let changed = self.series.step(Action::UserChanged, |work| {
                let guard = LastSuperuser::Keep;
                work.entry.user = Some(user.id);
                account_change::change(work, fields, user, &change, guard)?;
                let names = work.entry.detail.get("changed").cloned();
                Ok::<_, Fault<AccountError>>(names)
            });
            let names = changed.map_err(|fault| blamed(entry, fault))?;
            let names = names.as_ref().and_then(serde_json::Value::as_array);
            let names = names.into_iter().flatten();
            what.extend(names.filter_map(|name| name.as_str().map(str::to_owned)));
        }
        // People change their passwords: one that is there stays.
        if let Some(hash) = &wanted.password_hash
            && users::credentials(self.series.tx, &wanted.email)?
                .is_some_and(|found| found.password_hash.is_none())
        {
            let given = self.series.step(Action::UserPasswordChanged, |work| {
                work.entry.user = Some(user.id);
                work.by.require_superuser().map_err(refused)?;
                account_change::set_password(work, user, hash.as_str())
            });
            given.map_err(entry.failed("password_hash"))?;
            what.push("password_hash".into());
        }
        Ok(what)
    }

    fn user_permissions(
        &mut self,
        entry: &Entry<DeclaredUser>,
        id: UserId,
        wanted: &BTreeSet<PermissionName>,
    ) -> Result<Vec<String>, Fault<ApplyError>> {
        let has = store::permissions::direct(self.series.tx, id)?;
        let user = UserRef::Id(id);
        let mut what = Vec::new();
        for name in wanted.iter().filter(|name| !has.contains(name)) {
            let granted = self.series.step(Action::UserGranted, |work| {
                permissions::changing(work, &user, name, store::permissions::grant)
            });
            granted.map_err(entry.failed("permissions"))?;
            what.push(format!("+{name}"));
        }
        for name in has.iter().filter(|name| !wanted.contains(name)) {
            let revoked = self.series.step(Action::UserRevoked, |work| {
                permissions::changing(work, &user, name, store::permissions::revoke)
            });
            revoked.map_err(entry.failed("permissions"))?;
            what.push(format!("-{name}"));
        }
        Ok(what)
    }
}

/// Which key an error is about.
fn blamed(entry: &Entry<DeclaredUser>, fault: Fault<AccountError>) -> Fault<ApplyError> {
    let wanted = &entry.what.rest;
    let key = match &fault {
        Fault::Refused(AccountError::NoGroup(_)) => "groups",
        Fault::Refused(AccountError::Fields(_)) => "fields",
        Fault::Store(StoreError::LastSuperuser(_)) if wanted.is_superuser == Some(false) => {
            "is_superuser"
        }
        Fault::Store(StoreError::LastSuperuser(_)) => "is_active",
        _ => "email",
    };
    entry.failed(key)(fault)
}

fn refused(error: impl Into<AccountError>) -> Fault<AccountError> {
    Fault::Refused(error.into())
}
