//! The values of a request, each turned into its type; what is wrong with them is told together, by
//! every edge in the same words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// What is wrong with each field so far.
#[derive(Default)]
pub struct Values {
    errors: BTreeMap<String, Vec<String>>,
}

/// Sentences about what is wrong with each field.
#[derive(Debug)]
pub struct Invalid(pub BTreeMap<String, Vec<String>>);

impl Values {
    /// The value of a text; `None`: it is absent, or breaks a rule.
    pub fn read<T: FromStr<Err: Display>>(&mut self, field: &str, text: Option<&str>) -> Option<T> {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(field, &error);
                None
            }
        }
    }

    /// The same for what may be null.
    pub fn read_nullable<T: FromStr<Err: Display>>(
        &mut self,
        field: &str,
        text: Option<&Nullable<String>>,
    ) -> Option<Nullable<T>> {
        match &text?.0 {
            None => Some(Nullable(None)),
            Some(text) => self
                .read(field, Some(text))
                .map(|value| Nullable(Some(value))),
        }
    }

    /// The values of a list, each once.
    pub fn read_all<T: FromStr<Err: Display> + Ord>(
        &mut self,
        field: &str,
        texts: Option<&[String]>,
    ) -> Option<BTreeSet<T>> {
        let texts = texts?.iter();
        Some(
            texts
                .filter_map(|text| self.read(field, Some(text)))
                .collect(),
        )
    }

    /// Notes what is wrong with a field.
    pub fn refuse(&mut self, field: &str, error: &impl Display) {
        let sentences = self.errors.entry(field.to_owned()).or_default();
        sentences.push(sentence(error));
    }

    /// Fails if anything was wrong.
    pub fn check(self) -> Result<(), Invalid> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Invalid(self.errors))
        }
    }
}

/// A value, or null where that is one, too.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Nullable<T>(pub Option<T>);

/// Begins large and ends with a full stop.
pub fn sentence(error: &impl Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    let mut sentence: String = first.into_iter().flatten().chain(letters).collect();
    sentence.push('.');
    sentence
}

/// A member that is there: null is a value of it, and absence is not.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
