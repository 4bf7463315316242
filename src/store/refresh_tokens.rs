//! The table `refresh_tokens`: each session's chain of tokens, by their hashes.

use jiff::Timestamp;

use super::engine::{Conn, Row, Tx};
use super::error::StoreError;
use super::users;
use crate::domain::client::ClientId;
use crate::domain::scope::Scope;
use crate::domain::session::SessionId;
use crate::domain::user::User;

/// A token that somebody presents, its session and its user, from one moment.
#[derive(Debug)]
pub struct Presented {
    /// Whose session it is.
    pub user: User,
    /// The session.
    pub session_id: SessionId,
    /// The client it was made through.
    pub client_id: Option<ClientId>,
    /// What its tokens may be used for.
    pub scope: Scope,
    /// When the session began, in Unix milliseconds.
    pub began_at_ms: i64,
    /// When the token was given out, in Unix milliseconds.
    pub given_at_ms: i64,
    /// What it was exchanged for, if it was.
    pub successor: Option<Successor>,
    /// The key that signs at this moment.
    pub active_kid: Option<String>,
}

/// What a token was exchanged for.
#[derive(Debug)]
pub struct Successor {
    /// Its hash.
    pub hash: Vec<u8>,
    /// When that was, in Unix milliseconds.
    pub given_at_ms: i64,
    /// Whether it was exchanged itself.
    pub is_used: bool,
}

/// Adds a session's first token.
pub fn insert_first(
    tx: &Tx<'_>,
    hash: &[u8],
    session: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO refresh_tokens (hash, session_id, parent_hash, created_at)
        VALUES (?1, ?2, NULL, ?3)";
    let session = session.to_string();
    let values = [hash.into(), (&session).into(), now.as_millisecond().into()];
    tx.execute(SQL, &values).map(drop)
}

/// Puts `next` in the place of `hash`, unless that was exchanged already or its session has ended;
/// says whether it did. The one statement that decides, whoever else tries.
pub fn rotate(tx: &Tx<'_>, hash: &[u8], next: &[u8], now: Timestamp) -> Result<bool, StoreError> {
    const SQL: &str = "
        INSERT INTO refresh_tokens (hash, session_id, parent_hash, created_at)
        SELECT ?2, session_id, hash, ?3 FROM refresh_tokens WHERE hash = ?1
        ON CONFLICT DO NOTHING";
    let values = [hash.into(), next.into(), now.as_millisecond().into()];
    Ok(tx.execute(SQL, &values)? == 1)
}

/// The token with this hash, if its session has not ended. `algorithm` says of which the signing
/// key is.
pub fn find(
    connection: &Conn,
    hash: &[u8],
    algorithm: &str,
) -> Result<Option<Presented>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        users::user_columns!(),
        ", session_id, session_client, session_scope, session_began, given, next_hash, next_given,
            EXISTS (SELECT 1 FROM refresh_tokens WHERE parent_hash = next_hash),
            (SELECT kid FROM signing_keys WHERE state = 'active' AND algorithm = ?2)
        FROM users JOIN (
            SELECT s.user_id, s.id AS session_id, s.client_id AS session_client,
                s.scope AS session_scope, s.created_at AS session_began, t.created_at AS given,
                n.hash AS next_hash, n.created_at AS next_given
            FROM refresh_tokens AS t
            JOIN sessions AS s ON s.id = t.session_id
            LEFT JOIN refresh_tokens AS n ON n.parent_hash = t.hash
            WHERE t.hash = ?1) AS presented ON users.id = presented.user_id"
    );
    connection.query_row(SQL, &[hash.into(), algorithm.into()], presented)
}

fn presented(row: &Row<'_>) -> Result<Presented, StoreError> {
    const AT: usize = users::AFTER_USER;
    let client_id: Option<String> = row.get(AT + 1)?;
    let next_hash: Option<Vec<u8>> = row.get(AT + 5)?;
    let next_given: Option<i64> = row.get(AT + 6)?;
    let is_used = row.get(AT + 7)?;
    Ok(Presented {
        user: users::user(row)?,
        session_id: row.text(AT)?.parse().map_err(|_| damaged("session_id"))?,
        client_id: client_id.map(ClientId::from_stored),
        scope: row.text(AT + 2)?.parse().map_err(|_| damaged("scope"))?,
        began_at_ms: row.get(AT + 3)?,
        given_at_ms: row.get(AT + 4)?,
        successor: next_hash
            .zip(next_given)
            .map(|(hash, given_at_ms)| Successor {
                hash,
                given_at_ms,
                is_used,
            }),
        active_kid: row.get(AT + 8)?,
    })
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "refresh_tokens",
        column,
    }
}
