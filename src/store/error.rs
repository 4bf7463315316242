//! Why the store could not do what was asked.

use std::path::PathBuf;

use super::engine::{self, DatabaseUrl};
use crate::domain::email::Email;

/// What an engine reports; nobody above can act on its details.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A row that is always there is not.
    #[error("a row is missing")]
    NoRow,
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another account already has this e-mail address.
    #[error("the e-mail address '{0}' is taken")]
    EmailTaken(Email),
    /// Without this account nobody could manage the others.
    #[error("'{0}' is the last active superuser: make another one first")]
    LastSuperuser(Email),
    /// A row holds what no rule allows: somebody else wrote it.
    #[error("the {column} of a row in {table} is damaged")]
    DamagedRow {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The database cannot be used as it is.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The engine failed; [`crate::store::Store`] turns it into [`Unavailable`] on the way out.
    #[error("the database failed")]
    Engine(#[from] EngineError),
}

/// Which database cannot be used, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the database file '{database}' {reason}")]
pub struct Unavailable {
    /// The file's path.
    pub database: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a database, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing is there, and nobody said to make it.
    #[error("does not exist: run 'authctl migrate' to create it, or name another with --database")]
    Missing,
    /// It cannot be made where it is wanted.
    #[error("cannot be created because its directory does not exist: create the directory first")]
    NoDirectory,
    /// The log of a database that is gone; playing it into another would ruin that.
    #[error(
        "is missing, but its log '{0}' is there: restore both from a backup, or remove the log to start anew"
    )]
    LogWithoutDatabase(PathBuf),
    /// No permission, a directory in its place ...
    #[error("cannot be opened ({0}): check its path and its permissions")]
    Unreadable(String),
    /// Some other file.
    #[error("is not an authd database: name the right file with --database")]
    NotOurs,
    /// An empty file: an accident, or a database that was lost.
    #[error("is empty: restore it from a backup, or remove it to start anew")]
    Empty,
    /// What is there contradicts itself.
    #[error("is damaged ({0}): restore it from a backup")]
    Damaged(String),
    /// Written by a newer release: refuse rather than guess.
    #[error("has schema {found}, this release knows up to {known}: install the newer release")]
    TooNew {
        /// Schema of the file.
        found: u32,
        /// Newest schema of this release.
        known: u32,
    },
    /// Written by an older release.
    #[error("has schema {found}, this release needs {known}: run 'authctl migrate'")]
    NotMigrated {
        /// Schema of the file.
        found: u32,
        /// Newest schema of this release.
        known: u32,
    },
    /// Another process holds it.
    #[error(
        "stayed locked by another process past the time-out: see who holds it, or raise database.timeout"
    )]
    Locked,
    /// Too many writes wait already.
    #[error("has more writes waiting than it can take: try again in a moment")]
    Overloaded,
    /// No space left.
    #[error("cannot be written because the disk is full: free some space")]
    Full,
    /// Read only, by permission or by mount. The log is made beside the file.
    #[error(
        "cannot be written because it or its directory is read-only: check permissions and mount"
    )]
    ReadOnly,
    /// Reading or writing failed beneath the engine.
    #[error("cannot be read or written ({0}): check the disk")]
    Io(String),
    /// Anything else; the engine's own words.
    #[error("failed: {0}")]
    Failed(String),
}

impl StoreError {
    /// The same error, with the engine's part put into words that name the database.
    pub(super) fn at(self, url: &DatabaseUrl) -> Self {
        let named = |reason| {
            Self::Unavailable(Unavailable {
                database: url.place(),
                reason,
            })
        };
        match self {
            Self::Engine(error) => named(engine::reason(&error)),
            Self::Unavailable(Unavailable { database, reason }) if database.is_empty() => {
                named(reason)
            }
            other => other,
        }
    }
}

impl From<Reason> for StoreError {
    /// To be completed by `StoreError::at`, which knows the database.
    fn from(reason: Reason) -> Self {
        Self::Unavailable(Unavailable {
            database: String::new(),
            reason,
        })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.into())
    }
}
