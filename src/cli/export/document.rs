//! The document that `authctl apply` reads.

use std::fmt::Display;
use std::io::{self, Write};

use serde_json::Value;

use super::Writer;
use super::lines::own_text;
use crate::domain::audience::Audience;
use crate::domain::client::Client;
use crate::domain::field::{Field, Input};
use crate::domain::group::Group;
use crate::domain::permission::Permission;
use crate::service::export::Inventory;
use crate::store::users::WholeUser;

/// A TOML document, table after table.
#[derive(Default)]
pub(super) struct Document {
    fields: Vec<Field>,
}

impl Writer for Document {
    fn begin(&mut self, inventory: Inventory, out: &mut dyn Write) -> io::Result<()> {
        for (kind, is_empty) in [
            ("permissions", inventory.permissions.is_empty()),
            ("fields", inventory.fields.is_empty()),
            ("groups", inventory.groups.is_empty()),
            ("clients", inventory.clients.is_empty()),
            ("users", inventory.users == 0),
        ] {
            if is_empty {
                line(out, kind, &"[]")?;
            }
        }
        for permission in &inventory.permissions {
            permission_table(permission, out)?;
        }
        for field in &inventory.fields {
            field_table(field, out)?;
        }
        for group in &inventory.groups {
            group_table(group, out)?;
        }
        for client in &inventory.clients {
            client_table(client, out)?;
        }
        self.fields = inventory.fields;
        Ok(())
    }

    fn user(&mut self, whole: &WholeUser, out: &mut dyn Write) -> io::Result<()> {
        let user = &whole.user;
        writeln!(out, "[[users]]")?;
        line(out, "email", &text(&user.email))?;
        line(out, "first_name", &text(&user.first_name))?;
        line(out, "last_name", &text(&user.last_name))?;
        let number = user.phone_number.as_ref().map(ToString::to_string);
        line(out, "phone_number", &text(&number.unwrap_or_default()))?;
        if let Some(id) = &user.external_id {
            line(out, "external_id", &text(id))?;
        }
        line(out, "is_active", &user.is_active)?;
        line(out, "is_staff", &user.is_staff)?;
        line(out, "is_superuser", &user.is_superuser)?;
        line(out, "groups", &list(&user.groups))?;
        line(out, "permissions", &list(&whole.direct))?;
        if let Some(hash) = &whole.password_hash {
            line(out, "password_hash", &text(hash.expose()))?;
        }
        let own = self
            .fields
            .iter()
            .map(|field| (field, own_text(user, field)));
        let own = own.map(|(field, value)| format!("{} = {}", field.name, text(&value)));
        let own: Vec<String> = own.collect();
        if !own.is_empty() {
            line(out, "fields", &format!("{{ {} }}", own.join(", ")))?;
        }
        writeln!(out)
    }
}

fn permission_table(permission: &Permission, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "[[permissions]]")?;
    line(out, "name", &text(&permission.name))?;
    line(out, "description", &text(&permission.description))?;
    writeln!(out)
}

fn group_table(group: &Group, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "[[groups]]")?;
    line(out, "name", &text(&group.name))?;
    line(out, "permissions", &list(&group.permissions))?;
    writeln!(out)
}

fn client_table(client: &Client, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "[[clients]]")?;
    line(out, "id", &text(&client.id))?;
    line(out, "name", &text(&client.name))?;
    line(out, "scopes", &list(client.scopes.words()))?;
    line(
        out,
        "audiences",
        &list(client.audiences.iter().map(Audience::as_str)),
    )?;
    line(out, "is_active", &client.is_active)?;
    writeln!(out)
}

fn field_table(field: &Field, out: &mut dyn Write) -> io::Result<()> {
    let spec = field.definition.spec();
    writeln!(out, "[[fields]]")?;
    line(out, "name", &text(&field.name))?;
    line(out, "type", &text(&spec.kind))?;
    if !spec.label.as_str().is_empty() {
        line(out, "label", &text(&spec.label.as_str()))?;
    }
    let marks = [
        ("required", spec.required),
        ("unique", spec.unique),
        ("indexed", spec.indexed),
        ("self_read", spec.self_read),
        ("self_write", spec.self_write),
        ("in_token", spec.in_token),
    ];
    for (name, _) in marks.iter().filter(|(_, is_set)| *is_set) {
        line(out, name, &true)?;
    }
    if !spec.choices.is_empty() {
        line(out, "choices", &list(&spec.choices))?;
    }
    if let Some(most) = spec.max_length {
        line(out, "max_length", &most)?;
    }
    if let Some(pattern) = &spec.pattern {
        line(out, "pattern", &text(pattern))?;
    }
    let is_json = spec.kind == crate::domain::field::FieldType::Json;
    let values = [
        ("default", spec.default),
        ("min", spec.min),
        ("max", spec.max),
    ];
    for (name, value) in values {
        match value {
            Some(Input::Json(Value::String(value))) if !is_json => line(out, name, &text(&value))?,
            Some(Input::Json(value)) if is_json => line(out, name, &text(&value))?,
            Some(Input::Json(value)) => line(out, name, &value)?,
            Some(Input::Text(value)) => line(out, name, &text(&value))?,
            None => {}
        }
    }
    writeln!(out)
}

fn line(out: &mut dyn Write, name: &str, value: &impl Display) -> io::Result<()> {
    writeln!(out, "{name} = {value}")
}

fn list(texts: impl IntoIterator<Item = impl Display>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|one| text(&one)).collect();
    format!("[{}]", texts.join(", "))
}

/// A text as TOML has it: as JSON has it, but for one control character.
fn text(value: &impl Display) -> String {
    Value::from(value.to_string())
        .to_string()
        .replace('\u{7f}', "\\u007F")
}
