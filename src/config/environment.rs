//! The process's environment, read in one place.

use std::collections::BTreeMap;

use super::error::ConfigError;

/// What the names of variables that are meant for us begin with.
const OURS: [&str; 2] = ["AUTHD_", "DJANGO_SUPERUSER_"];

/// Environment variables by name.
#[derive(Clone, Default)]
pub struct Environment {
    values: BTreeMap<String, String>,
    /// A variable that is meant for us and is not UTF-8.
    unreadable: Option<String>,
}

/// What the environment says of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held<'e> {
    /// The value.
    Value(&'e str),
    /// The file that it is in.
    InFile(&'e str),
}

impl Environment {
    /// Those of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the environment that is handed out"
    )]
    pub fn of_process() -> Self {
        let mut environment = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    environment.values.insert(name, value);
                }
                Err(_) if OURS.iter().any(|prefix| name.starts_with(prefix)) => {
                    environment.unreadable = Some(name);
                }
                Err(_) => {}
            }
        }
        environment
    }

    /// The value of a variable; empty counts as unset.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The same of one that may also be in a file, which the variable with `_FILE` at its end names.
    ///
    /// Fails if both are there: one of them would be of no effect, in silence.
    pub(crate) fn find_or_file(&self, name: &str) -> Result<Option<Held<'_>>, ConfigError> {
        let (value, file) = (self.find(name), self.find(&format!("{name}_FILE")));
        match (value, file) {
            (Some(_), Some(_)) => Err(ConfigError::TwoValues {
                variable: name.to_owned(),
            }),
            (value, file) => Ok(value.map(Held::Value).or(file.map(Held::InFile))),
        }
    }

    /// Every variable's name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// A variable that is meant for us and cannot be read, if there is one.
    pub(super) fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let pairs = pairs.into_iter();
        Self {
            values: pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            unreadable: None,
        }
    }
}
