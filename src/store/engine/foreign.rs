//! A database that is not ours, for reading: a Django's.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use postgres::SimpleQueryMessage;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};

use super::DatabaseUrl;
use super::client::Client;
use super::wire::Deadline;
use crate::store::error::{Reason, StoreError, Unavailable};

/// A database of somebody else's, as it was when it was opened.
pub struct ForeignDatabase {
    url: DatabaseUrl,
    engine: Engine,
    /// What is being read.
    table: Option<Table>,
}

enum Engine {
    Sqlite(Connection),
    Postgres(Box<Client>),
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignColumn {
    /// What it is called.
    pub name: String,
    /// Its type as the database has it, in lower case: `varchar(150)`, `timestamp with time zone`.
    pub kind: String,
    /// Whether rows are told apart by it.
    pub is_key: bool,
}

struct Table {
    name: String,
    columns: Vec<ForeignColumn>,
    /// The last row that was read, on SQLite.
    row: i64,
}

/// Rows that are read at a time.
const PAGE: usize = 1000;

impl ForeignDatabase {
    /// Opens it for reading alone; all of it is seen as it is at this moment.
    pub fn open(url: &DatabaseUrl, timeout: std::time::Duration) -> Result<Self, StoreError> {
        let engine = connect(url, timeout).map_err(|error| of_source(error.at(url)))?;
        Ok(Self {
            url: url.clone(),
            engine,
            table: None,
        })
    }

    /// The tables there are, by name.
    pub fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        const SQLITE: &str = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        const POSTGRES: &str = "
            SELECT table_name FROM information_schema.tables
            WHERE table_schema = ANY (current_schemas(false)) AND table_type = 'BASE TABLE'
            ORDER BY table_name";
        let found = match &mut self.engine {
            Engine::Sqlite(connection) => sqlite_texts(connection, SQLITE),
            Engine::Postgres(client) => rows(client, POSTGRES),
        };
        let found = found.map_err(|error| error.at(&self.url))?;
        Ok(found.into_iter().map(|mut row| row.remove(0)).collect())
    }

    /// The columns of a table; none: there is no such table.
    pub fn columns(&mut self, table: &str) -> Result<Vec<ForeignColumn>, StoreError> {
        let found = match &mut self.engine {
            Engine::Sqlite(connection) => {
                // A column that holds JSON has the type of a text, and a check that says so.
                let sql = format!(
                    "SELECT name, CASE WHEN EXISTS (
                        SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = {table}
                        AND instr(sql, 'JSON_VALID(\"' || found.name || '\")') > 0)
                    THEN 'json' ELSE lower(type) END, pk > 0
                    FROM pragma_table_info({table}) AS found",
                    table = text(table)
                );
                sqlite_texts(connection, &sql)
            }
            Engine::Postgres(client) => {
                let sql = format!(
                    "SELECT attname, lower(format_type(atttypid, atttypmod)), coalesce((
                        SELECT attnum = ANY (indkey) FROM pg_index
                        WHERE indrelid = attrelid AND indisprimary), false)::int
                    FROM pg_attribute
                    WHERE attrelid = to_regclass({}) AND attnum > 0 AND NOT attisdropped
                    ORDER BY attnum",
                    text(&name(table))
                );
                rows(client, &sql)
            }
        };
        let found = found.map_err(|error| error.at(&self.url))?;
        let column = |row: Vec<String>| {
            let [name, kind, is_key]: [String; 3] = row.try_into().ok()?;
            let is_key = is_key == "1";
            Some(ForeignColumn { name, kind, is_key })
        };
        Ok(found.into_iter().filter_map(column).collect())
    }

    /// The columns of a table that refer to another one, each with that.
    pub fn references(&mut self, table: &str) -> Result<Vec<(String, String)>, StoreError> {
        let found = match &mut self.engine {
            Engine::Sqlite(connection) => {
                let sql = format!(
                    "SELECT \"from\", \"table\" FROM pragma_foreign_key_list({})",
                    text(table)
                );
                sqlite_texts(connection, &sql)
            }
            Engine::Postgres(client) => {
                let sql = format!(
                    "SELECT attname, other.relname
                    FROM pg_constraint JOIN pg_class AS other ON other.oid = confrelid
                    JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
                    WHERE contype = 'f' AND conrelid = to_regclass({}) AND cardinality(conkey) = 1",
                    text(&name(table))
                );
                rows(client, &sql)
            }
        };
        let found = found.map_err(|error| error.at(&self.url))?;
        let pair = |row: Vec<String>| <[String; 2]>::try_from(row).ok().map(Into::into);
        Ok(found.into_iter().filter_map(pair).collect())
    }

    /// How many rows a table has.
    pub fn count(&mut self, table: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {}", name(table));
        let found = match &mut self.engine {
            Engine::Sqlite(connection) => sqlite_texts(connection, &sql),
            Engine::Postgres(client) => rows(client, &sql),
        };
        let found = found.map_err(|error| error.at(&self.url))?;
        let count = found.first().and_then(|row| row.first()?.parse().ok());
        Ok(count.unwrap_or_default())
    }

    /// Begins to read a table from its first row.
    pub fn begin(&mut self, table: &str) -> Result<(), StoreError> {
        let columns = self.columns(table)?;
        if let Engine::Postgres(client) = &mut self.engine {
            let keys = columns.iter().filter(|column| column.is_key);
            let keys: Vec<String> = keys.map(|column| name(&column.name)).collect();
            let order = if keys.is_empty() {
                String::new()
            } else {
                format!(" ORDER BY {}", keys.join(", "))
            };
            let close = if self.table.is_some() {
                "CLOSE authd_rows;"
            } else {
                ""
            };
            let sql = format!(
                "{close} DECLARE authd_rows NO SCROLL CURSOR FOR
                SELECT (to_jsonb(one){})::text FROM {} AS one{order}",
                as_dumped(&columns),
                name(table)
            );
            let begun = client.batch_execute(&sql).map_err(StoreError::from);
            begun.map_err(|error| error.at(&self.url))?;
        }
        self.table = Some(Table {
            name: table.to_owned(),
            columns,
            row: i64::MIN,
        });
        Ok(())
    }

    /// The next rows of the table that was begun, as objects; none: that was all.
    pub fn page(&mut self) -> Result<Vec<Map<String, Value>>, StoreError> {
        let Some(table) = &mut self.table else {
            return Ok(Vec::new());
        };
        let page = match &mut self.engine {
            Engine::Sqlite(connection) => sqlite_page(connection, table),
            Engine::Postgres(client) => {
                let found = rows(client, &format!("FETCH {PAGE} FROM authd_rows"));
                found.map(|found| {
                    let texts = found.iter().filter_map(|row| row.first());
                    texts
                        .filter_map(|text| serde_json::from_str(text).ok())
                        .collect()
                })
            }
        };
        page.map_err(|error| error.at(&self.url))
    }
}

fn connect(url: &DatabaseUrl, timeout: std::time::Duration) -> Result<Engine, StoreError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            connection.busy_timeout(timeout)?;
            connection.execute_batch("BEGIN")?;
            Ok(Engine::Sqlite(connection))
        }
        DatabaseUrl::Postgres(server) => {
            let mut client = Client::connect(server, timeout, &Deadline::default())?;
            client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
            Ok(Engine::Postgres(Box::new(client)))
        }
    }
}

/// The error for somebody who has no configuration of that database.
fn of_source(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(Unavailable { database, reason }) => {
            let reason = match reason {
                Reason::NoPassword => Reason::NoSourcePassword,
                Reason::LoginRefused(why) => Reason::SourceLoginRefused(why),
                other => other,
            };
            StoreError::Unavailable(Unavailable { database, reason })
        }
        other => other,
    }
}

/// What is written over an object so that numbers keep their digits and bytes are as a dump has them.
fn as_dumped(columns: &[ForeignColumn]) -> String {
    let over = columns.iter().filter_map(|column| {
        let value = format!("one.{}", name(&column.name));
        let value = if column.kind.starts_with("numeric") && !column.kind.ends_with("[]") {
            format!("{value}::text")
        } else if column.kind == "bytea" {
            format!("replace(encode({value}, 'base64'), chr(10), '')")
        } else {
            return None;
        };
        let name = text(&column.name);
        Some(format!(" || jsonb_build_object({name}, {value})"))
    });
    over.collect()
}

/// A name in SQL, whatever is in it.
fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL, whatever is in it.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Rows as texts; what is null is empty.
fn rows(client: &mut Client, sql: &str) -> Result<Vec<Vec<String>>, StoreError> {
    let messages = client.simple_query(sql)?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let cells = (0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned());
            Some(cells.collect())
        }
        _ => None,
    });
    Ok(rows.collect())
}

fn sqlite_texts(connection: &Connection, sql: &str) -> Result<Vec<Vec<String>>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cell = |at| {
            Ok::<_, rusqlite::Error>(match row.get_ref(at)? {
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            })
        };
        found.push((0..width).map(cell).collect::<Result<_, _>>()?);
    }
    Ok(found)
}

fn sqlite_page(
    connection: &Connection,
    table: &mut Table,
) -> Result<Vec<Map<String, Value>>, StoreError> {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|column| name(&column.name))
        .collect();
    let sql = format!(
        "SELECT rowid, {} FROM {} WHERE rowid > ?1 ORDER BY rowid LIMIT {PAGE}",
        names.join(", "),
        name(&table.name)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([table.row])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        table.row = row.get(0)?;
        let mut object = Map::new();
        for (at, column) in table.columns.iter().enumerate() {
            let value = json(row.get_ref(at + 1)?, &column.kind);
            object.insert(column.name.clone(), value);
        }
        page.push(object);
    }
    Ok(page)
}

/// A value as Django's column type means it.
fn json(value: ValueRef<'_>, kind: &str) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) if kind.starts_with("bool") => (number != 0).into(),
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Blob(bytes) => BASE64_STANDARD.encode(bytes).into(),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            if kind == "json"
                && let Ok(value) = serde_json::from_str(&text)
            {
                return value;
            }
            match uuid::Uuid::try_parse(&text) {
                Ok(id) if kind == "char(32)" => id.to_string().into(),
                _ => text.into(),
            }
        }
    }
}
