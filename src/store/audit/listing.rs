//! Events page by page.

use jiff::Timestamp;

use super::{AFTER_HASHED, damaged, hashed_columns};
use crate::domain::audit::{Action, Event};
use crate::domain::user::UserId;
use crate::store::digest::hex;
use crate::store::engine::{Conn, Row};
use crate::store::error::StoreError;

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only what was done to this account, or by it.
    pub user: Option<UserId>,
    /// Only this.
    pub action: Option<Action>,
    /// Only from this time on.
    pub since: Option<Timestamp>,
}

/// Up to `?2` events beyond the number `?1` that are wanted: of this action (`?3`), not before that
/// time (`?4`), and under a condition.
macro_rules! select {
    ($beyond:literal, $order:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            hashed_columns!(),
            ", hash FROM audit_events WHERE number ",
            $beyond,
            " ?1
              AND (CAST(?3 AS TEXT) IS NULL OR event = ?3)
              AND (CAST(?4 AS BIGINT) IS NULL OR created_at >= ?4) ",
            $condition,
            " ORDER BY number ",
            $order,
            " LIMIT ?2"
        )
    };
}

/// The same about one account (`?5`), by two indexes.
macro_rules! select_of_user {
    ($beyond:literal, $order:literal) => {
        concat!(
            "SELECT ",
            hashed_columns!(),
            ", hash FROM (SELECT * FROM (",
            select!($beyond, $order, "AND user_id = ?5"),
            ") AS to_it UNION ALL SELECT * FROM (",
            select!(
                $beyond,
                $order,
                "AND actor_kind = 'user' AND actor_id = ?5 AND actor_id IS DISTINCT FROM user_id"
            ),
            ") AS by_it) AS found ORDER BY number ",
            $order,
            " LIMIT ?2"
        )
    };
}

/// The number of the last event; 0: there is none.
pub fn last_number(connection: &Conn) -> Result<i64, StoreError> {
    const SQL: &str = "SELECT coalesce(max(number), 0) FROM audit_events";
    connection.query_value(SQL, &[])
}

/// The first `limit` events after a number.
pub fn list(
    connection: &Conn,
    filter: &EventFilter,
    after: i64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    // The sum keeps engines from reading the table in the order of its numbers.
    const FIRST_SINCE: &str = "
        SELECT coalesce(min(number + 0) - 1, ?2) FROM audit_events WHERE created_at >= ?1";
    let after = match filter.since {
        // Clocks differ: an event may have an earlier time than the one before it.
        Some(since) if after == 0 => {
            let values = [since.as_millisecond().into(), i64::MAX.into()];
            connection.query_value(FIRST_SINCE, &values)?
        }
        _ => after,
    };
    let sql = match filter.user {
        None => select!(">", "ASC", ""),
        Some(_) => select_of_user!(">", "ASC"),
    };
    select(connection, sql, filter, after, limit)
}

/// The last `limit` events, in their order.
pub fn latest(
    connection: &Conn,
    filter: &EventFilter,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let sql = match filter.user {
        None => select!("<", "DESC", ""),
        Some(_) => select_of_user!("<", "DESC"),
    };
    let mut events = select(connection, sql, filter, i64::MAX, limit)?;
    events.reverse();
    Ok(events)
}

fn select(
    connection: &Conn,
    sql: &'static str,
    filter: &EventFilter,
    beyond: i64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let user = filter.user.map(|id| id.to_string());
    let values = [
        beyond.into(),
        i64::from(limit).into(),
        filter.action.map(Action::name).into(),
        filter.since.map(Timestamp::as_millisecond).into(),
        user.as_deref().into(),
    ];
    let used = if user.is_some() { 5 } else { 4 };
    connection.query(sql, &values[..used], event)
}

fn event(row: &Row<'_>) -> Result<Event, StoreError> {
    let detail = row.text(16)?;
    let hash: Vec<u8> = row.get(AFTER_HASHED)?;
    Ok(Event {
        number: row.get(0)?,
        id: row.get(2)?,
        created_at: Timestamp::from_millisecond(row.get(3)?).map_err(|_| damaged("created_at"))?,
        event: row.get(4)?,
        result: row.get(5)?,
        actor_kind: row.get(6)?,
        actor_id: row.get(7)?,
        address: row.get(8)?,
        user_id: row.get(9)?,
        client_id: row.get(10)?,
        session_id: row.get(11)?,
        token_id: row.get(12)?,
        key_id: row.get(13)?,
        group_id: row.get(14)?,
        permission: row.get(15)?,
        // Whoever has altered it is found out by its hash, and hides nothing here.
        detail: serde_json::from_str(detail).unwrap_or_else(|_| detail.into()),
        hash: hex(&hash),
    })
}
