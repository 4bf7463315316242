//! Accounts page by page.

use crate::domain::email::Email;
use crate::domain::group::GroupName;

use super::{Conn, StoreError, User, user};

/// Which accounts [`list`] gives, and in which order.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only active ones, or only the others.
    pub is_active: Option<bool>,
    /// Only staff, or only the others.
    pub is_staff: Option<bool>,
    /// Only superusers, or only the others.
    pub is_superuser: Option<bool>,
    /// Only the one with this address.
    pub email: Option<Email>,
    /// Only those in this group.
    pub group: Option<GroupName>,
    /// Only those with this text in the e-mail address, the names or the phone number, as it is
    /// written here or, where the engine knows the letters' cases (ASCII), in others.
    pub search: Option<String>,
    /// In which order.
    pub order: UserOrder,
    /// Only those after the account at this [`UserOrder::place`].
    pub after: Option<String>,
}

/// An order for which there is an index, so that no page costs more than another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserOrder {
    /// As they were made.
    #[default]
    Id,
    /// The last made first.
    IdDescending,
    /// By address.
    Email,
    /// By address, from the end.
    EmailDescending,
}

impl UserOrder {
    /// Where an account stands in this order.
    pub fn place(self, user: &User) -> String {
        match self {
            Self::Id | Self::IdDescending => user.id.to_string(),
            Self::Email | Self::EmailDescending => user.email.key().to_owned(),
        }
    }

    /// A place before all others.
    fn start(self) -> &'static str {
        match self {
            Self::Id | Self::Email => "",
            Self::IdDescending | Self::EmailDescending => "\u{10ffff}",
        }
    }
}

/// SQL: accounts from a place (`?1`) on.
macro_rules! listing {
    ($from:literal, $order:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            " FROM users WHERE ",
            $from,
            r" AND (CAST(?2 AS BOOLEAN) IS NULL OR is_active = ?2)
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
             ORDER BY ",
            $order,
            " LIMIT ?8"
        )
    };
}

/// Up to `limit` accounts in their order.
pub fn list(connection: &Conn, filter: &UserFilter, limit: u32) -> Result<Vec<User>, StoreError> {
    const BY_ID: &str = listing!("id > ?1", "id");
    const BY_ID_DESCENDING: &str = listing!("id < ?1", "id DESC");
    const BY_EMAIL: &str = listing!("email_key > ?1", "email_key");
    const BY_EMAIL_DESCENDING: &str = listing!("email_key < ?1", "email_key DESC");
    const ONE: &str = listing!("email_key = ?1", "id");
    let (sql, place) = match (&filter.email, filter.order) {
        (Some(email), _) => (ONE, Some(email.key())),
        (None, UserOrder::Id) => (BY_ID, None),
        (None, UserOrder::IdDescending) => (BY_ID_DESCENDING, None),
        (None, UserOrder::Email) => (BY_EMAIL, None),
        (None, UserOrder::EmailDescending) => (BY_EMAIL_DESCENDING, None),
    };
    let after = filter.after.as_deref();
    let place = place.or(after).unwrap_or(filter.order.start());
    let search = filter.search.as_deref();
    let lower = search.map(|text| contains(&text.to_lowercase()));
    let lower_ascii = search.map(|text| contains(&text.to_ascii_lowercase()));
    let values = [
        place.into(),
        filter.is_active.into(),
        filter.is_staff.into(),
        filter.is_superuser.into(),
        lower.as_deref().into(),
        lower_ascii.as_deref().into(),
        filter.group.as_ref().map(GroupName::as_str).into(),
        i64::from(limit).into(),
    ];
    connection.query(sql, &values, user)
}

/// A LIKE pattern for "contains this text", with the text's own wildcards made plain.
fn contains(text: &str) -> String {
    let plain = text
        .replace('\\', r"\\")
        .replace('%', r"\%")
        .replace('_', r"\_");
    format!("%{plain}%")
}
