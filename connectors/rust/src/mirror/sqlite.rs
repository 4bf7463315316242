//! The service's own table in SQLite.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use super::statements::{BESIDE, Column, Database, Failure, Plan, Rows, SUB, Value, check_names};
use super::table::Table;
use super::{MirrorError, Row, UserMirror, rules};
use crate::answers::{User, UserPage};
use crate::io::wait;

/// Keeps a table of a SQLite database as authd has the accounts. Clones are the same one.
///
/// On a runtime of tokio its work is done on threads that may wait, otherwise on the caller's.
#[derive(Clone)]
pub struct SqliteMirror {
    connection: Arc<Mutex<Connection>>,
    plan: Arc<Plan>,
}

impl SqliteMirror {
    /// One with a connection of its own, which should have a busy time-out. Fails where the table lacks something.
    pub fn new(connection: Connection, table: Table) -> Result<Self, MirrorError> {
        check_names(&table)?;
        let columns = columns(&connection, &table.name).map_err(broken)?;
        let plan = Plan::new(table, columns)?;
        if !has_unique_sub(&connection, &plan.table.name).map_err(broken)? {
            let sentence = format!(
                "the table {}: {SUB} is not unique by itself",
                plan.table.name
            );
            return Err(MirrorError::Table(sentence));
        }
        for (table, columns) in BESIDE {
            let there = connection.prepare(&format!("SELECT {columns} FROM {table}"));
            there.map_err(|_| {
                MirrorError::Table(format!("there is no table {table} ({columns})"))
            })?;
        }
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            plan: Arc::new(plan),
        })
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Plan) -> Result<T, MirrorError> + Send + 'static,
    ) -> Result<T, MirrorError> {
        let mirror = self.clone();
        off_the_runtime(move || {
            let connection = mirror
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            work(&connection, &mirror.plan)
        })
        .await
    }

    /// The same in one transaction, so that a page costs one sync of the disk.
    async fn at_once<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection, &Plan) -> Result<T, MirrorError> + Send + 'static,
    ) -> Result<T, MirrorError> {
        self.with(move |connection, plan| {
            connection
                .execute_batch("BEGIN IMMEDIATE")
                .map_err(broken)?;
            let done = work(connection, plan);
            // A trigger of the service's own may have taken back all of it, and ended the transaction: then each
            // statement is by itself, as it may be.
            if done.is_ok() && connection.is_autocommit() {
                return work(connection, plan);
            }
            let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
            let ended = connection.execute_batch(end).map_err(broken);
            if ended.is_err() && !connection.is_autocommit() {
                // Nothing stays open, which nobody else could write beside.
                connection.execute_batch("ROLLBACK").map_err(broken)?;
            }
            done.and_then(|done| ended.map(|()| done))
        })
        .await
    }
}

impl UserMirror for SqliteMirror {
    async fn row_of(&self, account: &User) -> Result<Row, MirrorError> {
        let account = account.clone();
        self.with(move |connection, plan| wait(rules::row_of(connection, plan, &account)))
            .await
    }

    async fn take(&self, issuer: &str, page: &UserPage) -> Result<(), MirrorError> {
        let (issuer, page) = (issuer.to_owned(), page.clone());
        self.at_once(move |connection, plan| wait(rules::take(connection, plan, &issuer, &page)))
            .await
    }

    async fn cursor(&self, issuer: &str) -> Result<Option<i64>, MirrorError> {
        let issuer = issuer.to_owned();
        self.with(move |connection, _| wait(rules::cursor(connection, &issuer)))
            .await
    }

    async fn begin_again(&self, issuer: &str, cursor: i64) -> Result<(), MirrorError> {
        let issuer = issuer.to_owned();
        self.at_once(move |connection, plan| {
            wait(rules::begin_again(connection, plan, &issuer, cursor))
        })
        .await
    }

    async fn settle(&self) -> Result<(), MirrorError> {
        self.with(|connection, plan| wait(rules::settle(connection, plan)))
            .await
    }
}

impl Database for Connection {
    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, Failure> {
        run(self, sql, values).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => {
                Failure::Refused
            }
            _ => Failure::Broken(Box::new(error)),
        })
    }
}

fn run(connection: &Connection, sql: &str, values: Vec<Value>) -> rusqlite::Result<Rows> {
    let mut statement = connection.prepare_cached(sql)?;
    let width = statement.column_count();
    let values = values.into_iter().map(|value| match value {
        Value::Null => SqlValue::Null,
        Value::Text(text) => SqlValue::Text(text),
        Value::Integer(integer) => SqlValue::Integer(integer),
        Value::Real(real) => SqlValue::Real(real),
        Value::Bool(value) => SqlValue::Integer(value.into()),
    });
    let rows = statement.query_map(params_from_iter(values), |row| {
        (0..width).map(|at| row.get(at)).collect()
    })?;
    rows.collect()
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let mut statement =
        connection.prepare("SELECT name, \"notnull\" FROM pragma_table_info(?1, ?2)")?;
    let (schema, name) = table.split_once('.').unwrap_or(("main", table));
    let rows = statement.query_map([name, schema], |row| {
        let takes_null = row.get::<_, i64>(1)? == 0;
        Ok(Column {
            name: row.get(0)?,
            cast: None,
            takes_null,
        })
    })?;
    rows.collect()
}

fn has_unique_sub(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let (schema, name) = table.split_once('.').unwrap_or(("main", table));
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1, ?2) AS list WHERE list.\"unique\" AND NOT list.partial
           AND (SELECT group_concat(info.name) FROM pragma_index_info(list.name, ?2) AS info) = ?3)",
        [name, schema, SUB],
        |row| row.get(0),
    )
}

fn broken(error: rusqlite::Error) -> MirrorError {
    MirrorError::Database(Box::new(error))
}

#[cfg(feature = "async")]
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MirrorError> + Send + 'static,
) -> Result<T, MirrorError> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => match runtime.spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => Err(MirrorError::Database(Box::new(error))),
        },
        Err(_) => work(),
    }
}

#[cfg(not(feature = "async"))]
fn off_the_runtime<T>(
    work: impl FnOnce() -> Result<T, MirrorError>,
) -> std::future::Ready<Result<T, MirrorError>> {
    std::future::ready(work())
}
