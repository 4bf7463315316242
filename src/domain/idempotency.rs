//! The name that a client gives a request, so that it is carried out once however often it comes.

use std::str::FromStr;

/// The value of an `Idempotency-Key` field (draft-ietf-httpapi-idempotency-key-header, section 2.1), with
/// its quotes or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an Idempotency-Key has 1 to {max} letters, digits or signs of ASCII and no space, as a UUID has", max = IdempotencyKey::MAX_BYTES)]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// The longest.
    pub const MAX_BYTES: usize = 255;

    /// The key without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, IdempotencyKeyError> {
        let quoted = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let key = quoted.unwrap_or(text);
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if (1..=Self::MAX_BYTES).contains(&key.len()) && key.bytes().all(is_plain) {
            Ok(Self(key.to_owned()))
        } else {
            Err(IdempotencyKeyError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_quotes_and_without() {
        let key = "8e03978e-40d5-43dd-bc93-6894a57f9324";
        let plain: IdempotencyKey = key.parse().expect("is a key");
        assert_eq!(format!("\"{key}\"").parse(), Ok(plain));
        let longest = "x".repeat(255);
        assert!(longest.parse::<IdempotencyKey>().is_ok());
        for bad in [
            "",
            "\"\"",
            "\"a",
            "a b",
            "a\"b",
            "ä",
            "a\n",
            &"x".repeat(256),
        ] {
            assert_eq!(
                bad.parse::<IdempotencyKey>(),
                Err(IdempotencyKeyError),
                "{bad:?}"
            );
        }
    }
}
