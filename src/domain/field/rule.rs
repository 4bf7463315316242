//! What a value of each type must be.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use url::Url;

use super::pattern::Pattern;
use super::spec::FieldType;
use super::value::{FieldProblem, FieldValue, Input};
use crate::domain::email::Email;
use crate::domain::phone::Phone;

/// A type, with the rules that there are for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Any text in NFC; lines and tabs, but no other control characters.
    String(TextRule),
    /// A whole number.
    Int(Range<i64>),
    /// True or false.
    Bool,
    /// A day.
    Date(Range<Date>),
    /// A moment.
    Datetime(Range<Timestamp>),
    /// An e-mail address.
    Email(TextRule),
    /// A telephone number.
    Phone,
    /// An address on the web.
    Url(TextRule),
    /// One of these texts.
    Enum(Vec<String>),
    /// Anything.
    Json,
}

/// What a text must be like besides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextRule {
    /// The most characters.
    pub max_length: Option<u32>,
    /// What all of it must be like.
    pub pattern: Option<Pattern>,
}

/// From where to where, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<T> {
    /// The least.
    pub min: Option<T>,
    /// The greatest.
    pub max: Option<T>,
}

impl Rule {
    /// The longest text, in bytes.
    pub const MAX_TEXT_BYTES: usize = 4096;
    /// The longest address on the web, in bytes.
    pub const MAX_URL_BYTES: usize = 2048;
    /// The most JSON, in bytes.
    pub const MAX_JSON_BYTES: usize = 8192;
    /// The most lists and objects in each other.
    pub const MAX_JSON_DEPTH: usize = 16;
    /// The greatest whole number that is exact in every JSON: 2^53 - 1.
    pub const MAX_INT: i64 = (1 << 53) - 1;

    /// The type.
    pub fn kind(&self) -> FieldType {
        match self {
            Self::String(_) => FieldType::String,
            Self::Int(_) => FieldType::Int,
            Self::Bool => FieldType::Bool,
            Self::Date(_) => FieldType::Date,
            Self::Datetime(_) => FieldType::Datetime,
            Self::Email(_) => FieldType::Email,
            Self::Phone => FieldType::Phone,
            Self::Url(_) => FieldType::Url,
            Self::Enum(_) => FieldType::Enum,
            Self::Json => FieldType::Json,
        }
    }

    /// The value in the form in which it is kept; `None`: none was given.
    pub(super) fn parse(&self, input: &Input) -> Result<Option<FieldValue>, FieldProblem> {
        let read;
        let value = match input {
            Input::Json(value) => value,
            Input::Text(text) => {
                read = from_text(self.kind(), text)?;
                &read
            }
        };
        match value {
            Value::Null => Ok(None),
            Value::String(text) if text.is_empty() && !matches!(self, Self::Json) => Ok(None),
            value => self.read(value).map(Some),
        }
    }

    fn read(&self, value: &Value) -> Result<FieldValue, FieldProblem> {
        let kind = self.kind();
        let text = || value.as_str().ok_or(FieldProblem::Type(kind));
        Ok(match self {
            Self::String(rule) => {
                let text = plain(text()?)?;
                rule.check(&text)?;
                of_text(text)
            }
            Self::Int(range) => {
                let number = value.as_i64().ok_or(FieldProblem::Type(kind))?;
                if number.unsigned_abs() > Self::MAX_INT.unsigned_abs() {
                    return Err(FieldProblem::Type(kind));
                }
                range.check(number)?;
                FieldValue {
                    json: number.into(),
                    lookup: Some(number.to_string()),
                }
            }
            Self::Bool => {
                let wanted = value.as_bool().ok_or(FieldProblem::Type(kind))?;
                FieldValue {
                    json: wanted.into(),
                    lookup: Some(wanted.to_string()),
                }
            }
            Self::Date(range) => {
                let day = day(text()?).ok_or(FieldProblem::Type(kind))?;
                range.check(day)?;
                of_text(day.to_string())
            }
            Self::Datetime(range) => {
                let moment = moment(text()?).ok_or(FieldProblem::Type(kind))?;
                range.check(moment)?;
                of_text(moment.to_string())
            }
            Self::Email(rule) => {
                let email: Email = text()?.parse()?;
                rule.check(email.as_str())?;
                FieldValue {
                    json: email.as_str().into(),
                    lookup: Some(email.key().to_owned()),
                }
            }
            Self::Phone => of_text(text()?.parse::<Phone>()?.to_string()),
            Self::Url(rule) => {
                let address = address(text()?)?;
                rule.check(&address)?;
                of_text(address)
            }
            Self::Enum(choices) => {
                let text = text()?;
                if !choices.iter().any(|choice| choice == text) {
                    return Err(FieldProblem::Choice(choices.join(", ")));
                }
                of_text(text.to_owned())
            }
            Self::Json => {
                if depth(value) > Self::MAX_JSON_DEPTH {
                    return Err(FieldProblem::TooDeep(Self::MAX_JSON_DEPTH));
                }
                if value.to_string().len() > Self::MAX_JSON_BYTES {
                    return Err(FieldProblem::TooBig(Self::MAX_JSON_BYTES));
                }
                FieldValue {
                    json: value.clone(),
                    lookup: None,
                }
            }
        })
    }
}

impl TextRule {
    fn check(&self, text: &str) -> Result<(), FieldProblem> {
        if let Some(max) = self.max_length
            && text.chars().count() > max as usize
        {
            return Err(FieldProblem::TooLong(max));
        }
        match &self.pattern {
            Some(pattern) if !pattern.matches(text) => {
                Err(FieldProblem::Pattern(pattern.as_str().to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl<T> Range<T> {
    /// Without ends.
    pub(super) const EVERYTHING: Self = Self {
        min: None,
        max: None,
    };
}

impl<T: PartialOrd + Display + Copy> Range<T> {
    fn check(&self, value: T) -> Result<(), FieldProblem> {
        match (self.min, self.max) {
            (Some(min), _) if value < min => Err(FieldProblem::TooLow(min.to_string())),
            (_, Some(max)) if value > max => Err(FieldProblem::TooHigh(max.to_string())),
            _ => Ok(()),
        }
    }
}

fn of_text(text: String) -> FieldValue {
    FieldValue {
        lookup: Some(text.clone()),
        json: text.into(),
    }
}

fn from_text(kind: FieldType, text: &str) -> Result<Value, FieldProblem> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    Ok(match kind {
        FieldType::Int => {
            let number: Result<i64, _> = text.parse();
            number.map_err(|_| FieldProblem::Type(kind))?.into()
        }
        FieldType::Bool => {
            let wanted: Result<bool, _> = text.parse();
            wanted.map_err(|_| FieldProblem::Type(kind))?.into()
        }
        FieldType::Json if text.len() > Rule::MAX_JSON_BYTES => {
            return Err(FieldProblem::TooBig(Rule::MAX_JSON_BYTES));
        }
        FieldType::Json => {
            let read = serde_json::from_str(text);
            read.map_err(|error| FieldProblem::NotJson(error.to_string()))?
        }
        _ => text.into(),
    })
}

/// The text in NFC, if it is one that can be shown.
fn plain(text: &str) -> Result<String, FieldProblem> {
    let too_big = FieldProblem::TooBig(Rule::MAX_TEXT_BYTES);
    if text.len() > Rule::MAX_TEXT_BYTES {
        return Err(too_big);
    }
    if text
        .chars()
        .any(|c| c.is_control() && !"\n\r\t".contains(c))
    {
        return Err(FieldProblem::Control);
    }
    let text: String = text.nfc().collect();
    if text.len() > Rule::MAX_TEXT_BYTES {
        return Err(too_big);
    }
    Ok(text)
}

/// RFC 3339's `full-date` and nothing else that the library reads.
pub(super) fn day(text: &str) -> Option<Date> {
    let day: Date = text.parse().ok()?;
    (day.to_string() == text).then_some(day)
}

/// RFC 3339's `date-time`: what the library reads besides has a bracket, or is shorter.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let fits = (20..=35).contains(&text.len()) && text.is_ascii() && !text.contains('[');
    fits.then(|| text.parse().ok()).flatten()
}

/// The address as browsers write it.
fn address(text: &str) -> Result<String, FieldProblem> {
    let wrong = || FieldProblem::Type(FieldType::Url);
    if text.len() > Rule::MAX_URL_BYTES {
        return Err(FieldProblem::TooBig(Rule::MAX_URL_BYTES));
    }
    if text.chars().any(|c| c.is_control() || c == ' ') {
        return Err(wrong());
    }
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !is_web || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong());
    }
    let written = String::from(url);
    if written.len() > Rule::MAX_URL_BYTES {
        return Err(FieldProblem::TooBig(Rule::MAX_URL_BYTES));
    }
    Ok(written)
}

/// How many lists and objects are in each other. What was parsed has at most 128.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
