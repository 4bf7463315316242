//! A field as it is used.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::pattern::{Pattern, PatternError};
use super::rule::{Range, Rule, TextRule};
use super::spec::{FieldType, Spec};
use super::value::{FieldProblem, FieldValue, Input};
use crate::domain::label::Label;

/// What a field holds, and who has to do with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// What people call it. May be empty.
    pub label: Label,
    /// Its type, and the rules that there are for it.
    pub rule: Rule,
    /// Every account has a value.
    pub required: bool,
    /// No two accounts have the same.
    pub unique: bool,
    /// Accounts are looked for by it. What is unique is.
    pub indexed: bool,
    /// What an account gets that is made without a value.
    pub default: Option<FieldValue>,
    /// Accounts see it of themselves.
    pub self_read: bool,
    /// Accounts change it themselves.
    pub self_write: bool,
    /// Access tokens carry it.
    pub in_token: bool,
}

/// Why a definition is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// A rule that this type does not have.
    #[error("a field of type {kind} has no {member}")]
    NotOfType {
        /// The rule.
        member: &'static str,
        /// The type.
        kind: FieldType,
    },
    /// An enum of nothing, or of too much.
    #[error("an enum has 1 to {max} choices, of which no two are the same", max = Definition::MAX_CHOICES)]
    Choices,
    /// A choice that is no plain text.
    #[error("a choice has 1 to {max} characters and no control characters: '{0}'", max = Definition::MAX_CHOICE_CHARS)]
    Choice(String),
    /// Not from 1 to [`Rule::MAX_TEXT_BYTES`].
    #[error("max_length is 1 to {max}", max = Rule::MAX_TEXT_BYTES)]
    MaxLength,
    /// No pattern.
    #[error(transparent)]
    Pattern(PatternError),
    /// The least or the greatest is no value of the type.
    #[error("{member}: {problem}")]
    Bound {
        /// `min` or `max`.
        member: &'static str,
        /// What is wrong with it.
        problem: FieldProblem,
    },
    /// The least is more than the greatest.
    #[error("min is more than max")]
    Empty,
    /// The default breaks the field's own rules.
    #[error("default: {0}")]
    Default(FieldProblem),
    /// Two accounts would have it.
    #[error("a unique field has no default: two accounts would have the same")]
    UniqueDefault,
}

impl Definition {
    /// How many choices an enum may have.
    pub const MAX_CHOICES: usize = 100;
    /// The longest choice.
    pub const MAX_CHOICE_CHARS: usize = 100;
    /// The longest value that is looked for, in bytes.
    pub const MAX_INDEXED_BYTES: usize = 1024;

    /// What was written, if it makes sense.
    pub fn new(spec: Spec) -> Result<Self, DefinitionError> {
        Self::build(spec, str::parse)
    }

    /// One read back from the store, where this type wrote it. Patterns are compiled when they are
    /// first needed.
    pub(crate) fn from_stored(spec: Spec) -> Result<Self, DefinitionError> {
        Self::build(spec, |text| Ok(Pattern::from_stored(text.to_owned())))
    }

    fn build(spec: Spec, read: ReadPattern) -> Result<Self, DefinitionError> {
        require_of_type(&spec)?;
        let rule = rule(&spec, read)?;
        let mut definition = Self {
            label: spec.label,
            rule,
            required: spec.required,
            unique: spec.unique,
            indexed: spec.indexed || spec.unique,
            default: None,
            self_read: spec.self_read || spec.self_write,
            self_write: spec.self_write,
            in_token: spec.in_token,
        };
        if let Some(input) = &spec.default {
            let default = definition.parse(input).map_err(DefinitionError::Default)?;
            if default.is_some() && definition.unique {
                return Err(DefinitionError::UniqueDefault);
            }
            definition.default = default;
        }
        Ok(definition)
    }

    /// The value in the form in which it is kept; `None`: none was given. Whether one must be given
    /// is the account's business.
    pub fn parse(&self, input: &Input) -> Result<Option<FieldValue>, FieldProblem> {
        let value = self.rule.parse(input)?;
        let lookup = value.as_ref().and_then(|value| value.lookup.as_ref());
        if self.indexed && lookup.is_some_and(|text| text.len() > Self::MAX_INDEXED_BYTES) {
            return Err(FieldProblem::TooBigForIndex(Self::MAX_INDEXED_BYTES));
        }
        Ok(value)
    }

    /// What kind of value it holds.
    pub fn kind(&self) -> FieldType {
        self.rule.kind()
    }

    /// As it would be written.
    pub fn spec(&self) -> Spec {
        let text = self.text_rule().cloned().unwrap_or_default();
        let (min, max) = self.bounds();
        Spec {
            kind: self.kind(),
            label: self.label.clone(),
            required: self.required,
            unique: self.unique,
            indexed: self.indexed,
            default: self
                .default
                .clone()
                .map(|default| Input::Json(default.json)),
            choices: self.choices().to_vec(),
            max_length: text.max_length,
            pattern: text.pattern.map(|pattern| pattern.as_str().to_owned()),
            min: min.map(Input::Json),
            max: max.map(Input::Json),
            self_read: self.self_read,
            self_write: self.self_write,
            in_token: self.in_token,
        }
    }

    /// Of an enum, what it may be.
    pub fn choices(&self) -> &[String] {
        match &self.rule {
            Rule::Enum(choices) => choices,
            _ => &[],
        }
    }

    /// Of a text, what it must be like.
    pub fn text_rule(&self) -> Option<&TextRule> {
        match &self.rule {
            Rule::String(rule) | Rule::Email(rule) | Rule::Url(rule) => Some(rule),
            _ => None,
        }
    }

    /// Of what has an order, the least and the greatest as they would be written.
    pub fn bounds(&self) -> (Option<Value>, Option<Value>) {
        fn written<T: Copy>(
            range: &Range<T>,
            write: fn(T) -> Value,
        ) -> (Option<Value>, Option<Value>) {
            (range.min.map(write), range.max.map(write))
        }
        match &self.rule {
            Rule::Int(range) => written(range, Value::from),
            Rule::Date(range) => written(range, |day| day.to_string().into()),
            Rule::Datetime(range) => written(range, |moment| moment.to_string().into()),
            _ => (None, None),
        }
    }
}

impl DefinitionError {
    /// Which member of a written definition is wrong.
    pub fn member(&self) -> &'static str {
        match self {
            Self::NotOfType { member, .. } | Self::Bound { member, .. } => member,
            Self::Choices | Self::Choice(_) => "choices",
            Self::MaxLength => "max_length",
            Self::Pattern(_) => "pattern",
            Self::Empty => "min",
            Self::Default(_) | Self::UniqueDefault => "default",
        }
    }
}

/// Every member, null or empty where the type has none.
impl Serialize for Definition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text_rule();
        let (min, max) = self.bounds();
        let choices = match &self.rule {
            Rule::Enum(choices) => Some(choices),
            _ => None,
        };
        json!({
            "label": self.label,
            "type": self.kind(),
            "required": self.required,
            "unique": self.unique,
            "indexed": self.indexed,
            "default": self.default.as_ref().map(|default| &default.json),
            "choices": choices,
            "max_length": text.and_then(|rule| rule.max_length),
            "pattern": text.and_then(|rule| rule.pattern.as_ref()),
            "min": min,
            "max": max,
            "self_read": self.self_read,
            "self_write": self.self_write,
            "in_token": self.in_token,
        })
        .serialize(serializer)
    }
}

fn require_of_type(spec: &Spec) -> Result<(), DefinitionError> {
    use FieldType::{Date, Datetime, Email, Enum, Int, Json, String, Url};
    let kind = spec.kind;
    let is_text = matches!(kind, String | Email | Url);
    let has_order = matches!(kind, Int | Date | Datetime);
    let given = [
        ("choices", !spec.choices.is_empty(), kind == Enum),
        ("max_length", spec.max_length.is_some(), is_text),
        ("pattern", spec.pattern.is_some(), is_text),
        ("min", spec.min.is_some(), has_order),
        ("max", spec.max.is_some(), has_order),
        ("unique", spec.unique, kind != Json),
        ("indexed", spec.indexed, kind != Json),
    ];
    for (member, is_given, fits) in given {
        if is_given && !fits {
            return Err(DefinitionError::NotOfType { member, kind });
        }
    }
    Ok(())
}

type ReadPattern = fn(&str) -> Result<Pattern, PatternError>;

fn rule(spec: &Spec, read: ReadPattern) -> Result<Rule, DefinitionError> {
    Ok(match spec.kind {
        FieldType::String => Rule::String(text_rule(spec, read)?),
        FieldType::Email => Rule::Email(text_rule(spec, read)?),
        FieldType::Url => Rule::Url(text_rule(spec, read)?),
        FieldType::Bool => Rule::Bool,
        FieldType::Phone => Rule::Phone,
        FieldType::Json => Rule::Json,
        FieldType::Int => Rule::Int(range(spec, Value::as_i64)?),
        FieldType::Date => Rule::Date(range(spec, as_day)?),
        FieldType::Datetime => Rule::Datetime(range(spec, as_moment)?),
        FieldType::Enum => Rule::Enum(choices(&spec.choices)?),
    })
}

fn as_day(value: &Value) -> Option<Date> {
    super::rule::day(value.as_str()?)
}

fn as_moment(value: &Value) -> Option<Timestamp> {
    super::rule::moment(value.as_str()?)
}

fn text_rule(spec: &Spec, read: ReadPattern) -> Result<TextRule, DefinitionError> {
    let max = u32::try_from(Rule::MAX_TEXT_BYTES).expect("is small");
    if spec
        .max_length
        .is_some_and(|wanted| wanted == 0 || wanted > max)
    {
        return Err(DefinitionError::MaxLength);
    }
    let pattern = spec.pattern.as_deref().map(read);
    Ok(TextRule {
        max_length: spec.max_length,
        pattern: pattern.transpose()?,
    })
}

fn range<T: PartialOrd>(
    spec: &Spec,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Range<T>, DefinitionError> {
    let anything = match spec.kind {
        FieldType::Int => Rule::Int(Range::EVERYTHING),
        FieldType::Date => Rule::Date(Range::EVERYTHING),
        _ => Rule::Datetime(Range::EVERYTHING),
    };
    let bound = |member, input: &Option<Input>| -> Result<Option<T>, DefinitionError> {
        let wrong = |problem| DefinitionError::Bound { member, problem };
        let parsed = input.as_ref().map(|input| anything.parse(input));
        let value = parsed.transpose().map_err(wrong)?.flatten();
        Ok(value.and_then(|value| read(&value.json)))
    };
    let range = Range {
        min: bound("min", &spec.min)?,
        max: bound("max", &spec.max)?,
    };
    match (&range.min, &range.max) {
        (Some(min), Some(max)) if min > max => Err(DefinitionError::Empty),
        _ => Ok(range),
    }
}

fn choices(wanted: &[String]) -> Result<Vec<String>, DefinitionError> {
    let distinct: BTreeSet<&String> = wanted.iter().collect();
    if wanted.is_empty() || wanted.len() > Definition::MAX_CHOICES || distinct.len() < wanted.len()
    {
        return Err(DefinitionError::Choices);
    }
    let is_plain = |choice: &&String| {
        let count = choice.chars().count();
        (1..=Definition::MAX_CHOICE_CHARS).contains(&count) && !choice.chars().any(char::is_control)
    };
    match wanted.iter().find(|choice| !is_plain(choice)) {
        Some(bad) => Err(DefinitionError::Choice(bad.chars().take(100).collect())),
        None => Ok(wanted.to_vec()),
    }
}
