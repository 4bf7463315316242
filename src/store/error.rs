//! Why the store could not do what was asked.

use std::path::PathBuf;

use super::engine::{self, DatabaseUrl, EngineError};
use crate::domain::client::ClientId;
use crate::domain::email::Email;
use crate::domain::external_id::ExternalId;
use crate::domain::field::FieldName;
use crate::domain::group::GroupName;
use crate::domain::permission::PermissionName;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another account already has this e-mail address.
    #[error("the e-mail address '{0}' is taken")]
    EmailTaken(Email),
    /// Another account already has this external id.
    #[error("the external id '{0}' is taken")]
    ExternalIdTaken(ExternalId),
    /// Another client already goes by this name.
    #[error("there is a client '{0}' already")]
    ClientExists(ClientId),
    /// Another group already goes by this name.
    #[error("there is a group '{0}' already")]
    GroupExists(GroupName),
    /// There is a field of this name.
    #[error("there is a field '{0}' already")]
    FieldExists(FieldName),
    /// There is a permission of this name.
    #[error("there is a permission '{0}' already")]
    PermissionExists(PermissionName),
    /// Without this account nobody could manage the others.
    #[error("'{0}' is the last active superuser: make another one first")]
    LastSuperuser(Email),
    /// A copy goes only where nothing is.
    #[error("{database} is not empty ({holds}): name one that does not exist yet")]
    NotEmpty {
        /// How a sentence names it: "the database file 'authd.db'".
        database: String,
        /// What it holds: "users: 3".
        holds: String,
    },
    /// A copy goes somewhere else.
    #[error("{0} is both source and target: name another for one of them")]
    SameDatabase(String),
    /// What a copy has written is not what comes back.
    #[error(
        "{database} gives back other rows of {table} than were copied: nothing of the copy was kept"
    )]
    CopyDiffers {
        /// How a sentence names it: "the database file 'authd.db'".
        database: String,
        /// The table.
        table: &'static str,
    },
    /// Who had asked for it asked to stop.
    #[error("stopped: nothing of the copy was kept")]
    CopyStopped,
    /// The work decided against itself; [`crate::store::Store::attempt`] knows why.
    #[error("nothing was changed")]
    Refused,
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

impl StoreError {
    /// Whether what was asked for cannot be, and the database is as good as before.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::EmailTaken(_)
                | Self::ExternalIdTaken(_)
                | Self::ClientExists(_)
                | Self::GroupExists(_)
                | Self::FieldExists(_)
                | Self::PermissionExists(_)
                | Self::LastSuperuser(_)
        )
    }
}

/// Why work in a transaction was undone ([`crate::store::Store::attempt`]).
#[derive(Debug)]
pub enum Fault<E> {
    /// The database refused or failed.
    Store(StoreError),
    /// The work decided against itself.
    Refused(E),
}

impl<E> From<StoreError> for Fault<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Which database cannot be used, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{database} {reason}")]
pub struct Unavailable {
    /// How a sentence names it: "the database file 'authd.db'".
    pub database: String,
    /// What is wrong with it.
    pub reason: Reason,
}

impl Unavailable {
    /// What somebody is told who need not know where the database is.
    pub fn in_short(&self) -> &'static str {
        match self.reason {
            Reason::OutcomeUnknown => {
                "It is not known whether the change was made: look before you repeat it."
            }
            _ => "The database cannot be used at the moment; try again later.",
        }
    }
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
    #[error("is not an authd database: name the right one with --database")]
    NotOurs,
    /// It is in use, and not there any more.
    #[error(
        "was moved, removed or replaced while it was in use: put the same file back, or start what uses it anew"
    )]
    Moved,
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
    /// The database is there and has no tables.
    #[error("holds nothing of authd yet: run 'authctl migrate', or name another with --database")]
    NoSchema,
    /// Nobody answers there.
    #[error("cannot be reached ({0}): check the host, the port, and that the server runs")]
    Unreachable(String),
    /// The server does not know the user, or not with this password.
    #[error("refuses the login ({0}): check user and password in database.url")]
    LoginRefused(String),
    /// The server asks for a password, and there is none to give it.
    #[error(
        "asks for a password, and database.url has none: write it after the user, as in USER:PASSWORD@HOST, best into the file that AUTHD_DATABASE_URL_FILE names"
    )]
    NoPassword,
    /// The server asks for a password, and there is none: of a database that is read and not ours.
    #[error(
        "asks for a password: put it into the environment as PGPASSWORD, which is better than into the URL, an argument that everybody on the machine sees"
    )]
    NoSourcePassword,
    /// The server does not know the user, or not with this password: of a database that is read and not ours.
    #[error(
        "refuses the login ({0}): check the user, and the password in the URL or in PGPASSWORD"
    )]
    SourceLoginRefused(String),
    /// The server has no such database.
    #[error("does not exist: create it (CREATE DATABASE), or name another with --database")]
    NoSuchDatabase,
    /// TLS is asked for and cannot be had.
    #[error("cannot be reached over TLS ({0}): check sslmode in database.url")]
    Tls(String),
    /// The server is older than what is supported.
    #[error("is on PostgreSQL {0}, and authd needs 13 or newer: upgrade the server")]
    ServerTooOld(String),
    /// Its texts are in an encoding that cannot hold all names.
    #[error("has the encoding {0}, and authd needs UTF8: create it with ENCODING 'UTF8'")]
    NotUnicode(String),
    /// The user lacks a right.
    #[error("refuses ({0}): give the user in database.url the right to do this")]
    Forbidden(String),
    /// Somebody changed a table.
    #[error("is not as authd made it ({0}): undo the change, or restore it from a backup")]
    Altered(String),
    /// The server took too long.
    #[error(
        "did not answer within the time-out: see what keeps it busy, or raise database.timeout"
    )]
    TimedOut,
    /// The connection ended on the way; nothing was written.
    #[error("ended the connection: try again in a moment")]
    Lost,
    /// The server stops, or does not take connections yet.
    #[error("takes no connections now ({0}): try again in a moment")]
    Restarting(String),
    /// A standby: it can be read only.
    #[error("is read-only, as on a standby server: name the primary in database.url")]
    Standby,
    /// The server has no connection left for anybody.
    #[error(
        "takes no more connections: raise max_connections there, or lower database.connections"
    )]
    ServerFull,
    /// The replica follows another primary than ours.
    #[error("has another history than the primary: name a replica of it in database.read_url")]
    AnotherHistory,
    /// All connections are in use.
    #[error("has no free connection: try again in a moment, or raise database.connections")]
    NoConnection,
    /// The connection ended while the commit was under way.
    #[error(
        "ended the connection during a commit, so that it is not known whether the change was made: look before you repeat it"
    )]
    OutcomeUnknown,
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
                database: url.subject(),
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
