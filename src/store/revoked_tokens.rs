//! The table `revoked_tokens`: signed tokens that are refused though nothing else is wrong with them.

use jiff::Timestamp;
use uuid::Uuid;

use super::changes::{self, Kind};
use super::engine::{Conn, Tx};
use super::error::StoreError;

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

/// Forgets those that expired before that time, `limit` at most; returns how many there were.
pub fn prune(tx: &Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    const SQL: &str = "
        DELETE FROM revoked_tokens WHERE jti IN (
            SELECT jti FROM revoked_tokens WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    let values = [before.as_second().into(), i64::from(limit).into()];
    tx.execute(SQL, &values)
}
