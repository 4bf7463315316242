//! The table `account_codes`: what lets somebody do one thing with an account, by its hash.

use jiff::Timestamp;
use uuid::Uuid;

use super::engine::{Conn, Row, Tx};
use super::error::StoreError;
use crate::domain::account_code::Purpose;
use crate::domain::email::Email;
use crate::domain::user::{User, UserId};

/// Codes of one purpose that are good for an account at a time; a further one ends the oldest.
const KEPT: i64 = 5;

/// For whom a code is.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// An account, as it is.
    Account(&'a User),
    /// Whoever registers.
    Nobody,
}

/// A code about to be made.
#[derive(Debug)]
pub struct NewCode<'a> {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of it.
    pub hash: &'a [u8],
    /// What it is for.
    pub purpose: Purpose,
    /// For whom.
    pub subject: Subject<'a>,
    /// The address that it is for.
    pub email: &'a Email,
    /// When it ends; whole seconds.
    pub expires_at: Timestamp,
}

/// A code that is good.
#[derive(Debug)]
pub struct Code {
    /// Its id.
    pub id: Uuid,
    /// For which account; `None`: for one that is to be made.
    pub user: Option<UserId>,
    /// The address that it is for.
    pub email: Email,
}

/// Adds a code. Of those with the same purpose and subject, the latest few stay.
pub fn insert(tx: &Tx<'_>, new: &NewCode<'_>, now: Timestamp) -> Result<(), StoreError> {
    const INSERT: &str = "
        INSERT INTO account_codes (id, hash, purpose, user_id, account_key, email, email_key,
            created_at, expires_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    const TRIM_ACCOUNT: &str = "
        DELETE FROM account_codes WHERE id IN (
            SELECT id FROM account_codes WHERE user_id = ?1 AND purpose = ?2
            ORDER BY id DESC LIMIT 1000 OFFSET ?3)";
    const TRIM_ADDRESS: &str = "
        DELETE FROM account_codes WHERE id IN (
            SELECT id FROM account_codes
            WHERE user_id IS NULL AND email_key = ?1 AND purpose = ?2
            ORDER BY id DESC LIMIT 1000 OFFSET ?3)";
    let id = new.id.to_string();
    let account = match new.subject {
        Subject::Account(user) => Some((user.id.to_string(), user.email.key())),
        Subject::Nobody => None,
    };
    let values = [
        (&id).into(),
        new.hash.into(),
        new.purpose.name().into(),
        account.as_ref().map(|(id, _)| id).into(),
        account.as_ref().map(|(_, key)| *key).into(),
        new.email.as_str().into(),
        new.email.key().into(),
        now.as_millisecond().into(),
        new.expires_at.as_second().into(),
    ];
    tx.execute(INSERT, &values)?;
    let (trim, whose) = match &account {
        Some((id, _)) => (TRIM_ACCOUNT, id.as_str()),
        None => (TRIM_ADDRESS, new.email.key()),
    };
    let values = [whose.into(), new.purpose.name().into(), KEPT.into()];
    tx.execute(trim, &values).map(drop)
}

/// The code with this hash, if it is good for this purpose: it has not ended; its account is active,
/// and has had neither another address nor another password since.
pub fn find(
    connection: &Conn,
    purpose: Purpose,
    hash: &[u8],
    now: Timestamp,
) -> Result<Option<Code>, StoreError> {
    const SQL: &str = "
        SELECT id, user_id, email, email_key FROM account_codes AS code
        WHERE hash = ?1 AND purpose = ?2 AND expires_at > ?3
            AND (user_id IS NULL OR EXISTS (
                SELECT 1 FROM users WHERE users.id = code.user_id AND is_active
                    AND users.email_key = code.account_key
                    AND (tokens_valid_after IS NULL OR tokens_valid_after < code.created_at)))";
    let values = [hash.into(), purpose.name().into(), now.as_second().into()];
    connection.query_row(SQL, &values, code)
}

/// Uses a good code up.
pub fn take(
    tx: &Tx<'_>,
    purpose: Purpose,
    hash: &[u8],
    now: Timestamp,
) -> Result<Option<Code>, StoreError> {
    const SQL: &str = "DELETE FROM account_codes WHERE id = ?1";
    let found = find(tx, purpose, hash, now)?;
    if let Some(code) = &found {
        tx.execute(SQL, &[code.id.to_string().as_str().into()])?;
    }
    Ok(found)
}

/// Ends every code of an account.
pub fn end_of(tx: &Tx<'_>, user: UserId) -> Result<u64, StoreError> {
    const SQL: &str = "DELETE FROM account_codes WHERE user_id = ?1";
    tx.execute(SQL, &[user.to_string().as_str().into()])
}

/// Ends every code for an account to be made with this address.
pub fn end_registrations(tx: &Tx<'_>, email: &Email) -> Result<u64, StoreError> {
    const SQL: &str = "DELETE FROM account_codes WHERE user_id IS NULL AND email_key = ?1";
    tx.execute(SQL, &[email.key().into()])
}

/// Whether a code of this purpose was made after that time, for this account, or for this address
/// where there is none.
pub fn is_recent(
    connection: &Conn,
    purpose: Purpose,
    subject: Subject<'_>,
    email: &Email,
    after: Timestamp,
) -> Result<bool, StoreError> {
    const OF_ACCOUNT: &str = "
        SELECT EXISTS (SELECT 1 FROM account_codes
            WHERE user_id = ?1 AND purpose = ?2 AND created_at > ?3)";
    const OF_ADDRESS: &str = "
        SELECT EXISTS (SELECT 1 FROM account_codes
            WHERE user_id IS NULL AND email_key = ?1 AND purpose = ?2 AND created_at > ?3)";
    let id;
    let (sql, whose) = match subject {
        Subject::Account(user) => {
            id = user.id.to_string();
            (OF_ACCOUNT, id.as_str())
        }
        Subject::Nobody => (OF_ADDRESS, email.key()),
    };
    let values = [
        whose.into(),
        purpose.name().into(),
        after.as_millisecond().into(),
    ];
    connection.query_value(sql, &values)
}

/// Whether any of them ended before that time.
pub fn is_prunable(connection: &Conn, before: Timestamp) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM account_codes WHERE expires_at < ?1)";
    connection.query_value(SQL, &[before.as_second().into()])
}

/// Removes those that ended before that time, `limit` at most; returns how many there were.
pub fn prune(tx: &Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    const SQL: &str = "
        DELETE FROM account_codes WHERE id IN (
            SELECT id FROM account_codes WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    let values = [before.as_second().into(), i64::from(limit).into()];
    tx.execute(SQL, &values)
}

fn code(row: &Row<'_>) -> Result<Code, StoreError> {
    let user = row.maybe_text(1)?.map(str::parse).transpose();
    Ok(Code {
        id: row.text(0)?.parse().map_err(|_| damaged("id"))?,
        user: user.map_err(|_| damaged("user_id"))?,
        email: Email::from_stored(row.get(2)?, row.get(3)?),
    })
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "account_codes",
        column,
    }
}
