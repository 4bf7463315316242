//! The configuration file as it is written.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::environment::Environment;
use super::error::ConfigError;
use super::kind::Kind;
use super::layers::{Origin, Raw};
use super::reference::{self, Key};
use super::values::kind_error;

/// Where a file is looked for when none is named.
const PLACES: [&str; 2] = ["authd.toml", "/etc/authd/authd.toml"];

/// A longer file is none of ours, and is refused before it fills the memory (`/dev/zero` has no end).
const MAX_BYTES: u64 = 1024 * 1024;

/// One `key = value` of the file.
pub(super) struct Entry {
    pub(super) key: &'static str,
    pub(super) value: Raw,
    pub(super) line: usize,
}

/// The file to read: the one named, or the first that exists.
pub(super) fn locate(named: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    let named = named.map(Path::to_owned);
    named
        .or_else(|| environment.find("AUTHD_CONFIG").map(PathBuf::from))
        .or_else(|| {
            PLACES
                .iter()
                .map(PathBuf::from)
                .find(|place| place.exists())
        })
}

pub(super) fn read(path: &Path) -> Result<Vec<Entry>, ConfigError> {
    let text = text_of(path).map_err(|cause| ConfigError::Unreadable {
        path: path.to_owned(),
        cause,
    })?;
    parse(path, &text)
}

/// The text of a file that may be named by anybody who writes a configuration.
pub(super) fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let mut file = std::fs::File::open(path)?.take(MAX_BYTES + 1);
    file.read_to_string(&mut text)?;
    if file.limit() == 0 {
        return Err(io::Error::new(
            ErrorKind::FileTooLarge,
            "it holds more than 1 MiB",
        ));
    }
    Ok(text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Entry>, ConfigError> {
    let line = |span: Range<usize>| 1 + text[..span.start.min(text.len())].matches('\n').count();
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: line(error.span().unwrap_or(0..0)),
        message: error.message().to_owned(),
    })?;
    let mut entries = Vec::new();
    for (name, value) in table.get_ref() {
        match value.get_ref() {
            DeValue::Table(section) => {
                if !reference::is_section(name.get_ref()) {
                    let key = name.get_ref().to_string();
                    return Err(unknown(path, line(name.span()), key));
                }
                for (inner, value) in section {
                    let key = format!("{}.{}", name.get_ref(), inner.get_ref());
                    entries.push(entry(path, line(inner.span()), key, value.get_ref())?);
                }
            }
            value => {
                entries.push(entry(
                    path,
                    line(name.span()),
                    name.get_ref().to_string(),
                    value,
                )?);
            }
        }
    }
    Ok(entries)
}

fn entry(
    path: &Path,
    line: usize,
    name: String,
    value: &DeValue<'_>,
) -> Result<Entry, ConfigError> {
    let origin = Origin::File {
        path: path.to_owned(),
        line,
    };
    let Some(key) = reference::find(&name) else {
        return Err(unknown(path, line, name));
    };
    match raw(value).or_else(|| truth(key, value)) {
        Some(value) => Ok(Entry {
            key: key.name,
            value,
            line,
        }),
        None => Err(kind_error(key, origin)),
    }
}

fn unknown(path: &Path, line: usize, key: String) -> ConfigError {
    ConfigError::UnknownKey {
        origin: Origin::File {
            path: path.to_owned(),
            line,
        },
        nearest: reference::nearest(&key).to_owned(),
        key,
    }
}

/// True or false, for a key that is one of them.
fn truth(key: &Key, value: &DeValue<'_>) -> Option<Raw> {
    let text = value.as_bool()?.to_string();
    let fits = matches!(key.kind, Kind::Choice(words) if words.contains(&text.as_str()));
    fits.then_some(Raw::Text(text))
}

fn raw(value: &DeValue<'_>) -> Option<Raw> {
    match value {
        DeValue::String(text) => Some(Raw::Text(text.to_string())),
        DeValue::Integer(number) => Some(Raw::Number(number.to_string())),
        DeValue::Array(items) => {
            let texts = items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().map(Raw::List)
        }
        _ => None,
    }
}
