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

/// What looks like a file, so that the slip is seen; of anything else, which may have a password
/// anywhere, the beginning of a URL alone.
fn without_password(text: &str) -> String {
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    match text.split_once(':') {
        Some(("sqlite", _)) => text.chars().take(80).collect(),
        Some((scheme, _)) if is_word(scheme) => format!("{scheme}:..."),
        None if !text.contains(['=', '@', '?', ' ']) && !text.contains("//") => {
            text.chars().take(80).collect()
        }
        _ => "...".to_owned(),
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

    /// The same with this password, if it has none and is on a server.
    #[must_use]
    pub fn or_password(mut self, password: &str) -> Self {
        if let Self::Postgres(server) = &mut self
            && server.config.get_password().is_none()
        {
            server.config.password(password);
        }
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_is_told_without_what_may_be_a_password() {
        for text in [
            "host=127.0.0.1 password=hunter2 dbname=x",
            "postgres//ada:hunter2",
            "postgres//ada/hunter2",
            "mysql://ada:hunter2@db/auth",
            "ada:hunter2",
            "postgres:ada:hunter2",
            "//ada:hunter2@db",
        ] {
            let error = text.parse::<DatabaseUrl>().expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let slip = "authd.db".parse::<DatabaseUrl>().expect_err("is no URL");
        assert!(slip.to_string().starts_with("'authd.db' names"), "{slip}");
    }
}
