//! The database: accounts and keys as rows.
//!
//! What the engine does its own way is in `engine/`; the SQL of a table is in the file of its name.

pub mod account_codes;
pub mod api_tokens;
pub mod audit;
pub mod changes;
pub mod clients;
mod condition;
pub mod copy;
mod digest;
mod engine;
mod error;
pub mod fields;
pub mod groups;
pub mod idempotency;
mod intact;
pub mod keys;
pub mod members;
mod migrations;
pub mod outgoing_mail;
mod patience;
mod pen;
pub mod permissions;
mod readers;
pub mod refresh_tokens;
mod replica;
pub mod revoked_tokens;
pub mod sessions;
pub mod user_fields;
pub mod users;
pub mod webhooks;
mod writer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

pub use engine::{
    Conn, DatabaseUrl, DatabaseUrlError, EngineError, ForeignColumn, ForeignDatabase, Seen, Tx,
};
pub use error::{Fault, Reason, StoreError, Unavailable};
pub use migrations::{Migration, MigrationPlan};

use condition::Condition;
use pen::Pen;
use readers::Readers;
use replica::Replica;
use writer::Writer;

/// Where the database is, and how it is used.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Where it is.
    pub url: DatabaseUrl,
    /// Bounds every wait for it.
    pub timeout: Duration,
    /// Connections for reading at most, where they are counted: on PostgreSQL.
    pub connections: u32,
    /// Who answers reads in its place.
    pub replica: Option<ReplicaSettings>,
}

impl DatabaseSettings {
    /// This database, and everything else by default.
    pub fn new(url: DatabaseUrl, timeout: Duration) -> Self {
        Self {
            url,
            timeout,
            connections: 16,
            replica: None,
        }
    }
}

/// A PostgreSQL server that follows the primary.
#[derive(Clone, Debug)]
pub struct ReplicaSettings {
    /// Where it is.
    pub url: DatabaseUrl,
    /// It answers while it is known to be behind by no more than this.
    pub max_staleness: Duration,
}

/// The open database. Cheap to share by reference between threads.
pub struct Store {
    url: DatabaseUrl,
    timeout: Duration,
    readers: Readers,
    replica: Option<Replica>,
    writer: Writer,
    condition: Arc<Condition>,
}

/// What ends by itself is to end before the patience of whoever waits for it.
const MARGIN: Duration = Duration::from_millis(500);

/// How writes are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// Each in a short transaction of its own: for a command.
    Direct,
    /// Many in one, by a thread that does nothing else (ADR 4): for the daemon.
    Grouped,
}

impl Store {
    /// Opens an existing, migrated database.
    pub fn open(settings: &DatabaseSettings, mode: WriteMode) -> Result<Self, StoreError> {
        let (url, own) = (&settings.url, settings.clone());
        let limit = settings.timeout + MARGIN;
        patience::within(url, limit, move || Self::attempt_open(&own, mode))
            .map_err(|error| error.at(url))
    }

    fn attempt_open(settings: &DatabaseSettings, mode: WriteMode) -> Result<Self, StoreError> {
        let (url, timeout) = (&settings.url, settings.timeout);
        let connection = engine::open(url, timeout)?;
        migrations::require_current(&connection)?;
        intact::require(&connection)?;
        let condition = Arc::new(Condition::new());
        let pen = Pen::new(url.clone(), timeout, connection, Arc::clone(&condition));
        let writer = match mode {
            WriteMode::Direct => Writer::direct(pen),
            WriteMode::Grouped => Writer::grouped(pen)?,
        };
        let replica = settings.replica.as_ref();
        let replica = replica.map(|replica| Replica::new(settings, replica));
        Ok(Self {
            url: url.clone(),
            timeout,
            readers: Readers::new(url.clone(), settings.connections, timeout)?,
            replica: replica.transpose()?,
            writer,
            condition,
        })
    }

    /// Runs a query; once more if a server ends the connection under it. Everything it sees is
    /// committed.
    pub fn read<T>(&self, query: impl Fn(&Conn) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.read_until(Instant::now() + self.timeout, query)
    }

    fn read_until<T>(
        &self,
        until: Instant,
        query: impl Fn(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.readers
            .with(until, query)
            .map_err(|error| error.at(&self.url))
    }

    /// Runs `read` on one state of the database, whatever others write meanwhile, for as long as it
    /// takes: on a connection of its own.
    pub fn snapshot<T>(
        &self,
        read: impl FnOnce(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        engine::open_unhurried(&self.url, self.timeout)
            .and_then(|connection| engine::snapshot(&connection, read))
            .map_err(|error| error.at(&self.url))
    }

    /// Runs a query on a replica that is fresh enough, and otherwise, or if the replica's answer
    /// is not `good`, as [`Self::read`] does.
    pub fn read_recent<T>(
        &self,
        query: impl Fn(&Conn) -> Result<T, StoreError>,
        good: impl Fn(&T) -> bool,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        if let Some(replica) = self.replica.as_ref().filter(|replica| replica.is_fresh())
            // Most of the time is for the primary.
            && let Ok(answer) = replica.read(began + self.timeout / 4, &query)
            && good(&answer)
        {
            return Ok(answer);
        }
        self.read_until(began + self.timeout, query)
    }

    /// Fails if the database does not answer, or is known to take no writes: by its own word, or
    /// because the last one could not have it. Writes nothing.
    pub fn check(&self) -> Result<(), StoreError> {
        self.read(Conn::require_writable)?;
        self.condition.check().map_err(|error| error.at(&self.url))
    }

    /// Takes the turn of a write and writes nothing, if none has ended within the last `span`: so
    /// that [`Self::check`] knows of a lock that nobody meets, and of its end.
    pub fn try_lock(&self, span: Duration) -> Result<(), StoreError> {
        if self.condition.is_known_for(span) {
            return Ok(());
        }
        self.write(|_| Ok(()))
    }

    /// Runs `work`, which reads what was asked for at that moment. What it reads is what was there then
    /// or later, and many that were asked together may share a look at whether anything has changed.
    pub fn answering<T>(&self, asked: Instant, work: impl FnOnce() -> T) -> T {
        engine::answering(asked, work)
    }

    /// Whether a read waits for a server; one of a file takes microseconds. If so, no method may be
    /// called, nor the store dropped, in an asynchronous task.
    pub fn reads_block(&self) -> bool {
        matches!(self.readers, Readers::Sessions(_))
    }

    /// How long to wait for what reads or writes here, if that must be bounded; `None`: it ends by
    /// itself. A server's name that is being looked up has no deadline of its own.
    pub fn patience(&self) -> Option<Duration> {
        self.reads_block().then(|| self.timeout + MARGIN)
    }

    /// Runs `work` in a transaction and returns when it is committed and on the disk. If it
    /// fails, nothing of it happened, but for [`Reason::OutcomeUnknown`]: then nobody knows.
    pub fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(work).map_err(|error| error.at(&self.url))
    }

    /// The same for work that may decide against itself: then nothing of it happened either.
    pub fn attempt<T, E>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, Fault<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tell, refusal) = bounded(1);
        let written = self.write(move |tx| {
            work(tx).map_err(|fault| match fault {
                Fault::Store(error) => error,
                Fault::Refused(error) => {
                    // Whoever asked waits for it, or is gone.
                    let _ = tell.send(error);
                    StoreError::Refused
                }
            })
        });
        written.map_err(|error| refusal.try_recv().unwrap_or_else(|_| error.into()))
    }

    /// The same as [`Self::write`], and goes on with what came of `work` while it is committed. What
    /// `meanwhile` makes of it must be for nobody but the caller, who is given it once it is.
    pub fn write_while<T: Send + 'static, M>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        meanwhile: impl FnOnce(T) -> M,
    ) -> Result<M, StoreError> {
        let written = self.writer.write_while(work, meanwhile);
        written.map_err(|error| error.at(&self.url))
    }
}

/// Does work in a transaction that may be refused by itself: then nothing of it stays, and the
/// transaction goes on.
pub fn part<T, E: From<StoreError>>(
    tx: &Tx<'_>,
    work: impl FnOnce() -> Result<T, Fault<E>>,
) -> Result<Result<T, E>, StoreError> {
    let mut refusal = None;
    let done = engine::savepoint(tx, |_| {
        work().map_err(|fault| match fault {
            Fault::Store(error) => error,
            Fault::Refused(error) => {
                refusal = Some(error);
                StoreError::Refused
            }
        })
    });
    match (done, refusal) {
        (Ok(done), _) => Ok(Ok(done)),
        (Err(StoreError::Refused), Some(refusal)) => Ok(Err(refusal)),
        (Err(error), _) if error.is_refusal() && tx.in_transaction() => Ok(Err(error.into())),
        (Err(error), _) => Err(error),
    }
}

/// Whether there is a database of ours at `url`. It may still be unusable.
pub fn exists(url: &DatabaseUrl, timeout: Duration) -> Result<bool, StoreError> {
    let own = url.clone();
    patience::within(url, timeout + MARGIN, move || engine::exists(&own, timeout))
        .map_err(|error| error.at(url))
}

/// Fails if there is no place for a database: then [`create`] would fail, too.
pub fn require_place(url: &DatabaseUrl) -> Result<(), StoreError> {
    engine::require_place(url).map_err(|error| error.at(url))
}

/// Makes a new, migrated database that appears whole or not at all.
///
/// Succeeds if another process was faster; says whether it is this one's.
pub fn create(
    url: &DatabaseUrl,
    timeout: Duration,
    now: jiff::Timestamp,
) -> Result<bool, StoreError> {
    engine::create(url, timeout, |tx| migrations::apply_all(tx, now)).map_err(|error| error.at(url))
}

/// What [`migrate`] would do to an existing database.
pub fn plan(url: &DatabaseUrl, timeout: Duration) -> Result<MigrationPlan, StoreError> {
    let own = url.clone();
    patience::within(url, timeout + MARGIN, move || {
        let connection = engine::open(&own, timeout)?;
        let plan = migrations::plan(&connection)?;
        if plan.pending.is_empty() {
            intact::require(&connection)?;
        }
        Ok(plan)
    })
    .map_err(|error| error.at(url))
}

/// Applies what is pending to an existing database and says what that was.
pub fn migrate(
    url: &DatabaseUrl,
    timeout: Duration,
    now: jiff::Timestamp,
) -> Result<MigrationPlan, StoreError> {
    engine::open_unhurried(url, timeout)
        .and_then(|connection| {
            let plan = migrations::plan(&connection)?;
            migrations::apply(&connection, now)?;
            intact::require(&connection)?;
            Ok(plan)
        })
        .map_err(|error| error.at(url))
}

/// Every migration of this release, oldest first.
pub fn all_migrations() -> &'static [Migration] {
    migrations::ALL
}

#[cfg(test)]
mod tests {
    use cluster::{Database, Engine};

    use super::*;

    /// A migrated database on the engine of this test run; it lives as long as what is first.
    pub(in crate::store) fn new_database() -> (Database, DatabaseUrl) {
        create_on(Database::new())
    }

    /// The same for what only SQLite has.
    pub(in crate::store) fn new_file() -> (Database, DatabaseUrl) {
        create_on(Database::on(Engine::Sqlite))
    }

    fn create_on(database: Database) -> (Database, DatabaseUrl) {
        let url = database.url().parse().expect("names a database");
        create(&url, Duration::from_secs(5), jiff::Timestamp::UNIX_EPOCH)
            .expect("creates a database");
        (database, url)
    }

    /// Why the database could not be used.
    pub(in crate::store) fn reason<T>(outcome: Result<T, StoreError>) -> Reason {
        match outcome {
            Err(StoreError::Unavailable(unavailable)) => unavailable.reason,
            Err(error) => panic!("failed for another reason: {error}"),
            Ok(_) => panic!("did not fail"),
        }
    }

    pub(in crate::store) fn new_store(mode: WriteMode) -> (Database, Store) {
        open(new_database(), mode)
    }

    /// The same for what only SQLite has.
    pub(in crate::store) fn new_file_store(mode: WriteMode) -> (Database, Store) {
        open(new_file(), mode)
    }

    fn open((database, url): (Database, DatabaseUrl), mode: WriteMode) -> (Database, Store) {
        let store = Store::open(&DatabaseSettings::new(url, Duration::from_secs(5)), mode)
            .expect("opens it");
        (database, store)
    }
}
