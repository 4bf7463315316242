//! Many users at once: copies of one row, written straight into the database file.

use std::path::Path;

use rusqlite::{Connection, params_from_iter, types::Value};
use uuid::{Builder, Uuid};

use crate::Failure;

/// The user whose row is copied.
pub(crate) const SEED_EMAIL: &str = "seed@bench.example";

/// When the copies were made, as far as their ids tell: 2026-01-01, in milliseconds.
const MADE_AT_MILLIS: u64 = 1_767_225_600_000;

/// The address of copy `number`.
pub(crate) fn email(number: u32) -> String {
    format!("user{number:06}@bench.example")
}

/// Adds `count` copies of the seed's row in one transaction and empties the write-ahead log.
///
/// Columns are read from the file: only those that must differ are known here. Versions come from
/// the sequence of the service, as for any other change.
pub(crate) fn copies(database: &Path, count: u32) -> Result<(), Failure> {
    let mut connection = Connection::open(database)?;
    let columns = columns(&connection)?;
    let transaction = connection.transaction()?;
    {
        let last_version = draw_versions(&transaction, count)?;
        let mut insert = transaction.prepare(&insert_sql(&columns))?;
        let changing: Vec<&str> = columns
            .iter()
            .map(String::as_str)
            .filter(|name| changes(name))
            .collect();
        for number in 0..count {
            let values = changing
                .iter()
                .map(|name| value(name, number, last_version));
            if insert.execute(params_from_iter(values))? != 1 {
                return Err("the user to copy is not in the database".into());
            }
        }
    }
    transaction.commit()?;
    connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Takes `count` versions off the sequence and returns the greatest of them.
fn draw_versions(connection: &Connection, count: u32) -> Result<i64, Failure> {
    const SQL: &str = "UPDATE change_sequence SET value = value + ?1 RETURNING value";
    Ok(connection.query_row(SQL, [count], |row| row.get(0))?)
}

fn columns(connection: &Connection) -> Result<Vec<String>, Failure> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info('users')")?;
    let names = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        return Err("the database has no table users".into());
    }
    Ok(names)
}

/// `INSERT INTO users (id, email, ...) SELECT ?, ?, ... FROM users` for the seed's row.
fn insert_sql(columns: &[String]) -> String {
    let select: Vec<_> = columns
        .iter()
        .map(|name| if changes(name) { "?" } else { name.as_str() })
        .collect();
    format!(
        "INSERT INTO users ({}) SELECT {} FROM users WHERE email_key = '{SEED_EMAIL}'",
        columns.join(", "),
        select.join(", "),
    )
}

/// Whether a copy has a value of its own in this column.
fn changes(column: &str) -> bool {
    matches!(column, "id" | "email" | "email_key" | "version")
}

/// The value of copy `number` in a column that [`changes`].
fn value(column: &str, number: u32, last_version: i64) -> Value {
    match column {
        "id" => id(number).to_string().into(),
        "version" => (last_version - i64::from(number)).into(),
        _ => email(number).into(),
    }
}

/// A version 7 UUID of its own: the same in every run.
fn id(number: u32) -> Uuid {
    let mut random = [0_u8; 10];
    random[6..].copy_from_slice(&number.to_be_bytes());
    Builder::from_unix_timestamp_millis(MADE_AT_MILLIS + u64::from(number), &random).into_uuid()
}
