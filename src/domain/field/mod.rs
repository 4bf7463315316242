//! The installation's own fields: what an account has beside what every account has.

mod change;
mod definition;
#[cfg(test)]
mod definition_tests;
mod pattern;
mod rule;
#[cfg(test)]
mod rule_tests;
mod spec;
mod value;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

pub use change::FieldChange;
pub use definition::{Definition, DefinitionError};
pub use pattern::{Pattern, PatternError};
pub use rule::{Range, Rule, TextRule};
pub use spec::{FieldType, FieldTypeError, Spec};
pub use value::{FieldProblem, FieldValue, Input};

/// How many fields an installation may have.
pub const MAX_FIELDS: usize = 100;

/// What an account may have in its own fields, all together, in bytes of JSON: with every verify all
/// of it is read.
pub const MAX_ACCOUNT_BYTES: usize = 64 * 1024;

/// The name of a field: a lower-case letter, then letters, digits and `_`, 63 at most; none that every
/// account has anyway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct FieldName(String);

/// The text is no name of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldNameError {
    /// Other characters, or too many.
    #[error(
        "a field is named as cost_center: a lower-case letter, then letters, digits and _, {max} at most",
        max = FieldName::MAX_BYTES
    )]
    Form,
    /// Every account has it, or its JSON has something else there.
    #[error("every account has '{0}': name the field otherwise")]
    Builtin(String),
}

impl FieldName {
    /// The longest.
    pub const MAX_BYTES: usize = 63;

    /// What accounts, and requests about them, have under these names already.
    const BUILTIN: [&str; 19] = [
        "id",
        "email",
        "username",
        "password",
        "first_name",
        "last_name",
        "phone_number",
        "external_id",
        "is_active",
        "is_staff",
        "is_superuser",
        "groups",
        "permissions",
        "fields",
        "date_joined",
        "last_login",
        "version",
        "sessions",
        "user_permissions",
    ];

    /// One read back from the store, where this type wrote it.
    pub(crate) fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FieldName {
    type Err = FieldNameError;

    fn from_str(text: &str) -> Result<Self, FieldNameError> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if text.len() > Self::MAX_BYTES
            || !text.starts_with(|first: char| first.is_ascii_lowercase())
            || !text.bytes().all(is_plain)
        {
            Err(FieldNameError::Form)
        } else if Self::BUILTIN.contains(&text) {
            Err(FieldNameError::Builtin(text.to_owned()))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A field as everyone may see it who may see accounts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// What it goes by.
    pub name: FieldName,
    /// What it holds.
    #[serde(flatten)]
    pub definition: Definition,
    /// When it was made; whole seconds.
    pub created_at: Timestamp,
    /// Position of its latest change in the sequence of all changes (ADR 9).
    pub version: i64,
}

/// What the fields that there are may be used for, as far as it shows in what is said of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldUses {
    /// Names of those that access tokens carry, sorted.
    pub in_token: Vec<String>,
    /// Names of those that accounts see of themselves, sorted.
    pub self_read: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_a_plain_name_that_no_account_has_yet() {
        for good in ["department", "a", "cost_center_2", &"x".repeat(63)] {
            assert_eq!(good.parse::<FieldName>(), Ok(FieldName(good.to_owned())));
        }
        let long = "x".repeat(64);
        for bad in [
            "",
            "_a",
            "1a",
            "Department",
            "a-b",
            "a.b",
            "a b",
            "ä",
            "a\"b",
            "a\n",
            &long,
        ] {
            assert_eq!(
                bad.parse::<FieldName>(),
                Err(FieldNameError::Form),
                "{bad:?}"
            );
        }
        for taken in FieldName::BUILTIN {
            let refused = Err(FieldNameError::Builtin(taken.to_owned()));
            assert_eq!(taken.parse::<FieldName>(), refused);
        }
    }
}
