//! The table `outgoing_mail`: what is to be mailed, sealed.

use jiff::Timestamp;
use uuid::Uuid;

use super::engine::{Conn, Row, Tx};
use super::error::StoreError;

/// Something to be mailed.
#[derive(Debug)]
pub struct Waiting {
    /// Its id.
    pub id: Uuid,
    /// What it is, sealed.
    pub sealed: Vec<u8>,
    /// How often it was taken, this time included.
    pub attempts: i64,
    /// After this Unix millisecond nobody wants it.
    pub expires_at_ms: i64,
}

/// Adds something that is due at once.
pub fn insert(
    tx: &Tx<'_>,
    id: Uuid,
    sealed: &[u8],
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO outgoing_mail (id, sealed, due_at, expires_at, attempts)
        VALUES (?1, ?2, ?3, ?4, 0)";
    let id = id.to_string();
    let values = [
        (&id).into(),
        sealed.into(),
        now.as_millisecond().into(),
        expires_at.as_millisecond().into(),
    ];
    tx.execute(SQL, &values).map(drop)
}

/// Whether so many wait, or more.
pub fn is_full(connection: &Conn, limit: u32) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT count(*) FROM (SELECT 1 FROM outgoing_mail LIMIT ?1) AS waiting";
    let limit = i64::from(limit);
    let count: i64 = connection.query_value(SQL, &[limit.into()])?;
    Ok(count >= limit)
}

/// Whether anything is due.
pub fn is_due(connection: &Conn, now: Timestamp) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM outgoing_mail WHERE due_at <= ?1)";
    connection.query_value(SQL, &[now.as_millisecond().into()])
}

/// Takes what has been due longest, and keeps others from it until that time.
pub fn claim(tx: &Tx<'_>, until: Timestamp, now: Timestamp) -> Result<Option<Waiting>, StoreError> {
    const SQL: &str = "
        UPDATE outgoing_mail SET due_at = ?2, attempts = attempts + 1
        WHERE id = (
            SELECT id FROM outgoing_mail WHERE due_at <= ?1 ORDER BY due_at, id LIMIT 1)
        RETURNING id, sealed, attempts, expires_at";
    let values = [now.as_millisecond().into(), until.as_millisecond().into()];
    tx.query_row(SQL, &values, waiting)
}

/// Lets nobody take it before that time.
pub fn put_off(tx: &Tx<'_>, id: Uuid, until: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE outgoing_mail SET due_at = ?2 WHERE id = ?1";
    let id = id.to_string();
    let values = [(&id).into(), until.as_millisecond().into()];
    tx.execute(SQL, &values).map(drop)
}

/// Removes it; says whether it was there.
pub fn delete(tx: &Tx<'_>, id: Uuid) -> Result<bool, StoreError> {
    const SQL: &str = "DELETE FROM outgoing_mail WHERE id = ?1";
    Ok(tx.execute(SQL, &[id.to_string().as_str().into()])? > 0)
}

/// Everything, oldest first.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Waiting>, StoreError> {
    const SQL: &str = "
        SELECT id, sealed, attempts, expires_at FROM outgoing_mail ORDER BY id";
    tx.query(SQL, &[], waiting)
}

/// Puts the same, sealed under another secret, in its place.
pub fn reseal(tx: &Tx<'_>, id: Uuid, sealed: &[u8]) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE outgoing_mail SET sealed = ?2 WHERE id = ?1";
    let id = id.to_string();
    tx.execute(SQL, &[(&id).into(), sealed.into()]).map(drop)
}

fn waiting(row: &Row<'_>) -> Result<Waiting, StoreError> {
    let id = row.text(0)?.parse();
    Ok(Waiting {
        id: id.map_err(|_| StoreError::DamagedRow {
            table: "outgoing_mail",
            column: "id",
        })?,
        sealed: row.get(1)?,
        attempts: row.get(2)?,
        expires_at_ms: row.get(3)?,
    })
}
