//! A user, and the ways to name, make and change one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::email::{Email, EmailError};
use crate::domain::external_id::ExternalId;
use crate::domain::field::{FieldUses, Input};
use crate::domain::group::GroupName;
use crate::domain::id::{self, IdError};
use crate::domain::name::PersonName;
use crate::domain::permission::PermissionName;
use crate::domain::phone::Phone;

/// The id of an account: a version 7 UUID, never used again once its account is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid)]
pub struct UserId(pub Uuid);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UserId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        id::parse(text).map(Self)
    }
}

/// An account as everyone may see it; its JSON is the contract's user, everywhere.
///
/// The password hash is not among it: nobody is shown that.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct User {
    /// Given at creation, never reused.
    pub id: UserId,
    /// The user name, as typed.
    #[schema(value_type = String, format = Email, example = "ada@example.com")]
    pub email: Email,
    /// May be empty.
    #[schema(value_type = String, example = "Ada")]
    pub first_name: PersonName,
    /// May be empty.
    #[schema(value_type = String, example = "Lovelace")]
    pub last_name: PersonName,
    /// E.164.
    #[schema(value_type = Option<String>, required = true, example = "+442079460000")]
    pub phone_number: Option<Phone>,
    /// The primary key that it had in the system it came from; not there if it came from none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, required = false, nullable = false, example = "17")]
    pub external_id: Option<ExternalId>,
    /// False: may not log in, and no token of it verifies.
    pub is_active: bool,
    /// May use the management API.
    pub is_staff: bool,
    /// May do everything.
    pub is_superuser: bool,
    /// Names of the groups the account belongs to, sorted.
    pub groups: Vec<String>,
    /// What it may do, by itself, through its groups or as a superuser; sorted. Not in the user's
    /// JSON: verification and introspection say it beside that.
    #[serde(skip)]
    #[schema(ignore)]
    pub permissions: Vec<PermissionName>,
    /// The installation's own fields by name: every one that there is, null where the account has
    /// no value.
    #[schema(value_type = Object)]
    pub fields: BTreeMap<String, serde_json::Value>,
    /// Which of them are for what. Not in the user's JSON.
    #[serde(skip)]
    #[schema(ignore)]
    pub field_uses: FieldUses,
    /// When the account was created; whole seconds.
    #[schema(value_type = String, format = DateTime)]
    pub date_joined: Timestamp,
    /// When it last logged in, if ever; whole seconds.
    #[schema(value_type = Option<String>, required = true, format = DateTime)]
    pub last_login: Option<Timestamp>,
    /// Position of the latest change in the sequence of all changes (ADR 9).
    pub version: i64,
}

impl User {
    /// What is left of an account whose token was good a moment ago and is not any more.
    pub(crate) fn lose_rights(&mut self) {
        (self.is_staff, self.is_superuser) = (false, false);
        self.permissions.clear();
    }

    /// What others know it by who knew it in the system it came from: the primary key that it had there;
    /// its id, if it came from none.
    pub fn former_id(&self) -> String {
        let external = self.external_id.as_ref();
        external.map_or_else(|| self.id.to_string(), ToString::to_string)
    }

    /// What the account sees of itself: of its own fields, those that are for it to see.
    #[must_use]
    pub fn as_seen_by_itself(mut self) -> Self {
        let seen = &self.field_uses.self_read;
        self.fields.retain(|name, _| seen.contains(name));
        self
    }
}

/// How a person or a script names an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// By id.
    Id(UserId),
    /// By e-mail address, whatever its letter case.
    Email(Email),
    /// By what it was called in the system it came from: `external:17`.
    External(ExternalId),
}

/// Neither an id nor an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is neither an id nor an e-mail address: {cause}")]
pub struct UserRefError {
    text: String,
    cause: EmailError,
}

impl FromStr for UserRef {
    type Err = UserRefError;

    fn from_str(text: &str) -> Result<Self, UserRefError> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let external = text.strip_prefix("external:").map(str::parse);
        if let Some(Ok(external)) = external {
            return Ok(Self::External(external));
        }
        text.parse().map(Self::Email).map_err(|cause| UserRefError {
            text: text.chars().take(80).collect(),
            cause,
        })
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Email(email) => email.fmt(f),
            Self::External(id) => write!(f, "external:{id}"),
        }
    }
}

/// What an account starts with.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The user name.
    pub email: Email,
    /// May be empty.
    pub first_name: PersonName,
    /// May be empty.
    pub last_name: PersonName,
    /// May be absent.
    pub phone_number: Option<Phone>,
    /// What it was called in the system it comes from.
    pub external_id: Option<ExternalId>,
    /// Whether it may log in from the start.
    pub is_active: bool,
    /// May use the management API.
    pub is_staff: bool,
    /// May do everything.
    pub is_superuser: bool,
    /// The groups it belongs to.
    pub groups: BTreeSet<GroupName>,
    /// What it has in the installation's own fields, by their names.
    pub fields: BTreeMap<String, Input>,
}

/// A change to an account: what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// A new user name.
    pub email: Option<Email>,
    /// A new first name.
    pub first_name: Option<PersonName>,
    /// A new last name.
    pub last_name: Option<PersonName>,
    /// A new phone number, or `Some(None)` for none.
    pub phone_number: Option<Option<Phone>>,
    /// What it was called elsewhere, or `Some(None)` for nothing.
    pub external_id: Option<Option<ExternalId>>,
    /// Whether it may log in. If not, every session and every token issued so far ends.
    pub is_active: Option<bool>,
    /// Whether it may use the management API.
    pub is_staff: Option<bool>,
    /// Whether it may do everything.
    pub is_superuser: Option<bool>,
    /// The groups it belongs to, all of them.
    pub groups: Option<BTreeSet<GroupName>>,
    /// New values in the installation's own fields, by their names. Nothing is a value, too: none.
    pub fields: BTreeMap<String, Input>,
}

impl UserChange {
    /// Whether it names anything but standing, activity and groups.
    pub fn names_profile(&self) -> bool {
        self.names_person() || !self.fields.is_empty()
    }

    fn names_person(&self) -> bool {
        self.email.is_some()
            || self.first_name.is_some()
            || self.last_name.is_some()
            || self.phone_number.is_some()
            || self.external_id.is_some()
    }

    /// Whether it names anything but activity, groups and own fields.
    pub fn names_columns(&self) -> bool {
        self.names_person() || self.is_staff.is_some() || self.is_superuser.is_some()
    }

    /// Whether it names nothing at all.
    pub fn is_empty(&self) -> bool {
        !self.names_columns()
            && self.is_active.is_none()
            && self.groups.is_none()
            && self.fields.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_by_id_or_by_address() {
        let id = "0192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f";
        assert_eq!(
            id.parse(),
            Ok(UserRef::Id(UserId(id.parse().expect("is a UUID"))))
        );
        assert!(matches!("Ada@example.com".parse(), Ok(UserRef::Email(_))));
        assert!(matches!("external:17".parse(), Ok(UserRef::External(_))));
        assert!("external:".parse::<UserRef>().is_err());
        assert!("ada".parse::<UserRef>().is_err());
    }
}
