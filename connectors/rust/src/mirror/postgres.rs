//! The service's own table in PostgreSQL.

use std::sync::Arc;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::statements::{BESIDE, Column, Database, Failure, Plan, Rows, SUB, Value, check_names};
use super::table::Table;
use super::{MirrorError, Row, UserMirror, rules};
use crate::answers::{User, UserPage};

/// Keeps a table of a PostgreSQL database as authd has the accounts. Clones are the same one.
#[derive(Clone)]
pub struct PostgresMirror {
    pool: PgPool,
    plan: Arc<Plan>,
}

/// A type without its length: a cast to that would cut values that are too long.
const COLUMNS: &str = "
    SELECT attname::text, format_type(atttypid, NULL), (NOT attnotnull)::text
    FROM pg_attribute WHERE attrelid = to_regclass(?1) AND attnum > 0 AND NOT attisdropped";
const UNIQUE: &str = "
    SELECT 'yes' FROM pg_index JOIN pg_attribute ON attrelid = indrelid
    WHERE indrelid = to_regclass(?1) AND attname = ?2 AND indisunique AND indpred IS NULL
      AND indnkeyatts = 1 AND indkey[0] = attnum";
const IS_THERE: &str = "SELECT 'yes' WHERE to_regclass(?1) IS NOT NULL";

impl PostgresMirror {
    /// One over the service's own pool. Fails where the table lacks something.
    pub async fn new(pool: PgPool, table: Table) -> Result<Self, MirrorError> {
        check_names(&table)?;
        let name = || Value::Text(table.name.clone());
        let columns = pool.run(COLUMNS, vec![name()]).await?;
        let columns = columns.into_iter().filter_map(|row| {
            let mut row = row.into_iter().flatten();
            let (name, kind, takes_null) = (row.next()?, row.next()?, row.next()? == "true");
            Some(Column {
                name,
                cast: Some(kind),
                takes_null,
            })
        });
        let is_unique = pool
            .run(UNIQUE, vec![name(), Value::Text(SUB.into())])
            .await?;
        let plan = Plan::new(table, columns.collect())?;
        if is_unique.is_empty() {
            let sentence = format!(
                "the table {}: {SUB} is not unique by itself",
                plan.table.name
            );
            return Err(MirrorError::Table(sentence));
        }
        for (table, columns) in BESIDE {
            let found = pool.run(IS_THERE, vec![Value::Text(table.into())]).await?;
            if found.is_empty() {
                let sentence = format!("there is no table {table} ({columns})");
                return Err(MirrorError::Table(sentence));
            }
        }
        Ok(Self {
            pool,
            plan: Arc::new(plan),
        })
    }
}

impl UserMirror for PostgresMirror {
    async fn row_of(&self, account: &User) -> Result<Row, MirrorError> {
        rules::row_of(&self.pool, &self.plan, account).await
    }

    async fn take(&self, issuer: &str, page: &UserPage) -> Result<(), MirrorError> {
        rules::take(&self.pool, &self.plan, issuer, page).await
    }

    async fn cursor(&self, issuer: &str) -> Result<Option<i64>, MirrorError> {
        rules::cursor(&self.pool, issuer).await
    }

    async fn begin_again(&self, issuer: &str, cursor: i64) -> Result<(), MirrorError> {
        rules::begin_again(&self.pool, &self.plan, issuer, cursor).await
    }

    async fn settle(&self) -> Result<(), MirrorError> {
        rules::settle(&self.pool, &self.plan).await
    }
}

impl Database for PgPool {
    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, Failure> {
        let sql = AssertSqlSafe(sql.replace('?', "$"));
        let mut query = sqlx::query(sql);
        for value in values {
            // As texts: the statement casts them to what the column is.
            query = query.bind(match value {
                Value::Null => None,
                Value::Text(text) => Some(text),
                Value::Integer(integer) => Some(integer.to_string()),
                Value::Real(real) => Some(real.to_string()),
                Value::Bool(value) => Some(value.to_string()),
            });
        }
        let rows = query.fetch_all(self).await.map_err(failure)?;
        let texts = |row: &PgRow| (0..row.len()).map(|at| row.try_get(at)).collect();
        let rows: Result<_, sqlx::Error> = rows.iter().map(texts).collect();
        rows.map_err(|error| Failure::Broken(Box::new(error)))
    }
}

/// Classes 22 and 23 are the values' fault, and P0 is what a trigger raises
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn failure(error: sqlx::Error) -> Failure {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let is_of_the_row = |code: &str| {
        ["22", "23", "P0"]
            .iter()
            .any(|class| code.starts_with(class))
    };
    match code {
        Some(code) if is_of_the_row(&code) => Failure::Refused,
        _ => Failure::Broken(Box::new(error)),
    }
}
