//! A whole installation, from one database into another, on whichever engines.

mod block;
mod checksum;
mod letters;
mod list;
mod tables;
mod webhooks;

use std::ops::ControlFlow;
use std::time::Duration;

use jiff::Timestamp;

use super::engine::{self, Conn, DatabaseUrl, Kind, Row, Tx};
use super::error::StoreError;
use super::{intact, migrations};
use block::Block;
use checksum::Checksum;
use list::TABLES;
use tables::{INSERT_MANY, Table};

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 of the rows in hexadecimal; the same on both engines, and in every release with the
    /// same columns.
    pub sha256: String,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is done now.
    pub step: Step,
    /// With which table.
    pub table: &'static str,
    /// Rows so far, of both steps.
    pub done: u64,
    /// Rows in the end, of both steps.
    pub total: u64,
}

/// What a copy does with each row, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// From the source into the target.
    Copy,
    /// Out of the target again, to compare.
    Check,
}

/// Is told how far a copy is, and says whether it is to go on.
pub type Watch<'w> = &'w mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Copies every row of `from`, as they all are at one moment, to `to`, which is made if it does not
/// exist and must be empty if it does.
///
/// Writes to `from` go on meanwhile. If it fails, `to` is as it was.
pub fn run(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
    timeout: Duration,
    now: Timestamp,
    watch: Watch<'_>,
) -> Result<Vec<CopiedTable>, StoreError> {
    if engine::is_one_file(from, to) {
        return Err(StoreError::SameDatabase(to.subject()));
    }
    let source = engine::open_unhurried(from, timeout)
        .and_then(|source| require_ours(&source).map(|()| source))
        .map_err(|error| error.at(from))?;
    let fill = |tx: &Tx<'_>| {
        if engine::is_one_database(&source, tx)? {
            return Err(StoreError::SameDatabase(to.subject()));
        }
        require_empty(tx, to)?;
        let mut walk = Walk::new(watch);
        let copied = engine::snapshot(&source, |source| walk.copy(source, tx, to))
            .map_err(|error| error.at(from))?;
        walk.check(tx, &copied, to)?;
        Ok(copied)
    };
    put(to, timeout, now, fill).map_err(|error| error.at(to))
}

/// Refuses a database that lacks a column, or has it with another type.
pub(super) fn require_columns(connection: &Conn) -> Result<(), StoreError> {
    for table in &TABLES {
        let kinds: Vec<Kind> = table.columns.iter().map(|(_, kind)| *kind).collect();
        connection.check(table.select, &kinds)?;
        connection.check(table.insert, &[])?;
    }
    Ok(())
}

/// Does `fill` with a database that is there, or is made now.
fn put<T>(
    to: &DatabaseUrl,
    timeout: Duration,
    now: Timestamp,
    fill: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    if engine::exists(to, timeout)? {
        let target = engine::open_unhurried(to, timeout)?;
        require_ours(&target)?;
        return engine::transaction(&target, fill);
    }
    let mut filled = None;
    let is_there = engine::create(to, timeout, |tx| {
        migrations::apply_all(tx, now)?;
        filled = Some(fill(tx)?);
        Ok(())
    })?;
    filled.filter(|_| is_there).ok_or(StoreError::NotEmpty {
        database: to.subject(),
        holds: "another program has just made it".into(),
    })
}

/// Refuses a database that is not at this release's schema, or was altered.
fn require_ours(connection: &Conn) -> Result<(), StoreError> {
    migrations::require_current(connection)?;
    intact::require(connection)
}

/// Refuses a database with more than migrations put there.
fn require_empty(tx: &Tx<'_>, database: &DatabaseUrl) -> Result<(), StoreError> {
    let mut holds = Vec::new();
    for table in &TABLES {
        let rows: i64 = tx.query_value(table.added, &[])?;
        if rows > 0 {
            holds.push(format!("{}: {rows}", table.name));
        }
    }
    if holds.is_empty() {
        return Ok(());
    }
    Err(StoreError::NotEmpty {
        database: database.subject(),
        holds: holds.join(", "),
    })
}

/// The way through all rows, twice.
struct Walk<'w> {
    watch: Watch<'w>,
    done: u64,
    total: u64,
}

impl<'w> Walk<'w> {
    fn new(watch: Watch<'w>) -> Self {
        Self {
            watch,
            done: 0,
            total: 0,
        }
    }

    /// Copies every table, and says what was read.
    fn copy(
        &mut self,
        source: &Conn,
        tx: &Tx<'_>,
        to: &DatabaseUrl,
    ) -> Result<Vec<CopiedTable>, StoreError> {
        // Once more: this is the state that is copied.
        migrations::require_current(source)?;
        for table in &TABLES {
            let rows: i64 = source.query_value(table.count, &[])?;
            self.total += 2 * rows.unsigned_abs();
        }
        let tables = TABLES.iter().zip(&*INSERT_MANY);
        let copied = tables.map(|(table, insert_many)| {
            let mut block = Block::new(table, insert_many);
            let copied = self.go_through(Step::Copy, table, source, |row| {
                block.add(row)?;
                block.write_if_full(tx).map_err(|error| error.at(to))
            })?;
            block.write(tx).map_err(|error| error.at(to))?;
            Ok(copied)
        });
        copied.collect()
    }

    /// Reads every table again and compares.
    fn check(
        &mut self,
        tx: &Tx<'_>,
        copied: &[CopiedTable],
        to: &DatabaseUrl,
    ) -> Result<(), StoreError> {
        for (table, copied) in TABLES.iter().zip(copied) {
            let there = self.go_through(Step::Check, table, tx, |_| Ok(()))?;
            if there != *copied {
                return Err(StoreError::CopyDiffers {
                    database: to.subject(),
                    table: table.name,
                });
            }
        }
        Ok(())
    }

    /// Does something with each row of a table, and says what rows there were.
    fn go_through(
        &mut self,
        step: Step,
        table: &'static Table,
        connection: &Conn,
        mut each: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<CopiedTable, StoreError> {
        let mut checksum = Checksum::of(table);
        let mut rows = 0;
        self.report(step, table)?;
        connection.each(table.select, &[], |row| {
            for (column, (_, kind)) in table.columns.iter().enumerate() {
                checksum.add(row.value(column, *kind)?);
            }
            each(row)?;
            rows += 1;
            self.done += 1;
            self.report(step, table)
        })?;
        Ok(CopiedTable {
            name: table.name,
            rows,
            sha256: checksum.finish(),
        })
    }

    fn report(&mut self, step: Step, table: &Table) -> Result<(), StoreError> {
        let progress = Progress {
            step,
            table: table.name,
            done: self.done,
            total: self.total,
        };
        match (self.watch)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(StoreError::CopyStopped),
        }
    }
}
