//! What people call a thing.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// What people call a client or a token: one line of at most [`Label::MAX_CHARS`]; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Label(String);

/// The text is no label.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has at most {max} letters and no control characters", max = Label::MAX_CHARS)]
pub struct LabelError;

impl Label {
    /// The longest.
    pub const MAX_CHARS: usize = 100;

    /// One read back from the store, where this type wrote it.
    pub(crate) fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let text = text.trim();
        if text.chars().count() <= Self::MAX_CHARS && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LabelError)
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_line() {
        for (good, kept) in [("", ""), (" Billing ", "Billing"), ("Füße", "Füße")] {
            assert_eq!(good.parse::<Label>().map(|label| label.0), Ok(kept.into()));
        }
        for bad in ["a\nb", "a\tb", "a\0", &"ä".repeat(101)] {
            assert_eq!(bad.parse::<Label>(), Err(LabelError), "{bad:?}");
        }
    }
}
