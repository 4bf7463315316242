//! The process's environment, read in one place.

use std::collections::BTreeMap;

/// What the names of variables that are meant for us begin with.
const OURS: [&str; 2] = ["AUTHD_", "DJANGO_SUPERUSER_"];

/// Environment variables by name.
#[derive(Clone, Default)]
pub struct Environment {
    values: BTreeMap<String, String>,
    /// A variable that is meant for us and is not UTF-8.
    unreadable: Option<String>,
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
