//! From a value as written to a value as used.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use jiff::{Span, SpanRelativeTo};

use super::error::ConfigError;
use super::layers::{Layers, Origin, Raw, key};
use super::reference::{Key, Kind};
use super::{Introspection, LogFormat};

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address with a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// The text is no place to listen at.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no address: write 127.0.0.1:8000, [::1]:8000 or unix:/run/authd/authd.sock")]
pub struct ListenAddressError(String);

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            _ => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| ListenAddressError(text.to_owned())),
        }
    }
}

/// The text is none of the formats.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not one of auto, text, json")]
pub struct LogFormatError(String);

impl FromStr for LogFormat {
    type Err = LogFormatError;

    fn from_str(text: &str) -> Result<Self, LogFormatError> {
        match text {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(LogFormatError(text.to_owned())),
        }
    }
}

/// The text is none of the ways.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not one of authenticated, on, off")]
pub struct IntrospectionError(String);

impl FromStr for Introspection {
    type Err = IntrospectionError;

    fn from_str(text: &str) -> Result<Self, IntrospectionError> {
        match text {
            "authenticated" => Ok(Self::Authenticated),
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err(IntrospectionError(text.to_owned())),
        }
    }
}

impl Layers {
    /// A text; `None` if it is not set.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let (value, origin) = self.find(key(name));
        match value {
            Raw::Text(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            _ => Err(kind_error(key(name), origin)),
        }
    }

    /// A text that a type of ours reads.
    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<T, ConfigError> {
        let (key, origin) = (key(name), self.find(key(name)).1);
        let text = self.text(name)?.unwrap_or_default();
        let bounded = matches!(key.kind, Kind::Choice(words) if !words.contains(&text.as_str()));
        if bounded {
            return Err(value_error(key, origin, &format!("'{text}' does not fit")));
        }
        text.parse().map_err(|error: T::Err| ConfigError::Value {
            origin,
            key: key.name,
            problem: error.to_string(),
        })
    }

    /// A list of texts that a type of ours reads.
    pub(super) fn parsed_list<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<Vec<T>, ConfigError> {
        let (value, origin) = self.find(key(name));
        let items = match value {
            Raw::List(items) => items,
            Raw::Text(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
            Raw::Number(_) => return Err(kind_error(key(name), origin)),
        };
        let items = items.iter().filter(|item| !item.is_empty());
        items
            .map(|item| {
                item.parse().map_err(|error: T::Err| ConfigError::Value {
                    origin: origin.clone(),
                    key: key(name).name,
                    problem: error.to_string(),
                })
            })
            .collect()
    }

    /// At least one place to listen at.
    pub(super) fn listen(&self, name: &str) -> Result<Vec<ListenAddress>, ConfigError> {
        let addresses = self.parsed_list(name)?;
        if addresses.is_empty() {
            let (key, (_, origin)) = (key(name), self.find(key(name)));
            let problem = "the list is empty: name at least one address, as in 127.0.0.1:8000";
            return Err(ConfigError::Value {
                origin,
                key: key.name,
                problem: problem.to_owned(),
            });
        }
        Ok(addresses)
    }

    /// A whole number within the key's bounds.
    pub(super) fn count(&self, name: &str) -> Result<usize, ConfigError> {
        let (key, (value, origin)) = (key(name), self.find(key(name)));
        let Kind::Count(low, high) = key.kind else {
            return Err(kind_error(key, origin));
        };
        let (Raw::Text(text) | Raw::Number(text)) = value else {
            return Err(kind_error(key, origin));
        };
        let number = text.replace('_', "").parse::<u64>().ok();
        match number.filter(|number| (low..=high).contains(number)) {
            Some(number) => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
            None => Err(value_error(key, origin, &format!("'{text}' does not fit"))),
        }
    }

    /// A duration with a unit, within the key's bounds.
    pub(super) fn duration(&self, name: &str) -> Result<Duration, ConfigError> {
        let (key, (value, origin)) = (key(name), self.find(key(name)));
        let Kind::Duration(low, high) = key.kind else {
            return Err(kind_error(key, origin));
        };
        let text = with_unit(key, value, &origin, "10s")?;
        let duration = text
            .parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok());
        let (low, high) = (Duration::from_secs(low), Duration::from_secs(high));
        match duration.filter(|duration| (low..=high).contains(duration)) {
            Some(duration) => Ok(duration),
            None => Err(value_error(key, origin, &format!("'{text}' does not fit"))),
        }
    }

    /// A size with a unit, within the key's bounds, in bytes.
    pub(super) fn size(&self, name: &str) -> Result<usize, ConfigError> {
        let (key, (value, origin)) = (key(name), self.find(key(name)));
        let Kind::Size(low, high) = key.kind else {
            return Err(kind_error(key, origin));
        };
        let text = with_unit(key, value, &origin, "64KiB")?;
        let size = text.parse::<ByteSize>().ok().map(|size| size.as_u64());
        match size.filter(|size| (low..=high).contains(size)) {
            Some(size) => Ok(usize::try_from(size).unwrap_or(usize::MAX)),
            None => Err(value_error(key, origin, &format!("'{text}' does not fit"))),
        }
    }

    /// An `http` or `https` URL without a slash at its end.
    pub(super) fn public_url(&self, name: &str) -> Result<String, ConfigError> {
        let (key, origin) = (key(name), self.find(key(name)).1);
        let text = self.text(name)?.unwrap_or_default();
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let fits = |rest: &str| {
            !rest.is_empty()
                && !rest.starts_with('/')
                && rest.bytes().all(|byte| byte.is_ascii_graphic())
                && !rest.contains(['?', '#', '@', '\\', '"', '<', '>'])
        };
        if rest.is_some_and(fits) {
            return Ok(text.trim_end_matches('/').to_owned());
        }
        let problem = format!("'{text}' is no URL: write http(s)://host[:port][/path]");
        Err(ConfigError::Value {
            origin,
            key: key.name,
            problem,
        })
    }
}

/// The text of a value that must carry a unit.
fn with_unit(
    key: &'static Key,
    value: Raw,
    origin: &Origin,
    example: &str,
) -> Result<String, ConfigError> {
    let (Raw::Text(text) | Raw::Number(text)) = value else {
        return Err(kind_error(key, origin.clone()));
    };
    if text.ends_with(|last: char| last.is_ascii_digit()) {
        let problem = format!("'{text}' has no unit, write it as in \"{example}\"");
        return Err(value_error(key, origin.clone(), &problem));
    }
    Ok(text)
}

/// The value is of another kind than its key: a number for a text, true for a duration.
pub(super) fn kind_error(key: &'static Key, origin: Origin) -> ConfigError {
    let problem = format!(
        "this kind of value does not fit: {} is needed",
        key.kind.bounds()
    );
    ConfigError::Value {
        origin,
        key: key.name,
        problem,
    }
}

fn value_error(key: &'static Key, origin: Origin, problem: &str) -> ConfigError {
    let problem = format!("{problem}: {} is allowed", key.kind.bounds());
    ConfigError::Value {
        origin,
        key: key.name,
        problem,
    }
}
