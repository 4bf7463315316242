//! E-mail addresses: what people log in with.

use std::fmt;
use std::str::FromStr;

use email_address::{EmailAddress, Options};
use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

/// An e-mail address as typed (in NFC), with the key under which it is unique.
///
/// The key is the lower-case local part and the ASCII form of the domain (IDNA), so that
/// `Ada@BÜCHER.example` and `ada@xn--bcher-kva.example` are one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    typed: String,
    key: String,
}

/// Which rule an e-mail address broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmailError {
    /// Nothing was typed.
    #[error("the e-mail address is empty")]
    Empty,
    /// None, or more than one.
    #[error("an e-mail address has exactly one '@', as in ada@example.com")]
    AtSign,
    /// RFC 5321, section 4.5.3.1.1.
    #[error("the part before the '@' may have at most 64 bytes")]
    LocalPartTooLong,
    /// RFC 5321, sections 4.5.3.1.2 and 4.5.3.1.3 (a path of 256 less its angle brackets).
    #[error("an e-mail address may have at most 254 bytes")]
    TooLong,
    /// Not a domain name, neither as written nor in its ASCII form.
    #[error("the part after the '@' is not a domain name")]
    Domain,
    /// A character or a dot where RFC 5322 allows none.
    #[error("the part before the '@' has a character or a dot that may not stand there")]
    LocalPart,
}

impl Email {
    /// The longest address, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 254;
    /// The longest part before the '@', in bytes of UTF-8.
    pub const MAX_LOCAL_BYTES: usize = 64;

    /// An address read back from the store, where both forms were written by this type.
    pub(crate) fn from_stored(typed: String, key: String) -> Self {
        Self { typed, key }
    }

    /// As typed, in NFC.
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The normalised form: two addresses with one key are one account.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim_matches(' ');
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        if text.len() > 4 * Self::MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        let typed: String = text.nfc().collect();
        let (local, domain) = typed.split_once('@').ok_or(EmailError::AtSign)?;
        if domain.contains('@') {
            return Err(EmailError::AtSign);
        }
        if local.len() > Self::MAX_LOCAL_BYTES {
            return Err(EmailError::LocalPartTooLong);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| EmailError::Domain)?;
        if local.chars().any(char::is_control) || local.starts_with('"') {
            return Err(EmailError::LocalPart);
        }
        let key: String = format!("{}@{domain}", local.to_lowercase()).nfc().collect();
        if typed.len() > Self::MAX_BYTES || key.len() > Self::MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        let options = Options::default()
            .without_display_text()
            .without_domain_literal();
        EmailAddress::parse_with_options(&key, options).map_err(|_| EmailError::LocalPart)?;
        Ok(Self { typed, key })
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        text.parse::<Email>()
            .expect("is an address")
            .key()
            .to_owned()
    }

    #[test]
    fn letter_case_normal_form_and_idna_spellings_are_one_address() {
        assert_eq!(key("Ada@Example.COM"), "ada@example.com");
        assert_eq!(key("rene\u{301}@example.com"), key("REN\u{c9}@example.com"));
        assert_eq!(key("ada@B\u{dc}CHER.example"), "ada@xn--bcher-kva.example");
        assert_eq!(key(" ada@localhost "), "ada@localhost");
        assert_eq!(key("ada+tag@example.com"), "ada+tag@example.com");
    }

    #[test]
    fn what_was_typed_is_kept() {
        let email: Email = "Ada@Example.COM".parse().expect("is an address");
        assert_eq!(email.to_string(), "Ada@Example.COM");
    }

    #[test]
    fn each_broken_rule_is_named() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.example", vec!["b".repeat(60); 5].join("."));
        let cases = [
            ("", EmailError::Empty),
            ("ada", EmailError::AtSign),
            ("ada@b@example.com", EmailError::AtSign),
            ("\"a@b\"@example.com", EmailError::AtSign),
            ("ada@", EmailError::Domain),
            ("ada@exa mple.com", EmailError::Domain),
            ("ada@-example.com", EmailError::Domain),
            ("ada@example..com", EmailError::Domain),
            ("@example.com", EmailError::LocalPart),
            ("a..b@example.com", EmailError::LocalPart),
            ("a b@example.com", EmailError::LocalPart),
            ("a\r\nb@example.com", EmailError::LocalPart),
            ("a\0b@example.com", EmailError::LocalPart),
            ("\"ada\"@example.com", EmailError::LocalPart),
            (&long_local, EmailError::LocalPartTooLong),
            (&long, EmailError::Domain),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Email>(), Err(error), "{text:?}");
        }
    }
}
