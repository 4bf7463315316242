//! The table `refresh_tokens`: each session's chain of tokens, by their hashes.

use jiff::Timestamp;

use super::engine::{Conn, Row, Tx};
use super::error::StoreError;
use super::users;
use crate::domain::client::ClientId;
use crate::domain::scope::Scope;
use crate::domain::session::SessionId;
use crate::domain::user::User;

/// Which token: its session, its number there, and its hash.
#[derive(Clone, Copy, Debug)]
pub struct TokenKey {
    /// The session.
    pub session: SessionId,
    /// How many there were before it.
    pub generation: u32,
    /// SHA-256 of the whole token.
    pub hash: [u8; 32],
}

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

/// Used tokens of a session that are known at least: whoever presents one of these is a thief. Of
/// older ones it cannot be told whether they ever were any.
const KNOWN: u32 = 1024;

/// Adds a session's first token.
pub fn insert_first(tx: &Tx<'_>, token: TokenKey, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO refresh_tokens (session_id, generation, hash, created_at)
        VALUES (?1, ?2, ?3, ?4)";
    let session = token.session.to_string();
    let values = [
        (&session).into(),
        i64::from(token.generation).into(),
        token.hash.as_slice().into(),
        now.as_millisecond().into(),
    ];
    tx.execute(SQL, &values).map(drop)
}

/// Puts a token with the hash `next` in the place of `token`, unless that was exchanged already or
/// its session has ended; says whether it did. The one statement that decides, whoever else tries.
pub fn rotate(
    tx: &Tx<'_>,
    token: TokenKey,
    next: &[u8],
    now: Timestamp,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        INSERT INTO refresh_tokens (session_id, generation, hash, created_at)
        SELECT session_id, generation + 1, ?4, ?5 FROM refresh_tokens
        WHERE session_id = ?1 AND generation = ?2 AND hash = ?3
        ON CONFLICT DO NOTHING";
    let session = token.session.to_string();
    let values = [
        (&session).into(),
        i64::from(token.generation).into(),
        token.hash.as_slice().into(),
        next.into(),
        now.as_millisecond().into(),
    ];
    let was_unused = tx.execute(SQL, &values)? == 1;
    if was_unused && token.generation >= KNOWN && token.generation.is_multiple_of(KNOWN / 4) {
        forget(tx, &session, token.generation - KNOWN)?;
    }
    Ok(was_unused)
}

fn forget(tx: &Tx<'_>, session: &str, before: u32) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM refresh_tokens WHERE session_id = ?1 AND generation < ?2";
    tx.execute(SQL, &[session.into(), i64::from(before).into()])
        .map(drop)
}

/// The token, if it was given out and its session has not ended.
pub fn find(connection: &Conn, token: TokenKey) -> Result<Option<Presented>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        users::user_columns!(),
        ", session_id, session_client, session_scope, session_began, given, next_hash, next_given,
            EXISTS (SELECT 1 FROM refresh_tokens
                WHERE refresh_tokens.session_id = ?1 AND generation = ?2 + 2),
            (SELECT kid FROM signing_keys WHERE state = 'active')
        FROM users JOIN (
            SELECT s.user_id, s.id AS session_id, s.client_id AS session_client,
                s.scope AS session_scope, s.created_at AS session_began, t.created_at AS given,
                n.hash AS next_hash, n.created_at AS next_given
            FROM refresh_tokens AS t
            JOIN sessions AS s ON s.id = t.session_id
            LEFT JOIN refresh_tokens AS n
                ON n.session_id = t.session_id AND n.generation = t.generation + 1
            WHERE t.session_id = ?1 AND t.generation = ?2 AND t.hash = ?3
        ) AS presented ON users.id = presented.user_id"
    );
    let session = token.session.to_string();
    let values = [
        (&session).into(),
        i64::from(token.generation).into(),
        token.hash.as_slice().into(),
    ];
    connection.query_row(SQL, &values, presented)
}

/// The session of a token, used or not, if it was made through this client.
pub fn session_of(
    connection: &Conn,
    token: TokenKey,
    client: &ClientId,
) -> Result<Option<SessionId>, StoreError> {
    const SQL: &str = "
        SELECT s.id FROM refresh_tokens AS t JOIN sessions AS s ON s.id = t.session_id
        WHERE t.session_id = ?1 AND t.generation = ?2 AND t.hash = ?3 AND s.client_id = ?4";
    let session = token.session.to_string();
    let values = [
        (&session).into(),
        i64::from(token.generation).into(),
        token.hash.as_slice().into(),
        client.as_str().into(),
    ];
    connection.query_row(SQL, &values, |row| {
        row.text(0)?.parse().map_err(|_| damaged("session_id"))
    })
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
