//! Whether the tables are those that our migrations made.
//!
//! It is asked when a database is opened. A statement whose column or table is gone fails by itself;
//! without a unique index, a reference or what each row must keep to, every statement would go on, and what
//! it relies on be lost with nobody told.

use std::collections::HashSet;

use super::copy;
use super::engine::Conn;
use super::error::{Reason, StoreError};

/// What the statements of `store/` rely on beside tables and columns, as [`Conn::rules`] writes it.
const RULES: &[(&str, &str)] = &[
    (
        "account_codes",
        "FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE",
    ),
    ("account_codes", "UNIQUE (hash)"),
    ("account_codes", "UNIQUE (id)"),
    (
        "api_tokens",
        "FOREIGN KEY (client_id) REFERENCES clients ON DELETE CASCADE",
    ),
    (
        "api_tokens",
        "FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE",
    ),
    ("api_tokens", "UNIQUE (hash)"),
    ("api_tokens", "UNIQUE (id)"),
    ("audit_events", "UNIQUE (number)"),
    ("change_sequence", "UNIQUE (id)"),
    ("clients", "UNIQUE (id)"),
    ("clients", "UNIQUE (version)"),
    ("fields", "UNIQUE (name)"),
    ("fields", "UNIQUE (version)"),
    (
        "group_members",
        "FOREIGN KEY (group_id) REFERENCES groups ON DELETE CASCADE",
    ),
    (
        "group_members",
        "FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE",
    ),
    ("group_members", "UNIQUE (user_id, group_id)"),
    (
        "group_permissions",
        "FOREIGN KEY (group_id) REFERENCES groups ON DELETE CASCADE",
    ),
    (
        "group_permissions",
        "FOREIGN KEY (permission) REFERENCES permissions ON DELETE CASCADE",
    ),
    ("group_permissions", "UNIQUE (group_id, permission)"),
    ("groups", "UNIQUE (id)"),
    ("groups", "UNIQUE (name)"),
    ("groups", "UNIQUE (version)"),
    ("idempotent_requests", "UNIQUE (caller, key_hash)"),
    ("outgoing_mail", "UNIQUE (id)"),
    ("permissions", "UNIQUE (name)"),
    (
        "refresh_tokens",
        "FOREIGN KEY (session_id) REFERENCES sessions ON DELETE CASCADE",
    ),
    ("refresh_tokens", "UNIQUE (session_id, generation)"),
    ("revocations", "UNIQUE (version)"),
    ("revoked_tokens", "UNIQUE (jti)"),
    (
        "sessions",
        "FOREIGN KEY (client_id) REFERENCES clients ON DELETE CASCADE",
    ),
    (
        "sessions",
        "FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE",
    ),
    ("sessions", "UNIQUE (id)"),
    ("signing_keys", "UNIQUE (kid)"),
    ("signing_keys", "UNIQUE (state) WHERE ..."),
    (
        "user_fields",
        "FOREIGN KEY (field) REFERENCES fields ON UPDATE CASCADE ON DELETE CASCADE",
    ),
    (
        "user_fields",
        "FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE",
    ),
    ("user_fields", "UNIQUE (field, lookup) WHERE ..."),
    ("user_fields", "UNIQUE (user_id, field)"),
    (
        "user_permissions",
        "FOREIGN KEY (permission) REFERENCES permissions ON DELETE CASCADE",
    ),
    (
        "user_permissions",
        "FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE",
    ),
    ("user_permissions", "UNIQUE (user_id, permission)"),
    ("user_tombstones", "UNIQUE (id)"),
    ("user_tombstones", "UNIQUE (version)"),
    ("users", "UNIQUE (email_key)"),
    ("users", "UNIQUE (external_id)"),
    ("users", "UNIQUE (id)"),
    ("users", "UNIQUE (version)"),
    (
        "webhook_dead_letters",
        "FOREIGN KEY (webhook_id) REFERENCES webhooks ON DELETE CASCADE",
    ),
    ("webhook_dead_letters", "UNIQUE (webhook_id, user_id)"),
    ("webhooks", "UNIQUE (id)"),
];

/// What each row must keep to: a table and its rule a line. [`Conn::rules`] says how they are written.
const ROW_RULES_SQLITE: &str = include_str!("row_rules/sqlite.txt");
const ROW_RULES_POSTGRES: &str = include_str!("row_rules/postgres.txt");

/// Refuses a database in which a table, a column, a rule or the one row of the sequence is not as our
/// migrations made it.
pub(super) fn require(connection: &Conn) -> Result<(), StoreError> {
    copy::require_columns(connection)?;
    let found = connection.rules()?;
    let found: HashSet<(&str, &str)> = found
        .iter()
        .map(|(table, rule)| (&**table, &**rule))
        .collect();
    let of_rows = connection
        .choose(ROW_RULES_SQLITE, ROW_RULES_POSTGRES)
        .lines();
    let of_rows = of_rows.filter_map(|line| line.split_once(' '));
    let mut wanted = RULES.iter().copied().chain(of_rows);
    if let Some((table, rule)) = wanted.find(|rule| !found.contains(rule)) {
        return Err(Reason::Altered(format!("{table} has no {rule}")).into());
    }
    let sequence = connection.query_row("SELECT value FROM change_sequence", &[], |_| Ok(()))?;
    sequence.ok_or_else(|| Reason::Altered("change_sequence has no row".into()).into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::engine;
    use crate::store::tests::new_database;

    /// With `AUTHD_REGENERATE=1` it writes the rules of rows, for the engine of the run, instead of
    /// comparing them.
    #[test]
    fn the_lists_have_every_rule_that_the_migrations_make() {
        let (_database, url) = new_database();
        let connection = engine::open(&url, Duration::from_secs(5)).expect("opens");
        let mut found = connection.rules().expect("reads");
        found.retain(|(table, _)| table != "schema_migrations");
        found.sort_unstable();
        let is_of_rows = |rule: &str| rule.starts_with("NOT NULL") || rule.starts_with("CHECK");
        let all = found.iter().map(|(table, rule)| (&**table, &**rule));
        let (of_rows, found): (Vec<_>, Vec<_>) = all.partition(|(_, rule)| is_of_rows(rule));
        assert_eq!(RULES, found, "write into RULES what is new");
        let lines = of_rows
            .iter()
            .map(|(table, rule)| format!("{table} {rule}\n"));
        let lines: String = lines.collect();
        let engine = connection.choose("sqlite", "postgres");
        if cluster::variable("AUTHD_REGENERATE").is_some() {
            let file = format!(
                "{}/src/store/row_rules/{engine}.txt",
                env!("CARGO_MANIFEST_DIR")
            );
            std::fs::write(file, lines).expect("writes");
            return;
        }
        let listed = connection.choose(ROW_RULES_SQLITE, ROW_RULES_POSTGRES);
        let how = "AUTHD_REGENERATE=1 AUTHD_TEST_ENGINE=... cargo test --lib intact";
        assert_eq!(listed, lines, "write what is new, for either engine: {how}");
    }
}
