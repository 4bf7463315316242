//! A group: accounts that may do the same.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::id::{self, IdError};
use crate::domain::name::{NameError, PersonName};
use crate::domain::permission::PermissionName;

/// The id of a group: a version 7 UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid)]
pub struct GroupId(pub Uuid);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for GroupId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        id::parse(text).map(Self)
    }
}

/// What a group goes by: any Unicode in NFC without control characters, 1 to 150 characters (Django's
/// limit). Upper and lower case make two names, as in Django.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct GroupName(String);

/// Which rule a group's name broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupNameError {
    /// Nothing but spaces.
    #[error("a group needs a name")]
    Empty,
    /// It would be taken for an id.
    #[error("a group's name may not look like an id")]
    LooksLikeId,
    /// As for everybody's name.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl GroupName {
    /// One read back from the store, where this type wrote it.
    pub(crate) fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = GroupNameError;

    fn from_str(text: &str) -> Result<Self, GroupNameError> {
        let name: PersonName = text.parse()?;
        match name.as_str() {
            "" => Err(GroupNameError::Empty),
            name if name.parse::<GroupId>().is_ok() => Err(GroupNameError::LooksLikeId),
            name => Ok(Self(name.to_owned())),
        }
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A group as everyone may see it who may see groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Group {
    /// Given at creation, never reused.
    pub id: GroupId,
    /// What it goes by.
    #[schema(value_type = String)]
    pub name: GroupName,
    /// What its members may do, sorted.
    #[schema(value_type = Vec<String>)]
    pub permissions: Vec<PermissionName>,
    /// When it was made; whole seconds.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Position of its latest change in the sequence of all changes (ADR 9). Who is a member is
    /// told by the accounts.
    pub version: i64,
}

/// How a person or a script names a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRef {
    /// By id.
    Id(GroupId),
    /// By name.
    Name(GroupName),
}

impl FromStr for GroupRef {
    type Err = GroupNameError;

    fn from_str(text: &str) -> Result<Self, GroupNameError> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(IdError) => text.parse().map(Self::Name),
        }
    }
}

impl fmt::Display for GroupRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_by_id_or_by_name() {
        let id = "0192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f";
        assert!(matches!(id.parse(), Ok(GroupRef::Id(_))));
        assert!(matches!("R&D, Zürich".parse(), Ok(GroupRef::Name(_))));
        assert_eq!(id.parse::<GroupName>(), Err(GroupNameError::LooksLikeId));
        for empty in ["", "  "] {
            assert_eq!(empty.parse::<GroupRef>(), Err(GroupNameError::Empty));
        }
        for bad in ["a\nb", &"x".repeat(151)] {
            let refused = bad.parse::<GroupName>();
            assert!(matches!(refused, Err(GroupNameError::Name(_))), "{bad:?}");
        }
    }
}
