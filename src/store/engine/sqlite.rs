//! SQLite: one file, in WAL with `synchronous=FULL` (ADR 4).

use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use super::DatabaseUrl;
use crate::store::error::{EngineError, Reason, StoreError};

/// A connection, for queries.
pub struct Conn {
    engine: Connection,
    /// Bounds every wait for a lock.
    timeout: Duration,
}

impl Deref for Conn {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.engine
    }
}

/// A transaction, for changes: whoever has one is inside it.
pub struct Tx<'c>(&'c Conn);

impl Deref for Tx<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.0
    }
}

/// In the file's header, so that no other program's database is taken for ours: "auth" in ASCII.
const APPLICATION_ID: i32 = 0x6175_7468;
/// Page cache of a connection in KiB, taken as it fills: the inner pages of a million accounts and
/// some thousand of the accounts in use. What is not in it costs a system call a page.
const CACHE_KIB: i32 = 8 * 1024;
/// Prepared statements kept a connection; more than there are texts of SQL.
const CACHED_STATEMENTS: usize = 64;
/// How often the write lock is asked for. The engine's own waits grow to 100 ms, too long to meet
/// the pause that a busy writer makes for others.
const LOCK_POLL: Duration = Duration::from_millis(1);

/// Opens an existing database of ours.
pub(in crate::store) fn open(url: &DatabaseUrl, timeout: Duration) -> Result<Conn, StoreError> {
    if !exists(url)? {
        return Err(Reason::Missing.into());
    }
    let connection = connect(path_of(url), timeout)?;
    // Before anything that writes: the file of another program stays as it is.
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(Reason::NotOurs.into());
    }
    configure(&connection)?;
    Ok(connection)
}

/// Whether there is a file. An empty one, or none at all where there should be a file, is an
/// error: neither is ever written over.
pub(in crate::store) fn exists(url: &DatabaseUrl) -> Result<bool, StoreError> {
    match fs::metadata(path_of(url)) {
        Ok(file) if file.is_dir() => Err(Reason::Unreadable("it is a directory".into()).into()),
        Ok(file) if file.len() == 0 => Err(Reason::Empty.into()),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Reason::Unreadable(error.to_string()).into()),
    }
}

/// Builds a database in a private file beside its place (mode 0600 from the first byte) and moves
/// it there whole. If another process put one there meanwhile, theirs stays.
///
/// Refuses a place beside which the log of a lost database is left: the engine would play it into
/// the new one.
pub(in crate::store) fn create(
    url: &DatabaseUrl,
    fill: impl FnOnce(&mut Conn) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let path = path_of(url);
    let folder = folder_of(path);
    let log = log_of(path);
    // In this order: if the log is that of a database which appeared just now, so is the database.
    if log.exists() && !exists(url)? {
        return Err(Reason::LogWithoutDatabase(log).into());
    }
    let file = tempfile::Builder::new()
        .prefix(".authd-new-")
        .tempfile_in(&folder)
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Reason::NoDirectory,
            ErrorKind::StorageFull => Reason::Full,
            ErrorKind::ReadOnlyFilesystem => Reason::ReadOnly,
            _ => Reason::Unreadable(error.to_string()),
        })?;
    let mut connection = connect(file.path(), Duration::from_secs(1))?;
    configure(&connection)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    fill(&mut connection)?;
    // Closing would write the log back too, but not say if that failed.
    let stayed: bool =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if stayed {
        return Err(Reason::Locked.into());
    }
    connection.engine.close().map_err(|(_, error)| error)?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(Reason::Unreadable(error.error.to_string()).into()),
    }
    let synced = File::open(&folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Reason::Io(error.to_string()).into())
}

fn connect(path: &Path, timeout: Duration) -> Result<Conn, StoreError> {
    const ACCESS: OpenFlags =
        OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let engine = Connection::open_with_flags(path, ACCESS)?;
    // The engine falls back to reading by itself.
    if engine.is_readonly(MAIN_DB)? {
        return Err(Reason::ReadOnly.into());
    }
    engine.busy_timeout(timeout)?;
    Ok(Conn { engine, timeout })
}

fn configure(connection: &Conn) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // A change of mode that is already so costs no write.
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(
            Reason::Failed("its file system does not support write-ahead logs".into()).into(),
        );
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Negative: KiB, not pages.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(())
}

/// Runs `work` in a transaction that holds the write lock from the start.
pub(in crate::store) fn transaction<T>(
    connection: &Conn,
    work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let outcome = begin(connection)
        .and_then(|()| work(&Tx(connection)))
        .and_then(|value| {
            connection.execute_batch("COMMIT")?;
            Ok(value)
        });
    if outcome.is_err() {
        roll_back(connection);
    }
    outcome
}

/// Takes the write lock, or fails with [`Reason::Locked`] after the connection's time-out.
fn begin(connection: &Conn) -> Result<(), StoreError> {
    let began = Instant::now();
    connection.busy_timeout(Duration::ZERO)?;
    let taken = loop {
        match connection.execute_batch("BEGIN IMMEDIATE") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && began.elapsed() < connection.timeout =>
            {
                thread::sleep(LOCK_POLL);
            }
            taken => break taken,
        }
    };
    connection.busy_timeout(connection.timeout)?;
    Ok(taken?)
}

/// Runs `work` so that, if it fails, nothing of it stays in the transaction around it. If not even
/// that can be had, the whole transaction is rolled back: see [`in_transaction`].
pub(in crate::store) fn savepoint<T>(
    tx: &Tx<'_>,
    work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    tx.execute_batch("SAVEPOINT one")?;
    let outcome = work(tx).and_then(|value| {
        tx.execute_batch("RELEASE one")?;
        Ok(value)
    });
    if outcome.is_err()
        && in_transaction(tx)
        && tx.execute_batch("ROLLBACK TO one; RELEASE one").is_err()
    {
        roll_back(tx);
    }
    outcome
}

/// Whether a transaction is open. The engine ends one by itself when the disk fails under it.
pub(in crate::store) fn in_transaction(connection: &Conn) -> bool {
    !connection.is_autocommit()
}

fn roll_back(connection: &Conn) {
    if in_transaction(connection)
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "a transaction could not be rolled back");
    }
}

/// Whether this error is a second row with the same value in `column`, written `table.column`.
pub(in crate::store) fn is_duplicate(error: &EngineError, column: &str) -> bool {
    matches!(
        error,
        EngineError::SqliteFailure(failure, Some(words))
            if failure.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
                && words.strip_prefix("UNIQUE constraint failed: ") == Some(column)
    )
}

fn path_of(url: &DatabaseUrl) -> &Path {
    let DatabaseUrl::Sqlite(path) = url;
    path
}

/// Where the engine keeps what is committed and not yet in the file itself.
fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::reason;

    const TIMEOUT: Duration = Duration::from_secs(1);

    #[test]
    fn the_database_of_another_program_is_refused_and_not_even_its_journal_mode_changed() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("other.db");
        let other = Connection::open(&path).expect("opens");
        other.execute_batch("CREATE TABLE t (x)").expect("creates");
        drop(other);
        let before = fs::read(&path).expect("reads");
        assert_eq!(
            reason(open(&DatabaseUrl::Sqlite(path.clone()), TIMEOUT)),
            Reason::NotOurs
        );
        assert!(fs::read(&path).expect("reads") == before);
    }

    #[test]
    fn no_database_is_made_beside_the_log_of_a_lost_one() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("authd.db");
        let log = log_of(&path);
        fs::write(&log, "changes").expect("writes");
        let refused = create(&DatabaseUrl::Sqlite(path.clone()), |_| {
            panic!("must not begin")
        });
        assert_eq!(reason(refused), Reason::LogWithoutDatabase(log.clone()));
        assert!(!path.exists());
        assert_eq!(fs::read(&log).expect("reads"), b"changes");
    }

    #[test]
    fn a_savepoint_that_cannot_be_released_takes_the_transaction_along() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("new.db");
        assert!(
            connect(&path, TIMEOUT).is_err(),
            "connecting creates nothing"
        );
        fs::write(&path, "").expect("writes");
        let connection = connect(&path, TIMEOUT).expect("opens");
        connection
            .execute_batch("CREATE TABLE t (x)")
            .expect("creates");
        let outcome = transaction(&connection, |tx| {
            tx.execute("INSERT INTO t VALUES (1)", [])?;
            let inner = savepoint(tx, |tx| {
                Ok(tx.execute_batch("INSERT INTO t VALUES (2); RELEASE one")?)
            });
            assert!(inner.is_err());
            assert!(!in_transaction(tx), "half a savepoint is not kept");
            Ok(())
        });
        assert!(outcome.is_err(), "there was nothing left to commit");
        let rows: i64 = connection
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .expect("counts");
        assert_eq!(rows, 0);
    }
}
