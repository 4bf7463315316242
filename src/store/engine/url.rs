//! Where a database is, as configuration and flags write it.

use std::path::PathBuf;
use std::str::FromStr;

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`, relative to the working directory.
    Sqlite(PathBuf),
}

/// The text names no database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' names no database: write sqlite:PATH, as in sqlite:authd.db")]
pub struct DatabaseUrlError(String);

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() && path != ":memory:" => {
                Ok(Self::Sqlite(path.strip_prefix("//").unwrap_or(path).into()))
            }
            _ => Err(DatabaseUrlError(text.chars().take(80).collect())),
        }
    }
}

impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sqlite:{}", self.place())
    }
}

impl DatabaseUrl {
    /// What a sentence about this database calls it.
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
        }
    }
}
