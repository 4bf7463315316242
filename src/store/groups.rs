//! The tables `groups` and `group_permissions`.

use jiff::Timestamp;

use super::changes::next_version;
use super::engine::{self, Conn, Row, Tx};
use super::error::StoreError;
use super::members::{Still, Whose, rederive};
use super::users;
use crate::domain::group::{Group, GroupId, GroupName, GroupRef};
use crate::domain::permission::PermissionName;

/// The columns that [`group`] reads, in its order.
macro_rules! group_columns {
    () => {
        "id, name, coalesce((
            SELECT string_agg(permission, '\n' ORDER BY permission) FROM group_permissions
            WHERE group_id = groups.id), ''), created_at, version"
    };
}

/// Adds a group without members and permissions.
///
/// Fails with [`StoreError::GroupExists`] if there is one of that name.
pub fn insert(
    tx: &Tx<'_>,
    id: GroupId,
    name: &GroupName,
    now: Timestamp,
) -> Result<Group, StoreError> {
    const SQL: &str = concat!(
        "INSERT INTO groups (id, name, created_at, version) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (name) DO NOTHING
        RETURNING ",
        group_columns!()
    );
    let id = id.to_string();
    let values = [
        (&id).into(),
        name.as_str().into(),
        now.as_second().into(),
        next_version(tx)?.into(),
    ];
    tx.query_row(SQL, &values, group)?
        .ok_or_else(|| StoreError::GroupExists(name.clone()))
}

/// The group of that name, if there is one.
pub fn find(connection: &Conn, name: &GroupRef) -> Result<Option<Group>, StoreError> {
    const BY_ID: &str = concat!("SELECT ", group_columns!(), " FROM groups WHERE id = ?1");
    const BY_NAME: &str = concat!("SELECT ", group_columns!(), " FROM groups WHERE name = ?1");
    let (sql, key) = match name {
        GroupRef::Id(id) => (BY_ID, id.to_string()),
        GroupRef::Name(name) => (BY_NAME, name.to_string()),
    };
    connection.query_row(sql, &[(&key).into()], group)
}

/// Groups by their names, after one.
pub fn list(
    connection: &Conn,
    after: Option<&GroupName>,
    limit: u32,
) -> Result<Vec<Group>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        group_columns!(),
        " FROM groups WHERE name > ?1 ORDER BY name LIMIT ?2"
    );
    let after = after.map_or("", GroupName::as_str);
    connection.query(SQL, &[after.into(), i64::from(limit).into()], group)
}

/// Gives a group another name. Fails with [`StoreError::GroupExists`] if another has it.
pub fn rename(tx: &Tx<'_>, id: GroupId, name: &GroupName) -> Result<Option<Group>, StoreError> {
    const SQL: &str = concat!(
        "UPDATE groups SET name = ?2, version = ?3 WHERE id = ?1 RETURNING ",
        group_columns!()
    );
    let text = id.to_string();
    let values = [
        (&text).into(),
        name.as_str().into(),
        next_version(tx)?.into(),
    ];
    match tx.query_row(SQL, &values, group) {
        Err(error) if engine::is_duplicate(&error, "groups", "name") => {
            Err(StoreError::GroupExists(name.clone()))
        }
        renamed => {
            let renamed = renamed?;
            rederive(tx, &Whose::Group(id, Still::There))?;
            Ok(renamed)
        }
    }
}

/// Removes a group; its members stay, without what it gave them.
pub fn delete(tx: &Tx<'_>, id: GroupId) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM groups WHERE id = ?1";
    rederive(tx, &Whose::Group(id, Still::Leaving))?;
    tx.execute(SQL, &[(&id.to_string()).into()]).map(drop)
}

/// Gives every member of a group a permission, which must exist; says whether it had it not.
pub fn grant(tx: &Tx<'_>, id: GroupId, permission: &PermissionName) -> Result<bool, StoreError> {
    const SQL: &str = "
        INSERT INTO group_permissions (group_id, permission) VALUES (?1, ?2)
        ON CONFLICT (group_id, permission) DO NOTHING";
    changed(tx, SQL, id, permission)
}

/// Takes a permission back from a group; says whether it had it.
pub fn revoke(tx: &Tx<'_>, id: GroupId, permission: &PermissionName) -> Result<bool, StoreError> {
    const SQL: &str = "DELETE FROM group_permissions WHERE group_id = ?1 AND permission = ?2";
    changed(tx, SQL, id, permission)
}

fn changed(
    tx: &Tx<'_>,
    sql: &'static str,
    id: GroupId,
    permission: &PermissionName,
) -> Result<bool, StoreError> {
    const NOTE: &str = "UPDATE groups SET version = ?2 WHERE id = ?1";
    let text = id.to_string();
    let is_changed = tx.execute(sql, &[(&text).into(), permission.as_str().into()])? == 1;
    if is_changed {
        let version = next_version(tx)?;
        tx.execute(NOTE, &[(&text).into(), version.into()])?;
        rederive(tx, &Whose::Group(id, Still::There))?;
    }
    Ok(is_changed)
}

fn group(row: &Row<'_>) -> Result<Group, StoreError> {
    let created_at = Timestamp::from_second(row.get(3)?);
    Ok(Group {
        id: row.text(0)?.parse().map_err(|_| damaged("id"))?,
        name: GroupName::from_stored(row.get(1)?),
        permissions: users::permissions(row, 2)?,
        created_at: created_at.map_err(|_| damaged("created_at"))?,
        version: row.get(4)?,
    })
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "groups",
        column,
    }
}
