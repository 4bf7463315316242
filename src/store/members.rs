//! The table `group_members`, and what follows from it, from `group_permissions` and from
//! `user_permissions` for an account: its columns `group_names` and `permission_names`.
//!
//! Whatever changes one of the three writes those columns in the same transaction, and a new version,
//! so that a verification reads one row and whoever follows the changes is told.

use super::changes;
use super::engine::Tx;
use super::error::StoreError;
use crate::domain::group::GroupId;
use crate::domain::permission::PermissionName;
use crate::domain::user::UserId;

/// SQL: the names of every permission but one.
macro_rules! every_permission {
    ($but:literal) => {
        concat!(
            "(SELECT string_agg(name, '\n' ORDER BY name) FROM permissions WHERE name <> ",
            $but,
            ")"
        )
    };
}
pub(super) use every_permission;

/// SQL: what a row of `users` may do, as its column has it; not through one group, and without one
/// permission.
macro_rules! effective_permissions {
    ($is_superuser:literal, $without_group:literal, $without:literal) => {
        concat!(
            "coalesce(CASE WHEN ",
            $is_superuser,
            " THEN ",
            $crate::store::members::every_permission!($without),
            " ELSE (
                SELECT string_agg(granted.permission, '\n' ORDER BY granted.permission) FROM (
                    SELECT permission FROM user_permissions WHERE user_id = users.id
                    UNION
                    SELECT p.permission FROM group_members AS m
                    JOIN group_permissions AS p ON p.group_id = m.group_id
                    WHERE m.user_id = users.id AND m.group_id <> ",
            $without_group,
            ") AS granted
                WHERE granted.permission <> ",
            $without,
            ") END, '')"
        )
    };
}
pub(super) use effective_permissions;

/// SQL: [`rederive`] for the accounts of this query (`?4`).
macro_rules! rederive {
    ($whose:literal) => {
        concat!(
            "UPDATE users SET version = ?1 + numbered.place,
                group_names = coalesce((
                    SELECT string_agg(g.name, '\n' ORDER BY g.name)
                    FROM group_members AS m JOIN groups AS g ON g.id = m.group_id
                    WHERE m.user_id = users.id AND g.id <> ?2), ''),
                permission_names = ",
            effective_permissions!("is_superuser", "?2", "?3"),
            " FROM (
                SELECT user_id, row_number() OVER (ORDER BY user_id) AS place
                FROM (",
            $whose,
            ") AS affected) AS numbered
            WHERE users.id = numbered.user_id"
        )
    };
}

/// Whose columns are written anew.
pub(super) enum Whose<'a> {
    /// An account's.
    User(UserId),
    /// Those of a group's members; as if it were gone already.
    Group(GroupId, Still),
    /// Those of all who have a permission, superusers among them; as if it were gone already.
    Permission(&'a PermissionName, Still),
}

/// Whether something is there, or about to be deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Still {
    There,
    Leaving,
}

/// Writes the columns of these accounts anew, each under a version of its own, however many there
/// are, in one statement.
pub(super) fn rederive(tx: &Tx<'_>, whose: &Whose<'_>) -> Result<(), StoreError> {
    const OF_USER: &str = rederive!("SELECT id AS user_id FROM users WHERE id = ?4");
    const OF_GROUP: &str = rederive!("SELECT user_id FROM group_members WHERE group_id = ?4");
    const OF_PERMISSION: &str = rederive!(
        "SELECT user_id FROM user_permissions WHERE permission = ?4
        UNION
        SELECT user_id FROM group_permissions AS p
        JOIN group_members AS m ON m.group_id = p.group_id WHERE p.permission = ?4
        UNION
        SELECT id FROM users WHERE is_superuser"
    );
    let (sql, key, still) = match whose {
        Whose::User(id) => (OF_USER, id.to_string(), Still::There),
        Whose::Group(id, still) => (OF_GROUP, id.to_string(), *still),
        Whose::Permission(name, still) => (OF_PERMISSION, name.to_string(), *still),
    };
    let leaving = if still == Still::Leaving {
        key.as_str()
    } else {
        ""
    };
    let latest = changes::extent(tx)?.latest;
    // An id is never the name of a permission, nor the other way round.
    let values = [latest.into(), leaving.into(), leaving.into(), (&key).into()];
    let written = tx.execute(sql, &values)?;
    changes::skip(tx, written)
}

/// Makes an account a member of a group; says whether it was none.
pub fn add(tx: &Tx<'_>, group: GroupId, user: UserId) -> Result<bool, StoreError> {
    const SQL: &str = "
        INSERT INTO group_members (user_id, group_id) VALUES (?1, ?2)
        ON CONFLICT (user_id, group_id) DO NOTHING";
    changed(tx, SQL, group, user)
}

/// Takes an account out of a group; says whether it was a member.
pub fn remove(tx: &Tx<'_>, group: GroupId, user: UserId) -> Result<bool, StoreError> {
    const SQL: &str = "DELETE FROM group_members WHERE user_id = ?1 AND group_id = ?2";
    changed(tx, SQL, group, user)
}

fn changed(
    tx: &Tx<'_>,
    sql: &'static str,
    group: GroupId,
    user: UserId,
) -> Result<bool, StoreError> {
    let (of_user, of_group) = (user.to_string(), group.to_string());
    let is_changed = tx.execute(sql, &[(&of_user).into(), (&of_group).into()])? == 1;
    if is_changed {
        rederive(tx, &Whose::User(user))?;
    }
    Ok(is_changed)
}
