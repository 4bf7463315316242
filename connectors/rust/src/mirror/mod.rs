//! The row of a service's own table that stands for an account of authd.

#[cfg(any(feature = "rusqlite", feature = "sqlx-postgres"))]
mod addresses;
#[cfg(feature = "sqlx-postgres")]
mod postgres;
#[cfg(any(feature = "rusqlite", feature = "sqlx-postgres"))]
mod rules;
#[cfg(feature = "rusqlite")]
mod sqlite;
#[cfg(any(feature = "rusqlite", feature = "sqlx-postgres"))]
mod statements;
#[cfg(any(feature = "rusqlite", feature = "sqlx-postgres"))]
mod table;
#[cfg(any(feature = "rusqlite", feature = "sqlx-postgres"))]
mod told;

use crate::answers::{User, UserPage};

#[cfg(feature = "sqlx-postgres")]
pub use postgres::PostgresMirror;
#[cfg(feature = "rusqlite")]
pub use sqlite::SqliteMirror;
#[cfg(any(feature = "rusqlite", feature = "sqlx-postgres"))]
pub use table::Table;

/// Keeps rows as authd has the accounts.
///
/// Implemented here for rusqlite and for sqlx with PostgreSQL; a service with another database writes its own.
pub trait UserMirror: Send + Sync {
    /// The active row of an account, made or brought up to date if need be.
    fn row_of(&self, account: &User) -> impl Future<Output = Result<Row, MirrorError>> + Send;

    /// Makes the rows as a page of changes has the accounts, and then remembers its cursor.
    ///
    /// From then on [`Self::row_of`] makes no row for an account whose deletion it was told: a token that is checked
    /// offline is good a while longer.
    fn take(
        &self,
        issuer: &str,
        page: &UserPage,
    ) -> impl Future<Output = Result<(), MirrorError>> + Send;

    /// Up to where the changes of this issuer were taken.
    fn cursor(&self, issuer: &str)
    -> impl Future<Output = Result<Option<i64>, MirrorError>> + Send;

    /// Forgets which versions the rows have: they belong to another history. All pages from this cursor follow.
    fn begin_again(
        &self,
        issuer: &str,
        cursor: i64,
    ) -> impl Future<Output = Result<(), MirrorError>> + Send;

    /// There is no more at the moment: rows that no page has named since [`Self::begin_again`] are made inactive.
    fn settle(&self) -> impl Future<Output = Result<(), MirrorError>> + Send;
}

/// A row that stands for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Its key, as the database writes it.
    pub key: String,
    /// What was done to it.
    pub outcome: Outcome,
}

/// What was done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was as it should be.
    Unchanged,
    /// It was brought up to date.
    Updated,
    /// It was there without an account, and is this one's from now on.
    Linked,
    /// It was made.
    Created,
}

/// Why there is no row.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The token is good, and no row may stand for its user: answer 403.
    #[error("no row may stand for the account: {0}")]
    NoRow(NoRow),
    /// The table is not as it was described: the service should not start.
    #[error("{0}")]
    Table(String),
    /// The database failed: answer 503.
    #[error("the service's own database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why no row may stand for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoRow {
    /// It was switched off here, or in authd.
    #[error("the row is not active")]
    Inactive,
    /// It was deleted in authd, and never had a row here, or has none any more.
    #[error("it was deleted in authd")]
    Deleted,
    /// The one that it would be is staff or superuser.
    #[error("it would be a privileged row: Table::link_privileged allows that")]
    Privileged,
    /// The token does not say the address, and nobody was asked (offline).
    #[error("the token does not say its address (tokens.claims), and nobody was asked")]
    NoAddress,
    /// A rule of the table is against it, for example that its address is another row's.
    #[error("the database does not take it")]
    Refused,
}
