//! The user fields that a token may carry besides its own claims.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::domain::field::FieldName;
use crate::domain::permission::PermissionName;
use crate::domain::phone::Phone;
use crate::domain::user::User;

/// A user field that `tokens.claims` may add to access tokens.
///
/// The claim's name is the name of the field in a user's JSON (but for `permissions`, which stands
/// beside that). Each is true as of the token's
/// issue, not as of its use: `verify` has the fresh value.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// `token_type`, which is `access`: comes with `compat.django`
    TokenType,
    /// `user_id`, the account's [`User::former_id`]: comes with `compat.django`
    FormerId,
    /// `fields.NAME`: in `fields`, the value in one of the installation's own fields, if there is
    /// such a field by then
    Field(FieldName),
}

/// The name is none of [`UserClaim::NAMES`], nor that of a field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a claim; known are {known} and fields.NAME", known = UserClaim::NAMES.join(", "))]
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

    /// What Django's simplejwt reads in a token.
    pub const OF_DJANGO: [Self; 2] = [Self::TokenType, Self::FormerId];

    /// The claim's name and its value for this user, as of now; `None` for an own field: these are
    /// one claim ([`own_fields`]).
    pub fn of(&self, user: &User) -> Option<(&'static str, Value)> {
        Some(match self {
            Self::Email => ("email", user.email.as_str().into()),
            Self::FirstName => ("first_name", user.first_name.as_str().into()),
            Self::LastName => ("last_name", user.last_name.as_str().into()),
            Self::PhoneNumber => {
                let number = user.phone_number.as_ref().map(Phone::as_str);
                ("phone_number", number.into())
            }
            Self::IsStaff => ("is_staff", user.is_staff.into()),
            Self::IsSuperuser => ("is_superuser", user.is_superuser.into()),
            Self::Groups => ("groups", user.groups.clone().into()),
            Self::Permissions => {
                let names = user.permissions.iter().map(PermissionName::as_str);
                ("permissions", names.collect::<Vec<_>>().into())
            }
            Self::TokenType => ("token_type", "access".into()),
            Self::FormerId => ("user_id", user.former_id().into()),
            Self::Field(_) => return None,
        })
    }
}

/// The claim `fields`: of the user's own fields, those that are configured and those that are
/// themselves for tokens. Empty: there is no such claim.
pub fn own_fields(configured: &[UserClaim], user: &User) -> Map<String, Value> {
    let is_wanted = |name: &String| {
        user.field_uses.in_token.contains(name)
            || configured
                .iter()
                .any(|claim| matches!(claim, UserClaim::Field(field) if field.as_str() == name))
    };
    let wanted = user.fields.iter().filter(|(name, _)| is_wanted(name));
    wanted
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
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
            other => {
                let field = other.strip_prefix("fields.");
                let field = field.and_then(|field| field.parse().ok());
                Self::Field(field.ok_or_else(|| UnknownClaim(other.to_owned()))?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_parses_to_the_claim_of_that_name() {
        for (place, name) in UserClaim::NAMES.into_iter().enumerate() {
            let claim: UserClaim = name.parse().expect("is listed");
            assert!(!matches!(claim, UserClaim::Field(_)), "{name}");
            assert_eq!(
                UserClaim::NAMES.iter().position(|other| *other == name),
                Some(place)
            );
        }
        assert!(matches!(
            "fields.department".parse(),
            Ok(UserClaim::Field(_))
        ));
        for bad in [
            "password_hash",
            "fields",
            "fields.",
            "fields.email",
            "fields.A",
            "department",
        ] {
            assert!(bad.parse::<UserClaim>().is_err(), "{bad}");
        }
    }
}
