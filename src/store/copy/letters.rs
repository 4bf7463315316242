//! The tables of codes and of the letters that bring them, as they are copied.

use super::tables::Table;
use crate::store::engine::Kind::{Bytes, Integer, Text};

/// Codes that are good once.
pub(super) const ACCOUNT_CODES: Table = Table {
    name: "account_codes",
    columns: &[
        ("id", Text),
        ("hash", Bytes),
        ("purpose", Text),
        ("user_id", Text),
        ("account_key", Text),
        ("email", Text),
        ("email_key", Text),
        ("created_at", Integer),
        ("expires_at", Integer),
    ],
    count: "SELECT count(*) FROM account_codes",
    added: "SELECT count(*) FROM account_codes",
    select: "
        SELECT id, hash, purpose, user_id, account_key, email, email_key, created_at,
            expires_at
        FROM account_codes ORDER BY id",
    insert: "
        INSERT INTO account_codes (id, hash, purpose, user_id, account_key, email, email_key,
            created_at, expires_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
};

/// Letters that wait to be sent, sealed.
pub(super) const OUTGOING_MAIL: Table = Table {
    name: "outgoing_mail",
    columns: &[
        ("id", Text),
        ("sealed", Bytes),
        ("due_at", Integer),
        ("expires_at", Integer),
        ("attempts", Integer),
    ],
    count: "SELECT count(*) FROM outgoing_mail",
    added: "SELECT count(*) FROM outgoing_mail",
    select: "SELECT id, sealed, due_at, expires_at, attempts FROM outgoing_mail ORDER BY id",
    insert: "
        INSERT INTO outgoing_mail (id, sealed, due_at, expires_at, attempts)
        VALUES (?1, ?2, ?3, ?4, ?5)",
};
