//! What an installation consists of: every table but the record of migrations.

use std::sync::LazyLock;

use crate::store::engine::Kind;
use crate::store::engine::Kind::{Bool, Bytes, Integer, Text};

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

/// Every table; one that refers to another comes after it.
pub(super) static TABLES: [Table; 4] = [
    Table {
        name: "users",
        columns: &[
            ("id", Text),
            ("email", Text),
            ("email_key", Text),
            ("first_name", Text),
            ("last_name", Text),
            ("phone_number", Text),
            ("password_hash", Text),
            ("is_active", Bool),
            ("is_staff", Bool),
            ("is_superuser", Bool),
            ("date_joined", Integer),
            ("last_login", Integer),
            ("tokens_valid_after", Integer),
            ("version", Integer),
        ],
        count: "SELECT count(*) FROM users",
        added: "SELECT count(*) FROM users",
        select: "
            SELECT id, email, email_key, first_name, last_name, phone_number, password_hash,
                is_active, is_staff, is_superuser, date_joined, last_login, tokens_valid_after,
                version
            FROM users ORDER BY id",
        insert: "
            INSERT INTO users (id, email, email_key, first_name, last_name, phone_number,
                password_hash, is_active, is_staff, is_superuser, date_joined, last_login,
                tokens_valid_after, version)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    },
    Table {
        name: "user_tombstones",
        columns: &[("id", Text), ("deleted_at", Integer), ("version", Integer)],
        count: "SELECT count(*) FROM user_tombstones",
        added: "SELECT count(*) FROM user_tombstones",
        select: "SELECT id, deleted_at, version FROM user_tombstones ORDER BY id",
        insert: "INSERT INTO user_tombstones (id, deleted_at, version) VALUES (?1, ?2, ?3)",
    },
    Table {
        name: "signing_keys",
        columns: &[
            ("kid", Text),
            ("algorithm", Text),
            ("public_jwk", Text),
            ("sealed_private", Bytes),
            ("state", Text),
            ("created_at", Integer),
        ],
        count: "SELECT count(*) FROM signing_keys",
        added: "SELECT count(*) FROM signing_keys",
        select: "
            SELECT kid, algorithm, public_jwk, sealed_private, state, created_at
            FROM signing_keys ORDER BY kid",
        insert: "
            INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private, state, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    },
    Table {
        name: "change_sequence",
        columns: &[("id", Integer), ("value", Integer)],
        count: "SELECT count(*) FROM change_sequence",
        added: "SELECT count(*) FROM change_sequence WHERE value <> 0",
        select: "SELECT id, value FROM change_sequence ORDER BY id",
        insert: "
            INSERT INTO change_sequence (id, value) VALUES (?1, ?2)
            ON CONFLICT (id) DO UPDATE SET value = excluded.value",
    },
];

/// So many rows go into a statement: on a server, each statement is a journey.
pub(super) const BLOCK: usize = 64;

/// The statement that adds [`BLOCK`] rows, for each table.
pub(super) static INSERT_MANY: LazyLock<[String; 4]> =
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
        let start = "INSERT INTO change_sequence (id, value) VALUES (?1, ?2), (?3, ?4), (";
        assert!(sequence.starts_with(start), "{sequence}");
        let end = format!(
            "(?{}, ?{}) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
            2 * BLOCK - 1,
            2 * BLOCK
        );
        assert!(sequence.ends_with(&end), "{sequence}");
    }
}
