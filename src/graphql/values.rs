//! The values of arguments, each turned into its type; what is wrong with them is told together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use super::refusal::{Refusal, sentence};

/// What is wrong with each value so far.
#[derive(Default)]
pub(super) struct Values {
    errors: BTreeMap<String, Vec<String>>,
}

impl Values {
    /// The value of a text; `None`: it is absent, or breaks a rule.
    pub(super) fn read<T: FromStr<Err: Display>>(
        &mut self,
        field: &str,
        text: Option<&str>,
    ) -> Option<T> {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let sentences = self.errors.entry(field.to_owned()).or_default();
                sentences.push(sentence(&error));
                None
            }
        }
    }

    /// The values of a list, each once.
    pub(super) fn read_all<T: FromStr<Err: Display> + Ord>(
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

    /// Fails if anything was wrong.
    pub(super) fn check(self) -> Result<(), Refusal> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Refusal::invalid(self.errors))
        }
    }
}

/// The value of an argument.
pub(super) fn value<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Refusal> {
    text.parse()
        .map_err(|error: T::Err| Refusal::of_field(name, &error))
}
