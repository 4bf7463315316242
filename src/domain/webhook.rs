//! A webhook: where another service wants to be told what becomes of accounts.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use url::Url;
use uuid::Uuid;

use crate::domain::id::{self, IdError};

/// The id of a webhook: a version 7 UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct WebhookId(pub Uuid);

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for WebhookId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        id::parse(text).map(Self)
    }
}

/// Where messages go: `https` or `http`, a host, and nothing that is a secret in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct WebhookUrl(String);

/// The text is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a webhook is an address as https://example.com/hooks, at most {max} bytes, without a password and a fragment",
    max = WebhookUrl::MAX_BYTES
)]
pub struct WebhookUrlError;

impl WebhookUrl {
    /// The longest.
    pub const MAX_BYTES: usize = 2048;

    /// One read back from the store, where this type wrote it.
    pub(crate) fn from_stored(url: String) -> Self {
        Self(url)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether whoever is on the way can read and change what is sent.
    pub fn is_plain_http(&self) -> bool {
        self.0.starts_with("http:")
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for WebhookUrl {
    type Err = WebhookUrlError;

    fn from_str(text: &str) -> Result<Self, WebhookUrlError> {
        let url: Url = text.parse().map_err(|_| WebhookUrlError)?;
        let good = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && url.as_str().len() <= Self::MAX_BYTES;
        good.then(|| Self(url.into())).ok_or(WebhookUrlError)
    }
}

/// What a webhook can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WebhookEvent {
    /// An account was made or changed.
    UserChanged,
    /// An account was deleted.
    UserDeleted,
}

/// The text is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is user.changed or user.deleted")]
pub struct WebhookEventError;

impl WebhookEvent {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::UserChanged, Self::UserDeleted];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserChanged => "user.changed",
            Self::UserDeleted => "user.deleted",
        }
    }
}

impl FromStr for WebhookEvent {
    type Err = WebhookEventError;

    fn from_str(text: &str) -> Result<Self, WebhookEventError> {
        let mut all = Self::ALL.into_iter();
        all.find(|event| event.name() == text)
            .ok_or(WebhookEventError)
    }
}

impl Serialize for WebhookEvent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A webhook as operators see it. Its secret is not among it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Webhook {
    /// Given when it is added.
    pub id: WebhookId,
    /// Where messages go.
    pub url: WebhookUrl,
    /// What it is told.
    pub events: Vec<WebhookEvent>,
    /// When it was added; whole seconds.
    pub created_at: Timestamp,
    /// It was told of everything up to this place in the sequence of all changes (ADR 9).
    pub cursor: i64,
    /// How often the next message has failed so far.
    pub failures: u32,
    /// When the next attempt is due, if one has failed.
    pub retry_at: Option<Timestamp>,
    /// Why the last attempt failed, if it did.
    pub last_error: Option<String>,
    /// When a message last arrived.
    pub delivered_at: Option<Timestamp>,
    /// Accounts whose last message was given up.
    pub dead_letters: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_an_address_without_a_secret_in_it() {
        for (text, url) in [
            (
                "https://example.com/hooks?x=1",
                "https://example.com/hooks?x=1",
            ),
            ("HTTP://Example.com:8080", "http://example.com:8080/"),
        ] {
            let parsed: WebhookUrl = text.parse().expect("is an address");
            assert_eq!(parsed.as_str(), url);
        }
        let long = format!("https://example.com/{}", "a".repeat(2048));
        for bad in [
            "",
            "example.com",
            "ftp://example.com/",
            "https://",
            "https://user@example.com/",
            "https://user:secret@example.com/",
            "https://example.com/#a",
            "file:///etc/passwd",
            &long,
        ] {
            assert_eq!(bad.parse::<WebhookUrl>(), Err(WebhookUrlError), "{bad}");
        }
    }
}
