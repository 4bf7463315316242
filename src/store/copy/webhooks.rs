//! The tables of webhooks, as they are copied.

use super::tables::Table;
use crate::store::engine::Kind::{Bool, Bytes, Integer, Text};

/// Where messages go, and how far they were told.
pub(super) const WEBHOOKS: Table = Table {
    name: "webhooks",
    columns: &[
        ("id", Text),
        ("url", Text),
        ("events", Text),
        ("sealed_secret", Bytes),
        ("created_at", Integer),
        ("told_until", Integer),
        ("failures", Integer),
        ("retry_at", Integer),
        ("claimed_until", Integer),
        ("delivered_at", Integer),
        ("last_error", Text),
    ],
    count: "SELECT count(*) FROM webhooks",
    added: "SELECT count(*) FROM webhooks",
    select: "
        SELECT id, url, events, sealed_secret, created_at, told_until, failures, retry_at,
            claimed_until, delivered_at, last_error
        FROM webhooks ORDER BY id",
    insert: "
        INSERT INTO webhooks (id, url, events, sealed_secret, created_at, told_until, failures,
            retry_at, claimed_until, delivered_at, last_error)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
};

/// Messages that were given up.
pub(super) const DEAD_LETTERS: Table = Table {
    name: "webhook_dead_letters",
    columns: &[
        ("webhook_id", Text),
        ("user_id", Text),
        ("version", Integer),
        ("error", Text),
        ("died_at", Integer),
        ("is_due", Bool),
    ],
    count: "SELECT count(*) FROM webhook_dead_letters",
    added: "SELECT count(*) FROM webhook_dead_letters",
    select: "
        SELECT webhook_id, user_id, version, error, died_at, is_due
        FROM webhook_dead_letters ORDER BY webhook_id, user_id",
    insert: "
        INSERT INTO webhook_dead_letters (webhook_id, user_id, version, error, died_at, is_due)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
};
