//! For whom a token is.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A service as tokens name it in `aud`: a URI by custom, any text of visible ASCII without spaces
/// by rule (RFC 7519, section 4.1.3), at most [`Audience::MAX_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Audience(String);

/// The text names no audience.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an audience has 1 to {max} visible ASCII letters and no space, as https://api.example.com", max = Audience::MAX_BYTES)]
pub struct AudienceError;

impl Audience {
    /// The longest.
    pub const MAX_BYTES: usize = 255;

    /// One read back from the store, where this type wrote it.
    pub(crate) fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As it was given: audiences are compared letter by letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Audience {
    type Err = AudienceError;

    fn from_str(text: &str) -> Result<Self, AudienceError> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AudienceError)
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_one_word_of_visible_letters() {
        for good in ["https://api.example.com", "api", &"a".repeat(255)] {
            assert!(good.parse::<Audience>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "a\tb", "a\n", "ä", "a\0", &"a".repeat(256)] {
            assert!(bad.parse::<Audience>().is_err(), "{bad:?}");
        }
    }
}
