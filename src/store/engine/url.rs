//! Where a database is, as configuration and flags write it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::server::{Server, ServerError};

/// Where the database is.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`, relative to the working directory.
    Sqlite(PathBuf),
    /// `postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=...`.
    Postgres(Box<Server>),
}

/// The text names no database. It is not repeated where a password may be in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseUrlError {
    /// Neither engine's.
    #[error(
        "'{0}' names no database: write sqlite:PATH, as in sqlite:authd.db, or postgres://USER:PASSWORD@HOST:PORT/NAME"
    )]
    Unknown(String),
    /// A server's, and not whole.
    #[error("{0}: write postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=...")]
    Server(String),
}

impl From<ServerError> for DatabaseUrlError {
    fn from(error: ServerError) -> Self {
        Self::Server(error.to_string())
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(Box::new(Server::parse(text)?)));
        }
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() && path != ":memory:" => {
                Ok(Self::Sqlite(path.strip_prefix("//").unwrap_or(path).into()))
            }
            _ => Err(DatabaseUrlError::Unknown(without_password(text))),
        }
    }
}

/// As it was given, so that the slip is seen; but of what may be `scheme:user:password@host` the
/// scheme alone.
fn without_password(text: &str) -> String {
    match text.split_once(':') {
        Some((scheme, rest)) if rest.contains(['@', '?']) => format!("{scheme}:..."),
        _ => text.chars().take(80).collect(),
    }
}

impl std::fmt::Display for DatabaseUrl {
    /// As it is written, without the password and what comes after the name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(_) => write!(f, "sqlite:{}", self.place()),
            Self::Postgres(server) => write!(f, "postgres://{}@{}", server.user(), self.place()),
        }
    }
}

impl DatabaseUrl {
    /// Where the database is, in short: the file's path, or `host:port/name`.
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(server) => format!("{}/{}", server.address(), server.database()),
        }
    }

    /// What a sentence about this database begins with.
    pub(in crate::store) fn subject(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("the database file '{}'", path.display()),
            Self::Postgres(server) => {
                format!(
                    "the database '{}' on {}",
                    server.database(),
                    server.address()
                )
            }
        }
    }

    /// Whether it is on a server, and the URL names one host.
    pub fn is_one_server(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(server) => !server.address().contains(','),
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}
