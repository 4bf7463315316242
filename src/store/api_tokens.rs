//! The table `api_tokens`: tokens for scripts, by their hashes.

use jiff::Timestamp;
use uuid::Uuid;

use super::changes::{self, Kind};
use super::engine::{Conn, Row, Tx};
use super::error::StoreError;
use super::{clients, users};
use crate::domain::api_token::{ApiToken, ApiTokenId, Owner};
use crate::domain::client::{Client, ClientId};
use crate::domain::label::Label;
use crate::domain::scope::Scope;
use crate::domain::user::{User, UserId};

/// A token that somebody presents, and whom it stands for, from one moment.
#[derive(Debug)]
pub struct Presented {
    /// Whom it stands for.
    pub holder: Holder,
    /// Its id.
    pub id: ApiTokenId,
    /// What it may be used for.
    pub scope: Scope,
    /// When it was made, in Unix milliseconds.
    pub created_at_ms: i64,
    /// When it ends, in Unix seconds; `None`: never.
    pub expires_at_secs: Option<i64>,
}

/// Whom a token stands for, as they are.
#[derive(Debug)]
pub enum Holder {
    /// A user.
    User {
        /// The account.
        user: Box<User>,
        /// Tokens made at or before this Unix millisecond are refused.
        tokens_valid_after_ms: Option<i64>,
    },
    /// A client.
    Client(Client),
}

/// Adds a token and returns it as stored.
pub fn insert(tx: &Tx<'_>, new: &ApiToken, hash: &[u8]) -> Result<ApiToken, StoreError> {
    const SQL: &str = "
        INSERT INTO api_tokens (
            id, hash, user_id, client_id, name, scope, created_at, expires_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        RETURNING id, user_id, client_id, name, scope, created_at, expires_at";
    let (id, scope) = (new.id.to_string(), new.scope.to_string());
    let (user, client) = match &new.owner {
        Owner::User(id) => (Some(id.to_string()), None),
        Owner::Client(id) => (None, Some(id.as_str())),
    };
    let values = [
        (&id).into(),
        hash.into(),
        user.as_deref().into(),
        client.into(),
        new.name.as_str().into(),
        (&scope).into(),
        new.created_at.as_millisecond().into(),
        new.expires_at.map(Timestamp::as_second).into(),
    ];
    tx.query_row(SQL, &values, token)?.ok_or(damaged("id"))
}

/// The token with this hash and its owner, in one query.
pub fn find(connection: &Conn, hash: &[u8]) -> Result<Option<Presented>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        users::user_columns!(),
        ", tokens_valid_after, token_id, token_scope, token_created, token_expires, owner_user,
            of_client, client_name, client_scopes, client_audiences, client_active, client_created,
            client_version
        FROM (
            SELECT id AS token_id, user_id AS owner_user, client_id AS owner_client,
                scope AS token_scope, created_at AS token_created, expires_at AS token_expires
            FROM api_tokens WHERE hash = ?1) AS token
        LEFT JOIN users ON users.id = owner_user
        LEFT JOIN (
            SELECT id AS of_client, name AS client_name, scopes AS client_scopes,
                audiences AS client_audiences, is_active AS client_active,
                created_at AS client_created, version AS client_version
            FROM clients) AS client ON of_client = owner_client"
    );
    connection.query_row(SQL, &[hash.into()], presented)
}

/// Tokens in the order they were made, after one: of one owner, or of all.
pub fn list(
    connection: &Conn,
    owner: Option<&Owner>,
    after: Option<ApiTokenId>,
    limit: u32,
) -> Result<Vec<ApiToken>, StoreError> {
    macro_rules! select {
        ($condition:literal) => {
            concat!(
                "SELECT id, user_id, client_id, name, scope, created_at, expires_at
                FROM api_tokens WHERE id > ?1 ",
                $condition,
                " ORDER BY id LIMIT ?2"
            )
        };
    }
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let (after, limit) = ((&after).into(), i64::from(limit).into());
    match owner {
        None => connection.query(select!(""), &[after, limit], token),
        Some(Owner::User(id)) => {
            let id = id.to_string();
            let values = [after, limit, (&id).into()];
            connection.query(select!("AND user_id = ?3"), &values, token)
        }
        Some(Owner::Client(id)) => {
            let values = [after, limit, id.as_str().into()];
            connection.query(select!("AND client_id = ?3"), &values, token)
        }
    }
}

/// Removes the token of that id, and returns what it was.
pub fn delete(tx: &Tx<'_>, id: ApiTokenId, now: Timestamp) -> Result<Option<ApiToken>, StoreError> {
    const SQL: &str = "
        DELETE FROM api_tokens WHERE id = ?1
        RETURNING id, user_id, client_id, name, scope, created_at, expires_at";
    let id = id.to_string();
    let deleted = tx.query_row(SQL, &[(&id).into()], token)?;
    if deleted.is_some() {
        changes::record(tx, Kind::Token, &id, now)?;
    }
    Ok(deleted)
}

/// Whether any of them ended before that time.
pub fn is_prunable(connection: &Conn, before: Timestamp) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM api_tokens WHERE expires_at < ?1)";
    connection.query_value(SQL, &[before.as_second().into()])
}

/// Removes those that ended before that time, `limit` at most; returns how many there were.
pub fn prune(tx: &Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    const SQL: &str = "
        DELETE FROM api_tokens WHERE id IN (
            SELECT id FROM api_tokens WHERE expires_at < ?1 ORDER BY id LIMIT ?2)";
    let values = [before.as_second().into(), i64::from(limit).into()];
    tx.execute(SQL, &values)
}

/// The token with this hash, if it is this client's.
pub fn id_of(
    connection: &Conn,
    hash: &[u8],
    client: &ClientId,
) -> Result<Option<ApiTokenId>, StoreError> {
    const SQL: &str = "SELECT id FROM api_tokens WHERE hash = ?1 AND client_id = ?2";
    let values = [hash.into(), client.as_str().into()];
    connection.query_row(SQL, &values, |row| id_in(row, 0))
}

fn presented(row: &Row<'_>) -> Result<Presented, StoreError> {
    const AT: usize = users::AFTER_USER;
    let holder = if row.maybe_text(AT + 5)?.is_some() {
        Holder::User {
            user: Box::new(users::user(row)?),
            tokens_valid_after_ms: row.get(AT)?,
        }
    } else {
        Holder::Client(clients::client_at(row, AT + 6)?)
    };
    Ok(Presented {
        holder,
        id: id_in(row, AT + 1)?,
        scope: row.text(AT + 2)?.parse().map_err(|_| damaged("scope"))?,
        created_at_ms: row.get(AT + 3)?,
        expires_at_secs: row.get(AT + 4)?,
    })
}

fn token(row: &Row<'_>) -> Result<ApiToken, StoreError> {
    let client: Option<String> = row.get(2)?;
    let owner = match (row.maybe_text(1)?, client) {
        (Some(user), None) => {
            let id: Uuid = user.parse().map_err(|_| damaged("user_id"))?;
            Owner::User(UserId(id))
        }
        (None, Some(client)) => Owner::Client(ClientId::from_stored(client)),
        _ => return Err(damaged("user_id")),
    };
    let expires_at: Option<i64> = row.get(6)?;
    let expires_at = expires_at.map(Timestamp::from_second).transpose();
    Ok(ApiToken {
        id: id_in(row, 0)?,
        owner,
        name: Label::from_stored(row.get(3)?),
        scope: row.text(4)?.parse().map_err(|_| damaged("scope"))?,
        created_at: Timestamp::from_millisecond(row.get(5)?).map_err(|_| damaged("created_at"))?,
        expires_at: expires_at.map_err(|_| damaged("expires_at"))?,
    })
}

fn id_in(row: &Row<'_>, column: usize) -> Result<ApiTokenId, StoreError> {
    row.text(column)?.parse().map_err(|_| damaged("id"))
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "api_tokens",
        column,
    }
}
