//! Accounts as lines, which `authctl import` reads.

use std::io::{self, Write};

use super::Writer;
use crate::cli::output::plain;
use crate::domain::field::{Field, FieldType};
use crate::domain::user::User;
use crate::service::export::{Hashes, Inventory};
use crate::store::users::WholeUser;

/// A JSON object a line: the user's, and the hash if that is exported.
pub(super) struct Jsonl;

impl Writer for Jsonl {
    fn begin(&mut self, _: Inventory, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn user(&mut self, whole: &WholeUser, out: &mut dyn Write) -> io::Result<()> {
        let mut line = serde_json::to_string(&whole.user)?;
        if let Some(hash) = &whole.password_hash {
            // It is an object, and not an empty one.
            line.pop();
            line.push_str(",\"password_hash\":");
            line.push_str(&serde_json::to_string(hash.expose())?);
            line.push('}');
        }
        writeln!(out, "{line}")
    }
}

/// What every account has, in the order of its JSON.
const COLUMNS: [&str; 13] = [
    "id",
    "email",
    "first_name",
    "last_name",
    "phone_number",
    "external_id",
    "is_active",
    "is_staff",
    "is_superuser",
    "groups",
    "date_joined",
    "last_login",
    "version",
];

/// A table with a header.
pub(super) struct Csv {
    hashes: Hashes,
    fields: Vec<Field>,
}

impl Csv {
    pub(super) fn new(hashes: Hashes) -> Self {
        Self {
            hashes,
            fields: Vec::new(),
        }
    }

    fn cells(&self, whole: &WholeUser) -> Vec<String> {
        let user = &whole.user;
        let text = |value: Option<String>| value.unwrap_or_default();
        let mut cells = vec![
            user.id.to_string(),
            user.email.to_string(),
            user.first_name.to_string(),
            user.last_name.to_string(),
            text(user.phone_number.as_ref().map(ToString::to_string)),
            text(user.external_id.as_ref().map(ToString::to_string)),
            user.is_active.to_string(),
            user.is_staff.to_string(),
            user.is_superuser.to_string(),
            groups(&user.groups),
            user.date_joined.to_string(),
            text(user.last_login.map(|at| at.to_string())),
            user.version.to_string(),
        ];
        if self.hashes == Hashes::Exported {
            let hash = whole.password_hash.as_ref();
            cells.push(text(hash.map(|hash| hash.expose().clone())));
        }
        cells.extend(self.fields.iter().map(|field| own_text(user, field)));
        cells
    }
}

impl Writer for Csv {
    fn begin(&mut self, inventory: Inventory, out: &mut dyn Write) -> io::Result<()> {
        self.fields = inventory.fields;
        let mut header: Vec<String> = COLUMNS.map(str::to_owned).into();
        if self.hashes == Hashes::Exported {
            header.push("password_hash".into());
        }
        let own = self
            .fields
            .iter()
            .map(|field| format!("field.{}", field.name));
        header.extend(own);
        record(&header, out)
    }

    fn user(&mut self, whole: &WholeUser, out: &mut dyn Write) -> io::Result<()> {
        record(&self.cells(whole), out)
    }
}

fn record(cells: &[String], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(cells)?;
    writer.flush()
}

/// Names with ';' between; one that is in a name has a '\' before it, as has a '\'.
fn groups(names: &[String]) -> String {
    let escaped = names.iter();
    let escaped = escaped.map(|name| name.replace('\\', "\\\\").replace(';', "\\;"));
    escaped.collect::<Vec<_>>().join(";")
}

/// What an account has in a field as a text, which the field's type reads. Nothing: none.
pub(super) fn own_text(user: &User, field: &Field) -> String {
    match user.fields.get(field.name.as_str()) {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(value) if field.definition.kind() == FieldType::Json => value.to_string(),
        Some(value) => plain(value),
    }
}
