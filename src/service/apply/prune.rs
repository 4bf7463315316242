//! What a document does not list, of the kinds that are in it.

use std::collections::BTreeSet;

use super::{ApplyError, Declared, Entry, Plan, Problem, Verb};
use crate::domain::audit::Action;
use crate::domain::group::{GroupName, GroupRef};
use crate::domain::permission::PermissionName;
use crate::domain::user::User;
use crate::service::account_change;
use crate::service::accounts::LastSuperuser;
use crate::service::{clients, fields, groups, permissions};
use crate::store::users::{self, UserFilter};
use crate::store::{self, Fault, StoreError};

/// Accounts that are looked at together.
const PAGE: u32 = 500;

/// Refuses a document that refers to what it would let be deleted.
pub(super) fn require_listed(declared: &Declared) -> Result<(), ApplyError> {
    let permissions = declared.permissions.as_ref();
    let permissions: Option<BTreeSet<&str>> =
        permissions.map(|all| all.iter().map(|entry| entry.what.name.as_str()).collect());
    let groups = declared.groups.as_ref();
    let groups: Option<BTreeSet<&str>> =
        groups.map(|all| all.iter().map(|entry| entry.what.name.as_str()).collect());
    let is_there = |name: &PermissionName| {
        name.is_builtin()
            || permissions
                .as_ref()
                .is_none_or(|all| all.contains(name.as_str()))
    };
    for entry in declared.groups.iter().flatten() {
        let names = entry.what.permissions.iter().flatten();
        require(entry, "permissions", names, is_there)?;
    }
    for entry in declared.users.iter().flatten() {
        let names = entry.what.permissions.iter().flatten();
        require(entry, "permissions", names, is_there)?;
        let names = entry.what.rest.groups.iter().flatten();
        require(entry, "groups", names, |name: &GroupName| {
            groups
                .as_ref()
                .is_none_or(|all| all.contains(name.as_str()))
        })?;
    }
    Ok(())
}

fn require<'n, T, N: ToString + 'n>(
    entry: &Entry<T>,
    key: &str,
    mut names: impl Iterator<Item = &'n N>,
    is_there: impl Fn(&N) -> bool,
) -> Result<(), ApplyError> {
    match names.find(|name| !is_there(name)) {
        Some(name) => Err(entry.wrong(key, Problem::NotListed(name.to_string()))),
        None => Ok(()),
    }
}

impl Plan<'_, '_> {
    pub(super) fn prune(&mut self, declared: &Declared) -> Result<(), Fault<ApplyError>> {
        if let Some(listed) = &declared.users {
            let keys = listed.iter().map(|entry| entry.what.email.key());
            self.prune_users(&keys.collect())?;
        }
        let tx = self.series.tx;
        if let Some(listed) = &declared.groups {
            for group in store::groups::list(tx, None, u32::MAX)? {
                if listed.iter().all(|entry| entry.what.name != group.name) {
                    let name = GroupRef::Id(group.id);
                    let deleted = self.series.step(Action::GroupDeleted, |work| {
                        groups::deleting(work, &name, None)
                    });
                    deleted.map_err(failed("group", &group.name))?;
                    self.note(Verb::Delete, "group", &group.name, vec![]);
                }
            }
        }
        if let Some(listed) = &declared.clients {
            for client in store::clients::list(tx, None, u32::MAX)? {
                if listed.iter().all(|entry| entry.what.id != client.id) {
                    let deleted = self.series.step(Action::ClientDeleted, |work| {
                        clients::changing(work, &client.id, store::clients::delete)
                    });
                    deleted.map_err(failed("client", &client.id))?;
                    self.note(Verb::Delete, "client", &client.id, vec![]);
                }
            }
        }
        if let Some(listed) = &declared.fields {
            for field in store::fields::all(tx)? {
                if listed.iter().all(|entry| entry.what.name != field.name) {
                    let deleted = self.series.step(Action::FieldDeleted, |work| {
                        fields::deleting(work, &field.name, None)
                    });
                    deleted.map_err(failed("field", &field.name))?;
                    self.note(Verb::Delete, "field", &field.name, vec![]);
                }
            }
        }
        if let Some(listed) = &declared.permissions {
            for permission in store::permissions::list(tx, None, u32::MAX)? {
                let name = &permission.name;
                if !permission.is_builtin && listed.iter().all(|entry| entry.what.name != *name) {
                    let deleted = self.series.step(Action::PermissionDeleted, |work| {
                        permissions::deleting(work, name)
                    });
                    deleted.map_err(failed("permission", name))?;
                    self.note(Verb::Delete, "permission", name, vec![]);
                }
            }
        }
        Ok(())
    }

    fn prune_users(&mut self, listed: &BTreeSet<&str>) -> Result<(), Fault<ApplyError>> {
        let mut filter = UserFilter::default();
        loop {
            let page = users::list(self.series.tx, &filter, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            filter.after = Some(filter.order.place(last));
            for user in page
                .iter()
                .filter(|user| !listed.contains(user.email.key()))
            {
                self.delete_user(user)?;
            }
        }
    }

    fn delete_user(&mut self, user: &User) -> Result<(), Fault<ApplyError>> {
        let deleted = self.series.step(Action::UserDeleted, |work| {
            work.entry.user = Some(user.id);
            account_change::delete(work, user, LastSuperuser::Keep)
        });
        deleted.map_err(failed("user", &user.email))?;
        self.note(Verb::Delete, "user", &user.email, vec![]);
        Ok(())
    }
}

fn failed<E: Into<Problem> + From<StoreError>>(
    kind: &'static str,
    name: &impl ToString,
) -> impl FnOnce(Fault<E>) -> Fault<ApplyError> {
    let name = name.to_string();
    move |fault| {
        let problem = match fault {
            Fault::Refused(error) => error.into(),
            Fault::Store(error) if error.is_refusal() => E::from(error).into(),
            Fault::Store(error) => return Fault::Store(error),
        };
        Fault::Refused(ApplyError::Prune {
            kind,
            name,
            problem,
        })
    }
}
