//! The tables `users` and `user_tombstones`.

/// The columns that [`user`] reads, in its order.
///
/// Another column in a query that has these is at [`AFTER_USER`] and up.
macro_rules! user_columns {
    () => {
        concat!(
            "id, email, email_key, first_name, last_name, phone_number, is_active, is_staff, \
             is_superuser, date_joined, last_login, version, group_names, permission_names, \
             field_values, ",
            $crate::store::user_fields::own_fields!(),
            ", external_id"
        )
    };
}
pub(super) use user_columns;

/// How many columns `user_columns!` has.
pub(super) const AFTER_USER: usize = 17;

mod arrival;
mod changes;
pub mod confirmation;
mod listing;
mod passwords;
mod whole;

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::changes::next_version;
use super::engine::{self, Conn, Question, Row, Tx};
use super::error::StoreError;
use super::keys::key_verifies_until;
use super::members::effective_permissions;
use super::revoked_tokens::is_revoked;
use super::user_fields;
use crate::domain::email::Email;
use crate::domain::external_id::ExternalId;
use crate::domain::name::PersonName;
use crate::domain::permission::PermissionName;
use crate::domain::phone::Phone;
use crate::domain::secret::Secret;
use crate::domain::session::SessionId;
use crate::domain::user::{User, UserChange, UserId, UserRef};

pub use arrival::{Since, insert, insert_since, was_deleted};
pub use changes::{AccountChange, changed_since};
pub use listing::{FieldMatch, UserFilter, UserOrder, list};
pub use passwords::{
    change_password, foreign_hash_after, remove_password, replace_hash, set_password,
};
pub use whole::{WholeUser, any_superuser, count, whole};

/// What a login needs to know of an account.
#[derive(Debug)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// Its password hash as stored; `None`: it cannot log in.
    pub password_hash: Option<Secret<String>>,
}

/// What a verification needs to know of an account and a key, from one moment.
#[derive(Debug)]
pub struct Standing {
    /// The account.
    pub user: Arc<User>,
    /// Tokens issued at or before this Unix millisecond are refused.
    pub tokens_valid_after_ms: Option<i64>,
    /// Until which Unix second the key asked about verifies; `None`: it does not, or there is none.
    pub key_verifies_until: Option<i64>,
    /// Whether the session asked about is the account's, and has not ended.
    pub session_lasts: bool,
    /// Whether the token asked about was revoked by itself.
    pub is_revoked: bool,
}

/// The account of that name, if there is one.
pub fn find(connection: &Conn, name: &UserRef) -> Result<Option<User>, StoreError> {
    const BY_ID: &str = concat!("SELECT ", user_columns!(), " FROM users WHERE id = ?1");
    const BY_EMAIL: &str = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users WHERE email_key = ?1"
    );
    const BY_EXTERNAL_ID: &str = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users WHERE external_id = ?1"
    );
    let (sql, key) = match name {
        UserRef::Id(id) => (BY_ID, id.to_string()),
        UserRef::Email(email) => (BY_EMAIL, email.key().to_owned()),
        UserRef::External(id) => (BY_EXTERNAL_ID, id.as_str().to_owned()),
    };
    connection.query_row(sql, &[(&key).into()], user)
}

/// The account that logs in with this address, if there is one.
pub fn credentials(connection: &Conn, email: &Email) -> Result<Option<Credentials>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        user_columns!(),
        ", password_hash FROM users WHERE email_key = ?1"
    );
    connection.query_row(SQL, &[email.key().into()], |row| {
        let password_hash = row.get::<Option<String>>(AFTER_USER)?;
        Ok(Credentials {
            user: user(row)?,
            password_hash: password_hash.map(Secret::new),
        })
    })
}

/// Account, key and session of a token (`jti`, and when it ends), in one query (the hot path of verify),
/// or as they were if nobody has committed since the same `question`.
pub fn standing(
    connection: &Conn,
    question: &Question,
    id: UserId,
    kid: &str,
    session: SessionId,
    token: (Uuid, i64),
) -> Result<Arc<Option<Standing>>, StoreError> {
    connection.recalled(question, |connection| {
        read_standing(connection, id, kid, session, token)
    })
}

fn read_standing(
    connection: &Conn,
    id: UserId,
    kid: &str,
    session: SessionId,
    (jti, expires_at_secs): (Uuid, i64),
) -> Result<Option<Standing>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        user_columns!(),
        ", tokens_valid_after, ",
        key_verifies_until!("?2"),
        ",
            EXISTS (SELECT 1 FROM sessions WHERE sessions.id = ?3 AND user_id = users.id),
            ",
        is_revoked!("?4", "?5"),
        "
        FROM users WHERE id = ?1"
    );
    let mut buffers = [Uuid::encode_buffer(); 3];
    let [id, session, jti] = [id.0, session.0, jti];
    let [of_id, of_session, of_jti] = &mut buffers;
    let id: &str = id.hyphenated().encode_lower(of_id);
    let session: &str = session.hyphenated().encode_lower(of_session);
    let jti: &str = jti.hyphenated().encode_lower(of_jti);
    let values = [
        id.into(),
        kid.into(),
        session.into(),
        jti.into(),
        expires_at_secs.into(),
    ];
    connection.query_row(SQL, &values, |row| {
        Ok(Standing {
            user: Arc::new(user(row)?),
            tokens_valid_after_ms: row.get(AFTER_USER)?,
            key_verifies_until: row.get(AFTER_USER + 1)?,
            session_lasts: row.get(AFTER_USER + 2)?,
            is_revoked: row.get(AFTER_USER + 3)?,
        })
    })
}

/// A login that was written down.
#[derive(Debug, PartialEq)]
pub struct RecordedLogin {
    /// Who logged in.
    pub user: User,
    /// The key that signs at this moment.
    pub active_kid: Option<String>,
}

/// Records a login with the hash that was checked, and tells which key signs.
/// `None` if the account is gone, inactive or has another password by now: then nobody logged in.
pub fn record_login(
    tx: &Tx<'_>,
    id: UserId,
    checked_hash: &str,
    now: Timestamp,
) -> Result<Option<RecordedLogin>, StoreError> {
    const SQL: &str = concat!(
        "UPDATE users SET last_login = ?3, version = ?4
        WHERE id = ?1 AND password_hash = ?2 AND is_active
        RETURNING ",
        user_columns!(),
        ", (SELECT kid FROM signing_keys WHERE state = 'active')"
    );
    let version = next_version(tx)?;
    let id = id.to_string();
    let values = [
        (&id).into(),
        checked_hash.into(),
        now.as_second().into(),
        version.into(),
    ];
    tx.query_row(SQL, &values, |row| {
        Ok(RecordedLogin {
            user: user(row)?,
            active_kid: row.get(AFTER_USER)?,
        })
    })
}

/// Changes what `change` names. Fails with [`StoreError::EmailTaken`] if the new address is, and with
/// [`StoreError::ExternalIdTaken`] likewise.
pub fn update(tx: &Tx<'_>, id: UserId, change: &UserChange) -> Result<Option<User>, StoreError> {
    const SQL: &str = concat!(
        "UPDATE users SET
            email        = coalesce(?2, email),
            email_key    = coalesce(?3, email_key),
            first_name   = coalesce(?4, first_name),
            last_name    = coalesce(?5, last_name),
            phone_number = CASE WHEN ?6 THEN ?7 ELSE phone_number END,
            is_staff     = coalesce(?8, is_staff),
            is_superuser = coalesce(?9, is_superuser),
            version      = ?10,
            external_id  = CASE WHEN ?11 THEN ?12 ELSE external_id END,
            permission_names = ",
        effective_permissions!("coalesce(?9, is_superuser)", "''", "''"),
        "
        WHERE id = ?1
        RETURNING ",
        user_columns!()
    );
    let phone_number = change.phone_number.as_ref().map(Option::as_ref);
    let external_id = change.external_id.as_ref().map(Option::as_ref);
    let id = id.to_string();
    let values = [
        (&id).into(),
        change.email.as_ref().map(Email::as_str).into(),
        change.email.as_ref().map(Email::key).into(),
        change.first_name.as_ref().map(PersonName::as_str).into(),
        change.last_name.as_ref().map(PersonName::as_str).into(),
        phone_number.is_some().into(),
        phone_number.flatten().map(Phone::as_str).into(),
        change.is_staff.into(),
        change.is_superuser.into(),
        next_version(tx)?.into(),
        external_id.is_some().into(),
        external_id.flatten().map(ExternalId::as_str).into(),
    ];
    match (tx.query_row(SQL, &values, user), &change.email) {
        (Err(error), Some(email)) if engine::is_duplicate(&error, "users", "email_key") => {
            Err(StoreError::EmailTaken(email.clone()))
        }
        (Err(error), _) => Err(external_id_taken(error, external_id.flatten())),
        (updated, _) => updated,
    }
}

/// The error that a caller can act on, if this is that.
fn external_id_taken(error: StoreError, wanted: Option<&ExternalId>) -> StoreError {
    match wanted {
        Some(id) if engine::is_duplicate(&error, "users", "external_id") => {
            StoreError::ExternalIdTaken(id.clone())
        }
        _ => error,
    }
}

/// Lets an account log in again, or stops it and ends every token issued so far.
pub fn set_active(
    tx: &Tx<'_>,
    id: UserId,
    is_active: bool,
    now: Timestamp,
) -> Result<Option<User>, StoreError> {
    const SQL: &str = concat!(
        "UPDATE users SET is_active = ?2, version = ?4,
            tokens_valid_after = CASE WHEN ?2 OR tokens_valid_after > ?3 THEN tokens_valid_after
                ELSE ?3 END
        WHERE id = ?1
        RETURNING ",
        user_columns!()
    );
    let version = next_version(tx)?;
    let id = id.to_string();
    let values = [
        (&id).into(),
        is_active.into(),
        now.as_millisecond().into(),
        version.into(),
    ];
    tx.query_row(SQL, &values, user)
}

/// Removes an account and leaves a tombstone with a version; says whether there was one.
pub fn delete(tx: &Tx<'_>, id: UserId, now: Timestamp) -> Result<bool, StoreError> {
    const DELETE: &str = "DELETE FROM users WHERE id = ?1";
    const TOMBSTONE: &str =
        "INSERT INTO user_tombstones (id, deleted_at, version) VALUES (?1, ?2, ?3)";
    let id = id.to_string();
    if tx.execute(DELETE, &[(&id).into()])? == 0 {
        return Ok(false);
    }
    let version = next_version(tx)?;
    let values = [(&id).into(), now.as_second().into(), version.into()];
    tx.execute(TOMBSTONE, &values)?;
    Ok(true)
}

/// Whether there is any account at all.
pub fn any(connection: &Conn) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM users)";
    connection.query_value(SQL, &[])
}

/// Whether an account other than this one is an active superuser.
pub fn other_active_superuser(connection: &Conn, id: UserId) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT EXISTS (SELECT 1 FROM users WHERE is_superuser AND is_active AND id <> ?1)";
    connection.query_value(SQL, &[id.to_string().as_str().into()])
}

/// By position, not by name: finding names cost verify more than reading the row did.
pub(super) fn user(row: &Row<'_>) -> Result<User, StoreError> {
    let phone_number: Option<String> = row.get(5)?;
    let last_login: Option<i64> = row.get(10)?;
    let external_id: Option<String> = row.get(16)?;
    let (fields, field_uses) = user_fields::of_user(row, 14)?;
    Ok(User {
        id: row.text(0)?.parse().map_err(|_| damaged("id"))?,
        email: Email::from_stored(row.get(1)?, row.get(2)?),
        first_name: PersonName::from_stored(row.get(3)?),
        last_name: PersonName::from_stored(row.get(4)?),
        phone_number: phone_number.map(Phone::from_stored),
        external_id: external_id.map(ExternalId::from_stored),
        is_active: row.get(6)?,
        is_staff: row.get(7)?,
        is_superuser: row.get(8)?,
        groups: row.text(12)?.lines().map(str::to_owned).collect(),
        permissions: permissions(row, 13)?,
        fields,
        field_uses,
        date_joined: second(row.get(9)?, "date_joined")?,
        last_login: last_login.map(|at| second(at, "last_login")).transpose()?,
        version: row.get(11)?,
    })
}

/// The names in a column that [`super::members`] derives.
pub(super) fn permissions(row: &Row<'_>, at: usize) -> Result<Vec<PermissionName>, StoreError> {
    let names = row.text(at)?.lines();
    Ok(names
        .map(|name| PermissionName::from_stored(name.to_owned()))
        .collect())
}

fn second(unix_seconds: i64, column: &'static str) -> Result<Timestamp, StoreError> {
    Timestamp::from_second(unix_seconds).map_err(|_| damaged(column))
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "users",
        column,
    }
}

#[cfg(test)]
mod tests;
