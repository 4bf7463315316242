//! What differs between engines: connecting, creating, transactions, values and rows.
//!
//! The rest of `store/` names connections, rows and parameters only by what is exported here, and
//! writes each statement once, with parameters `?1`, `?2` ..., in words that every engine takes.

mod client;
mod error;
mod foreign;
mod local;
mod log;
mod lookout;
mod place;
mod postgres;
mod reasons;
mod recall;
mod rules;
mod seen;
mod server;
mod sqlite;
mod tls;
mod url;
mod value;
mod wire;

use std::time::{Duration, Instant};

use super::error::{Reason, StoreError};

pub use error::EngineError;
pub use foreign::{ForeignColumn, ForeignDatabase};
pub use seen::Seen;
pub use url::{DatabaseUrl, DatabaseUrlError};

pub(super) use error::{reason, reason_of};
pub(super) use place::{Place, place};
pub(super) use recall::{Question, answering};
pub(super) use value::{Kind, Row, Value};

/// A connection, for queries.
pub struct Conn(Engine);

enum Engine {
    Sqlite(sqlite::File),
    Postgres(Box<postgres::Session>),
}

/// A transaction, for changes: whoever has one is inside it.
pub struct Tx<'c>(&'c Conn);

impl std::ops::Deref for Tx<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.0
    }
}

/// Opens an existing database. `timeout` bounds each wait for it.
pub(super) fn open(url: &DatabaseUrl, timeout: Duration) -> Result<Conn, StoreError> {
    match url {
        DatabaseUrl::Sqlite(path) => Ok(sqlite::open(path, timeout)?.into()),
        DatabaseUrl::Postgres(server) => Ok(postgres::open(server, timeout)?.into()),
    }
}

/// The same for work on all there is, such as migrations, which may take its time.
pub(super) fn open_unhurried(url: &DatabaseUrl, timeout: Duration) -> Result<Conn, StoreError> {
    match url {
        DatabaseUrl::Sqlite(path) => Ok(sqlite::open(path, timeout)?.into()),
        DatabaseUrl::Postgres(server) => Ok(postgres::open_unhurried(server, timeout)?.into()),
    }
}

/// Whether there is a database of ours. It may still be unusable.
pub(super) fn exists(url: &DatabaseUrl, timeout: Duration) -> Result<bool, StoreError> {
    match url {
        DatabaseUrl::Sqlite(path) => sqlite::exists(path),
        DatabaseUrl::Postgres(server) => postgres::is_ours(server, timeout),
    }
}

/// Fails if a file would have no directory to be in.
pub(super) fn require_place(url: &DatabaseUrl) -> Result<(), StoreError> {
    match url {
        DatabaseUrl::Sqlite(path) => sqlite::require_folder(path),
        DatabaseUrl::Postgres(_) => Ok(()),
    }
}

/// Makes a database that appears whole or not at all. If another process was faster, theirs stays.
/// Says whether what `fill` did is in the one that is there now.
pub(super) fn create(
    url: &DatabaseUrl,
    timeout: Duration,
    fill: impl FnOnce(&Tx<'_>) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            sqlite::create(path, |connection| transaction(connection, fill))
        }
        DatabaseUrl::Postgres(_) => {
            transaction(&open_unhurried(url, timeout)?, fill)?;
            Ok(true)
        }
    }
}

impl Conn {
    /// The first row of a result, if there is one.
    pub(super) fn query_row<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        tracing::trace!("asked");
        match &self.0 {
            Engine::Sqlite(file) => file.query_row(sql, values, read),
            Engine::Postgres(session) => session.query_row(sql, values, read),
        }
    }

    /// The first column of the one row there always is.
    pub(super) fn query_value<T: value::Column>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<T, StoreError> {
        let value = self.query_row(sql, values, |row| row.get(0))?;
        Ok(value.ok_or(EngineError::NoRow)?)
    }

    /// Every row of a result.
    pub(super) fn query<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        tracing::trace!("asked");
        match &self.0 {
            Engine::Sqlite(file) => file.query(sql, values, read),
            Engine::Postgres(session) => session.query(sql, values, read),
        }
    }

    /// The same for more rows than there may be memory for: each is read when it is its turn.
    /// Meanwhile nothing else may be asked of this connection.
    pub(super) fn each(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Sqlite(file) => file.each(sql, values, read),
            Engine::Postgres(session) => session.each(sql, values, read),
        }
    }

    /// Runs a statement and says how many rows it changed.
    pub(super) fn execute(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        tracing::trace!("asked");
        match &self.0 {
            Engine::Sqlite(file) => file.execute(sql, values),
            Engine::Postgres(session) => session.execute(sql, values),
        }
    }

    /// Whether a statement can still be run, and, if it has rows, gives these kinds of columns. Fails
    /// with [`Reason::Altered`] if not.
    pub(super) fn check(&self, sql: &'static str, kinds: &[Kind]) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Sqlite(file) => file.check(sql),
            Engine::Postgres(session) => session.check(sql, kinds),
        }
    }

    /// Of two texts the one for this engine: for what no common words exist, which is the schema.
    pub(super) fn choose<'a>(&self, sqlite: &'a str, postgres: &'a str) -> &'a str {
        match &self.0 {
            Engine::Sqlite(_) => sqlite,
            Engine::Postgres(_) => postgres,
        }
    }

    /// Runs statements without parameters, one after another.
    pub(super) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Sqlite(file) => file.batch(sql),
            Engine::Postgres(session) => session.batch(sql),
        }
    }

    /// Runs a statement that only begins or ends something, as every transaction does.
    fn command(&self, sql: &'static str) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Sqlite(file) => file.command(sql),
            Engine::Postgres(session) => session.batch(sql),
        }
    }

    /// Whether there is a table of this name.
    pub(super) fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let sql = match &self.0 {
            Engine::Sqlite(_) => sqlite::HAS_TABLE,
            Engine::Postgres(_) => postgres::HAS_TABLE,
        };
        self.query_value(sql, &[name.into()])
    }

    /// What a database without our ledger is: empty, or somebody else's.
    pub(super) fn without_ledger(&self) -> Result<Reason, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(Reason::NoSchema),
            Engine::Postgres(session) => session.without_ledger(),
        }
    }

    /// Whether a transaction is open. An engine may end one by itself when it fails under it.
    pub(super) fn in_transaction(&self) -> bool {
        match &self.0 {
            Engine::Sqlite(file) => file.in_transaction(),
            Engine::Postgres(session) => session.in_transaction(),
        }
    }

    /// Fails with [`Reason::Standby`] or [`Reason::Moved`] where nothing can be written, as far as the
    /// engine knows without trying.
    pub(super) fn require_writable(&self) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Sqlite(file) => file.require_in_place(),
            Engine::Postgres(_) if self.query_value(postgres::IS_READ_ONLY, &[])? => {
                Err(Reason::Standby.into())
            }
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Every answer of the next query must be there by then.
    pub(super) fn bound(&self, until: Instant) {
        match &self.0 {
            Engine::Sqlite(_) => {}
            Engine::Postgres(session) => session.bound(until),
        }
    }

    /// Whether it can be relied on for another query. It is asked if it has not been heard of for
    /// some time, or since others broke.
    pub(super) fn is_usable(&self, others_broke_at: Option<Instant>) -> bool {
        match &self.0 {
            Engine::Sqlite(_) => true,
            Engine::Postgres(session) => session.is_usable(others_broke_at),
        }
    }

    /// Whether it can certainly not, as far as is known without asking.
    pub(super) fn is_broken(&self) -> bool {
        match &self.0 {
            Engine::Sqlite(_) => false,
            Engine::Postgres(session) => session.is_closed(),
        }
    }

    /// Takes the write lock and begins a transaction under it.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        let begun = match &self.0 {
            Engine::Sqlite(file) => file.begin(),
            Engine::Postgres(session) => session.begin(),
        };
        if begun.is_err() {
            self.roll_back();
        }
        begun
    }

    fn begin_snapshot(&self) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Sqlite(file) => file.begin_snapshot(),
            Engine::Postgres(session) => session.begin_snapshot(),
        }
    }

    fn commit(&self) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Sqlite(file) => file.command("COMMIT"),
            Engine::Postgres(session) => session.commit(),
        }
    }

    fn roll_back(&self) {
        if !self.in_transaction() {
            return;
        }
        let rolled_back = match &self.0 {
            Engine::Sqlite(file) => file.roll_back(),
            Engine::Postgres(session) => session.roll_back(),
        };
        if let Err(error) = rolled_back {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}

/// Runs `work` in a transaction that holds the write lock from the start: of all transactions on a
/// database only one is under way at any time.
pub(super) fn transaction<T>(
    connection: &Conn,
    work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.begin()?;
    finish(connection, work)
}

/// Runs `read` on one state of the database, whatever others write meanwhile. It cannot write
/// itself, so this works on a standby, too.
pub(super) fn snapshot<T>(
    connection: &Conn,
    read: impl FnOnce(&Conn) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let outcome = connection.begin_snapshot().and_then(|()| read(connection));
    connection.roll_back();
    outcome
}

/// Whether both are one file, by whatever path. Of servers only [`is_one_database`] can tell.
pub(super) fn is_one_file(one: &DatabaseUrl, other: &DatabaseUrl) -> bool {
    match (one, other) {
        (DatabaseUrl::Sqlite(one), DatabaseUrl::Sqlite(other)) => place::is_same(one, other),
        _ => false,
    }
}

/// Whether the connection and the transaction are on one database of a server, by whatever name.
pub(super) fn is_one_database(connection: &Conn, tx: &Tx<'_>) -> Result<bool, StoreError> {
    match (&connection.0, &tx.0.0) {
        (Engine::Postgres(one), Engine::Postgres(other)) => one.is_same(other),
        _ => Ok(false),
    }
}

/// Runs `work` in the transaction that was begun, and ends that.
pub(super) fn finish<T>(
    connection: &Conn,
    work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let outcome = work(&Tx(connection)).and_then(|value| {
        connection.commit()?;
        Ok(value)
    });
    if outcome.is_err() {
        connection.roll_back();
    }
    outcome
}

/// Runs `work` so that, if it fails, nothing of it stays in the transaction around it. If not even
/// that can be had, the whole transaction is rolled back: see [`Conn::in_transaction`].
pub(super) fn savepoint<T>(
    tx: &Tx<'_>,
    work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    tx.command("SAVEPOINT one")?;
    let outcome = work(tx).and_then(|value| {
        tx.command("RELEASE one")?;
        Ok(value)
    });
    if outcome.is_err() && tx.in_transaction() && tx.batch("ROLLBACK TO one; RELEASE one").is_err()
    {
        tx.roll_back();
    }
    outcome
}

/// Whether this error is a second row with the same value in a unique column.
pub(super) fn is_duplicate(error: &StoreError, table: &str, column: &str) -> bool {
    match error {
        StoreError::Engine(EngineError::Sqlite(error)) => {
            sqlite::is_duplicate(error, table, column)
        }
        StoreError::Engine(EngineError::Postgres(error)) => {
            postgres::is_duplicate(error, table, column)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
