//! SQLite: one file, in WAL with `synchronous=FULL` (ADR 4).

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, Statement};

use super::place::Place;
use super::recall::Recall;
use super::value::{Row, Value};
use super::{Conn, Engine};
use crate::store::error::{Reason, StoreError};

/// A connection to a file.
pub(super) struct File {
    engine: Connection,
    /// Bounds every wait for a lock.
    timeout: Duration,
    place: Place,
    pub(super) recall: Box<Recall>,
}

impl From<File> for Conn {
    fn from(file: File) -> Self {
        Self(Engine::Sqlite(file))
    }
}

pub(super) const HAS_TABLE: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";

/// In the file's header, so that no other program's database is taken for ours: "auth" in ASCII.
const APPLICATION_ID: i32 = 0x6175_7468;
/// Page cache of a connection in KiB, taken as it fills: the inner pages of a million accounts and
/// some thousand of the accounts in use. What is not in it costs a system call a page.
const CACHE_KIB: i32 = 8 * 1024;
/// Prepared statements kept a connection; more than there are texts of SQL.
const CACHED_STATEMENTS: usize = 128;
/// How often the write lock is asked for. The engine's own waits grow to 100 ms, too long to meet
/// the pause that a busy writer makes for others.
const LOCK_POLL: Duration = Duration::from_millis(1);

impl File {
    pub(super) fn query_row<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.engine.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let mut rows = statement.raw_query();
        let row = rows.next()?;
        row.map(|row| read(&Row::Sqlite(row))).transpose()
    }

    pub(super) fn query<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        self.each(sql, values, |row| {
            all.push(read(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    pub(super) fn each(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.engine.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            read(&Row::Sqlite(row))?;
        }
        Ok(())
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let mut statement = self.engine.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        Ok(statement.raw_execute()? as u64)
    }

    /// A number that is another one after anybody else, in whatever process, has committed to the file.
    pub(super) fn state(&self) -> Result<i64, StoreError> {
        let state = self.query_row("PRAGMA data_version", &[], |row| row.get(0))?;
        Ok(state.ok_or(super::EngineError::NoRow)?)
    }

    /// Columns keep their kinds: our tables are strict.
    pub(super) fn check(&self, sql: &str) -> Result<(), StoreError> {
        match self.engine.prepare(sql) {
            Ok(_) => Ok(()),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
                Err(Reason::Altered(error.to_string()).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Parsed once, as queries are.
    pub(super) fn command(&self, sql: &'static str) -> Result<(), StoreError> {
        self.execute(sql, &[]).map(drop)
    }

    pub(super) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.engine.execute_batch(sql)?)
    }

    /// Fails unless the file is still where it was opened.
    pub(super) fn require_in_place(&self) -> Result<(), StoreError> {
        self.place.check()
    }

    /// Takes the write lock, or fails with [`Reason::Locked`] after the connection's time-out.
    /// Nothing is written into a file that others do not find any more.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        self.recall.forget();
        let began = Instant::now();
        self.engine.busy_timeout(Duration::ZERO)?;
        let taken = loop {
            let begun = self.engine.prepare_cached("BEGIN IMMEDIATE");
            match begun.and_then(|mut statement| statement.raw_execute()) {
                Err(error)
                    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                        && began.elapsed() < self.timeout =>
                {
                    thread::sleep(LOCK_POLL);
                }
                taken => break taken,
            }
        };
        self.engine.busy_timeout(self.timeout)?;
        taken?;
        self.require_in_place()
    }

    /// What the first query sees, all others see.
    pub(super) fn begin_snapshot(&self) -> Result<(), StoreError> {
        self.batch("BEGIN DEFERRED; PRAGMA query_only = ON")
    }

    pub(super) fn roll_back(&self) -> Result<(), StoreError> {
        self.batch("ROLLBACK; PRAGMA query_only = OFF")
    }

    pub(super) fn in_transaction(&self) -> bool {
        !self.engine.is_autocommit()
    }
}

fn bind(statement: &mut Statement<'_>, values: &[Value<'_>]) -> rusqlite::Result<()> {
    // One left out would be null here and an error elsewhere.
    let wanted = statement.parameter_count();
    if values.len() != wanted {
        return Err(rusqlite::Error::InvalidParameterCount(values.len(), wanted));
    }
    for (value, position) in values.iter().zip(1..) {
        statement.raw_bind_parameter(position, value)?;
    }
    Ok(())
}

/// Opens an existing database of ours.
pub(super) fn open(path: &Path, timeout: Duration) -> Result<File, StoreError> {
    if !exists(path)? {
        return Err(Reason::Missing.into());
    }
    let file = connect(path, timeout)?;
    // Before anything that writes: the file of another program stays as it is.
    let application: i32 = file
        .engine
        .query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(Reason::NotOurs.into());
    }
    configure(&file.engine)?;
    Ok(file)
}

/// Whether there is a file. An empty one, or none at all where there should be a file, is an
/// error: neither is ever written over.
pub(super) fn exists(path: &Path) -> Result<bool, StoreError> {
    match fs::metadata(path) {
        Ok(file) if file.is_dir() => Err(Reason::Unreadable("it is a directory".into()).into()),
        Ok(file) if file.len() == 0 => Err(Reason::Empty.into()),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Reason::Unreadable(error.to_string()).into()),
    }
}

/// Builds a database in a private file beside its place (mode 0600 from the first byte) and moves
/// it there whole. If another process put one there meanwhile, theirs stays: says whether it is
/// ours.
///
/// Refuses a place beside which the log of a lost database is left: the engine would play it into
/// the new one.
pub(super) fn create(
    path: &Path,
    fill: impl FnOnce(&Conn) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    let folder = folder_of(path);
    let log = log_of(path);
    // In this order: if the log is that of a database which appeared just now, so is the database.
    if log.exists() && !exists(path)? {
        return Err(Reason::LogWithoutDatabase(log).into());
    }
    let place = tempfile::Builder::new()
        .prefix(".authd-new-")
        .tempfile_in(&folder)
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Reason::NoDirectory,
            ErrorKind::StorageFull => Reason::Full,
            ErrorKind::ReadOnlyFilesystem => Reason::ReadOnly,
            _ => Reason::Unreadable(error.to_string()),
        })?;
    let file = connect(place.path(), Duration::from_secs(1))?;
    configure(&file.engine)?;
    file.engine
        .pragma_update(None, "application_id", APPLICATION_ID)?;
    let connection = Conn::from(file);
    fill(&connection)?;
    let Engine::Sqlite(file) = connection.0 else {
        unreachable!("it is the one from above");
    };
    // Closing would write the log back too, but not say if that failed.
    let stayed: bool = file
        .engine
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if stayed {
        return Err(Reason::Locked.into());
    }
    file.engine.close().map_err(|(_, error)| error)?;
    match place.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
            // A link that leads nowhere takes the place, and is no database.
            let nowhere = || Reason::Unreadable("it is a link that leads nowhere".into());
            return if exists(path)? {
                Ok(false)
            } else {
                Err(nowhere().into())
            };
        }
        Err(error) => return Err(Reason::Unreadable(error.error.to_string()).into()),
    }
    let synced = fs::File::open(&folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Reason::Io(error.to_string()))?;
    Ok(true)
}

fn connect(path: &Path, timeout: Duration) -> Result<File, StoreError> {
    const ACCESS: OpenFlags =
        OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let engine = Connection::open_with_flags(path, ACCESS)?;
    // The engine falls back to reading by itself.
    if engine.is_readonly(MAIN_DB)? {
        return Err(Reason::ReadOnly.into());
    }
    engine.busy_timeout(timeout)?;
    Ok(File {
        engine,
        timeout,
        place: Place::of(path)?,
        recall: Box::default(),
    })
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
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
    // Or else a statement whose values might suit a partial index is prepared anew for each.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Whether this error is a second row with the same value in `column`.
pub(super) fn is_duplicate(error: &rusqlite::Error, table: &str, column: &str) -> bool {
    matches!(
        error,
        rusqlite::Error::SqliteFailure(failure, Some(words))
            if failure.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
                && words.strip_prefix("UNIQUE constraint failed: ")
                    .and_then(|names| names.split_once('.')) == Some((table, column))
    )
}

/// What is wrong with the database, in the engine's view.
pub(super) fn reason(error: &rusqlite::Error) -> Reason {
    let words = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Reason::Locked,
        Some(ErrorCode::NotADatabase) => Reason::NotOurs,
        Some(ErrorCode::DatabaseCorrupt) => Reason::Damaged(words),
        Some(ErrorCode::DiskFull) => Reason::Full,
        Some(ErrorCode::ReadOnly) => Reason::ReadOnly,
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Reason::Unreadable(words),
        Some(ErrorCode::SystemIoFailure) => Reason::Io(words),
        _ => Reason::Failed(words),
    }
}

/// Where the engine keeps what is committed and not yet in the file itself.
fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Fails if the file would have no directory to be in.
pub(super) fn require_folder(path: &Path) -> Result<(), StoreError> {
    if folder_of(path).is_dir() {
        Ok(())
    } else {
        Err(Reason::NoDirectory.into())
    }
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
    use crate::store::tests::reason as reason_of;

    const TIMEOUT: Duration = Duration::from_secs(1);

    #[test]
    fn the_database_of_another_program_is_refused_and_not_even_its_journal_mode_changed() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("other.db");
        let other = Connection::open(&path).expect("opens");
        other.execute_batch("CREATE TABLE t (x)").expect("creates");
        drop(other);
        let before = fs::read(&path).expect("reads");
        assert_eq!(reason_of(open(&path, TIMEOUT)), Reason::NotOurs);
        assert!(fs::read(&path).expect("reads") == before);
    }

    #[test]
    fn connecting_creates_nothing() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("new.db");
        assert!(connect(&path, TIMEOUT).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn no_database_is_made_beside_the_log_of_a_lost_one() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("authd.db");
        let log = log_of(&path);
        fs::write(&log, "changes").expect("writes");
        let refused = create(&path, |_| panic!("must not begin"));
        assert_eq!(reason_of(refused), Reason::LogWithoutDatabase(log.clone()));
        assert!(!path.exists());
        assert_eq!(fs::read(&log).expect("reads"), b"changes");
    }
}
