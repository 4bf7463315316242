//! SQLite: one file, in WAL with `synchronous=FULL` (D4).

use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::DatabaseUrl;
use crate::store::error::{Reason, StoreError};

/// A connection, for queries.
pub type Conn = Connection;

/// A transaction, for changes: whoever has one is inside it.
pub struct Tx<'c>(&'c Connection);

impl Deref for Tx<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.0
    }
}

/// In the file's header, so that no other program's database is taken for ours: "auth" in ASCII.
const APPLICATION_ID: i32 = 0x6175_7468;
/// Prepared statements kept a connection; more than there are texts of SQL.
const CACHED_STATEMENTS: usize = 64;

/// Opens an existing database of ours.
pub(in crate::store) fn open(url: &DatabaseUrl, timeout: Duration) -> Result<Conn, StoreError> {
    let path = path_of(url);
    if !exists(url)? {
        return Err(Reason::Missing.into());
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, timeout)?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(Reason::NotOurs.into());
    }
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
pub(in crate::store) fn create(
    url: &DatabaseUrl,
    fill: impl FnOnce(&mut Conn) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let path = path_of(url);
    let folder = folder_of(path);
    let file = tempfile::Builder::new()
        .prefix(".authd-new-")
        .tempfile_in(&folder)
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Reason::NoDirectory,
            ErrorKind::StorageFull => Reason::Full,
            ErrorKind::ReadOnlyFilesystem => Reason::ReadOnly,
            _ => Reason::Unreadable(error.to_string()),
        })?;
    let mut connection = connect(
        file.path(),
        OpenFlags::SQLITE_OPEN_READ_WRITE,
        Duration::from_secs(1),
    )?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    fill(&mut connection)?;
    // The last connection to close writes the log back and removes it.
    connection.close().map_err(|(_, error)| error)?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(Reason::Unreadable(error.error.to_string()).into()),
    }
    let synced = File::open(&folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Reason::Io(error.to_string()).into())
}

fn connect(path: &Path, access: OpenFlags, timeout: Duration) -> Result<Conn, StoreError> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(timeout)?;
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
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Runs `work` in a transaction that holds the write lock from the start.
pub(in crate::store) fn transaction<T>(
    connection: &Conn,
    work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let outcome = work(&Tx(connection)).and_then(|value| {
        connection.execute_batch("COMMIT")?;
        Ok(value)
    });
    if outcome.is_err() {
        roll_back(connection);
    }
    outcome
}

/// Runs `work` so that, if it fails, nothing of it stays in the transaction around it.
pub(in crate::store) fn savepoint<T>(
    tx: &Tx<'_>,
    work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    tx.execute_batch("SAVEPOINT one")?;
    let outcome = work(tx);
    if outcome.is_ok() {
        tx.execute_batch("RELEASE one")?;
    } else if in_transaction(tx) {
        tx.execute_batch("ROLLBACK TO one; RELEASE one")?;
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

fn path_of(url: &DatabaseUrl) -> &Path {
    let DatabaseUrl::Sqlite(path) = url;
    path
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
