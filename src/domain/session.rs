//! A session: what a login began, and every token of it hangs on.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::client::ClientId;
use crate::domain::id::{self, IdError};
use crate::domain::scope::Scope;
use crate::domain::user::UserId;

/// The id of a session: a version 7 UUID; the claim `sid` of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SessionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        id::parse(text).map(Self)
    }
}

/// How the user was known at login (RFC 8176).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum Method {
    /// By password.
    #[serde(rename = "pwd")]
    Password,
}

impl Method {
    /// The RFC's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "pwd",
        }
    }
}

/// A session that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Session {
    /// The claim `sid` of its tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The client it was made through; `None`: directly.
    #[schema(value_type = Option<String>, required = true)]
    pub client_id: Option<ClientId>,
    /// How the user was known.
    pub method: Method,
    /// What its tokens may be used for.
    #[schema(value_type = String)]
    pub scope: Scope,
    /// Where the login came from, as far as that is known.
    #[schema(value_type = Option<String>, required = true, example = "192.0.2.1")]
    pub address: Option<IpAddr>,
    /// What the client called itself at login.
    #[schema(value_type = Option<String>, required = true)]
    pub user_agent: Option<UserAgent>,
    /// When the user logged in.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last given tokens.
    #[schema(value_type = String, format = DateTime)]
    pub last_used_at: Timestamp,
}

/// What is known of where a login comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: Option<UserAgent>,
}

/// The header field `User-Agent`: at most [`UserAgent::MAX_CHARS`] of it, without control
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UserAgent(String);

impl UserAgent {
    /// What is kept of a longer one.
    pub const MAX_CHARS: usize = 200;

    /// What is left of a header field; `None` if that is nothing.
    pub fn new(text: &str) -> Option<Self> {
        let plain = text.trim().chars().filter(|c| !c.is_control());
        let kept: String = plain.take(Self::MAX_CHARS).collect();
        (!kept.is_empty()).then_some(Self(kept))
    }

    /// One read back from the store, where this type wrote it.
    pub(crate) fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionRules {
    /// A session whose refresh token was not used for that long ends, in milliseconds.
    pub idle_ms: i64,
    /// A session ends that long after its login, in milliseconds.
    pub absolute_ms: i64,
    /// For how long a refresh token that was just used gives the same successor, in milliseconds.
    pub grace_ms: i64,
    /// With one more, the oldest ends.
    pub per_user: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_user_agent_is_kept_what_fits_and_can_be_shown() {
        let kept = |text: &str| UserAgent::new(text).map(|agent| agent.as_str().to_owned());
        assert_eq!(kept(" curl/8.5 "), Some("curl/8.5".into()));
        assert_eq!(kept("a\u{1b}[31m\tb"), Some("a[31mb".into()));
        assert_eq!(kept("  \u{7f}"), None);
        let long = kept(&"x".repeat(5000)).expect("is something");
        assert_eq!(long.len(), UserAgent::MAX_CHARS);
    }
}
