//! What may be done, by name.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

macro_rules! builtins {
    ($($name:literal => $variant:ident: $doc:literal,)*) => {
        /// What this service itself asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Builtin {
            $(#[doc = $doc] $variant,)*
        }

        impl Builtin {
            /// Every one, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What it goes by.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it allows.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

builtins! {
    "audit.view" => AuditView: "See what was done, by whom",
    "clients.add" => ClientsAdd: "Add clients",
    "clients.change" => ClientsChange: "Change clients and their secrets",
    "clients.delete" => ClientsDelete: "Delete clients",
    "clients.view" => ClientsView: "See clients",
    "groups.add" => GroupsAdd: "Add groups",
    "groups.change" => GroupsChange: "Change groups, their members and their permissions",
    "groups.delete" => GroupsDelete: "Delete groups",
    "groups.view" => GroupsView: "See groups",
    "keys.add" => KeysAdd: "Add signing keys",
    "keys.change" => KeysChange: "Rotate, retire and revoke signing keys",
    "keys.delete" => KeysDelete: "Delete signing keys",
    "keys.view" => KeysView: "See signing keys",
    "sessions.add" => SessionsAdd: "Begin sessions for others",
    "sessions.change" => SessionsChange: "Change the sessions of others",
    "sessions.delete" => SessionsDelete: "End the sessions of others",
    "sessions.view" => SessionsView: "See the sessions of others",
    "users.add" => UsersAdd: "Add accounts",
    "users.change" => UsersChange: "Change accounts",
    "users.delete" => UsersDelete: "Delete accounts",
    "users.view" => UsersView: "See accounts",
}

/// The name of a permission: words of letters, digits, `_`, `-` and `:` with dots between, two at
/// least, as `users.view` or `billing.refund`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PermissionName(String);

/// The text is no name of a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a permission is written as billing.refund: two words or more of letters, digits, _, - or : with dots between, {max} letters at most", max = PermissionName::MAX_BYTES
)]
pub struct PermissionNameError;

/// Something that accounts can be allowed to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Permission {
    /// What it goes by.
    #[schema(value_type = String)]
    pub name: PermissionName,
    /// What it means, for people. May be empty.
    pub description: String,
    /// Whether this service itself asks for it. Then it cannot be deleted.
    pub is_builtin: bool,
}

impl PermissionName {
    /// The longest. Room for Django's label and codename.
    pub const MAX_BYTES: usize = 200;

    /// One read back from the store, where this type wrote it.
    pub(crate) fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// Whether it is one that this service itself asks for.
    pub fn is_builtin(&self) -> bool {
        Builtin::ALL.iter().any(|known| known.name() == self.0)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PermissionName {
    type Err = PermissionNameError;

    fn from_str(text: &str) -> Result<Self, PermissionNameError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte);
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_plain);
        if text.len() <= Self::MAX_BYTES && text.contains('.') && text.split('.').all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PermissionNameError)
        }
    }
}

impl From<Builtin> for PermissionName {
    fn from(builtin: Builtin) -> Self {
        Self(builtin.name().to_owned())
    }
}

impl fmt::Display for PermissionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_words_with_dots_between() {
        for good in [
            "users.view",
            "billing.refund",
            "a.b.c",
            "admin.add_logentry",
            "x.y:z-1",
        ] {
            assert_eq!(
                good.parse().map(|name: PermissionName| name.0),
                Ok(good.into())
            );
        }
        let long = format!("a.{}", "b".repeat(199));
        for bad in [
            "", ".", "users", "users.", ".view", "a..b", "a.b c", "a.b\n", "ä.b", &long,
        ] {
            assert_eq!(
                bad.parse::<PermissionName>(),
                Err(PermissionNameError),
                "{bad:?}"
            );
        }
    }
}
