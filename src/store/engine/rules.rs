//! The rules that a database's catalogue says it holds: what is unique, what refers to what, what may
//! not be null, what is checked.

use super::{Conn, Engine};
use crate::store::error::StoreError;

/// Table and rule. A primary key is unique. The condition of a rule for some rows is left out: each
/// engine words it its own way.
const ON_SQLITE: &str = r#"
    WITH t AS MATERIALIZED (SELECT name FROM pragma_table_list WHERE schema = 'main'),
    c AS MATERIALIZED (
        SELECT t.name AS of, c.name, c.type, c."notnull", c.pk FROM t, pragma_table_info(t.name) AS c)
    SELECT t.name, 'UNIQUE (' || (SELECT group_concat(c.name, ', ' ORDER BY c.seqno)
            FROM pragma_index_info(i.name) AS c) || ')' || CASE i.partial WHEN 1 THEN ' WHERE ...' ELSE '' END
    FROM t, pragma_index_list(t.name) AS i
    WHERE i."unique"
    UNION ALL
    SELECT of, 'UNIQUE (' || name || ')' FROM c
    WHERE pk AND type = 'INTEGER' AND NOT EXISTS (SELECT 1 FROM c AS d WHERE d.of = c.of AND d.pk > 1)
    UNION ALL
    SELECT t.name, 'FOREIGN KEY (' || f."from" || ') REFERENCES ' || f."table"
        || CASE f.on_update WHEN 'CASCADE' THEN ' ON UPDATE CASCADE' ELSE '' END
        || CASE f.on_delete WHEN 'CASCADE' THEN ' ON DELETE CASCADE' ELSE '' END
    FROM t, pragma_foreign_key_list(t.name) AS f
    UNION ALL
    SELECT of, 'NOT NULL (' || name || ')' FROM c WHERE "notnull"
    UNION ALL
    SELECT name, sql FROM sqlite_schema WHERE type = 'table'"#;

/// Only what is in force: no index that could not be built, no rule that old rows may break.
const ON_POSTGRES: &str = "
    WITH t AS MATERIALIZED (
        SELECT oid, CAST(relname AS TEXT) AS name FROM pg_class
        WHERE relnamespace = (SELECT CAST(to_regnamespace(quote_ident(current_schema())) AS OID))
            AND relkind IN ('r', 'p'))
    SELECT t.name, 'UNIQUE (' || (
            SELECT string_agg(CAST(a.attname AS TEXT), ', ' ORDER BY k.place)
            FROM unnest(CAST(i.indkey AS int2[])) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
            WHERE k.place <= i.indnkeyatts)
        || ')' || CASE WHEN i.indpred IS NULL THEN '' ELSE ' WHERE ...' END
    FROM t JOIN pg_index AS i ON i.indrelid = t.oid
    WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indexprs IS NULL
    UNION ALL
    SELECT t.name, 'FOREIGN KEY (' || CAST(a.attname AS TEXT) || ') REFERENCES ' || other.name
        || CASE c.confupdtype WHEN 'c' THEN ' ON UPDATE CASCADE' ELSE '' END
        || CASE c.confdeltype WHEN 'c' THEN ' ON DELETE CASCADE' ELSE '' END
    FROM t JOIN pg_constraint AS c ON c.conrelid = t.oid
    JOIN t AS other ON other.oid = c.confrelid
    JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype = 'f' AND c.convalidated AND cardinality(c.conkey) = 1
    UNION ALL
    SELECT t.name, 'CHECK (' || (
            SELECT string_agg(CAST(a.attname AS TEXT), ', ' ORDER BY a.attnum)
            FROM pg_attribute AS a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) || ')'
    FROM t JOIN pg_constraint AS c ON c.conrelid = t.oid
    WHERE c.contype = 'c' AND c.convalidated
    UNION ALL
    SELECT t.name, 'NOT NULL (' || CAST(a.attname AS TEXT) || ')'
    FROM t JOIN pg_attribute AS a ON a.attrelid = t.oid
    WHERE a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped";

impl Conn {
    /// Every table's rules, in no order. What a rule checks is told by SQLite in the words it was given,
    /// and by PostgreSQL, whose words depend on its release, as the columns that it looks at.
    pub(in crate::store) fn rules(&self) -> Result<Vec<(String, String)>, StoreError> {
        let (sql, is_file) = match &self.0 {
            Engine::Sqlite(_) => (ON_SQLITE, true),
            Engine::Postgres(_) => (ON_POSTGRES, false),
        };
        let mut rules: Vec<(String, String)> =
            self.query(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if is_file {
            let made = rules.extract_if(.., |(_, rule)| rule.starts_with("CREATE "));
            let checks = made.flat_map(|(table, sql)| {
                let checks = checks(&sql).into_iter();
                checks
                    .map(move |check| (table.clone(), check))
                    .collect::<Vec<_>>()
            });
            let checks: Vec<_> = checks.collect();
            rules.extend(checks);
        }
        Ok(rules)
    }
}

/// The `CHECK (...)` in the statement that made a table, on one line each and without comments.
fn checks(sql: &str) -> Vec<String> {
    let code = without_comments(sql);
    let is_start =
        |(at, _): &(usize, &str)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let starts = code.match_indices("CHECK (").filter(is_start);
    let whole = starts.filter_map(|(at, _)| {
        let mut depth = 0;
        let mut is_text = false;
        let end = code[at..].find(|c| {
            match c {
                '\'' => is_text = !is_text,
                '(' if !is_text => depth += 1,
                ')' if !is_text => depth -= 1,
                _ => return false,
            }
            c == ')' && depth == 0
        });
        end.map(|end| code[at..=at + end].to_owned())
    });
    whole.collect()
}

/// The same words with one space between them. None of ours has `--` in a text.
fn without_comments(sql: &str) -> String {
    let lines = sql.lines();
    let code = lines.map(|line| line.split("--").next().unwrap_or_default());
    let code = code.collect::<Vec<_>>().join(" ");
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_found_whole_and_as_they_were_written() {
        let sql = "CREATE TABLE t (
            a INTEGER NOT NULL CHECK (a IN (0, 1)), -- CHECK (a comment)
            b TEXT CHECK (
                b IN (')', 'it''s)')),
            is_CHECK TEXT,
            CHECK ((a IS NULL) = (b IS NULL))
        ) STRICT";
        let found = [
            "CHECK (a IN (0, 1))",
            "CHECK ( b IN (')', 'it''s)'))",
            "CHECK ((a IS NULL) = (b IS NULL))",
        ];
        assert_eq!(checks(sql), found);
    }
}
