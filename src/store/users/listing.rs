//! Accounts page by page.

use crate::domain::group::GroupName;

use super::{Conn, StoreError, User, UserId, user};

/// Which accounts [`list`] gives.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only active ones, or only the others.
    pub is_active: Option<bool>,
    /// Only staff, or only the others.
    pub is_staff: Option<bool>,
    /// Only superusers, or only the others.
    pub is_superuser: Option<bool>,
    /// Only those in this group.
    pub group: Option<GroupName>,
    /// Only those with this text in the e-mail address, the names or the phone number, as it is
    /// written here or, where the engine knows the letters' cases (ASCII), in others.
    pub search: Option<String>,
    /// Only those after this one.
    pub after: Option<UserId>,
}

/// Up to `limit` accounts in the order they were created.
pub fn list(connection: &Conn, filter: &UserFilter, limit: u32) -> Result<Vec<User>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        user_columns!(),
        r" FROM users
        WHERE (CAST(?1 AS TEXT) IS NULL OR id > ?1)
          AND (CAST(?2 AS BOOLEAN) IS NULL OR is_active = ?2)
          AND (CAST(?3 AS BOOLEAN) IS NULL OR is_staff = ?3)
          AND (CAST(?4 AS BOOLEAN) IS NULL OR is_superuser = ?4)
          AND (CAST(?5 AS TEXT) IS NULL
               OR email_key LIKE ?5 ESCAPE '\'
               OR phone_number LIKE ?5 ESCAPE '\'
               OR lower(email) LIKE ?6 ESCAPE '\'
               OR lower(first_name || ' ' || last_name) LIKE ?5 ESCAPE '\'
               OR lower(first_name || ' ' || last_name) LIKE ?6 ESCAPE '\')
          AND (CAST(?7 AS TEXT) IS NULL OR EXISTS (
               SELECT 1 FROM group_members AS m JOIN groups AS g ON g.id = m.group_id
               WHERE m.user_id = users.id AND g.name = ?7))
        ORDER BY id LIMIT ?8"
    );
    let after = filter.after.map(|id| id.to_string());
    let search = filter.search.as_deref();
    let lower = search.map(|text| contains(&text.to_lowercase()));
    let lower_ascii = search.map(|text| contains(&text.to_ascii_lowercase()));
    let values = [
        after.as_deref().into(),
        filter.is_active.into(),
        filter.is_staff.into(),
        filter.is_superuser.into(),
        lower.as_deref().into(),
        lower_ascii.as_deref().into(),
        filter.group.as_ref().map(GroupName::as_str).into(),
        i64::from(limit).into(),
    ];
    connection.query(SQL, &values, user)
}

/// A LIKE pattern for "contains this text", with the text's own wildcards made plain.
fn contains(text: &str) -> String {
    let plain = text
        .replace('\\', r"\\")
        .replace('%', r"\%")
        .replace('_', r"\_");
    format!("%{plain}%")
}
