//! Regular expressions that cannot be made to take long.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use serde::{Serialize, Serializer};

/// What all of a text must be like: a regular expression of the `regex` crate, which has no
/// backtracking, so that a match takes time in proportion to the text and to the expression.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    /// Compiled when it is first asked for.
    compiled: OnceLock<Regex>,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// More than [`Pattern::MAX_BYTES`].
    #[error("a pattern has at most {max} bytes", max = Pattern::MAX_BYTES)]
    TooLong,
    /// Compiled, it takes more than [`Pattern::MAX_COMPILED_BYTES`].
    #[error("the pattern is too big: repeat less in it")]
    TooBig,
    /// Not a regular expression of this kind: no look-around, no back-references.
    #[error(
        "the pattern is no regular expression (of the kind without look-around and back-references): {0}"
    )]
    Syntax(String),
}

impl Pattern {
    /// The longest.
    pub const MAX_BYTES: usize = 500;
    /// The most memory that one takes, compiled.
    pub const MAX_COMPILED_BYTES: usize = 256 * 1024;

    /// One read back from the store, where this type wrote it.
    pub(crate) fn from_stored(text: String) -> Self {
        Self {
            text,
            compiled: OnceLock::new(),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all of this text is like it.
    pub(super) fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| {
            // One that was good when it was written is good now, unless a row was tampered with:
            // then nothing is like it.
            compile(&whole(&self.text)).unwrap_or_else(|_| nothing())
        });
        compiled.is_match(text)
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > Self::MAX_BYTES {
            return Err(PatternError::TooLong);
        }
        // By itself first: `a)(b` is none, though it would become one between brackets.
        compile(text)?;
        let compiled = compile(&whole(text))?;
        Ok(Self {
            text: text.to_owned(),
            compiled: compiled.into(),
        })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

fn whole(text: &str) -> String {
    format!(r"\A(?:{text})\z")
}

fn compile(text: &str) -> Result<Regex, PatternError> {
    let built = RegexBuilder::new(text)
        .size_limit(Pattern::MAX_COMPILED_BYTES)
        .dfa_size_limit(Pattern::MAX_COMPILED_BYTES)
        .nest_limit(50)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => PatternError::TooBig,
        error => {
            // The last line says what; those before it show where.
            let said = error.to_string();
            let last = said.lines().last().unwrap_or_default();
            PatternError::Syntax(last.trim_start_matches("error: ").to_owned())
        }
    })
}

/// What matches no text at all.
fn nothing() -> Regex {
    Regex::new(r"[^\s\S]").expect("is an expression")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn all_of_a_text_must_be_like_the_pattern() {
        let pattern: Pattern = "[A-Z]{2}|[0-9]+".parse().expect("is a pattern");
        for (text, is_like) in [("DE", true), ("123", true), ("DEU", false), ("DE\n", false)] {
            assert_eq!(pattern.matches(text), is_like, "{text:?}");
        }
        let stored = Pattern::from_stored("[A-Z]{2}|[0-9]+".into());
        assert!(stored.matches("DE") && !stored.matches("xDE"));
        assert!(!Pattern::from_stored("(".into()).matches("("));
    }

    /// The expressions that take other engines longer than the age of the universe.
    #[test]
    fn a_pattern_that_takes_exponential_time_elsewhere_takes_none_here() {
        let text = format!("{}!", "a".repeat(4_095));
        for evil in [
            "(a+)+",
            "(a|aa)+",
            "(a|a)*",
            "(.*)*b",
            "(a*)*c",
            "([a-zA-Z]+)*",
            "(.*.*)*x",
        ] {
            let pattern: Pattern = evil.parse().expect("is a pattern");
            let began = Instant::now();
            assert!(!pattern.matches(&text), "{evil}");
            assert!(began.elapsed() < Duration::from_secs(1), "{evil}");
        }
    }

    #[test]
    fn what_would_take_much_memory_or_is_no_expression_is_refused() {
        let long = "a".repeat(501);
        assert_eq!(long.parse::<Pattern>(), Err(PatternError::TooLong));
        for big in [
            r"(\w{100}){100}",
            "(((a{100}){100}){100}){100}",
            r"\pL{1000}",
        ] {
            assert_eq!(big.parse::<Pattern>(), Err(PatternError::TooBig), "{big}");
        }
        let nested = format!("{}a{}", "(".repeat(200), ")".repeat(200));
        for bad in ["(", "a)(b", "[z-a]", "*", r"(?=a)", r"(a)\1", &nested] {
            let refused = bad.parse::<Pattern>();
            assert!(matches!(refused, Err(PatternError::Syntax(_))), "{bad}");
        }
    }
}
