//! The table `revoked_tokens`: signed tokens that are refused though nothing else is wrong with them.

use jiff::Timestamp;
use uuid::Uuid;

use super::changes::{self, Kind};
use super::engine::{Conn, Tx};
use super::error::StoreError;

/// SQL: whether the token of this id that ends then (Unix seconds) was revoked by itself, as far as
/// that is known; of one that ended before what was forgotten it is taken to be.
macro_rules! is_revoked {
    ($jti:literal, $expires_at:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = ",
            $jti,
            ") OR EXISTS (SELECT 1 FROM change_sequence WHERE tokens_pruned >= ",
            $expires_at,
            "))"
        )
    };
}
pub(super) use is_revoked;

/// Revokes a token by its id, until it is refused anyway; says whether it was not revoked before.
pub fn insert(
    tx: &Tx<'_>,
    jti: Uuid,
    expires_at_secs: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    const SQL: &str =
        "INSERT INTO revoked_tokens (jti, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    let jti = jti.to_string();
    if tx.execute(SQL, &[(&jti).into(), expires_at_secs.into()])? == 0 {
        return Ok(false);
    }
    changes::record(tx, Kind::Token, &jti, now)?;
    Ok(true)
}

/// Whether any of them expired before that time.
pub fn is_prunable(connection: &Conn, before: Timestamp) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM revoked_tokens WHERE expires_at < ?1)";
    connection.query_value(SQL, &[before.as_second().into()])
}

/// Forgets those that expired before that time, `limit` at most; returns how many there were. Until
/// when is written down: a clock that was ahead and is set back makes none of them good again.
pub fn prune(tx: &Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    const DELETE: &str = "
        DELETE FROM revoked_tokens WHERE jti IN (
            SELECT jti FROM revoked_tokens WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)
        RETURNING expires_at";
    const NOTE: &str = "UPDATE change_sequence SET tokens_pruned = ?1 WHERE tokens_pruned < ?1";
    let values = [before.as_second().into(), i64::from(limit).into()];
    let ends: Vec<i64> = tx.query(DELETE, &values, |row| row.get(0))?;
    if let Some(last) = ends.iter().max() {
        tx.execute(NOTE, &[(*last).into()])?;
    }
    Ok(ends.len() as u64)
}
