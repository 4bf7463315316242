//! The schema's history, and how a database is brought up to date.

use jiff::Timestamp;

use super::audit;
use super::engine::{self, Conn, Tx};
use super::error::{Reason, StoreError};

/// One step of the schema's history.
#[derive(Debug)]
pub struct Migration {
    /// Its number; steps are applied in this order.
    pub number: u32,
    /// What it brings, as its files are called.
    pub name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
    /// What SQL cannot do, after it and in the same transaction.
    then: Option<Then>,
}

/// Work that SQL cannot do.
type Then = fn(&Tx<'_>) -> Result<(), StoreError>;

/// One step, from the files of its number and name.
macro_rules! step {
    ($number:literal, $name:literal, $file:literal) => {
        step!($number, $name, $file, None)
    };
    ($number:literal, $name:literal, $file:literal, $then:expr) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../../migrations/postgres/", $file)),
            then: $then,
        }
    };
}

/// Every step, oldest first: the files of `migrations/`.
pub(super) const ALL: &[Migration] = &[
    step!(1, "accounts", "0001_accounts.sql"),
    step!(2, "signing_keys", "0002_signing_keys.sql"),
    step!(3, "sessions", "0003_sessions.sql"),
    step!(4, "revoked_tokens_pruned", "0004_revoked_tokens_pruned.sql"),
    step!(5, "groups", "0005_groups.sql"),
    step!(6, "audit", "0006_audit.sql", Some(audit::carry_over)),
    step!(7, "fields", "0007_fields.sql"),
    step!(8, "idempotent_requests", "0008_idempotent_requests.sql"),
    step!(9, "webhooks", "0009_webhooks.sql"),
    step!(10, "account_codes", "0010_account_codes.sql"),
    step!(11, "imported_accounts", "0011_imported_accounts.sql"),
];

/// Where a database stands.
#[derive(Debug)]
pub struct MigrationPlan {
    /// Number of the latest step that was applied; 0 for none.
    pub applied: u32,
    /// The steps still to come, in order.
    pub pending: &'static [Migration],
}

/// What is still to be applied. Refuses a database that a newer release has written.
pub(super) fn plan(connection: &Conn) -> Result<MigrationPlan, StoreError> {
    let applied = applied(connection)?;
    let known = newest();
    if applied > known {
        return Err(Reason::TooNew {
            found: applied,
            known,
        }
        .into());
    }
    let done = ALL.iter().take_while(|step| step.number <= applied).count();
    Ok(MigrationPlan {
        applied,
        pending: &ALL[done..],
    })
}

/// Refuses a database that is not at this release's schema.
pub(super) fn require_current(connection: &Conn) -> Result<(), StoreError> {
    let plan = plan(connection)?;
    if plan.pending.is_empty() {
        return Ok(());
    }
    if plan.applied == 0 {
        return Err(connection.without_ledger()?.into());
    }
    Err(Reason::NotMigrated {
        found: plan.applied,
        known: newest(),
    }
    .into())
}

/// Applies what is pending, each step in a transaction of its own. Several processes may do this
/// at once: each step happens once.
pub(super) fn apply(connection: &Conn, now: Timestamp) -> Result<(), StoreError> {
    for step in plan(connection)?.pending {
        engine::transaction(connection, |tx| apply_step(tx, step, now))?;
    }
    Ok(())
}

/// Applies every step to a database that has none yet, or has them all by now.
pub(super) fn apply_all(tx: &Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    ALL.iter().try_for_each(|step| apply_step(tx, step, now))
}

fn apply_step(tx: &Tx<'_>, step: &Migration, now: Timestamp) -> Result<(), StoreError> {
    const RECORD: &str =
        "INSERT INTO schema_migrations (number, name, applied_at) VALUES (?1, ?2, ?3)";
    if applied(tx)? >= step.number {
        return Ok(());
    }
    tx.batch(tx.choose(LEDGER_SQLITE, LEDGER_POSTGRES))?;
    tx.batch(tx.choose(step.sqlite, step.postgres))?;
    if let Some(then) = step.then {
        then(tx)?;
    }
    let values = [
        i64::from(step.number).into(),
        step.name.into(),
        now.as_second().into(),
    ];
    tx.execute(RECORD, &values).map(drop)
}

/// Which steps were applied; times are Unix seconds.
const LEDGER_SQLITE: &str = "
    CREATE TABLE IF NOT EXISTS schema_migrations (
        number     INTEGER NOT NULL PRIMARY KEY,
        name       TEXT    NOT NULL,
        applied_at INTEGER NOT NULL
    ) STRICT";
const LEDGER_POSTGRES: &str = r#"
    CREATE TABLE IF NOT EXISTS schema_migrations (
        number     BIGINT           NOT NULL PRIMARY KEY,
        name       TEXT COLLATE "C" NOT NULL,
        applied_at BIGINT           NOT NULL
    )"#;

fn applied(connection: &Conn) -> Result<u32, StoreError> {
    const NEWEST: &str = "SELECT coalesce(max(number), 0) FROM schema_migrations";
    if !connection.has_table("schema_migrations")? {
        return Ok(0);
    }
    let number: i64 = connection.query_value(NEWEST, &[])?;
    // No release has numbers beyond; one that has is newer than any.
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

fn newest() -> u32 {
    ALL.last().map_or(0, |step| step.number)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::tests::{new_database, new_file};
    use crate::store::{DatabaseSettings, Store, WriteMode};

    #[test]
    fn the_list_is_each_engines_folder_numbered_without_gaps() {
        let listed: Vec<String> = ALL
            .iter()
            .map(|step| format!("{:04}_{}.sql", step.number, step.name))
            .collect();
        for engine in ["sqlite", "postgres"] {
            let folder = format!("{}/migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
            let entries = std::fs::read_dir(folder).expect("lists the folder");
            let mut files: Vec<String> = entries
                .map(|entry| entry.expect("reads").file_name())
                .map(|name| name.into_string().expect("is UTF-8"))
                .collect();
            files.sort();
            assert_eq!(files, listed, "{engine}");
        }
        let numbered = ALL.iter().zip(1..);
        assert!(
            numbered
                .into_iter()
                .all(|(step, number)| step.number == number)
        );
    }

    #[test]
    fn applying_twice_changes_nothing() {
        let (_folder, url) = new_database();
        let connection = engine::open(&url, Duration::from_secs(1)).expect("opens");
        apply(&connection, Timestamp::UNIX_EPOCH).expect("has nothing to do");
        assert!(plan(&connection).expect("plans").pending.is_empty());
    }

    #[test]
    fn a_database_of_a_newer_release_is_refused() {
        let (_folder, url) = new_database();
        let connection = engine::open(&url, Duration::from_secs(1)).expect("opens");
        connection
            .batch("INSERT INTO schema_migrations VALUES (9999, 'future', 0)")
            .expect("pretends");
        let settings = DatabaseSettings::new(url, Duration::from_secs(1));
        let refused = Store::open(&settings, WriteMode::Direct);
        let message = refused.err().expect("is refused").to_string();
        assert!(
            message.contains("schema 9999") && message.contains("newer release"),
            "{message}"
        );
    }

    #[test]
    fn every_table_is_strict() {
        let (_folder, url) = new_file();
        let connection = engine::open(&url, Duration::from_secs(1)).expect("opens");
        let loose = connection.query(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND NOT strict",
            &[],
            |row| row.get::<String>(0),
        );
        let loose = loose.expect("queries");
        assert_eq!(loose, ["sqlite_schema"]);
    }
}
