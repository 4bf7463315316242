//! The rules that a database's catalogue says it holds: what is unique, what refers to what.

use super::{Conn, Engine};
use crate::store::error::StoreError;

/// Table and rule. A primary key is unique. The condition of a rule for some rows is left out: each
/// engine words it its own way.
const ON_SQLITE: &str = r#"
    SELECT t.name, 'UNIQUE (' || (SELECT group_concat(c.name, ', ' ORDER BY c.seqno)
            FROM pragma_index_info(i.name) AS c) || ')' || CASE i.partial WHEN 1 THEN ' WHERE ...' ELSE '' END
    FROM pragma_table_list AS t, pragma_index_list(t.name) AS i
    WHERE t.schema = 'main' AND i."unique"
    UNION ALL
    SELECT t.name, 'UNIQUE (' || c.name || ')'
    FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
    WHERE t.schema = 'main' AND c.pk AND c.type = 'INTEGER'
        AND (SELECT count(*) FROM pragma_table_info(t.name) WHERE pk) = 1
    UNION ALL
    SELECT t.name, 'FOREIGN KEY (' || f."from" || ') REFERENCES ' || f."table"
        || CASE f.on_update WHEN 'CASCADE' THEN ' ON UPDATE CASCADE' ELSE '' END
        || CASE f.on_delete WHEN 'CASCADE' THEN ' ON DELETE CASCADE' ELSE '' END
    FROM pragma_table_list AS t, pragma_foreign_key_list(t.name) AS f
    WHERE t.schema = 'main'"#;

/// Only what is in force: no index that could not be built, no rule that old rows may break.
const ON_POSTGRES: &str = "
    SELECT CAST(t.relname AS TEXT), 'UNIQUE (' || (
            SELECT string_agg(CAST(a.attname AS TEXT), ', ' ORDER BY k.place)
            FROM unnest(CAST(i.indkey AS int2[])) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
            WHERE k.place <= i.indnkeyatts)
        || ')' || CASE WHEN i.indpred IS NULL THEN '' ELSE ' WHERE ...' END
    FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid
    WHERE t.relnamespace = to_regnamespace(quote_ident(current_schema()))
        AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indexprs IS NULL
    UNION ALL
    SELECT CAST(t.relname AS TEXT), 'FOREIGN KEY (' || CAST(a.attname AS TEXT) || ') REFERENCES '
        || CAST(other.relname AS TEXT)
        || CASE c.confupdtype WHEN 'c' THEN ' ON UPDATE CASCADE' ELSE '' END
        || CASE c.confdeltype WHEN 'c' THEN ' ON DELETE CASCADE' ELSE '' END
    FROM pg_constraint AS c
    JOIN pg_class AS t ON t.oid = c.conrelid
    JOIN pg_class AS other ON other.oid = c.confrelid
    JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE t.relnamespace = to_regnamespace(quote_ident(current_schema()))
        AND c.contype = 'f' AND c.convalidated AND cardinality(c.conkey) = 1";

impl Conn {
    /// Every table's rules, in no order.
    pub(in crate::store) fn rules(&self) -> Result<Vec<(String, String)>, StoreError> {
        let sql = match &self.0 {
            Engine::Sqlite(_) => ON_SQLITE,
            Engine::Postgres(_) => ON_POSTGRES,
        };
        self.query(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}
