//! A value of a field, as it comes and as it is kept.

use std::convert::Infallible;
use std::str::FromStr;

use serde_json::Value;

use super::pattern::PatternError;
use super::spec::FieldType;
use crate::domain::email::EmailError;
use crate::domain::phone::PhoneError;

/// A value as somebody gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// As JSON. Null, or an empty text: none.
    Json(Value),
    /// As a text, which the field's type reads: of a command line, or of a column of a file. Empty:
    /// none.
    Text(String),
}

impl FromStr for Input {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::Text(text.to_owned()))
    }
}

impl From<Value> for Input {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

/// A value that fits its field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldValue {
    /// In the one form in which it is kept.
    pub json: Value,
    /// Two values with the same are one to whoever looks for it, or for another like it. `None`: of a
    /// type that nobody looks for.
    pub lookup: Option<String>,
}

/// Which rule of its field a value breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// There is no such field.
    #[error("there is no such field")]
    Unknown,
    /// Accounts do not write it themselves.
    #[error("accounts do not change this of themselves")]
    NotOwn,
    /// Every account has one.
    #[error("a value is needed")]
    Required,
    /// Another account has it.
    #[error("another account has this value")]
    Taken,
    /// Nobody looks for values of this type.
    #[error("accounts are not looked for by JSON")]
    NotLookedFor,
    /// Of another type.
    #[error("{}", said_of(*.0))]
    Type(FieldType),
    /// More characters than the field's own rule allows.
    #[error("at most {0} characters")]
    TooLong(u32),
    /// More bytes than any such value may have.
    #[error("at most {0} bytes")]
    TooBig(usize),
    /// More bytes than what is looked for may have.
    #[error("at most {0} bytes, because accounts are looked for by it")]
    TooBigForIndex(usize),
    /// With all the account's others it is too much.
    #[error("the values of an account have at most {0} bytes together")]
    TooMuch(usize),
    /// A control character other than a line's end or a tab.
    #[error("no control characters")]
    Control,
    /// Not like the pattern.
    #[error("it must match {0}")]
    Pattern(String),
    /// None of the choices.
    #[error("one of {0}")]
    Choice(String),
    /// Less than the least.
    #[error("at least {0}")]
    TooLow(String),
    /// More than the greatest.
    #[error("at most {0}")]
    TooHigh(String),
    /// No address.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// No number.
    #[error(transparent)]
    Phone(#[from] PhoneError),
    /// Lists in lists, or objects in objects.
    #[error("nested at most {0} deep")]
    TooDeep(usize),
    /// No JSON.
    #[error("this is no JSON: {0}")]
    NotJson(String),
}

fn said_of(kind: FieldType) -> &'static str {
    match kind {
        FieldType::String => "it must be a text",
        FieldType::Int => "it must be a whole number, at most 9007199254740991 either side of 0",
        FieldType::Bool => "it must be true or false",
        FieldType::Date => "it must be a day, as 2026-11-23",
        FieldType::Datetime => {
            "it must be a time with its offset, as 2026-11-23T10:00:00Z or 2026-11-23T11:00:00+01:00"
        }
        FieldType::Email => "it must be an e-mail address",
        FieldType::Phone => "it must be a phone number, as +44 20 7946 0000",
        FieldType::Url => {
            "it must be an address on the web, as https://example.com/ada, without a password in it"
        }
        FieldType::Enum => "it must be one of the choices, as a text",
        FieldType::Json => "it must be JSON",
    }
}

impl From<PatternError> for super::DefinitionError {
    fn from(error: PatternError) -> Self {
        Self::Pattern(error)
    }
}
