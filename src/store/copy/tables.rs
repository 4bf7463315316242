//! A table as it is copied, and the statements for many rows at once.

use std::sync::LazyLock;

use super::list::{COUNT, TABLES};
use crate::store::engine::Kind;

/// A table, and how it is read and written as a whole.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// In the order in which the statements have them.
    pub(super) columns: &'static [(&'static str, Kind)],
    /// How many rows there are.
    pub(super) count: &'static str,
    /// How many rows there are that no migration has made.
    pub(super) added: &'static str,
    /// Every row, in the order of the key, which is that of bytes on both engines.
    pub(super) select: &'static str,
    /// Adds a row.
    pub(super) insert: &'static str,
}

/// So many rows go into a statement: on a server, each statement is a journey.
pub(super) const BLOCK: usize = 64;

/// The statement that adds [`BLOCK`] rows, for each table.
pub(super) static INSERT_MANY: LazyLock<[String; COUNT]> =
    LazyLock::new(|| TABLES.each_ref().map(block));

/// The statement for one row, with its parameters written as often as there are rows.
fn block(table: &Table) -> String {
    let (before, values) = table.insert.split_once("VALUES (").expect("has values");
    let (_, after) = values.split_once(')').expect("has an end");
    let width = table.columns.len();
    let row = |row: usize| {
        let numbers = row * width + 1..=(row + 1) * width;
        let parameters: Vec<String> = numbers.map(|number| format!("?{number}")).collect();
        format!("({})", parameters.join(", "))
    };
    let rows: Vec<String> = (0..BLOCK).map(row).collect();
    format!("{before}VALUES {}{after}", rows.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::engine::Kind::{Bool, Bytes, Integer, Text};
    use crate::store::engine::{self, Conn};
    use crate::store::tests::new_file;

    /// Name, declared type and place in the key of each column.
    fn columns(connection: &Conn, table: &str) -> Vec<(String, String, i64)> {
        let sql = "SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid";
        let columns = connection.query(sql, &[table.into()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        });
        columns.expect("queries")
    }

    fn on_one_line(sql: &str) -> String {
        sql.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_list_has_every_table_with_every_column() {
        let (_folder, url) = new_file();
        let connection = engine::open(&url, Duration::from_secs(1)).expect("opens");
        let tables = connection.query(
            "SELECT name FROM pragma_table_list
             WHERE schema = 'main' AND name NOT IN ('sqlite_schema', 'schema_migrations')",
            &[],
            |row| row.get::<String>(0),
        );
        let mut tables = tables.expect("queries");
        let mut listed = TABLES.each_ref().map(|table| table.name.to_owned());
        tables.sort();
        listed.sort();
        assert_eq!(listed.as_slice(), tables, "add what is new to TABLES");
        for table in &TABLES {
            let listed: Vec<(&str, &str)> = table
                .columns
                .iter()
                .map(|(name, kind)| match kind {
                    Bool | Integer => (*name, "INTEGER"),
                    Text => (*name, "TEXT"),
                    Bytes => (*name, "BLOB"),
                })
                .collect();
            let columns = columns(&connection, table.name);
            let columns: Vec<(&str, &str)> = columns
                .iter()
                .map(|(name, kind, _)| (name.as_str(), kind.as_str()))
                .collect();
            assert_eq!(listed, columns, "of {}", table.name);
        }
    }

    #[test]
    fn statements_name_all_columns_and_rows_come_in_the_order_of_the_key() {
        let (_folder, url) = new_file();
        let connection = engine::open(&url, Duration::from_secs(1)).expect("opens");
        for Table {
            name,
            columns: listed,
            select,
            insert,
            ..
        } in &TABLES
        {
            let names: Vec<&str> = listed.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            let mut key = columns(&connection, name);
            key.retain(|(_, _, place)| *place > 0);
            key.sort_by_key(|(_, _, place)| *place);
            let key: Vec<String> = key.into_iter().map(|(name, ..)| name).collect();
            let whole = format!("SELECT {names} FROM {name} ORDER BY {}", key.join(", "));
            assert_eq!(on_one_line(select), whole);
            let numbers: Vec<String> = (1..=listed.len()).map(|at| format!("?{at}")).collect();
            let one = format!(
                "INSERT INTO {name} ({names}) VALUES ({})",
                numbers.join(", ")
            );
            assert!(on_one_line(insert).starts_with(&one), "{insert}");
        }
    }

    #[test]
    fn a_block_has_parameters_for_all_its_rows() {
        let [.., sequence] = &*INSERT_MANY;
        let sequence = on_one_line(sequence);
        let start = "INSERT INTO change_sequence (id, value, pruned, tokens_pruned) VALUES (?1, ?2, ?3, ?4), \
             (?5, ?6, ?7, ?8), (";
        assert!(sequence.starts_with(start), "{sequence}");
        let end = format!(
            "(?{}, ?{}, ?{}, ?{}) ON CONFLICT (id) DO UPDATE SET value = excluded.value, \
             pruned = excluded.pruned, tokens_pruned = excluded.tokens_pruned",
            4 * BLOCK - 3,
            4 * BLOCK - 2,
            4 * BLOCK - 1,
            4 * BLOCK
        );
        assert!(sequence.ends_with(&end), "{sequence}");
    }
}
