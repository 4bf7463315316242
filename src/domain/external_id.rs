//! What an account was called in the system it came from.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The primary key that an account had elsewhere, as a text: 1 to [`ExternalId::MAX_CHARS`] visible ASCII
/// characters. No two accounts have the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ExternalId(String);

/// The text is no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an external id has 1 to {max} visible ASCII characters", max = ExternalId::MAX_CHARS)]
pub struct ExternalIdError;

impl ExternalId {
    /// The longest.
    pub const MAX_CHARS: usize = 200;

    /// One read back from the store, where this type wrote it.
    pub(crate) fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExternalId {
    type Err = ExternalIdError;

    fn from_str(text: &str) -> Result<Self, ExternalIdError> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_visible && (1..=Self::MAX_CHARS).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ExternalIdError)
        }
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_key_and_no_sentence() {
        for good in [
            "17",
            "0192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f",
            "ada",
            &"x".repeat(200),
        ] {
            assert_eq!(good.parse(), Ok(ExternalId(good.to_owned())));
        }
        for bad in ["", " 17", "a b", "a\n", "ä", &"x".repeat(201)] {
            assert_eq!(bad.parse::<ExternalId>(), Err(ExternalIdError), "{bad:?}");
        }
    }
}
