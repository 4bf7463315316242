//! A field as it is written.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::value::Input;
use crate::domain::label::Label;

macro_rules! types {
    ($($name:literal => $(#[$attribute:meta])* $variant:ident: $doc:literal,)*) => {
        /// What kind of value a field holds.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum FieldType {
            $(#[doc = $doc] $(#[$attribute])* $variant,)*
        }

        impl FieldType {
            /// Every one, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As it is written.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

types! {
    "string" => #[default] String: "A text.",
    "int" => Int: "A whole number, as exact as JSON has it everywhere: up to 2^53 either side of 0.",
    "bool" => Bool: "True or false.",
    "date" => Date: "A day, as 2026-11-23.",
    "datetime" => Datetime: "A moment: RFC 3339, kept in UTC.",
    "email" => Email: "An e-mail address.",
    "phone" => Phone: "A telephone number, kept as E.164.",
    "url" => Url: "An address on the web: http or https.",
    "enum" => Enum: "One of some texts.",
    "json" => Json: "Any JSON.",
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for FieldType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The text is none of the types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a field is one of {all}", all = FieldType::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "))]
pub struct FieldTypeError;

impl FromStr for FieldType {
    type Err = FieldTypeError;

    fn from_str(text: &str) -> Result<Self, FieldTypeError> {
        let found = Self::ALL.iter().find(|kind| kind.name() == text);
        found.copied().ok_or(FieldTypeError)
    }
}

/// A definition as somebody writes it; [`super::Definition`] is what comes of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spec {
    /// What kind of value it holds.
    pub kind: FieldType,
    /// What people call it. May be empty.
    pub label: Label,
    /// Every account has a value.
    pub required: bool,
    /// No two accounts have the same.
    pub unique: bool,
    /// Accounts are looked for by it.
    pub indexed: bool,
    /// What an account gets that is made without a value.
    pub default: Option<Input>,
    /// Of an enum, what it may be.
    pub choices: Vec<String>,
    /// Of a text, the most characters.
    pub max_length: Option<u32>,
    /// Of a text, what all of it must be like.
    pub pattern: Option<String>,
    /// Of what has an order, the least.
    pub min: Option<Input>,
    /// Of what has an order, the greatest.
    pub max: Option<Input>,
    /// Accounts see it of themselves.
    pub self_read: bool,
    /// Accounts change it themselves.
    pub self_write: bool,
    /// Access tokens carry it.
    pub in_token: bool,
}
