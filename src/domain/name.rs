//! First and last names.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

/// A first or last name: any Unicode in NFC without control characters, at most 150 characters.
/// It may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonName(String);

/// Which rule a name broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// More than [`PersonName::MAX_CHARS`].
    #[error("a name may have at most {max} characters, this one has {0}", max = PersonName::MAX_CHARS)]
    TooLong(usize),
    /// A line end, a tab, a NUL, a change of writing direction ...: names end up in logs, tables and
    /// headers.
    #[error("a name may not contain control characters such as line ends")]
    Control,
}

impl PersonName {
    /// The longest name, in code points after NFC. Django's limit.
    pub const MAX_CHARS: usize = 150;

    /// A name read back from the store, where this type wrote it.
    pub(crate) fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name: String = text.trim_matches(' ').nfc().collect();
        if name.chars().any(is_control) {
            return Err(NameError::Control);
        }
        let chars = name.chars().count();
        if chars > Self::MAX_CHARS {
            return Err(NameError::TooLong(chars));
        }
        Ok(Self(name))
    }
}

/// Control characters, line and paragraph separators, and those that turn the text around them.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for PersonName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_script_is_a_name_and_spellings_are_normalised() {
        let name: PersonName = " Rene\u{301}e 李 ".parse().expect("is a name");
        assert_eq!(name.as_str(), "Ren\u{e9}e 李");
        assert_eq!("".parse::<PersonName>(), Ok(PersonName::default()));
    }

    #[test]
    fn control_characters_and_too_many_are_refused() {
        for text in [
            "a\r\nb",
            "a\0",
            "\u{7f}",
            "a\u{2028}b",
            "a\tb",
            "\u{202e}adA",
        ] {
            assert_eq!(
                text.parse::<PersonName>(),
                Err(NameError::Control),
                "{text:?}"
            );
        }
        assert!("ä".repeat(150).parse::<PersonName>().is_ok());
        assert_eq!(
            "ä".repeat(151).parse::<PersonName>(),
            Err(NameError::TooLong(151))
        );
    }
}
