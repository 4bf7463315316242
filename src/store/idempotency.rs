//! The table `idempotent_requests`: what was answered to requests that may come again.

use jiff::{SignedDuration, Timestamp};

use super::engine::{Conn, Row, Tx};
use super::error::StoreError;

/// Whose request it is, and how they call it.
#[derive(Clone, Debug)]
pub struct RequestName {
    /// Who asks.
    pub caller: String,
    /// SHA-256 of the key.
    pub key_hash: [u8; 32],
}

/// A request that came before under the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// What tells it from others.
    pub fingerprint: Vec<u8>,
    /// `None`: it is under way.
    pub answer: Option<Answer>,
}

/// What a request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, which is JSON.
    pub body: String,
    /// Where what was made is.
    pub location: Option<String>,
    /// Its entity tag.
    pub etag: Option<String>,
}

/// For how long answers are kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A request that is not answered by then was given up: its process is gone.
pub const GIVEN_UP: SignedDuration = SignedDuration::from_secs(60);

/// Notes that a request has begun, or gives the earlier one of its name.
pub fn begin(
    tx: &Tx<'_>,
    name: &RequestName,
    fingerprint: &[u8],
    now: Timestamp,
) -> Result<Option<Earlier>, StoreError> {
    const FORGET: &str = "
        DELETE FROM idempotent_requests WHERE caller = ?1 AND key_hash = ?2
            AND (began_at <= ?3 OR status IS NULL AND began_at <= ?4)";
    const INSERT: &str = "
        INSERT INTO idempotent_requests (caller, key_hash, fingerprint, began_at)
        VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    const FIND: &str = "
        SELECT fingerprint, status, body, location, etag FROM idempotent_requests
        WHERE caller = ?1 AND key_hash = ?2";
    let (caller, key) = (name.caller.as_str().into(), name.key_hash.as_slice().into());
    let before = |time: SignedDuration| {
        now.as_millisecond() - i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
    };
    let values = [caller, key, before(KEPT).into(), before(GIVEN_UP).into()];
    tx.execute(FORGET, &values)?;
    let values = [caller, key, fingerprint.into(), now.as_millisecond().into()];
    if tx.execute(INSERT, &values)? > 0 {
        return Ok(None);
    }
    tx.query_row(FIND, &[caller, key], earlier)
}

/// Keeps the answer of the request that began then.
pub fn keep(
    tx: &Tx<'_>,
    name: &RequestName,
    began_at: Timestamp,
    answer: &Answer,
) -> Result<(), StoreError> {
    const SQL: &str = "
        UPDATE idempotent_requests SET status = ?4, body = ?5, location = ?6, etag = ?7
        WHERE caller = ?1 AND key_hash = ?2 AND began_at = ?3 AND status IS NULL";
    let values = [
        name.caller.as_str().into(),
        name.key_hash.as_slice().into(),
        began_at.as_millisecond().into(),
        i64::from(answer.status).into(),
        answer.body.as_str().into(),
        answer.location.as_deref().into(),
        answer.etag.as_deref().into(),
    ];
    tx.execute(SQL, &values).map(drop)
}

/// Forgets the request that began then: it has made nothing, and may come again.
pub fn forget(tx: &Tx<'_>, name: &RequestName, began_at: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "
        DELETE FROM idempotent_requests
        WHERE caller = ?1 AND key_hash = ?2 AND began_at = ?3 AND status IS NULL";
    let values = [
        name.caller.as_str().into(),
        name.key_hash.as_slice().into(),
        began_at.as_millisecond().into(),
    ];
    tx.execute(SQL, &values).map(drop)
}

/// Whether any of them began before that time.
pub fn is_prunable(connection: &Conn, before: Timestamp) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM idempotent_requests WHERE began_at < ?1)";
    connection.query_value(SQL, &[before.as_millisecond().into()])
}

/// Forgets those that began before that time, `limit` at most; returns how many there were.
pub fn prune(tx: &Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    const FIND: &str = "
        SELECT caller, key_hash FROM idempotent_requests WHERE began_at < ?1
        ORDER BY began_at LIMIT ?2";
    const DELETE: &str = "DELETE FROM idempotent_requests WHERE caller = ?1 AND key_hash = ?2";
    let values = [before.as_millisecond().into(), i64::from(limit).into()];
    let old: Vec<(String, Vec<u8>)> =
        tx.query(FIND, &values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (caller, key) in &old {
        tx.execute(DELETE, &[caller.as_str().into(), key.as_slice().into()])?;
    }
    Ok(old.len() as u64)
}

fn earlier(row: &Row<'_>) -> Result<Earlier, StoreError> {
    let status: Option<i64> = row.get(1)?;
    let body: Option<String> = row.get(2)?;
    let answer = match (status, body) {
        (Some(status), Some(body)) => Some(Answer {
            status: u16::try_from(status).map_err(|_| damaged("status"))?,
            body,
            location: row.get(3)?,
            etag: row.get(4)?,
        }),
        _ => None,
    };
    Ok(Earlier {
        fingerprint: row.get(0)?,
        answer,
    })
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "idempotent_requests",
        column,
    }
}
