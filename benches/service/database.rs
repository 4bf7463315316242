//! A filled database, on either engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use rusqlite::Connection;

use crate::postgres::Postgres;
use crate::{Failure, fill};

/// Which engines to measure.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// A SQLite file alone
    Sqlite,
    /// PostgreSQL beside SQLite, in turns
    Postgres,
}

/// The database of one engine.
pub(crate) enum Database {
    /// The file.
    Sqlite(PathBuf),
    /// A database on a server of the run's own.
    Postgres(Postgres),
}

impl Database {
    /// As the table calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// As `database.url` has it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(postgres) => postgres.url().to_owned(),
        }
    }

    /// Adds `count` copies of the seed's row in one transaction, and leaves nothing to tidy up.
    pub(crate) fn fill(&self, count: u32) -> Result<(), Failure> {
        let filled = match self {
            Self::Sqlite(path) => fill_file(path, count)?,
            Self::Postgres(postgres) => postgres.fill(count)?,
        };
        if filled == count {
            Ok(())
        } else {
            Err("the user to copy is not in the database".into())
        }
    }

    /// Bytes on the disk that its users take, indexes included.
    pub(crate) fn user_bytes(&self) -> Result<u64, Failure> {
        match self {
            // The other tables are a few pages.
            Self::Sqlite(path) => Ok(fs::metadata(path)?.len()),
            Self::Postgres(postgres) => postgres.user_bytes(),
        }
    }

    /// CPU time of the engine's own processes since their start; `None`: it has none.
    pub(crate) fn cpu(&self) -> Result<Option<Duration>, Failure> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(postgres) => postgres.cpu().map(Some),
        }
    }
}

/// Says how many copies were added; the write-ahead log is empty then.
fn fill_file(database: &Path, count: u32) -> Result<u32, Failure> {
    let mut connection = Connection::open(database)?;
    connection.execute_batch(fill::COPIES)?;
    let columns = columns(&connection)?;
    let transaction = connection.transaction()?;
    {
        const SQL: &str = "INSERT INTO copies (number, id, email) VALUES (?1, ?2, ?3)";
        let mut insert = transaction.prepare(SQL)?;
        for number in 0..count {
            let id = fill::id(number).to_string();
            insert.execute((number, id, fill::email(number)))?;
        }
    }
    transaction.execute(&fill::draw_versions_sql(count), [])?;
    let filled = transaction.execute(&fill::insert_sql(&columns, count), [])?;
    transaction.commit()?;
    connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(u32::try_from(filled)?)
}

fn columns(connection: &Connection) -> Result<Vec<String>, Failure> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info('users')")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}
