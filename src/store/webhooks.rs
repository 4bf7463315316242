//! The tables `webhooks` and `webhook_dead_letters`.

use jiff::Timestamp;

use super::engine::{Conn, Row, Tx};
use super::error::StoreError;
use crate::domain::user::UserId;
use crate::domain::webhook::{Webhook, WebhookEvent, WebhookId, WebhookUrl};

/// SQL: the columns that [`webhook`] reads, in its order.
macro_rules! webhook_columns {
    () => {
        "id, url, events, created_at, told_until, failures, retry_at, last_error, delivered_at,
            (SELECT count(*) FROM webhook_dead_letters WHERE webhook_id = webhooks.id),
            sealed_secret"
    };
}

/// A webhook with its secret.
#[derive(Debug)]
pub struct StoredWebhook {
    /// What operators see.
    pub webhook: Webhook,
    /// Sealed for [`seal_label`].
    pub sealed_secret: Vec<u8>,
}

/// What a webhook that is being told has come to.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Everything up to this version was told.
    pub told_until: i64,
    /// How often the message after that has failed.
    pub failures: u32,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
    /// Why the last one failed; `None`: it did not.
    pub last_error: Option<String>,
    /// When the last one that arrived did.
    pub delivered_at: Option<Timestamp>,
}

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// What it was about.
    pub user: UserId,
    /// The version that it told.
    pub version: i64,
    /// Why the last attempt failed.
    pub error: String,
}

/// What a secret is sealed for: that of this webhook and of nothing else.
pub fn seal_label(id: WebhookId) -> String {
    format!("webhook {id}")
}

/// Adds a webhook that is told what happens from now on.
pub fn insert(tx: &Tx<'_>, new: &Webhook, sealed_secret: &[u8]) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO webhooks (id, url, events, sealed_secret, created_at, told_until)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (id, events) = (new.id.to_string(), written(&new.events));
    let values = [
        (&id).into(),
        new.url.as_str().into(),
        (&events).into(),
        sealed_secret.into(),
        new.created_at.as_second().into(),
        new.cursor.into(),
    ];
    tx.execute(SQL, &values).map(drop)
}

/// Every webhook, in the order in which they were added.
pub fn all(connection: &Conn) -> Result<Vec<StoredWebhook>, StoreError> {
    const SQL: &str = concat!("SELECT ", webhook_columns!(), " FROM webhooks ORDER BY id");
    connection.query(SQL, &[], webhook)
}

/// The webhook of that id.
pub fn find(connection: &Conn, id: WebhookId) -> Result<Option<StoredWebhook>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        webhook_columns!(),
        " FROM webhooks WHERE id = ?1"
    );
    connection.query_row(SQL, &[id.to_string().as_str().into()], webhook)
}

/// Removes a webhook with its dead letters; says whether there was one.
pub fn delete(tx: &Tx<'_>, id: WebhookId) -> Result<bool, StoreError> {
    const SQL: &str = "DELETE FROM webhooks WHERE id = ?1";
    Ok(tx.execute(SQL, &[id.to_string().as_str().into()])? > 0)
}

/// Puts another seal over a secret.
pub fn reseal(tx: &Tx<'_>, id: WebhookId, sealed_secret: &[u8]) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE webhooks SET sealed_secret = ?2 WHERE id = ?1";
    let id = id.to_string();
    tx.execute(SQL, &[(&id).into(), sealed_secret.into()])
        .map(drop)
}

/// Lets a webhook be told at once, its dead letters too.
pub fn retry(tx: &Tx<'_>, id: WebhookId) -> Result<(), StoreError> {
    const NOW: &str = "UPDATE webhooks SET failures = 0, retry_at = 0 WHERE id = ?1";
    const DEAD: &str = "UPDATE webhook_dead_letters SET is_due = TRUE WHERE webhook_id = ?1";
    let id = id.to_string();
    tx.execute(NOW, &[(&id).into()])?;
    tx.execute(DEAD, &[(&id).into()]).map(drop)
}

/// Those that there is something to tell, and nobody is at it.
pub fn due(connection: &Conn, now: Timestamp) -> Result<Vec<WebhookId>, StoreError> {
    const SQL: &str = "
        SELECT id FROM webhooks WHERE retry_at <= ?1 AND claimed_until <= ?1
            AND (told_until <> (SELECT value FROM change_sequence)
                OR EXISTS (SELECT 1 FROM webhook_dead_letters
                    WHERE webhook_id = webhooks.id AND is_due))
        ORDER BY id";
    connection.query(SQL, &[now.as_millisecond().into()], |row| {
        row.text(0)?.parse().map_err(|_| damaged("id"))
    })
}

/// Takes a webhook for oneself until then, if nobody else has it and it is due.
pub fn claim(
    tx: &Tx<'_>,
    id: WebhookId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<StoredWebhook>, StoreError> {
    const SQL: &str = concat!(
        "UPDATE webhooks SET claimed_until = ?3
        WHERE id = ?1 AND claimed_until <= ?2 AND retry_at <= ?2
        RETURNING ",
        webhook_columns!()
    );
    let id = id.to_string();
    let values = [
        (&id).into(),
        now.as_millisecond().into(),
        until.as_millisecond().into(),
    ];
    tx.query_row(SQL, &values, webhook)
}

/// Whether one has still taken a webhook until then, and nobody has removed it.
pub fn is_claimed(
    connection: &Conn,
    id: WebhookId,
    claimed_until: Timestamp,
) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT 1 FROM webhooks WHERE id = ?1 AND claimed_until = ?2";
    let id = id.to_string();
    let values = [(&id).into(), claimed_until.as_millisecond().into()];
    let found = connection.query_row(SQL, &values, |_| Ok(()))?;
    Ok(found.is_some())
}

/// Writes down how far one came with a webhook, and lets go of it. Whoever has lost it meanwhile writes
/// nothing; says whether it was still one's own.
pub fn settle(
    tx: &Tx<'_>,
    id: WebhookId,
    claimed_until: Timestamp,
    progress: &Progress,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        UPDATE webhooks SET claimed_until = 0, told_until = ?3, failures = ?4, retry_at = ?5,
            last_error = ?6, delivered_at = coalesce(?7, delivered_at)
        WHERE id = ?1 AND claimed_until = ?2";
    let id = id.to_string();
    let values = [
        (&id).into(),
        claimed_until.as_millisecond().into(),
        progress.told_until.into(),
        i64::from(progress.failures).into(),
        progress
            .retry_at
            .map_or(0, Timestamp::as_millisecond)
            .into(),
        progress.last_error.as_deref().into(),
        progress.delivered_at.map(Timestamp::as_millisecond).into(),
    ];
    Ok(tx.execute(SQL, &values)? > 0)
}

/// Notes that the last message about an account was given up.
pub fn bury(
    tx: &Tx<'_>,
    id: WebhookId,
    letter: &DeadLetter,
    now: Timestamp,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO webhook_dead_letters (webhook_id, user_id, version, error, died_at, is_due)
        VALUES (?1, ?2, ?3, ?4, ?5, FALSE)
        ON CONFLICT (webhook_id, user_id) DO UPDATE SET version = excluded.version,
            error = excluded.error, died_at = excluded.died_at, is_due = FALSE";
    let (id, user) = (id.to_string(), letter.user.to_string());
    let values = [
        (&id).into(),
        (&user).into(),
        letter.version.into(),
        letter.error.as_str().into(),
        now.as_millisecond().into(),
    ];
    tx.execute(SQL, &values).map(drop)
}

/// Forgets the dead letter about an account: a message of this version, or a later one, has arrived.
pub fn revive(tx: &Tx<'_>, id: WebhookId, user: UserId, version: i64) -> Result<(), StoreError> {
    const SQL: &str = "
        DELETE FROM webhook_dead_letters
        WHERE webhook_id = ?1 AND user_id = ?2 AND version <= ?3";
    let (id, user) = (id.to_string(), user.to_string());
    tx.execute(SQL, &[(&id).into(), (&user).into(), version.into()])
        .map(drop)
}

/// Dead letters of a webhook, those alone that are to be tried again if `is_due`; `limit` at most.
pub fn dead_letters(
    connection: &Conn,
    id: WebhookId,
    is_due: bool,
    limit: u32,
) -> Result<Vec<DeadLetter>, StoreError> {
    const SQL: &str = "
        SELECT user_id, version, error FROM webhook_dead_letters
        WHERE webhook_id = ?1 AND (is_due OR NOT ?2) ORDER BY user_id LIMIT ?3";
    let id = id.to_string();
    let values = [(&id).into(), is_due.into(), i64::from(limit).into()];
    connection.query(SQL, &values, |row| {
        Ok(DeadLetter {
            user: row.text(0)?.parse().map_err(|_| damaged("user_id"))?,
            version: row.get(1)?,
            error: row.get(2)?,
        })
    })
}

fn written(events: &[WebhookEvent]) -> String {
    let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
    names.join(" ")
}

fn webhook(row: &Row<'_>) -> Result<StoredWebhook, StoreError> {
    let events = row.text(2)?.split(' ').map(str::parse);
    let events: Result<Vec<WebhookEvent>, _> = events.collect();
    let retry_at: i64 = row.get(6)?;
    let delivered_at: Option<i64> = row.get(8)?;
    let instant = |millis| Timestamp::from_millisecond(millis).map_err(|_| damaged("retry_at"));
    let created_at = Timestamp::from_second(row.get(3)?).map_err(|_| damaged("created_at"))?;
    Ok(StoredWebhook {
        webhook: Webhook {
            id: row.text(0)?.parse().map_err(|_| damaged("id"))?,
            url: WebhookUrl::from_stored(row.get(1)?),
            events: events.map_err(|_| damaged("events"))?,
            created_at,
            cursor: row.get(4)?,
            failures: small(row.get(5)?, "failures")?,
            retry_at: (retry_at != 0).then(|| instant(retry_at)).transpose()?,
            last_error: row.get(7)?,
            delivered_at: delivered_at.map(instant).transpose()?,
            dead_letters: small(row.get(9)?, "webhook_id")?,
        },
        sealed_secret: row.get(10)?,
    })
}

fn small(number: i64, column: &'static str) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| damaged(column))
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "webhooks",
        column,
    }
}
