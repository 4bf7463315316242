//! The table `sessions`: a session that has ended has no row.

use std::net::IpAddr;

use jiff::Timestamp;

use super::changes::{self, Kind};
use super::engine::{Conn, Row, Tx};
use super::error::StoreError;
use crate::domain::client::ClientId;
use crate::domain::scope::Scope;
use crate::domain::session::{Method, Origin, Session, SessionId, UserAgent};
use crate::domain::user::UserId;

/// What a login begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The claim `sid` of its tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The client it is made through.
    pub client_id: Option<ClientId>,
    /// How the user was known.
    pub method: Method,
    /// What its tokens may be used for.
    pub scope: Scope,
    /// Where the login comes from.
    pub origin: Origin,
}

/// Which sessions of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// Every one but this.
    AllBut(SessionId),
}

/// Begins a session. Of more than `limit` of one account the oldest end.
pub fn insert(tx: &Tx<'_>, new: &NewSession, limit: u32, now: Timestamp) -> Result<(), StoreError> {
    const INSERT: &str = "
        INSERT INTO sessions (
            id, user_id, client_id, method, scope, address, user_agent, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    const TOO_OLD: &str = "
        SELECT id FROM sessions WHERE user_id = ?1 ORDER BY id DESC LIMIT 10 OFFSET ?2";
    let (id, user_id) = (new.id.to_string(), new.user_id.to_string());
    let (scope, address) = (
        new.scope.to_string(),
        new.origin.address.map(|address| address.to_string()),
    );
    let values = [
        (&id).into(),
        (&user_id).into(),
        new.client_id.as_ref().map(ClientId::as_str).into(),
        new.method.name().into(),
        (&scope).into(),
        address.as_deref().into(),
        new.origin.user_agent.as_ref().map(UserAgent::as_str).into(),
        now.as_millisecond().into(),
    ];
    tx.execute(INSERT, &values)?;
    let values = [(&user_id).into(), i64::from(limit).into()];
    for id in tx.query(TOO_OLD, &values, |row| id_in(row, 0))? {
        end(tx, id, now)?;
    }
    Ok(())
}

/// Ends a session, and with it its tokens; says whether there was one.
pub fn end(tx: &Tx<'_>, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
    const SQL: &str = "DELETE FROM sessions WHERE id = ?1";
    let id = id.to_string();
    if tx.execute(SQL, &[(&id).into()])? == 0 {
        return Ok(false);
    }
    changes::record(tx, Kind::Session, &id, now)?;
    Ok(true)
}

/// Ends sessions of an account; returns how many.
pub fn end_of(
    tx: &Tx<'_>,
    user: UserId,
    which: Which,
    now: Timestamp,
) -> Result<usize, StoreError> {
    const SQL: &str = "
        DELETE FROM sessions WHERE user_id = ?1 AND id <> ?2 RETURNING id";
    let but = match which {
        Which::All => String::new(),
        Which::AllBut(id) => id.to_string(),
    };
    let user = user.to_string();
    let ended: Vec<String> = tx.query(SQL, &[(&user).into(), (&but).into()], |row| row.get(0))?;
    for id in &ended {
        changes::record(tx, Kind::Session, id, now)?;
    }
    Ok(ended.len())
}

/// The session of that id, if it has not ended.
pub fn find(connection: &Conn, id: SessionId) -> Result<Option<Session>, StoreError> {
    const SQL: &str = "
        SELECT id, user_id, client_id, method, scope, address, user_agent, created_at,
            coalesce((SELECT t.created_at FROM refresh_tokens AS t
                WHERE session_id = sessions.id ORDER BY generation DESC LIMIT 1), created_at)
        FROM sessions WHERE id = ?1";
    connection.query_row(SQL, &[id.to_string().as_str().into()], session)
}

/// Whether an account has a session that began at this address.
pub fn any_from(connection: &Conn, user: UserId, address: IpAddr) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM sessions WHERE user_id = ?1 AND address = ?2)";
    let (user, address) = (user.to_string(), address.to_string());
    connection.query_value(SQL, &[(&user).into(), (&address).into()])
}

/// Sessions in the order they were begun, after one: of one account, or of all.
pub fn list(
    connection: &Conn,
    user: Option<UserId>,
    after: Option<SessionId>,
    limit: u32,
) -> Result<Vec<Session>, StoreError> {
    const OF_ALL: &str = "
        SELECT id, user_id, client_id, method, scope, address, user_agent, created_at,
            coalesce((SELECT t.created_at FROM refresh_tokens AS t
                WHERE session_id = sessions.id ORDER BY generation DESC LIMIT 1), created_at)
        FROM sessions WHERE id > ?1 ORDER BY id LIMIT ?2";
    const OF_ONE: &str = "
        SELECT id, user_id, client_id, method, scope, address, user_agent, created_at,
            coalesce((SELECT t.created_at FROM refresh_tokens AS t
                WHERE session_id = sessions.id ORDER BY generation DESC LIMIT 1), created_at)
        FROM sessions WHERE id > ?1 AND user_id = ?3 ORDER BY id LIMIT ?2";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let (after, limit) = ((&after).into(), i64::from(limit).into());
    match user {
        None => connection.query(OF_ALL, &[after, limit], session),
        Some(user) => {
            let user = user.to_string();
            connection.query(OF_ONE, &[after, limit, (&user).into()], session)
        }
    }
}

/// Ended by time alone, of those after one in the order they were begun: begun before
/// `begun_before`, or not used since `used_before`. Looks at `limit` sessions at most.
pub fn over(
    connection: &Conn,
    after: Option<SessionId>,
    begun_before: Timestamp,
    used_before: Timestamp,
    limit: u32,
) -> Result<Candidates, StoreError> {
    const SQL: &str = "
        SELECT id, created_at <= ?3 OR coalesce((
                SELECT t.created_at FROM refresh_tokens AS t
                WHERE session_id = sessions.id ORDER BY generation DESC LIMIT 1), 0) <= ?2
        FROM sessions WHERE id > ?1 AND id <= ?5 ORDER BY id LIMIT ?4";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let until = last_of(used_before.max(begun_before)).to_string();
    let values = [
        (&after).into(),
        used_before.as_millisecond().into(),
        begun_before.as_millisecond().into(),
        i64::from(limit).into(),
        (&until).into(),
    ];
    let seen: Vec<(SessionId, bool)> =
        connection.query(SQL, &values, |row| Ok((id_in(row, 0)?, row.get(1)?)))?;
    Ok(Candidates {
        next: seen
            .last()
            .filter(|_| seen.len() == limit as usize)
            .map(|(id, _)| *id),
        over: seen
            .iter()
            .filter_map(|(id, over)| over.then_some(*id))
            .collect(),
    })
}

/// Whether a session is over by time alone, as [`over`] has it.
pub fn is_over(
    connection: &Conn,
    id: SessionId,
    begun_before: Timestamp,
    used_before: Timestamp,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT EXISTS (
            SELECT 1 FROM sessions WHERE id = ?1 AND (
                created_at <= ?3 OR coalesce((
                    SELECT t.created_at FROM refresh_tokens AS t
                    WHERE session_id = sessions.id ORDER BY generation DESC LIMIT 1), 0) <= ?2))";
    let id = id.to_string();
    let values = [
        (&id).into(),
        used_before.as_millisecond().into(),
        begun_before.as_millisecond().into(),
    ];
    connection.query_value(SQL, &values)
}

/// What [`over`] found.
#[derive(Debug, PartialEq, Eq)]
pub struct Candidates {
    /// The sessions that are over.
    pub over: Vec<SessionId>,
    /// Where to go on; `None`: there are no more to look at.
    pub next: Option<SessionId>,
}

/// The greatest id of a session begun at that time: ids begin with their millisecond.
fn last_of(time: Timestamp) -> SessionId {
    let millis = u64::try_from(time.as_millisecond()).unwrap_or(0);
    SessionId(uuid::Builder::from_unix_timestamp_millis(millis, &[0xff; 10]).into_uuid())
}

fn session(row: &Row<'_>) -> Result<Session, StoreError> {
    let client_id: Option<String> = row.get(2)?;
    let address: Option<String> = row.get(5)?;
    let user_agent: Option<String> = row.get(6)?;
    let address = address.map(|text| text.parse().map_err(|_| damaged("address")));
    let method = match row.text(3)? {
        "pwd" => Method::Password,
        _ => return Err(damaged("method")),
    };
    Ok(Session {
        id: id_in(row, 0)?,
        user_id: row.text(1)?.parse().map_err(|_| damaged("user_id"))?,
        client_id: client_id.map(ClientId::from_stored),
        method,
        scope: row.text(4)?.parse().map_err(|_| damaged("scope"))?,
        address: address.transpose()?,
        user_agent: user_agent.map(UserAgent::from_stored),
        created_at: instant(row.get(7)?, "created_at")?,
        last_used_at: instant(row.get(8)?, "created_at")?,
    })
}

fn id_in(row: &Row<'_>, column: usize) -> Result<SessionId, StoreError> {
    row.text(column)?.parse().map_err(|_| damaged("id"))
}

fn instant(unix_millis: i64, column: &'static str) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(unix_millis).map_err(|_| damaged(column))
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "sessions",
        column,
    }
}
