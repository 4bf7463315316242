//! Accounts page by page.

use super::{Conn, StoreError, User, UserId, named_params, user};

/// Which accounts [`list`] gives.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only active ones, or only the others.
    pub is_active: Option<bool>,
    /// Only staff, or only the others.
    pub is_staff: Option<bool>,
    /// Only superusers, or only the others.
    pub is_superuser: Option<bool>,
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
        WHERE (:after IS NULL OR id > :after)
          AND (:is_active IS NULL OR is_active = :is_active)
          AND (:is_staff IS NULL OR is_staff = :is_staff)
          AND (:is_superuser IS NULL OR is_superuser = :is_superuser)
          AND (:pattern IS NULL
               OR email_key LIKE :pattern ESCAPE '\'
               OR email LIKE :typed ESCAPE '\'
               OR first_name || ' ' || last_name LIKE :typed ESCAPE '\'
               OR lower(first_name || ' ' || last_name) LIKE :pattern ESCAPE '\'
               OR phone_number LIKE :pattern ESCAPE '\')
        ORDER BY id LIMIT :limit"
    );
    let lower = filter.search.as_deref().map(str::to_lowercase);
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query(named_params! {
        ":after": filter.after.map(|id| id.to_string()),
        ":is_active": filter.is_active,
        ":is_staff": filter.is_staff,
        ":is_superuser": filter.is_superuser,
        ":typed": filter.search.as_deref().map(contains),
        ":pattern": lower.as_deref().map(contains),
        ":limit": limit,
    })?;
    let mut users = Vec::new();
    while let Some(row) = rows.next()? {
        users.push(user(row)?);
    }
    Ok(users)
}

/// A LIKE pattern for "contains this text", with the text's own wildcards made plain.
fn contains(text: &str) -> String {
    let plain = text
        .replace('\\', r"\\")
        .replace('%', r"\%")
        .replace('_', r"\_");
    format!("%{plain}%")
}
