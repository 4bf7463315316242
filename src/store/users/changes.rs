//! Accounts in the order of their latest changes, the deleted among them (ADR 9).

use jiff::Timestamp;

use super::{AFTER_USER, Conn, StoreError, User, UserId, damaged, second, user};

/// What became of an account.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountChange {
    /// It is so now.
    Is(Box<User>),
    /// It was deleted.
    Deleted {
        /// Which it was; never used again.
        id: UserId,
        /// When; whole seconds.
        at: Timestamp,
        /// Position in the sequence of all changes.
        version: i64,
    },
}

impl AccountChange {
    /// Position in the sequence of all changes.
    pub fn version(&self) -> i64 {
        match self {
            Self::Is(user) => user.version,
            Self::Deleted { version, .. } => *version,
        }
    }
}

/// The first `limit` changes after a version, in their order and in one snapshot: of each account
/// its latest alone.
pub fn changed_since(
    connection: &Conn,
    version: i64,
    limit: u32,
) -> Result<Vec<AccountChange>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        user_columns!(),
        ", gone_id, gone_at, place FROM (
            SELECT place, living_id, gone_id, gone_at FROM (
                SELECT version AS place, id AS living_id, CAST(NULL AS TEXT) AS gone_id,
                    CAST(NULL AS BIGINT) AS gone_at
                FROM users WHERE version > ?1 ORDER BY version LIMIT ?2) AS living
            UNION ALL
            SELECT place, living_id, gone_id, gone_at FROM (
                SELECT version AS place, CAST(NULL AS TEXT) AS living_id, id AS gone_id,
                    deleted_at AS gone_at
                FROM user_tombstones WHERE version > ?1 ORDER BY version LIMIT ?2) AS gone
            ORDER BY place LIMIT ?2) AS changed
        LEFT JOIN users ON users.id = living_id
        ORDER BY place"
    );
    let values = [version.into(), i64::from(limit).into()];
    connection.query(SQL, &values, |row| {
        let Some(id) = row.maybe_text(AFTER_USER)? else {
            return Ok(AccountChange::Is(Box::new(user(row)?)));
        };
        Ok(AccountChange::Deleted {
            id: id.parse().map_err(|_| damaged("id"))?,
            at: second(row.get(AFTER_USER + 1)?, "deleted_at")?,
            version: row.get(AFTER_USER + 2)?,
        })
    })
}
