//! What the engines report, and what it means for whoever runs authd.

use crate::store::error::{Reason, StoreError};

use super::{reasons, sqlite};

/// What an engine reports; nobody above can act on its details.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL failed.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// A row that is always there is not.
    #[error("a row is missing")]
    NoRow,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.into())
    }
}

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> Self {
        Self::Engine(error.into())
    }
}

/// The reason in an error, or one that has the error's words.
pub(in crate::store) fn reason_of(error: &StoreError) -> Reason {
    match error {
        StoreError::Engine(error) => reason(error),
        StoreError::Unavailable(unavailable) => unavailable.reason.clone(),
        other => Reason::Failed(other.to_string()),
    }
}

/// What is wrong with the database, in the engine's view.
pub(in crate::store) fn reason(error: &EngineError) -> Reason {
    match error {
        EngineError::Sqlite(error) => sqlite::reason(error),
        EngineError::Postgres(error) => reasons::of_statement(error),
        EngineError::NoRow => Reason::Failed(error.to_string()),
    }
}
