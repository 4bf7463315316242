//! Accounts with all that is kept of them.

use super::{AFTER_USER, Conn, StoreError, User, permissions, user};
use crate::domain::permission::PermissionName;
use crate::domain::secret::Secret;

/// An account, and what is not in its JSON.
#[derive(Debug)]
pub struct WholeUser {
    /// The account.
    pub user: User,
    /// Its password hash as stored; `None`: it cannot log in.
    pub password_hash: Option<Secret<String>>,
    /// What it may do by itself, sorted.
    pub direct: Vec<PermissionName>,
}

/// Every account as it was made, one after the other: there may be more than there is memory for.
pub fn whole(
    connection: &Conn,
    mut read: impl FnMut(WholeUser) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        user_columns!(),
        ", coalesce((
            SELECT string_agg(permission, '\n' ORDER BY permission) FROM user_permissions
            WHERE user_id = users.id), ''), password_hash FROM users ORDER BY id"
    );
    connection.each(SQL, &[], |row| {
        let password_hash = row.get::<Option<String>>(AFTER_USER + 1)?;
        read(WholeUser {
            user: user(row)?,
            password_hash: password_hash.map(Secret::new),
            direct: permissions(row, AFTER_USER)?,
        })
    })
}

/// How many accounts there are.
pub fn count(connection: &Conn) -> Result<u64, StoreError> {
    const SQL: &str = "SELECT count(*) FROM users";
    let count: i64 = connection.query_value(SQL, &[])?;
    Ok(count.unsigned_abs())
}

/// Whether there is a superuser, active or not.
pub fn any_superuser(connection: &Conn) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM users WHERE is_superuser)";
    connection.query_value(SQL, &[])
}
