//! Telephone numbers in E.164.

use std::fmt;
use std::str::FromStr;

use phonenumber::Mode;
use serde::{Serialize, Serializer};

/// A telephone number as E.164 writes it: `+` and 7 to 15 digits, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone(String);

/// Why a text is not a telephone number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// A national number: which country's is not for us to guess.
    #[error("write the phone number with '+' and the country code, as in +44 20 7946 0000")]
    NoCountryCode,
    /// The numbering plan of that country has no such number.
    #[error(
        "'{0}' is not a phone number of its country: check the digits after the country code, as in +44 20 7946 0000"
    )]
    NotANumber(String),
    /// E.164 has no place for one.
    #[error("a phone number is stored without an extension: leave it out")]
    Extension,
}

impl Phone {
    /// What may be typed at most, in bytes: 15 digits with generous punctuation.
    const MAX_TYPED_BYTES: usize = 64;

    /// A number read back from the store, where this type wrote it.
    pub(crate) fn from_stored(e164: String) -> Self {
        Self(e164)
    }

    /// As E.164.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim();
        if !text.starts_with('+') {
            return Err(PhoneError::NoCountryCode);
        }
        let refuse = || PhoneError::NotANumber(text.chars().take(32).collect());
        if text.len() > Self::MAX_TYPED_BYTES || text.chars().any(char::is_control) {
            return Err(refuse());
        }
        let number = phonenumber::parse(None, text).map_err(|_| refuse())?;
        if number.extension().is_some() {
            return Err(PhoneError::Extension);
        }
        if text.chars().any(char::is_alphabetic) || !phonenumber::is_valid(&number) {
            return Err(refuse());
        }
        Ok(Self(number.format().mode(Mode::E164).to_string()))
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Phone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_is_normalised_to_e164() {
        for text in [
            "+44 20 7946 0000",
            "+44-(20)-7946-0000",
            " +442079460000 ",
            "+44 (0)20 7946 0000",
        ] {
            let phone: Phone = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(phone.as_str(), "+442079460000", "{text}");
        }
    }

    #[test]
    fn a_number_without_a_country_code_is_refused_with_how_to_write_it() {
        for text in ["020 7946 0000", "442079460000", "", "0044 20 7946 0000"] {
            let error = text.parse::<Phone>().expect_err("has no plus");
            assert_eq!(error, PhoneError::NoCountryCode);
            assert!(error.to_string().contains("+44 20 7946 0000"));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "+",
            "+44",
            "+999999999999999999",
            "+1 800 FLOWERS",
            "+44 20\n7946 0000",
            "+44 x",
        ] {
            assert!(text.parse::<Phone>().is_err(), "{text:?}");
        }
        let with_extension = "+44 20 7946 0000 ext. 12";
        assert_eq!(with_extension.parse::<Phone>(), Err(PhoneError::Extension));
    }
}
