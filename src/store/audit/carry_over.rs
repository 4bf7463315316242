//! What migration 6 cannot say in SQL: the events of older releases, with hashes.
//!
//! This is part of that migration: it is never changed.

use super::{Place, link};
use crate::store::engine::{Tx, Value};
use crate::store::error::StoreError;

/// Rows at a time.
const BATCH: i64 = 500;

/// An event as older releases had it.
struct Old {
    id: String,
    created_at: i64,
    event: String,
    /// Account, client, session, key and address.
    texts: [Option<String>; 5],
}

/// Writes the rows of `audit_events_before` into `audit_events`, in the order of their ids, which is
/// that of their times. Who rotated a key was not written down then.
pub(in crate::store) fn carry_over(tx: &Tx<'_>) -> Result<(), StoreError> {
    const SQL: &str = "
        SELECT id, created_at, event, user_id, client_id, session_id, key_id, address
        FROM audit_events_before WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut last = Place::BEGINNING;
    let mut after = String::new();
    loop {
        let rows = tx.query(SQL, &[(&after).into(), BATCH.into()], |row| {
            Ok(Old {
                id: row.get(0)?,
                created_at: row.get(1)?,
                event: row.get(2)?,
                texts: [
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                    row.get(7)?,
                ],
            })
        })?;
        let Some(latest) = rows.last() else { break };
        after.clone_from(&latest.id);
        for old in &rows {
            last = add(tx, &last, old)?;
        }
    }
    tx.batch("DROP TABLE audit_events_before")
}

fn add(tx: &Tx<'_>, last: &Place, old: &Old) -> Result<Place, StoreError> {
    const FORM: i64 = 1;
    const SQL: &str = "
        INSERT INTO audit_events (number, form, id, created_at, event, result, actor_kind,
            actor_id, address, user_id, client_id, session_id, token_id, key_id, group_id,
            permission, detail, hash)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
    let (result, who) = match old.event.as_str() {
        "refresh_token.reused" => ("failed", "anonymous"),
        _ => ("ok", "unknown"),
    };
    let number = last.number + 1;
    let [user, client, session, key, address] = old.texts.each_ref().map(Option::as_deref);
    let mut values = vec![
        number.into(),
        FORM.into(),
        (&old.id).into(),
        old.created_at.into(),
        (&old.event).into(),
        result.into(),
        who.into(),
        Value::Null,
        address.into(),
        user.into(),
        client.into(),
        session.into(),
        Value::Null,
        key.into(),
        Value::Null,
        Value::Null,
        "{}".into(),
    ];
    let hash = link(&last.hash, &values);
    values.push(hash.as_slice().into());
    tx.execute(SQL, &values)?;
    Ok(Place { number, hash })
}
