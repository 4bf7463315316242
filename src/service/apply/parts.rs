//! Permissions, fields, groups and clients as they are declared.

use std::collections::BTreeSet;

use super::{
    ApplyError, Change, DeclaredClient, DeclaredField, DeclaredGroup, DeclaredPermission, Entry,
    Plan, Problem, Verb,
};
use crate::domain::audit::Action;
use crate::domain::client::NewClient;
use crate::domain::field::{Definition, FieldChange, Spec};
use crate::domain::group::{Group, GroupId, GroupRef};
use crate::domain::permission::PermissionName;
use crate::service::fields::{self as own_fields, FieldError, Force};
use crate::service::permissions::PermissionError;
use crate::service::{clients, groups, permissions};
use crate::store::{self, Fault};
use crate::tokens::{OpaqueKind, OpaqueToken};

/// A field that comes, and is required once accounts have a value.
pub(super) struct ToRequire<'e> {
    entry: &'e Entry<DeclaredField>,
    is_new: bool,
}

impl Plan<'_, '_> {
    pub(super) fn permission(
        &mut self,
        entry: &Entry<DeclaredPermission>,
    ) -> Result<(), Fault<ApplyError>> {
        let DeclaredPermission { name, description } = &entry.what;
        let wanted = description.clone().unwrap_or_default();
        match store::permissions::find(self.series.tx, name)? {
            None => {
                let added = self.series.step(Action::PermissionAdded, |work| {
                    permissions::adding(work, name, &wanted)
                });
                added.map_err(entry.failed("name"))?;
                self.note(Verb::Add, "permission", name, vec![]);
            }
            Some(found) if description.is_none() || found.description == wanted.as_str() => {}
            Some(found) if found.is_builtin => {
                let problem = PermissionError::Builtin(name.clone());
                return Err(Fault::Refused(entry.wrong("description", problem)));
            }
            Some(_) => {
                let described = self.series.step(Action::PermissionChanged, |work| {
                    permissions::describing(work, name, &wanted)
                });
                described.map_err(entry.failed("description"))?;
                self.note(Verb::Change, "permission", name, vec!["description".into()]);
            }
        }
        Ok(())
    }

    pub(super) fn field<'e>(
        &mut self,
        entry: &'e Entry<DeclaredField>,
        required: &mut Vec<ToRequire<'e>>,
    ) -> Result<(), Fault<ApplyError>> {
        let DeclaredField { name, spec } = &entry.what;
        let found = store::fields::find(self.series.tx, name)?;
        let is_new = found.is_none();
        let waits = spec.required
            && spec.default.is_none()
            && found
                .as_ref()
                .is_none_or(|field| !field.definition.required);
        if waits {
            required.push(ToRequire { entry, is_new });
        }
        let spec = Spec {
            required: spec.required && !waits,
            ..spec.clone()
        };
        let Some(found) = found else {
            let definition = Definition::new(spec).map_err(FieldError::from);
            let definition = definition.map_err(|error| entry.undefined("type", error))?;
            let added = self.series.step(Action::FieldAdded, |work| {
                own_fields::adding(work, name, &definition)
            });
            added.map_err(entry.failed("name"))?;
            self.note(Verb::Add, "field", name, vec![]);
            return Ok(());
        };
        if found.definition.kind() != spec.kind {
            let problem = Problem::Type(found.definition.kind());
            return Err(Fault::Refused(entry.wrong("type", problem)));
        }
        let was = found.definition.spec();
        let changed = self.series.step(Action::FieldChanged, |work| {
            own_fields::changing(work, name, None, whole(spec), Force::No)?;
            Ok::<_, Fault<FieldError>>(work.is_change)
        });
        let changed = changed.map_err(|fault| match fault {
            Fault::Refused(error) => entry.undefined("name", error),
            fault @ Fault::Store(_) => entry.failed::<FieldError>("name")(fault),
        });
        if changed? {
            let is = store::fields::find(self.series.tx, name)?;
            let is = is.map(|field| field.definition.spec()).unwrap_or_default();
            self.note(Verb::Change, "field", name, differences(&was, &is));
        }
        Ok(())
    }

    pub(super) fn require_field(&mut self, late: ToRequire<'_>) -> Result<(), Fault<ApplyError>> {
        let ToRequire { entry, is_new } = late;
        let name = &entry.what.name;
        let change = FieldChange {
            required: Some(true),
            ..FieldChange::default()
        };
        let changed = self.series.step(Action::FieldChanged, |work| {
            own_fields::changing(work, name, None, change, Force::No)
        });
        changed.map_err(|fault| match fault {
            Fault::Refused(error) => entry.undefined("required", error),
            fault @ Fault::Store(_) => entry.failed::<FieldError>("required")(fault),
        })?;
        if !is_new {
            self.note(Verb::Change, "field", name, vec!["required".into()]);
        }
        Ok(())
    }

    pub(super) fn group(&mut self, entry: &Entry<DeclaredGroup>) -> Result<(), Fault<ApplyError>> {
        let DeclaredGroup { name, permissions } = &entry.what;
        let named = GroupRef::Name(name.clone());
        let found = store::groups::find(self.series.tx, &named)?;
        let is_new = found.is_none();
        let group = if let Some(group) = found {
            group
        } else {
            let id = GroupId(self.random.uuid_v7(self.series.now));
            let added = self
                .series
                .step(Action::GroupAdded, |work| groups::adding(work, id, name));
            added.map_err(entry.failed("name"))?
        };
        let what = match permissions {
            Some(wanted) => self.group_permissions(entry, &named, &group, wanted)?,
            None => vec![],
        };
        if is_new {
            self.note(Verb::Add, "group", name, what);
        } else if !what.is_empty() {
            self.note(Verb::Change, "group", name, what);
        }
        Ok(())
    }

    fn group_permissions(
        &mut self,
        entry: &Entry<DeclaredGroup>,
        named: &GroupRef,
        group: &Group,
        wanted: &BTreeSet<PermissionName>,
    ) -> Result<Vec<String>, Fault<ApplyError>> {
        let mut what = Vec::new();
        for name in wanted
            .iter()
            .filter(|name| !group.permissions.contains(name))
        {
            let granted = self.series.step(Action::GroupGranted, |work| {
                groups::changing_permission(work, named, name, store::groups::grant)
            });
            granted.map_err(entry.failed("permissions"))?;
            what.push(format!("+{name}"));
        }
        for name in group
            .permissions
            .iter()
            .filter(|name| !wanted.contains(name))
        {
            let revoked = self.series.step(Action::GroupRevoked, |work| {
                groups::changing_permission(work, named, name, store::groups::revoke)
            });
            revoked.map_err(entry.failed("permissions"))?;
            what.push(format!("-{name}"));
        }
        Ok(what)
    }

    pub(super) fn client(
        &mut self,
        entry: &Entry<DeclaredClient>,
    ) -> Result<(), Fault<ApplyError>> {
        let wanted = &entry.what;
        let found = store::clients::find(self.series.tx, &wanted.id)?;
        let was_active = found.as_ref().is_none_or(|client| client.is_active);
        let mut what = Vec::new();
        let mut secret = None;
        let verb = if let Some(client) = found {
            let differs = [
                (
                    "name",
                    wanted
                        .name
                        .as_ref()
                        .is_some_and(|name| name.as_str() != client.name),
                ),
                (
                    "scopes",
                    wanted
                        .scopes
                        .as_ref()
                        .is_some_and(|scopes| *scopes != client.scopes),
                ),
                (
                    "audiences",
                    wanted
                        .audiences
                        .as_ref()
                        .is_some_and(|list| *list != client.audiences),
                ),
            ];
            what.extend(
                differs
                    .iter()
                    .filter(|(_, it)| *it)
                    .map(|(name, _)| (*name).to_owned()),
            );
            if !what.is_empty() {
                let new = NewClient {
                    id: wanted.id.clone(),
                    name: match &wanted.name {
                        Some(name) => name.clone(),
                        None => client.name.parse().unwrap_or_default(),
                    },
                    scopes: wanted.scopes.clone().unwrap_or(client.scopes),
                    audiences: wanted.audiences.clone().unwrap_or(client.audiences),
                };
                let changed = self.series.step(Action::ClientChanged, |work| {
                    clients::describing(work, &new, &what)
                });
                changed.map_err(entry.failed("id"))?;
            }
            Verb::Change
        } else {
            let made = OpaqueToken::generate(OpaqueKind::ClientSecret, self.random);
            let new = NewClient {
                id: wanted.id.clone(),
                name: wanted.name.clone().unwrap_or_default(),
                scopes: wanted.scopes.clone().unwrap_or_default(),
                audiences: wanted
                    .audiences
                    .clone()
                    .unwrap_or_else(|| self.audiences.to_vec()),
            };
            let hash = made.hash();
            let added = self.series.step(Action::ClientAdded, |work| {
                clients::adding(work, &new, &hash)
            });
            added.map_err(entry.failed("id"))?;
            secret = Some(made);
            Verb::Add
        };
        if let Some(is_active) = wanted.is_active.filter(|wanted| *wanted != was_active) {
            let action = if is_active {
                Action::ClientEnabled
            } else {
                Action::ClientDisabled
            };
            let changed = self.series.step(action, |work| {
                clients::changing(work, &wanted.id, |tx, id, now| {
                    store::clients::set_active(tx, id, is_active, now)
                })
            });
            changed.map_err(entry.failed("is_active"))?;
            what.push("is_active".into());
        }
        if verb == Verb::Add || !what.is_empty() {
            self.changes.push(Change {
                verb,
                kind: "client",
                name: wanted.id.to_string(),
                what,
                secret,
            });
        }
        Ok(())
    }
}

impl Entry<DeclaredField> {
    /// The definition is wrong, in one of its keys, or else about what stands under this one.
    fn undefined(&self, key: &str, error: FieldError) -> Fault<ApplyError> {
        Fault::Refused(match error {
            FieldError::Definition(error) => {
                self.wrong(error.member(), FieldError::Definition(error))
            }
            FieldError::Broken(breaches) => self.wrong(key, Problem::Broken(breaches)),
            error => self.wrong(key, error),
        })
    }
}

/// A change to all of a definition.
fn whole(spec: Spec) -> FieldChange {
    FieldChange {
        label: Some(spec.label),
        required: Some(spec.required),
        unique: Some(spec.unique),
        indexed: Some(spec.indexed),
        default: Some(spec.default),
        choices: Some(spec.choices),
        max_length: Some(spec.max_length),
        pattern: Some(spec.pattern),
        min: Some(spec.min),
        max: Some(spec.max),
        self_read: Some(spec.self_read),
        self_write: Some(spec.self_write),
        in_token: Some(spec.in_token),
    }
}

/// Names of what differs.
fn differences(was: &Spec, is: &Spec) -> Vec<String> {
    let differs = [
        ("label", was.label != is.label),
        ("required", was.required != is.required),
        ("unique", was.unique != is.unique),
        ("indexed", was.indexed != is.indexed),
        ("default", was.default != is.default),
        ("choices", was.choices != is.choices),
        ("max_length", was.max_length != is.max_length),
        ("pattern", was.pattern != is.pattern),
        ("min", was.min != is.min),
        ("max", was.max != is.max),
        ("self_read", was.self_read != is.self_read),
        ("self_write", was.self_write != is.self_write),
        ("in_token", was.in_token != is.in_token),
    ];
    let names = differs.iter().filter(|(_, it)| *it);
    names.map(|(name, _)| (*name).to_owned()).collect()
}
