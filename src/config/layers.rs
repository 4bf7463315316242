//! Flags over environment over file over defaults, each value with where it came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use super::environment::{Environment, Held};
use super::error::ConfigError;
use super::file;
use super::reference::{self, KEYS, Key, Kind};
use crate::store::DatabaseUrl;

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--database`
    pub database: Option<String>,
    /// `--listen`, in order; empty: not given.
    pub listen: Vec<String>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag(&'static str),
    /// An environment variable.
    Variable(String),
    /// A line of the file, counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// Nowhere: it is the default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => f.write_str(name),
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// A string of the file, or any value from elsewhere.
    Text(String),
    /// A number of the file.
    Number(String),
    /// An array of the file, or a flag given more than once.
    List(Vec<String>),
}

/// The values that were given, each with where it came from.
#[derive(Clone, Debug)]
pub struct Layers {
    given: BTreeMap<&'static str, (Raw, Origin)>,
    file: Option<PathBuf>,
}

/// A line of `config show`.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The key.
    pub key: &'static str,
    /// Its value, unless it is a secret; empty if it has none.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
}

impl Layers {
    /// Reads all layers. Values are checked later, when they are asked for; names are checked now.
    pub fn read(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        let mut layers = Self {
            given: BTreeMap::new(),
            file: file::locate(flags.config.as_deref(), environment),
        };
        if let Some(path) = layers.file.clone() {
            for entry in file::read(&path)? {
                let origin = Origin::File {
                    path: path.clone(),
                    line: entry.line,
                };
                layers.given.insert(entry.key, (entry.value, origin));
            }
        }
        layers.add_environment(environment)?;
        if let Some(database) = &flags.database {
            layers.add(
                "database.url",
                Raw::Text(database.clone()),
                Origin::Flag("--database"),
            );
        }
        if !flags.listen.is_empty() {
            layers.add(
                "server.listen",
                Raw::List(flags.listen.clone()),
                Origin::Flag("--listen"),
            );
        }
        Ok(layers)
    }

    /// The file that was read, if any.
    pub fn file(&self) -> Option<&std::path::Path> {
        self.file.as_deref()
    }

    /// Every key with its value and origin, in the order of the manual; secrets are not shown.
    pub fn show(&self) -> Vec<Shown> {
        KEYS.iter()
            .map(|key| {
                let (raw, origin) = self.find(key);
                let value = match raw {
                    Raw::Text(text) if key.kind == Kind::Database => shown_url(&text),
                    Raw::Text(text) | Raw::Number(text) if !key.secret || text.is_empty() => text,
                    Raw::List(items) if key.kind != Kind::Database && !key.secret => {
                        items.join(", ")
                    }
                    _ => "[redacted]".to_owned(),
                };
                Shown {
                    key: key.name,
                    value,
                    origin,
                }
            })
            .collect()
    }

    /// The value of a key, or its default.
    pub(super) fn find(&self, key: &Key) -> (Raw, Origin) {
        let default = || (Raw::Text(key.default.to_owned()), Origin::Default);
        self.given.get(key.name).cloned().unwrap_or_else(default)
    }

    fn add(&mut self, name: &'static str, value: Raw, origin: Origin) {
        self.given.insert(name, (value, origin));
    }

    fn add_environment(&mut self, environment: &Environment) -> Result<(), ConfigError> {
        if let Some(variable) = environment.unreadable() {
            return Err(ConfigError::NotText {
                variable: variable.to_owned(),
            });
        }
        refuse_unknown_variables(environment)?;
        for key in KEYS {
            let variable = key.variable();
            // The secret key's own file is a key of its own, which makes the file when it is missing.
            let held = if key.name == "secret_key" {
                environment.find(&variable).map(Held::Value)
            } else {
                environment.find_or_file(&variable)?
            };
            match held {
                None => {}
                Some(Held::Value(value)) => self.add(
                    key.name,
                    Raw::Text(value.to_owned()),
                    Origin::Variable(variable),
                ),
                Some(Held::InFile(path)) => {
                    self.add_from_file(key, format!("{variable}_FILE"), path)?;
                }
            }
        }
        Ok(())
    }

    /// `AUTHD_..._FILE`: the value is in a file, as containers hand out secrets.
    fn add_from_file(
        &mut self,
        key: &'static Key,
        variable: String,
        path: &str,
    ) -> Result<(), ConfigError> {
        let text = file::text_of(path.as_ref()).map_err(|cause| ConfigError::UnreadableValue {
            variable: variable.clone(),
            path: path.into(),
            cause,
        })?;
        self.add(
            key.name,
            Raw::Text(text.trim_end().to_owned()),
            Origin::Variable(variable),
        );
        Ok(())
    }
}

/// Without its password; what is no URL may have one anywhere.
fn shown_url(text: &str) -> String {
    match text.parse::<DatabaseUrl>() {
        Ok(url) => url.to_string(),
        Err(_) if text.is_empty() => String::new(),
        Err(_) => "[not a database]".to_owned(),
    }
}

/// A misspelt variable of one of our sections is an error, like a misspelt key of the file.
fn refuse_unknown_variables(environment: &Environment) -> Result<(), ConfigError> {
    // `AUTHD_SERVER_` for `server.listen`, `AUTHD_SECRET_` for `secret_key`.
    let sections = KEYS.iter().map(|key| {
        let section = key.name.split(['.', '_']).next().unwrap_or_default();
        format!("AUTHD_{}_", section.to_uppercase())
    });
    let sections: BTreeSet<String> = sections.collect();
    let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
    for name in environment.names() {
        let ours = sections
            .iter()
            .any(|section| name.starts_with(section.as_str()));
        let plain = name.strip_suffix("_FILE").unwrap_or(name);
        if ours
            && !known
                .iter()
                .any(|variable| variable == plain || variable == name)
        {
            let likeness = |variable: &&String| strsim::jaro_winkler(variable, name);
            let nearest = known
                .iter()
                .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
            return Err(ConfigError::UnknownVariable {
                variable: name.to_owned(),
                nearest: nearest.cloned().unwrap_or_default(),
            });
        }
    }
    Ok(())
}

pub(super) fn key(name: &str) -> &'static Key {
    reference::find(name).expect("the reference has every key that is asked for")
}
