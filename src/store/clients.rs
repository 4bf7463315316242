//! The table `clients`.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::changes::{self, Kind, next_version};
use super::engine::{Conn, Question, Row, Tx};
use super::error::StoreError;
use super::keys::key_verifies_until;
use super::revoked_tokens::is_revoked;
use crate::domain::audience::Audience;
use crate::domain::client::{Client, ClientId, NewClient};

/// What a verification needs to know of a client and a key, from one moment.
#[derive(Debug)]
pub struct Standing {
    /// The client.
    pub client: Arc<Client>,
    /// Until which Unix second the key asked about verifies; `None`: it does not, or there is none.
    pub key_verifies_until: Option<i64>,
    /// Whether the token asked about was revoked by itself.
    pub is_revoked: bool,
}

/// The columns that [`client`] reads, in its order.
macro_rules! client_columns {
    () => {
        "id, name, scopes, audiences, is_active, created_at, version"
    };
}

/// How many columns `client_columns!` has.
const AFTER_CLIENT: usize = 7;

/// A client and what its secret is checked against.
#[derive(Debug)]
pub struct Credentials {
    /// The client.
    pub client: Client,
    /// SHA-256 of its secret.
    pub secret_hash: Vec<u8>,
}

/// Adds a client and returns it as stored.
///
/// Fails with [`StoreError::ClientExists`] if there is one of that id.
pub fn insert(
    tx: &Tx<'_>,
    new: &NewClient,
    secret_hash: &[u8],
    now: Timestamp,
) -> Result<Client, StoreError> {
    const SQL: &str = concat!(
        "INSERT INTO clients (id, name, secret_hash, scopes, audiences, is_active, created_at, version)
        VALUES (?1, ?2, ?3, ?4, ?5, TRUE, ?6, ?7)
        ON CONFLICT (id) DO NOTHING
        RETURNING ",
        client_columns!()
    );
    let scopes = new.scopes.to_string();
    let audiences: Vec<&str> = new.audiences.iter().map(Audience::as_str).collect();
    let audiences = audiences.join(" ");
    let values = [
        new.id.as_str().into(),
        new.name.as_str().into(),
        secret_hash.into(),
        (&scopes).into(),
        (&audiences).into(),
        now.as_second().into(),
        next_version(tx)?.into(),
    ];
    tx.query_row(SQL, &values, client)?
        .ok_or_else(|| StoreError::ClientExists(new.id.clone()))
}

/// The client of that id, if there is one.
pub fn find(connection: &Conn, id: &ClientId) -> Result<Option<Client>, StoreError> {
    const SQL: &str = concat!("SELECT ", client_columns!(), " FROM clients WHERE id = ?1");
    connection.query_row(SQL, &[id.as_str().into()], client)
}

/// The client of that id with the hash of its secret, if there is one.
pub fn credentials(connection: &Conn, id: &ClientId) -> Result<Option<Credentials>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        client_columns!(),
        ", secret_hash FROM clients WHERE id = ?1"
    );
    connection.query_row(SQL, &[id.as_str().into()], |row| {
        Ok(Credentials {
            client: client(row)?,
            secret_hash: row.get(AFTER_CLIENT)?,
        })
    })
}

/// Clients by their ids, after one.
pub fn list(
    connection: &Conn,
    after: Option<&ClientId>,
    limit: u32,
) -> Result<Vec<Client>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        client_columns!(),
        " FROM clients WHERE id > ?1 ORDER BY id LIMIT ?2"
    );
    let after = after.map_or("", ClientId::as_str);
    connection.query(SQL, &[after.into(), i64::from(limit).into()], client)
}

/// Gives a client another name, other scopes and audiences.
pub fn update(tx: &Tx<'_>, is: &NewClient, now: Timestamp) -> Result<Option<Client>, StoreError> {
    const SQL: &str = concat!(
        "UPDATE clients SET name = ?2, scopes = ?3, audiences = ?4, version = ?5 WHERE id = ?1
        RETURNING ",
        client_columns!()
    );
    let scopes = is.scopes.to_string();
    let audiences: Vec<&str> = is.audiences.iter().map(Audience::as_str).collect();
    let audiences = audiences.join(" ");
    let values = [
        is.id.as_str().into(),
        is.name.as_str().into(),
        (&scopes).into(),
        (&audiences).into(),
        next_version(tx)?.into(),
    ];
    let changed = tx.query_row(SQL, &values, client)?;
    note_change(tx, changed, now)
}

/// Puts another secret in the place of the old one.
pub fn set_secret(
    tx: &Tx<'_>,
    id: &ClientId,
    secret_hash: &[u8],
    now: Timestamp,
) -> Result<Option<Client>, StoreError> {
    const SQL: &str = concat!(
        "UPDATE clients SET secret_hash = ?2, version = ?3 WHERE id = ?1 RETURNING ",
        client_columns!()
    );
    let values = [
        id.as_str().into(),
        secret_hash.into(),
        next_version(tx)?.into(),
    ];
    let changed = tx.query_row(SQL, &values, client)?;
    note_change(tx, changed, now)
}

/// Lets a client do what it may, or stops it and ends the sessions that were made through it.
pub fn set_active(
    tx: &Tx<'_>,
    id: &ClientId,
    is_active: bool,
    now: Timestamp,
) -> Result<Option<Client>, StoreError> {
    const UPDATE: &str = concat!(
        "UPDATE clients SET is_active = ?2, version = ?3 WHERE id = ?1 RETURNING ",
        client_columns!()
    );
    const END_SESSIONS: &str = "DELETE FROM sessions WHERE client_id = ?1";
    let values = [
        id.as_str().into(),
        is_active.into(),
        next_version(tx)?.into(),
    ];
    let changed = tx.query_row(UPDATE, &values, client)?;
    if !is_active {
        tx.execute(END_SESSIONS, &[id.as_str().into()])?;
    }
    note_change(tx, changed, now)
}

/// Removes a client, its API tokens and the sessions that were made through it; returns what it was.
pub fn delete(tx: &Tx<'_>, id: &ClientId, now: Timestamp) -> Result<Option<Client>, StoreError> {
    const SQL: &str = concat!(
        "DELETE FROM clients WHERE id = ?1 RETURNING ",
        client_columns!()
    );
    let deleted = tx.query_row(SQL, &[id.as_str().into()], client)?;
    note_change(tx, deleted, now)
}

/// One row for followers, however many sessions and tokens name the client.
fn note_change(
    tx: &Tx<'_>,
    changed: Option<Client>,
    now: Timestamp,
) -> Result<Option<Client>, StoreError> {
    if let Some(client) = &changed {
        changes::record(tx, Kind::Client, client.id.as_str(), now)?;
    }
    Ok(changed)
}

/// Client and key of a token (`jti`, and when it ends), in one query, or as they were if nobody has
/// committed since the same `question`.
pub fn standing(
    connection: &Conn,
    question: &Question,
    id: &ClientId,
    kid: &str,
    token: (Uuid, i64),
) -> Result<Arc<Option<Standing>>, StoreError> {
    connection.recalled(question, |connection| {
        read_standing(connection, id, kid, token)
    })
}

fn read_standing(
    connection: &Conn,
    id: &ClientId,
    kid: &str,
    (jti, expires_at_secs): (Uuid, i64),
) -> Result<Option<Standing>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        client_columns!(),
        ", ",
        key_verifies_until!("?2"),
        ",
            ",
        is_revoked!("?3", "?4"),
        "
        FROM clients WHERE id = ?1"
    );
    let jti = jti.to_string();
    let values = [
        id.as_str().into(),
        kid.into(),
        (&jti).into(),
        expires_at_secs.into(),
    ];
    connection.query_row(SQL, &values, |row| {
        Ok(Standing {
            client: Arc::new(client(row)?),
            key_verifies_until: row.get(AFTER_CLIENT)?,
            is_revoked: row.get(AFTER_CLIENT + 1)?,
        })
    })
}

fn client(row: &Row<'_>) -> Result<Client, StoreError> {
    client_at(row, 0)
}

/// A client whose columns begin at this position.
pub(super) fn client_at(row: &Row<'_>, at: usize) -> Result<Client, StoreError> {
    let created_at = Timestamp::from_second(row.get(at + 5)?);
    Ok(Client {
        id: ClientId::from_stored(row.get(at)?),
        name: row.get(at + 1)?,
        scopes: row.text(at + 2)?.parse().map_err(|_| damaged("scopes"))?,
        audiences: row
            .text(at + 3)?
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(Audience::from_stored)
            .collect(),
        is_active: row.get(at + 4)?,
        created_at: created_at.map_err(|_| damaged("created_at"))?,
        version: row.get(at + 6)?,
    })
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "clients",
        column,
    }
}
