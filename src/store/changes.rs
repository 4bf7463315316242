//! The tables `change_sequence` and `revocations`: the order of all changes (ADR 9), and what ended
//! in it.

use jiff::Timestamp;

use super::engine::{Conn, Row, Tx};
use super::error::StoreError;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An account: another verify answer, or none any more.
    User,
    /// A session ended.
    Session,
    /// A token was revoked.
    Token,
    /// A signing key was retired or revoked.
    Key,
    /// A client was changed, disabled or deleted: of its own tokens, and of those whose `client_id`
    /// it is, anything may be true now. Sessions that end with it have no row of their own.
    Client,
}

/// One change, as whoever follows them is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the order.
    pub version: i64,
    /// What changed.
    pub kind: Kind,
    /// The id of the account, of the session (`sid`), of the token (`jti`), of the key (`kid`) or of
    /// the client.
    pub id: String,
}

/// Where the sequence of changes stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The latest version drawn.
    pub latest: i64,
    /// Whoever has not read beyond this has missed something: it was pruned.
    pub pruned: i64,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::User,
        Self::Session,
        Self::Token,
        Self::Key,
        Self::Client,
    ];

    /// As in the table, and everywhere else.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Session => "session",
            Self::Token => "token",
            Self::Key => "key",
            Self::Client => "client",
        }
    }
}

/// Draws the next number of the sequence of all changes. Inside a transaction the numbers are
/// strictly increasing in the order of commits; one that is rolled back takes its numbers along.
pub(super) fn next_version(tx: &Tx<'_>) -> Result<i64, StoreError> {
    const SQL: &str = "UPDATE change_sequence SET value = value + 1 RETURNING value";
    tx.query_value(SQL, &[])
}

/// Draws so many numbers, which the caller has used from the latest on.
pub(super) fn skip(tx: &Tx<'_>, count: u64) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE change_sequence SET value = value + ?1";
    tx.execute(SQL, &[count.cast_signed().into()]).map(drop)
}

/// Records that something ended. What happens to accounts is in their own rows.
pub(super) fn record(tx: &Tx<'_>, kind: Kind, id: &str, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str =
        "INSERT INTO revocations (version, kind, id, created_at) VALUES (?1, ?2, ?3, ?4)";
    let values = [
        next_version(tx)?.into(),
        kind.name().into(),
        id.into(),
        now.as_second().into(),
    ];
    tx.execute(SQL, &values).map(drop)
}

/// The first `limit` changes after a version, in their order and in one snapshot: of each account
/// its latest alone.
pub fn since(connection: &Conn, version: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
    const SQL: &str = "
        SELECT version, kind, id FROM (
            SELECT version, 'user' AS kind, id FROM users
            WHERE version > ?1 ORDER BY version LIMIT ?2) AS changed
        UNION ALL
        SELECT version, kind, id FROM (
            SELECT version, 'user' AS kind, id FROM user_tombstones
            WHERE version > ?1 ORDER BY version LIMIT ?2) AS deleted
        UNION ALL
        SELECT version, kind, id FROM (
            SELECT version, kind, id FROM revocations
            WHERE version > ?1 ORDER BY version LIMIT ?2) AS ended
        ORDER BY version LIMIT ?2";
    connection.query(SQL, &[version.into(), i64::from(limit).into()], change)
}

/// Where the sequence stands. Asked after [`since`], it tells whether that missed anything.
pub fn extent(connection: &Conn) -> Result<Extent, StoreError> {
    const SQL: &str = "SELECT value, pruned FROM change_sequence";
    let extent = connection.query_row(SQL, &[], |row| {
        Ok(Extent {
            latest: row.get(0)?,
            pruned: row.get(1)?,
        })
    })?;
    extent.ok_or(damaged("value"))
}

/// Forgets what ended before that time, `limit` rows at most; returns how many there were.
pub fn prune(tx: &Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    const DELETE: &str = "
        DELETE FROM revocations WHERE version IN (
            SELECT version FROM revocations WHERE created_at < ?1 ORDER BY version LIMIT ?2)
        RETURNING version";
    const NOTE: &str = "UPDATE change_sequence SET pruned = ?1 WHERE pruned < ?1";
    let values = [before.as_second().into(), i64::from(limit).into()];
    let versions: Vec<i64> = tx.query(DELETE, &values, |row| row.get(0))?;
    if let Some(last) = versions.iter().max() {
        tx.execute(NOTE, &[(*last).into()])?;
    }
    Ok(versions.len() as u64)
}

/// Whether there is anything to prune.
pub fn is_prunable(connection: &Conn, before: Timestamp) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT coalesce((SELECT created_at FROM revocations ORDER BY version LIMIT 1) < ?1, FALSE)";
    connection.query_value(SQL, &[before.as_second().into()])
}

fn change(row: &Row<'_>) -> Result<Change, StoreError> {
    let name = row.text(1)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    Ok(Change {
        version: row.get(0)?,
        kind: kind.ok_or(damaged("kind"))?,
        id: row.get(2)?,
    })
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "revocations",
        column,
    }
}
