//! A change of a field.

use super::spec::Spec;
use super::value::Input;
use crate::domain::label::Label;

/// A change of a field: what is `None` stays as it is. The type stays: values of another are other
/// values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldChange {
    /// What people call it.
    pub label: Option<Label>,
    /// Whether every account has a value.
    pub required: Option<bool>,
    /// Whether no two accounts have the same.
    pub unique: Option<bool>,
    /// Whether accounts are looked for by it.
    pub indexed: Option<bool>,
    /// What an account gets that is made without a value, or `Some(None)` for nothing.
    pub default: Option<Option<Input>>,
    /// Of an enum, what it may be.
    pub choices: Option<Vec<String>>,
    /// Of a text, the most characters, or `Some(None)` for as many as any text.
    pub max_length: Option<Option<u32>>,
    /// Of a text, what all of it must be like, or `Some(None)` for anything.
    pub pattern: Option<Option<String>>,
    /// The least, or `Some(None)` for none.
    pub min: Option<Option<Input>>,
    /// The greatest, or `Some(None)` for none.
    pub max: Option<Option<Input>>,
    /// Whether accounts see it of themselves.
    pub self_read: Option<bool>,
    /// Whether accounts change it themselves.
    pub self_write: Option<bool>,
    /// Whether access tokens carry it.
    pub in_token: Option<bool>,
}

impl FieldChange {
    /// Whether it names nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What the field would be written like then.
    pub fn applied_to(self, spec: Spec) -> Spec {
        Spec {
            kind: spec.kind,
            label: self.label.unwrap_or(spec.label),
            required: self.required.unwrap_or(spec.required),
            // What is unique is indexed, and stays so when it stops being unique.
            unique: self.unique.unwrap_or(spec.unique),
            indexed: self.indexed.unwrap_or(spec.indexed),
            default: self.default.unwrap_or(spec.default),
            choices: self.choices.unwrap_or(spec.choices),
            max_length: self.max_length.unwrap_or(spec.max_length),
            pattern: self.pattern.unwrap_or(spec.pattern),
            min: self.min.unwrap_or(spec.min),
            max: self.max.unwrap_or(spec.max),
            self_read: self.self_read.unwrap_or(spec.self_read),
            self_write: self.self_write.unwrap_or(spec.self_write),
            in_token: self.in_token.unwrap_or(spec.in_token),
        }
    }
}
