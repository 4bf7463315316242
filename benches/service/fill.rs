//! Many users at once: copies of one row, the same on both engines.
//!
//! What is each copy's own comes in through a temporary table; the rest is copied where it lies.

use uuid::{Builder, Uuid};

/// The user whose row is copied.
pub(crate) const SEED_EMAIL: &str = "seed@bench.example";

/// When the copies were made, as far as their ids tell: 2026-01-01, in milliseconds.
const MADE_AT_MILLIS: u64 = 1_767_225_600_000;

/// Makes the table that gets a row for each copy: its number, [`id`] and [`email`].
pub(crate) const COPIES: &str = "
    CREATE TEMPORARY TABLE copies (number BIGINT PRIMARY KEY, id TEXT NOT NULL, email TEXT NOT NULL)";

/// The address of copy `number`.
pub(crate) fn email(number: u32) -> String {
    format!("user{number:06}@bench.example")
}

/// A version 7 UUID of its own: the same in every run.
pub(crate) fn id(number: u32) -> Uuid {
    let mut random = [0_u8; 10];
    random[6..].copy_from_slice(&number.to_be_bytes());
    Builder::from_unix_timestamp_millis(MADE_AT_MILLIS + u64::from(number), &random).into_uuid()
}

/// Takes `count` versions off the sequence of the service, as any other change does.
pub(crate) fn draw_versions_sql(count: u32) -> String {
    format!("UPDATE change_sequence SET value = value + {count}")
}

/// Adds a copy of the seed's row for each of the `count` rows of the temporary table.
///
/// `columns` are those of the database: only those that must differ are known here.
pub(crate) fn insert_sql(columns: &[String], count: u32) -> String {
    let version =
        format!("(SELECT value FROM change_sequence) - {count} + 1 + copies.number AS version");
    let select: Vec<_> = columns
        .iter()
        .map(|name| match name.as_str() {
            "id" => "copies.id".to_owned(),
            "email" | "email_key" => format!("copies.email AS {name}"),
            "version" => version.clone(),
            other => format!("users.{other}"),
        })
        .collect();
    format!(
        "INSERT INTO users ({}) SELECT {} FROM copies CROSS JOIN users
        WHERE users.email_key = '{SEED_EMAIL}' ORDER BY copies.number",
        columns.join(", "),
        select.join(", "),
    )
}
