//! Accounts page by page.

use crate::domain::email::Email;
use crate::domain::external_id::ExternalId;
use crate::domain::field::FieldName;
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
    /// Only the one that was called so elsewhere.
    pub external_id: Option<ExternalId>,
    /// Only those in this group.
    pub group: Option<GroupName>,
    /// Only those with this text in the e-mail address, the names or the phone number, as it is
    /// written here or, where the engine knows the letters' cases (ASCII), in others.
    pub search: Option<String>,
    /// Only those with this in one of the installation's own fields.
    pub field: Option<FieldMatch>,
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

/// What accounts have in one of the installation's own fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldMatch {
    /// This value.
    Has {
        /// The field.
        field: FieldName,
        /// The value, as its index has it.
        lookup: String,
        /// Whether the index has it.
        indexed: bool,
    },
    /// None.
    Lacks(FieldName),
}

/// SQL: accounts from a place (`?1`) on, with this in own fields.
macro_rules! listing {
    ($from:literal, $field:literal, $order:literal) => {
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
                    WHERE m.user_id = users.id AND g.name = ?7)) ",
            $field,
            " ORDER BY ",
            $order,
            " LIMIT ?8"
        )
    };
}

/// Which one of [`orders`].
#[derive(Clone, Copy)]
enum Way {
    One,
    External,
    Id,
    IdDescending,
    Email,
    EmailDescending,
}

/// SQL: [`listing`] for each [`Way`].
macro_rules! orders {
    ($field:literal) => {
        [
            listing!("email_key = ?1", $field, "id"),
            listing!("external_id = ?1", $field, "id"),
            listing!("id > ?1", $field, "id"),
            listing!("id < ?1", $field, "id DESC"),
            listing!("email_key > ?1", $field, "email_key"),
            listing!("email_key < ?1", $field, "email_key DESC"),
        ]
    };
}

/// Up to `limit` accounts in their order.
pub fn list(connection: &Conn, filter: &UserFilter, limit: u32) -> Result<Vec<User>, StoreError> {
    const ALL: [&str; 6] = orders!("");
    const LACKING: [&str; 6] = orders!(
        "AND NOT EXISTS (SELECT 1 FROM user_fields WHERE user_id = users.id AND field = ?9)"
    );
    const HAVING: [&str; 6] = orders!(
        "AND EXISTS (SELECT 1 FROM user_fields
            WHERE user_id = users.id AND field = ?9 AND lookup = ?10)"
    );
    const INDEXED: [&str; 6] = orders!(
        "AND id IN (SELECT user_id FROM user_fields
            WHERE field = ?9 AND lookup = ?10 AND is_indexed)"
    );
    let (way, place) = match (&filter.email, &filter.external_id, filter.order) {
        (Some(email), _, _) => (Way::One, Some(email.key())),
        (None, Some(id), _) => (Way::External, Some(id.as_str())),
        (None, None, UserOrder::Id) => (Way::Id, None),
        (None, None, UserOrder::IdDescending) => (Way::IdDescending, None),
        (None, None, UserOrder::Email) => (Way::Email, None),
        (None, None, UserOrder::EmailDescending) => (Way::EmailDescending, None),
    };
    let after = filter.after.as_deref();
    let place = place.or(after).unwrap_or(filter.order.start());
    let search = filter.search.as_deref();
    // No text has one, and PostgreSQL cannot even be asked.
    if search.is_some_and(|text| text.contains('\0')) {
        return Ok(Vec::new());
    }
    let lower = search.map(|text| contains(&text.to_lowercase()));
    let lower_ascii = search.map(|text| contains(&text.to_ascii_lowercase()));
    let mut values = vec![
        place.into(),
        filter.is_active.into(),
        filter.is_staff.into(),
        filter.is_superuser.into(),
        lower.as_deref().into(),
        lower_ascii.as_deref().into(),
        filter.group.as_ref().map(GroupName::as_str).into(),
        i64::from(limit).into(),
    ];
    let ways = match &filter.field {
        None => ALL,
        Some(FieldMatch::Lacks(field)) => {
            values.push(field.as_str().into());
            LACKING
        }
        Some(FieldMatch::Has {
            field,
            lookup,
            indexed,
        }) => {
            values.push(field.as_str().into());
            values.push(lookup.into());
            if *indexed { INDEXED } else { HAVING }
        }
    };
    let mut users = connection.query(ways[way as usize], &values, user)?;
    if filter.external_id.is_some() {
        users.retain(|user| user.external_id == filter.external_id);
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
