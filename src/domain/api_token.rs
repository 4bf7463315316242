//! An API token: stands for a user or a client in scripts.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::client::ClientId;
use crate::domain::id::{self, IdError};
use crate::domain::label::Label;
use crate::domain::scope::Scope;
use crate::domain::user::UserId;

/// The id of an API token: a version 7 UUID; what `jti` is to a signed token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ApiTokenId(pub Uuid);

impl fmt::Display for ApiTokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ApiTokenId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        id::parse(text).map(Self)
    }
}

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Owner {
    /// A user.
    #[serde(rename = "user_id")]
    User(UserId),
    /// A client.
    #[serde(rename = "client_id")]
    Client(ClientId),
}

/// A token as administrators may see it: everything but the token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiToken {
    /// What `jti` is to a signed token.
    pub id: ApiTokenId,
    /// Whom it stands for.
    #[serde(flatten)]
    pub owner: Owner,
    /// What people call it.
    pub name: Label,
    /// What it may be used for.
    pub scope: Scope,
    /// When it was made; milliseconds.
    pub created_at: Timestamp,
    /// When it ends; whole seconds. `None`: never.
    pub expires_at: Option<Timestamp>,
}
