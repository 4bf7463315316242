//! Accounts as they come.

use jiff::Timestamp;

use super::{Conn, StoreError, Tx, external_id_taken, next_version, user};
use crate::domain::external_id::ExternalId;
use crate::domain::phone::Phone;
use crate::domain::user::{NewUser, User, UserId};
use crate::store::members::every_permission;

/// Since when an account is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// When it was made.
    pub date_joined: Timestamp,
    /// When it last logged in, if it was somewhere else before.
    pub last_login: Option<Timestamp>,
}

/// Adds an account that is made now, and returns it as stored.
///
/// Fails with [`StoreError::EmailTaken`] if the normalised address is in use, and with
/// [`StoreError::ExternalIdTaken`] likewise.
pub fn insert(
    tx: &Tx<'_>,
    id: UserId,
    new: &NewUser,
    password_hash: Option<&str>,
    now: Timestamp,
) -> Result<User, StoreError> {
    let since = Since {
        date_joined: now,
        last_login: None,
    };
    insert_since(tx, id, new, password_hash, since)
}

/// The same for one that may have been somewhere else before.
pub fn insert_since(
    tx: &Tx<'_>,
    id: UserId,
    new: &NewUser,
    password_hash: Option<&str>,
    since: Since,
) -> Result<User, StoreError> {
    const SQL: &str = concat!(
        "INSERT INTO users (id, email, email_key, first_name, last_name, phone_number,
            password_hash, is_active, is_staff, is_superuser, date_joined, version, last_login,
            external_id, permission_names)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, CASE WHEN ?10 THEN ",
        every_permission!("''"),
        " ELSE '' END)
        ON CONFLICT (email_key) DO NOTHING
        RETURNING ",
        user_columns!()
    );
    let id = id.to_string();
    let values = [
        (&id).into(),
        new.email.as_str().into(),
        new.email.key().into(),
        new.first_name.as_str().into(),
        new.last_name.as_str().into(),
        new.phone_number.as_ref().map(Phone::as_str).into(),
        password_hash.into(),
        new.is_active.into(),
        new.is_staff.into(),
        new.is_superuser.into(),
        since.date_joined.as_second().into(),
        next_version(tx)?.into(),
        since.last_login.map(Timestamp::as_second).into(),
        new.external_id.as_ref().map(ExternalId::as_str).into(),
    ];
    tx.query_row(SQL, &values, user)
        .map_err(|error| external_id_taken(error, new.external_id.as_ref()))?
        .ok_or_else(|| StoreError::EmailTaken(new.email.clone()))
}

/// Whether this was the id of an account that is deleted.
pub fn was_deleted(connection: &Conn, id: UserId) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM user_tombstones WHERE id = ?1)";
    connection.query_value(SQL, &[(&id.to_string()).into()])
}
