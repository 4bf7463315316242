//! The user fields that a token may carry besides its own claims.

use std::str::FromStr;

use serde_json::Value;

use crate::domain::permission::PermissionName;
use crate::domain::phone::Phone;
use crate::domain::user::User;

/// A user field that `tokens.claims` may add to access tokens.
///
/// The claim's name is the name of the field in a user's JSON (but for `permissions`, which stands
/// beside that). Each is true as of the token's
/// issue, not as of its use: `verify` has the fresh value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserClaim {
    /// `email`
    Email,
    /// `first_name`
    FirstName,
    /// `last_name`
    LastName,
    /// `phone_number`, null when there is none
    PhoneNumber,
    /// `is_staff`
    IsStaff,
    /// `is_superuser`
    IsSuperuser,
    /// `groups`
    Groups,
    /// `permissions`: what the account may do, by itself, through its groups or as a superuser
    Permissions,
}

/// The name is none of [`UserClaim::NAMES`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a claim; known are {known}", known = UserClaim::NAMES.join(", "))]
pub struct UnknownClaim(String);

impl UserClaim {
    /// Every claim that may be configured, in the order of the documentation.
    pub const NAMES: [&str; 8] = [
        "email",
        "first_name",
        "last_name",
        "phone_number",
        "is_staff",
        "is_superuser",
        "groups",
        "permissions",
    ];

    /// The claim's name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The claim's value for this user, as of now.
    pub fn value(self, user: &User) -> Value {
        match self {
            Self::Email => user.email.as_str().into(),
            Self::FirstName => user.first_name.as_str().into(),
            Self::LastName => user.last_name.as_str().into(),
            Self::PhoneNumber => user.phone_number.as_ref().map(Phone::as_str).into(),
            Self::IsStaff => user.is_staff.into(),
            Self::IsSuperuser => user.is_superuser.into(),
            Self::Groups => user.groups.clone().into(),
            Self::Permissions => {
                let names = user.permissions.iter().map(PermissionName::as_str);
                names.collect::<Vec<_>>().into()
            }
        }
    }
}

impl FromStr for UserClaim {
    type Err = UnknownClaim;

    fn from_str(name: &str) -> Result<Self, UnknownClaim> {
        Ok(match name {
            "email" => Self::Email,
            "first_name" => Self::FirstName,
            "last_name" => Self::LastName,
            "phone_number" => Self::PhoneNumber,
            "is_staff" => Self::IsStaff,
            "is_superuser" => Self::IsSuperuser,
            "groups" => Self::Groups,
            "permissions" => Self::Permissions,
            _ => return Err(UnknownClaim(name.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_parses_to_the_claim_of_that_name() {
        for name in UserClaim::NAMES {
            assert_eq!(name.parse::<UserClaim>().expect("is listed").name(), name);
        }
        assert!("password_hash".parse::<UserClaim>().is_err());
    }
}
