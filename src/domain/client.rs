//! A client: another service, which asks on its own behalf (RFC 6749, section 2).

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::audience::Audience;
use crate::domain::label::Label;
use crate::domain::scope::Scope;

/// The name a client goes by (`client_id`), chosen by whoever adds it: letters, digits and `-_.`,
/// at most [`ClientId::MAX_BYTES`]. Never a UUID, so that it cannot be taken for a user.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ClientId(String);

/// The text is no name for a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a client's id has 1 to {max} letters, digits or -_. and begins with a letter; it is no UUID",
    max = ClientId::MAX_BYTES
)]
pub struct ClientIdError;

impl ClientId {
    /// The longest.
    pub const MAX_BYTES: usize = 64;

    /// An id that no client has.
    pub(crate) fn nobodys() -> Self {
        Self(String::new())
    }

    /// One read back from the store, where this type wrote it.
    pub(crate) fn from_stored(id: String) -> Self {
        Self(id)
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = ClientIdError;

    fn from_str(text: &str) -> Result<Self, ClientIdError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let good = text.len() <= Self::MAX_BYTES
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(plain)
            && text.parse::<Uuid>().is_err();
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(ClientIdError)
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client as everyone may see it. Its secret is not among it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Client {
    /// The name it goes by.
    #[schema(value_type = String, example = "billing")]
    pub id: ClientId,
    /// What people call it; may be empty.
    pub name: String,
    /// What it may ask for.
    #[schema(value_type = String)]
    pub scopes: Scope,
    /// Whose tokens are its business: it may get tokens for these, and introspect those of these.
    #[schema(value_type = Vec<String>)]
    pub audiences: Vec<Audience>,
    /// False: none of its credentials or tokens is good.
    pub is_active: bool,
    /// When it was added; whole seconds.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Position of the latest change in the sequence of all changes (ADR 9).
    pub version: i64,
}

impl Client {
    /// Most audiences of a client.
    pub const MAX_AUDIENCES: usize = 16;
}

/// A client about to be added.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// The name it goes by.
    pub id: ClientId,
    /// What people call it; may be empty.
    pub name: Label,
    /// What it may ask for.
    pub scopes: Scope,
    /// Whose tokens are its business; the first is that of tokens which name none.
    pub audiences: Vec<Audience>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_is_a_plain_word_and_never_a_users() {
        for good in ["billing", "a", "My-App_2.test", &"a".repeat(64)] {
            assert!(good.parse::<ClientId>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "1a",
            "-a",
            "a b",
            "a:b",
            "ä",
            "a\0",
            "../x",
            &"a".repeat(65),
            "a192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f",
            "a192f0c47b1a7c3d8e4f5a6b7c8d9e0f",
        ] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad}");
        }
    }
}
