//! What a token may be used for.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A set of scope tokens (RFC 6749, section 3.3), written in their order with spaces between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(BTreeSet<String>);

/// The text is no list of scope tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// RFC 6749 allows visible ASCII without `"` and `\`.
    #[error("a scope is a word of visible ASCII letters without \" and \\")]
    Letters,
    /// More than anybody needs.
    #[error("at most {max} scopes of together {bytes} letters are allowed", max = Scope::MAX_WORDS, bytes = Scope::MAX_BYTES)]
    TooMany,
}

impl Scope {
    /// Words in a scope.
    pub const MAX_WORDS: usize = 64;
    /// Letters of a scope in all.
    pub const MAX_BYTES: usize = 1024;

    /// All of these together.
    pub fn union<'a>(scopes: impl IntoIterator<Item = &'a Self>) -> Result<Self, ScopeError> {
        let words: Vec<&str> = scopes.into_iter().flat_map(Self::words).collect();
        words.join(" ").parse()
    }

    /// Whether it allows nothing in particular.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has this word.
    pub fn contains(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    /// Whether it asks for nothing that `whole` does not have.
    pub fn is_within(&self, whole: &Self) -> bool {
        self.0.is_subset(&whole.0)
    }

    /// Its words, in their order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if !text.bytes().all(|byte| byte == b' ' || allowed(byte)) {
            return Err(ScopeError::Letters);
        }
        let words: BTreeSet<String> = text
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        if text.len() > Self::MAX_BYTES || words.len() > Self::MAX_WORDS {
            return Err(ScopeError::TooMany);
        }
        Ok(Self(words))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, word) in self.words().enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(f, "{space}{word}")?;
        }
        Ok(())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().expect("is a scope")
    }

    #[test]
    fn a_scope_is_a_set_of_words() {
        assert_eq!(scope("write read  write").to_string(), "read write");
        assert_eq!(scope(""), Scope::default());
        assert!(scope("read").is_within(&scope("read write")));
        assert!(!scope("read admin").is_within(&scope("read write")));
        assert!(!scope("rea").is_within(&scope("read")));
        assert!(scope("").is_within(&scope("")));
        for bad in ["a\tb", "a\"b", "a\\b", "ä", "a\nb", "a\0"] {
            assert_eq!(bad.parse::<Scope>(), Err(ScopeError::Letters), "{bad:?}");
        }
        let many: Vec<String> = (0..65).map(|number| number.to_string()).collect();
        assert_eq!(many.join(" ").parse::<Scope>(), Err(ScopeError::TooMany));
        assert_eq!("a".repeat(1025).parse::<Scope>(), Err(ScopeError::TooMany));
    }
}
