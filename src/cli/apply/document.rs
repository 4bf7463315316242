//! What a document says, as values with their rules.

use std::collections::BTreeMap;

use super::entries::{Table, input};
use super::tree::{self, What, refuse};
use crate::cli::error::CliError;
use crate::domain::audience::Audience;
use crate::domain::client::Client;
use crate::domain::field::{FieldType, Spec};
use crate::domain::scope::Scope;
use crate::domain::user::UserChange;
use crate::service::apply::{
    Declared, DeclaredClient, DeclaredField, DeclaredGroup, DeclaredPermission, DeclaredUser, Entry,
};

pub(super) fn read(text: &str) -> Result<Declared, CliError> {
    let root = tree::read(text)?;
    let root = Table::of(&root, "the document")?;
    let declared = Declared {
        permissions: each(&root, "permissions", permission)?,
        fields: each(&root, "fields", field)?,
        groups: each(&root, "groups", group)?,
        clients: each(&root, "clients", client)?,
        users: each(&root, "users", user)?,
    };
    root.finish()?;
    once(declared.permissions.as_ref(), "name", |one| {
        one.name.to_string()
    })?;
    once(declared.fields.as_ref(), "name", |one| one.name.to_string())?;
    once(declared.groups.as_ref(), "name", |one| one.name.to_string())?;
    once(declared.clients.as_ref(), "id", |one| one.id.to_string())?;
    once(declared.users.as_ref(), "email", |one| {
        one.email.key().to_owned()
    })?;
    Ok(declared)
}

fn each<'d, T>(
    root: &Table<'d>,
    key: &'static str,
    read: fn(&Table<'d>) -> Result<T, CliError>,
) -> Result<Option<Vec<Entry<T>>>, CliError> {
    let Some(tables) = root.tables(key)? else {
        return Ok(None);
    };
    let entries = tables.into_iter().map(|table| {
        let what = read(&table)?;
        table.entry(what)
    });
    entries.collect::<Result<_, _>>().map(Some)
}

/// Refuses two entries of one name.
fn once<T>(
    entries: Option<&Vec<Entry<T>>>,
    key: &str,
    name: fn(&T) -> String,
) -> Result<(), CliError> {
    let mut seen = BTreeMap::new();
    for entry in entries.into_iter().flatten() {
        let name = name(&entry.what);
        let line = entry.keys.get(key).copied().unwrap_or(entry.line);
        if let Some(first) = seen.insert(name.clone(), line) {
            let problem = format!("'{name}' is in line {first} already");
            return Err(refuse(line, key, &problem));
        }
    }
    Ok(())
}

fn permission(table: &Table<'_>) -> Result<DeclaredPermission, CliError> {
    Ok(DeclaredPermission {
        name: table.needed("name")?,
        description: table.text("description")?,
    })
}

fn group(table: &Table<'_>) -> Result<DeclaredGroup, CliError> {
    Ok(DeclaredGroup {
        name: table.needed("name")?,
        permissions: table.names("permissions")?,
    })
}

fn field(table: &Table<'_>) -> Result<DeclaredField, CliError> {
    let is_set = |key| table.flag(key).map(Option::unwrap_or_default);
    let kind: FieldType = table.needed("type")?;
    Ok(DeclaredField {
        name: table.needed("name")?,
        spec: Spec {
            kind,
            label: table.text("label")?.unwrap_or_default(),
            required: is_set("required")?,
            unique: is_set("unique")?,
            indexed: is_set("indexed")?,
            default: table.input("default"),
            choices: table.texts("choices")?.unwrap_or_default(),
            max_length: table.number("max_length")?,
            pattern: table.text("pattern")?,
            min: table.input("min"),
            max: table.input("max"),
            self_read: is_set("self_read")?,
            self_write: is_set("self_write")?,
            in_token: is_set("in_token")?,
        },
    })
}

fn client(table: &Table<'_>) -> Result<DeclaredClient, CliError> {
    let wrong = |key, problem: &dyn ToString| {
        let line = table.node(key).map_or(0, |node| node.line);
        refuse(line, key, &problem.to_string())
    };
    let scopes = table.texts::<Scope>("scopes")?;
    let scopes = scopes.map(|scopes| Scope::union(&scopes)).transpose();
    let audiences = table.texts::<Audience>("audiences")?;
    if let Some(given) = &audiences {
        let repeats = |at: usize| given[..at].contains(&given[at]);
        if given.is_empty() || given.len() > Client::MAX_AUDIENCES || (0..given.len()).any(repeats)
        {
            let problem = format!(
                "a client has 1 to {} audiences, each once",
                Client::MAX_AUDIENCES
            );
            return Err(wrong("audiences", &problem));
        }
    }
    Ok(DeclaredClient {
        id: table.needed("id")?,
        name: table.text("name")?,
        scopes: scopes.map_err(|error| wrong("scopes", &error))?,
        audiences,
        is_active: table.flag("is_active")?,
    })
}

fn user(table: &Table<'_>) -> Result<DeclaredUser, CliError> {
    let mut fields = BTreeMap::new();
    if let Some(node) = table.node("fields") {
        let What::Table(members) = &node.what else {
            return Err(refuse(node.line, "fields", &"it must be a table"));
        };
        fields.extend(
            members
                .iter()
                .map(|(name, node)| (name.clone(), input(node))),
        );
    }
    Ok(DeclaredUser {
        email: table.needed("email")?,
        rest: UserChange {
            email: None,
            first_name: table.text("first_name")?,
            last_name: table.text("last_name")?,
            phone_number: table.maybe("phone_number")?,
            external_id: table.maybe("external_id")?,
            is_active: table.flag("is_active")?,
            is_staff: table.flag("is_staff")?,
            is_superuser: table.flag("is_superuser")?,
            groups: table.names("groups")?,
            fields,
        },
        permissions: table.names("permissions")?,
        password_hash: table.text("password_hash")?,
    })
}
