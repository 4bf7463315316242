//! What the accounts of a project rely on.

use std::collections::BTreeMap;

use super::rows::Plan;
use crate::cli::error::CliError;
use crate::domain::group::GroupRef;
use crate::service::apply::{Declared, DeclaredField, DeclaredGroup, DeclaredPermission, Entry};
use crate::service::groups::{self, GroupError};
use crate::service::management::Management;

/// Fields, groups and permissions. What is there already stays as it is: a group may do more then, not less.
pub(super) fn declared(plan: &Plan, desk: &Management) -> Result<Declared, CliError> {
    fn entry<T>(what: T) -> Entry<T> {
        Entry {
            line: 0,
            keys: BTreeMap::new(),
            what,
        }
    }
    let catalogue = &plan.survey.catalogue;
    let permissions = catalogue.descriptions.iter();
    let permissions = permissions.map(|(name, description)| {
        entry(DeclaredPermission {
            name: name.clone(),
            description: Some(description.clone()),
        })
    });
    let fields = plan.columns.proposed.iter().map(|(name, spec, _)| {
        entry(DeclaredField {
            name: name.clone(),
            spec: spec.clone(),
        })
    });
    let mut declared = Declared {
        permissions: Some(permissions.collect()),
        fields: Some(fields.collect()),
        groups: Some(Vec::new()),
        ..Declared::default()
    };
    let wanted = catalogue.groups();
    let wanted = wanted.map_err(|(name, problem)| CliError::Value {
        what: format!("group '{name}'"),
        problem,
    })?;
    for (name, mut permissions) in wanted {
        match groups::find(desk, &GroupRef::Name(name.clone())) {
            Ok(group) => permissions.extend(group.permissions),
            Err(GroupError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let group = DeclaredGroup {
            name,
            permissions: Some(permissions),
        };
        declared.groups.get_or_insert_default().push(entry(group));
    }
    Ok(declared)
}
