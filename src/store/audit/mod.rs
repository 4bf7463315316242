//! The table `audit_events`: what was done, each event with a hash over the one before.
//!
//! Events are added by whoever holds the write lock, so that what is read as the last one is the last
//! one. Nothing changes or removes an event.

mod carry_over;
mod chain;
mod listing;

use jiff::Timestamp;
use uuid::Uuid;

use super::digest::Digest;
use super::engine::{Row, Tx, Value};
use super::error::StoreError;
use crate::domain::audit::{By, Entry};
use crate::domain::client::ClientId;
use crate::domain::permission::PermissionName;

pub use chain::{Place, Step, follow};
pub use listing::{EventFilter, last_number, latest, list};

pub(super) use carry_over::carry_over;

/// The columns that a hash is made of, in this order.
macro_rules! hashed_columns {
    () => {
        "number, form, id, created_at, event, result, actor_kind, actor_id, address, user_id, \
         client_id, session_id, token_id, key_id, group_id, permission, detail"
    };
}
use hashed_columns;

/// How many columns `hashed_columns!` has: `hash` comes after them.
const AFTER_HASHED: usize = 17;

/// SHA-256 of an event and the one before.
type Hash = [u8; 32];

/// How the hash is made: the column `form`. Whoever adds a column that is hashed adds a form.
///
/// It is the SHA-256 of the text `audit_events`, the hash of the event before (of the first: 32 zero
/// bytes), and the columns of `hashed_columns!`, all as [`Digest`] writes values.
const FORM: i64 = 1;

fn link(before: &Hash, columns: &[Value<'_>]) -> Hash {
    let mut digest = Digest::new();
    digest.add("audit_events".into());
    digest.add(before.as_slice().into());
    for column in columns {
        digest.add(*column);
    }
    digest.finish()
}

/// Writes down what was done by whom.
pub fn record(
    tx: &Tx<'_>,
    id: Uuid,
    entry: &Entry,
    by: &By,
    now: Timestamp,
) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "INSERT INTO audit_events (",
        hashed_columns!(),
        ", hash)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
    );
    let last = last(tx)?;
    let actor_id = by.who.id();
    let id = id.to_string();
    let address = by.address.map(|address| address.to_string());
    let user = entry.user.map(|id| id.to_string());
    let session = entry.session.map(|id| id.to_string());
    let token = entry.token.map(|id| id.to_string());
    let group = entry.group.map(|id| id.to_string());
    let detail = serde_json::Value::Object(entry.detail.clone()).to_string();
    let columns: [Value<'_>; AFTER_HASHED] = [
        (last.number + 1).into(),
        FORM.into(),
        (&id).into(),
        now.as_millisecond().into(),
        entry.action.name().into(),
        entry.outcome.name().into(),
        by.who.kind().into(),
        actor_id.as_deref().into(),
        address.as_deref().into(),
        user.as_deref().into(),
        entry.client.as_ref().map(ClientId::as_str).into(),
        session.as_deref().into(),
        token.as_deref().into(),
        entry.key.as_deref().into(),
        group.as_deref().into(),
        entry.permission.as_ref().map(PermissionName::as_str).into(),
        (&detail).into(),
    ];
    let hash = link(&last.hash, &columns);
    let mut values = [Value::Null; AFTER_HASHED + 1];
    values[..AFTER_HASHED].copy_from_slice(&columns);
    values[AFTER_HASHED] = hash.as_slice().into();
    tx.execute(SQL, &values).map(drop)
}

/// Where the chain ends.
fn last(tx: &Tx<'_>) -> Result<Place, StoreError> {
    const SQL: &str = "SELECT number, hash FROM audit_events ORDER BY number DESC LIMIT 1";
    let last = tx.query_row(SQL, &[], |row| {
        Ok(Place {
            number: row.get(0)?,
            hash: hash_in(row, 1)?,
        })
    })?;
    Ok(last.unwrap_or(Place::BEGINNING))
}

fn hash_in(row: &Row<'_>, column: usize) -> Result<Hash, StoreError> {
    let bytes: Vec<u8> = row.get(column)?;
    bytes.try_into().map_err(|_| damaged("hash"))
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "audit_events",
        column,
    }
}

#[cfg(test)]
mod tests;
