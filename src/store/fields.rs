//! The table `fields`: which fields of its own the installation has.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::changes::next_version;
use super::engine::{Conn, Row, Tx};
use super::error::StoreError;
use super::user_fields::{self, Still, Whose};
use crate::domain::field::{Definition, Field, FieldName, FieldValue, Input, Spec};
use crate::domain::label::Label;

/// The columns that [`field`] reads, in its order.
macro_rules! field_columns {
    () => {
        "name, type, label, is_required, is_unique, is_indexed, default_value, choices, max_length, \
         pattern, min_value, max_value, self_read, self_write, in_token, created_at, version"
    };
}

/// Adds a field, of which no account has a value yet.
///
/// Fails with [`StoreError::FieldExists`] if there is one of that name.
pub fn insert(
    tx: &Tx<'_>,
    name: &FieldName,
    definition: &Definition,
    now: Timestamp,
) -> Result<Field, StoreError> {
    const SQL: &str = concat!(
        "INSERT INTO fields (",
        field_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
        ON CONFLICT (name) DO NOTHING RETURNING ",
        field_columns!()
    );
    let written = Written::of(definition);
    let values = [
        name.as_str().into(),
        definition.kind().name().into(),
        definition.label.as_str().into(),
        definition.required.into(),
        definition.unique.into(),
        definition.indexed.into(),
        written.default.as_ref().into(),
        written.choices.as_ref().into(),
        written.max_length.into(),
        written.pattern.into(),
        written.min.as_ref().into(),
        written.max.as_ref().into(),
        definition.self_read.into(),
        definition.self_write.into(),
        definition.in_token.into(),
        now.as_second().into(),
        next_version(tx)?.into(),
    ];
    tx.query_row(SQL, &values, field)?
        .ok_or_else(|| StoreError::FieldExists(name.clone()))
}

/// The field of that name, if there is one.
pub fn find(connection: &Conn, name: &FieldName) -> Result<Option<Field>, StoreError> {
    const SQL: &str = concat!("SELECT ", field_columns!(), " FROM fields WHERE name = ?1");
    connection.query_row(SQL, &[name.as_str().into()], field)
}

/// Every field, by name. There are [`crate::domain::field::MAX_FIELDS`] at most.
pub fn all(connection: &Conn) -> Result<Vec<Field>, StoreError> {
    const SQL: &str = concat!("SELECT ", field_columns!(), " FROM fields ORDER BY name");
    connection.query(SQL, &[], field)
}

/// Which fields there are, in short: it is another whenever one has come, gone or changed. A version
/// is drawn for whatever comes or changes, and what goes is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    count: i64,
    latest: i64,
}

/// Which fields there are, in short.
pub fn state(connection: &Conn) -> Result<State, StoreError> {
    const SQL: &str = "SELECT count(*), coalesce(max(version), 0) FROM fields";
    let read = |row: &Row<'_>| {
        Ok(State {
            count: row.get(0)?,
            latest: row.get(1)?,
        })
    };
    Ok(connection.query_row(SQL, &[], read)?.unwrap_or_default())
}

/// How many there are.
pub fn count(connection: &Conn) -> Result<usize, StoreError> {
    const SQL: &str = "SELECT count(*) FROM fields";
    let count: i64 = connection.query_value(SQL, &[])?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Changes everything but a field's name and type; what accounts have stays as it is.
pub fn update(
    tx: &Tx<'_>,
    name: &FieldName,
    definition: &Definition,
) -> Result<Option<Field>, StoreError> {
    const SQL: &str = concat!(
        "UPDATE fields SET label = ?2, is_required = ?3, is_unique = ?4, is_indexed = ?5,
            default_value = ?6, choices = ?7, max_length = ?8, pattern = ?9, min_value = ?10,
            max_value = ?11, self_read = ?12, self_write = ?13, in_token = ?14, version = ?15
        WHERE name = ?1 RETURNING ",
        field_columns!()
    );
    let written = Written::of(definition);
    let values = [
        name.as_str().into(),
        definition.label.as_str().into(),
        definition.required.into(),
        definition.unique.into(),
        definition.indexed.into(),
        written.default.as_ref().into(),
        written.choices.as_ref().into(),
        written.max_length.into(),
        written.pattern.into(),
        written.min.as_ref().into(),
        written.max.as_ref().into(),
        definition.self_read.into(),
        definition.self_write.into(),
        definition.in_token.into(),
        next_version(tx)?.into(),
    ];
    tx.query_row(SQL, &values, field)
}

/// Gives a field that is there another name, with what accounts have in it.
///
/// Fails with [`StoreError::FieldExists`] if there is one of the new name.
pub fn rename(tx: &Tx<'_>, name: &FieldName, to: &FieldName) -> Result<Field, StoreError> {
    const SQL: &str = concat!(
        "UPDATE fields SET name = ?2, version = ?3
        WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM fields WHERE name = ?2)
        RETURNING ",
        field_columns!()
    );
    let values = [
        name.as_str().into(),
        to.as_str().into(),
        next_version(tx)?.into(),
    ];
    let renamed = tx.query_row(SQL, &values, field)?;
    let renamed = renamed.ok_or_else(|| StoreError::FieldExists(to.clone()))?;
    user_fields::rederive(tx, &Whose::Field(to, Still::There))?;
    Ok(renamed)
}

/// Removes a field, and what accounts have in it.
pub fn delete(tx: &Tx<'_>, name: &FieldName) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM fields WHERE name = ?1";
    user_fields::rederive(tx, &Whose::Field(name, Still::Leaving))?;
    tx.execute(SQL, &[name.as_str().into()]).map(drop)
}

/// What of a definition is written as a text of its own.
struct Written<'d> {
    default: Option<String>,
    choices: Option<String>,
    max_length: Option<i64>,
    pattern: Option<&'d str>,
    min: Option<String>,
    max: Option<String>,
}

impl<'d> Written<'d> {
    fn of(definition: &'d Definition) -> Self {
        let text = definition.text_rule();
        let (min, max) = definition.bounds();
        let choices = definition.choices();
        Self {
            default: definition
                .default
                .as_ref()
                .map(|default| default.json.to_string()),
            choices: (!choices.is_empty()).then(|| Value::from(choices).to_string()),
            max_length: text.and_then(|rule| rule.max_length).map(i64::from),
            pattern: text.and_then(|rule| rule.pattern.as_ref()?.as_str().into()),
            min: min.map(|value| value.to_string()),
            max: max.map(|value| value.to_string()),
        }
    }
}

fn field(row: &Row<'_>) -> Result<Field, StoreError> {
    let max_length: Option<i64> = row.get(8)?;
    let max_length = max_length.map(u32::try_from).transpose();
    let spec = Spec {
        kind: row.text(1)?.parse().map_err(|_| damaged("type"))?,
        label: Label::from_stored(row.get(2)?),
        required: row.get(3)?,
        unique: row.get(4)?,
        indexed: row.get(5)?,
        default: json(row, 6, "default_value")?.map(Input::Json),
        choices: json(row, 7, "choices")?.unwrap_or_default(),
        max_length: max_length.map_err(|_| damaged("max_length"))?,
        pattern: row.get(9)?,
        min: json(row, 10, "min_value")?.map(Input::Json),
        max: json(row, 11, "max_value")?.map(Input::Json),
        self_read: row.get(12)?,
        self_write: row.get(13)?,
        in_token: row.get(14)?,
    };
    let created_at = Timestamp::from_second(row.get(15)?);
    Ok(Field {
        name: FieldName::from_stored(row.get(0)?),
        definition: Definition::from_stored(spec).map_err(|error| damaged(error.member()))?,
        created_at: created_at.map_err(|_| damaged("created_at"))?,
        version: row.get(16)?,
    })
}

fn json<T: DeserializeOwned>(
    row: &Row<'_>,
    at: usize,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let text = row.maybe_text(at)?;
    let value = text.map(serde_json::from_str).transpose();
    value.map_err(|_| damaged(column))
}

/// The value as a column has it.
pub(super) fn written(value: &FieldValue) -> String {
    value.json.to_string()
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "fields",
        column,
    }
}
