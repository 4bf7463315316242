//! A password as a person typed it.

use unicode_normalization::UnicodeNormalization;

use crate::domain::secret::Secret;

/// A password in NFC, so that every keyboard's spelling of it is the same (SP 800-63B-4, 3.1.1.2).
///
/// Nothing else is changed: spaces, letter case and every other character count, and nothing is
/// ever cut off. How it was typed is kept beside, for hashes that were made without normalising.
#[derive(Clone, Debug)]
pub struct Password {
    normal: Secret<String>,
    /// Where that is another text.
    typed: Option<Secret<String>>,
}

impl Password {
    /// Takes what was typed.
    pub fn new(typed: &str) -> Self {
        let normal: String = typed.nfc().collect();
        let typed = (normal != typed).then(|| Secret::new(typed.to_owned()));
        let normal = Secret::new(normal);
        Self { normal, typed }
    }

    /// The normalised text, for the hash and the policy.
    pub fn expose(&self) -> &str {
        self.normal.expose()
    }

    /// The text as it was typed, for hashes that Django made.
    pub fn expose_as_typed(&self) -> &str {
        self.typed.as_ref().unwrap_or(&self.normal).expose()
    }

    /// Length in code points.
    pub fn chars(&self) -> usize {
        self.expose().chars().count()
    }
}

impl PartialEq for Password {
    /// For "type it again"; not for checking against anything stored.
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Security statement 63: nothing but the normal form is touched.
    #[test]
    fn spaces_case_and_nul_count() {
        assert_eq!(Password::new(" a\0B ").expose(), " a\0B ");
        assert!(Password::new("a") != Password::new("A"));
        assert!(Password::new("a") != Password::new("a "));
    }

    /// Security statement 64.
    #[test]
    fn composed_and_decomposed_spellings_are_one_password() {
        assert!(Password::new("\u{e9}") == Password::new("e\u{301}"));
        assert_eq!(Password::new("e\u{301}").chars(), 1);
        assert_eq!(Password::new("e\u{301}").expose_as_typed(), "e\u{301}");
    }
}
