//! The tables `permissions` and `user_permissions`.

use super::engine::{Conn, Row, Tx};
use super::error::StoreError;
use super::members::{Still, Whose, rederive};
use crate::domain::label::Label;
use crate::domain::permission::{Permission, PermissionName};
use crate::domain::user::UserId;

/// Adds a permission of the installation's own; superusers have it at once.
///
/// Fails with [`StoreError::PermissionExists`] if there is one of that name.
pub fn insert(
    tx: &Tx<'_>,
    name: &PermissionName,
    description: &Label,
) -> Result<Permission, StoreError> {
    const SQL: &str = "
        INSERT INTO permissions (name, description, is_builtin) VALUES (?1, ?2, FALSE)
        ON CONFLICT (name) DO NOTHING
        RETURNING name, description, is_builtin";
    let values = [name.as_str().into(), description.as_str().into()];
    let added = tx.query_row(SQL, &values, permission)?;
    let added = added.ok_or_else(|| StoreError::PermissionExists(name.clone()))?;
    rederive(tx, &Whose::Permission(name, Still::There))?;
    Ok(added)
}

/// The permission of that name, if there is one.
pub fn find(connection: &Conn, name: &PermissionName) -> Result<Option<Permission>, StoreError> {
    const SQL: &str = "SELECT name, description, is_builtin FROM permissions WHERE name = ?1";
    connection.query_row(SQL, &[name.as_str().into()], permission)
}

/// Permissions by their names, after one.
pub fn list(
    connection: &Conn,
    after: Option<&PermissionName>,
    limit: u32,
) -> Result<Vec<Permission>, StoreError> {
    const SQL: &str = "
        SELECT name, description, is_builtin FROM permissions
        WHERE name > ?1 ORDER BY name LIMIT ?2";
    let after = after.map_or("", PermissionName::as_str);
    connection.query(SQL, &[after.into(), i64::from(limit).into()], permission)
}

/// Gives a permission another description.
pub fn describe(tx: &Tx<'_>, name: &PermissionName, description: &Label) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE permissions SET description = ?2 WHERE name = ?1";
    let values = [name.as_str().into(), description.as_str().into()];
    tx.execute(SQL, &values).map(drop)
}

/// Removes a permission, from all who have it.
pub fn delete(tx: &Tx<'_>, name: &PermissionName) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM permissions WHERE name = ?1";
    rederive(tx, &Whose::Permission(name, Still::Leaving))?;
    tx.execute(SQL, &[name.as_str().into()]).map(drop)
}

/// Gives an account a permission, which must exist, by itself; says whether it had it not.
pub fn grant(tx: &Tx<'_>, user: UserId, permission: &PermissionName) -> Result<bool, StoreError> {
    const SQL: &str = "
        INSERT INTO user_permissions (user_id, permission) VALUES (?1, ?2)
        ON CONFLICT (user_id, permission) DO NOTHING";
    changed(tx, SQL, user, permission)
}

/// Takes back from an account what it was given by itself; says whether it had it.
pub fn revoke(tx: &Tx<'_>, user: UserId, permission: &PermissionName) -> Result<bool, StoreError> {
    const SQL: &str = "DELETE FROM user_permissions WHERE user_id = ?1 AND permission = ?2";
    changed(tx, SQL, user, permission)
}

/// What an account was given by itself, by name.
pub fn direct(connection: &Conn, user: UserId) -> Result<Vec<PermissionName>, StoreError> {
    const SQL: &str =
        "SELECT permission FROM user_permissions WHERE user_id = ?1 ORDER BY permission";
    let user = user.to_string();
    connection.query(SQL, &[(&user).into()], |row| {
        row.get(0).map(PermissionName::from_stored)
    })
}

fn changed(
    tx: &Tx<'_>,
    sql: &'static str,
    user: UserId,
    permission: &PermissionName,
) -> Result<bool, StoreError> {
    let id = user.to_string();
    let is_changed = tx.execute(sql, &[(&id).into(), permission.as_str().into()])? == 1;
    if is_changed {
        rederive(tx, &Whose::User(user))?;
    }
    Ok(is_changed)
}

fn permission(row: &Row<'_>) -> Result<Permission, StoreError> {
    Ok(Permission {
        name: PermissionName::from_stored(row.get(0)?),
        description: row.get(1)?,
        is_builtin: row.get(2)?,
    })
}
