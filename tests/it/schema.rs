//! The migrations of both engines give the same schema, and no statement names an engine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cluster::{Database, Engine, skipped};
use postgres::{Client, NoTls};
use regex::Regex;

use crate::env::{TestEnv, only_postgres};

/// A migrated database on this engine.
fn migrated(engine: Engine) -> Database {
    let database = Database::on(engine);
    let env = TestEnv::at(database.url());
    env.authctl(&["migrate"]).succeeded();
    database
}

/// `table|column|kind|may be null|default` for each column.
fn columns(database: &Database) -> Vec<String> {
    let lines = match database.engine() {
        Engine::Sqlite => database.sql(
            "SELECT t.name, c.name, lower(c.type), c.\"notnull\" = 0 AND NOT (c.pk AND c.type = 'INTEGER'), coalesce(c.dflt_value, '')
             FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
             WHERE t.schema = 'main' AND t.name <> 'sqlite_schema'",
        ),
        Engine::Postgres => database.sql(
            "SELECT table_name, column_name,
                 CASE data_type WHEN 'bigint' THEN 'integer' WHEN 'boolean' THEN 'integer'
                     WHEN 'bytea' THEN 'blob' ELSE data_type END,
                 CASE is_nullable WHEN 'YES' THEN 1 ELSE 0 END,
                 replace(coalesce(column_default, ''), '::text', '')
             FROM information_schema.columns WHERE table_schema = 'public'",
        ),
    };
    sorted(&lines)
}

/// `table|columns|whether only for some rows` for each rule that no two rows are alike.
fn unique(database: &Database) -> Vec<String> {
    let lines = match database.engine() {
        Engine::Sqlite => database.sql(
            "SELECT t.name, group_concat(c.name, ','), i.partial
             FROM pragma_table_list AS t, pragma_index_list(t.name) AS i,
                 pragma_index_info(i.name) AS c
             WHERE t.schema = 'main' AND i.\"unique\" GROUP BY t.name, i.name
             UNION ALL
             SELECT t.name, c.name, 0
             FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
             WHERE t.schema = 'main' AND c.pk AND lower(c.type) = 'integer'
                 AND (SELECT count(*) FROM pragma_table_info(t.name) WHERE pk) = 1",
        ),
        Engine::Postgres => database.sql(
            "SELECT i.indrelid::regclass, string_agg(a.attname, ',' ORDER BY a.attnum),
                 CASE WHEN i.indpred IS NULL THEN 0 ELSE 1 END
             FROM pg_index AS i
             JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
             JOIN pg_class AS t ON t.oid = i.indrelid
             WHERE i.indisunique AND t.relnamespace = 'public'::regnamespace
             GROUP BY i.indexrelid, i.indrelid, i.indpred",
        ),
    };
    sorted(&lines)
}

fn sorted(lines: &str) -> Vec<String> {
    let lines: BTreeSet<String> = lines.lines().map(str::to_owned).collect();
    lines.into_iter().collect()
}

#[test]
fn both_engines_migrations_give_the_same_tables_columns_and_unique_rules() {
    if only_postgres("it needs a server beside the file") || skipped("that schemas are alike") {
        return;
    }
    let (file, server) = (migrated(Engine::Sqlite), migrated(Engine::Postgres));
    let on_file = columns(&file);
    assert!(on_file.len() > 20, "{on_file:?}");
    assert_eq!(on_file, columns(&server));
    assert!(unique(&file).len() > 5);
    assert_eq!(unique(&file), unique(&server));
    // Texts sort and compare alike: by their bytes.
    let collated = "SELECT count(*) FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'";
    assert_eq!(server.sql(collated), "0");
}

/// What a migration says beyond columns and keys, in its order: `CHECK (...)`, `REFERENCES ...`,
/// and the condition of an index.
fn rules(engine: &str, file: &Path) -> Vec<String> {
    let name = file.file_name().expect("has a name");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let sql = std::fs::read_to_string(folder.join(engine).join(name)).expect("reads");
    let lines = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or(""));
    let rules = lines.filter_map(|line| {
        let start = ["CHECK", "REFERENCES", " WHERE "]
            .iter()
            .filter_map(|word| line.find(word))
            .min();
        start.map(|at| line[at..].trim().trim_end_matches([',', ';']).to_owned())
    });
    // A flag is a type of its own on PostgreSQL.
    rules.filter(|rule| !rule.ends_with("IN (0, 1))")).collect()
}

#[test]
fn both_engines_migrations_say_the_same_rules() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let files = std::fs::read_dir(folder).expect("lists the folder");
    let mut found = 0;
    for file in files {
        let file = file.expect("reads").path();
        let on_sqlite = rules("sqlite", &file);
        found += on_sqlite.len();
        assert_eq!(on_sqlite, rules("postgres", &file), "{}", file.display());
    }
    assert!(found >= 4, "{found}");
}

/// The code of `src/store/` outside `engine/`, without tests and comments, and where it is.
fn code_of_the_store() -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("lists the folder") {
            let path = entry.expect("reads").path();
            if path.is_dir() {
                folders.extend((!path.ends_with("engine")).then_some(path));
                continue;
            }
            if path.ends_with("tests.rs") || path.extension().is_none_or(|kind| kind != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("reads");
            let code = text.split("#[cfg(test)]\nmod tests {").next();
            let lines = code.unwrap_or_default().lines();
            let code: Vec<&str> = lines
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            found.push((path, code.join("\n")));
        }
    }
    assert!(found.len() > 8, "{found:?}");
    found
}

/// The statements that are written in one piece.
fn statements(code: &str) -> Vec<String> {
    let literal = Regex::new(r#""((?:[^"\\]|\\[\s\S])*)""#).expect("is a pattern");
    let found = literal.captures_iter(code).filter_map(|found| {
        let (whole, [text]) = (found.get(0)?, found.extract().1);
        let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];
        let is_statement = verbs.iter().any(|verb| text.trim_start().starts_with(verb));
        let before = &code[..whole.start()];
        let count = |text: &str, mark| text.matches(mark).count();
        let is_part = before.rfind("concat!(").is_some_and(|start| {
            let since = &before[start..];
            count(since, '(') > count(since, ')')
        });
        let text = text.replace("\\\n", "").replace("\\\"", "\"");
        (is_statement && !is_part).then_some(text)
    });
    found.collect()
}

/// Decision 5: what one engine alone understands is found on the other, whether or not a test comes by.
#[test]
fn every_statement_is_understood_by_the_engine_of_this_run() {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    let mut client = (!env.is_on_sqlite())
        .then(|| Client::connect(&env.database().url(), NoTls).expect("connects"));
    let mut understood = 0;
    for (path, code) in code_of_the_store() {
        // It reads a table that is there in the middle of a migration alone.
        if path.ends_with("audit/carry_over.rs") {
            continue;
        }
        for statement in statements(&code) {
            let outcome = match &mut client {
                Some(client) => client
                    .prepare(&statement.replace('?', "$"))
                    .map(drop)
                    .map_err(|error| format!("{error:?}")),
                None => env
                    .file()
                    .prepare(&statement)
                    .map(drop)
                    .map_err(|error| error.to_string()),
            };
            assert_eq!(outcome, Ok(()), "{}: {statement}", path.display());
            understood += 1;
        }
    }
    assert!(understood > 150, "{understood}");
}

/// Decision 5: a statement that needs an engine's own words belongs into `engine/`.
#[test]
fn no_statement_outside_the_engines_uses_an_engines_own_words() {
    for (path, code) in code_of_the_store() {
        for word in [
            "rusqlite::",
            "postgres::",
            "PRAGMA",
            "pragma_",
            "sqlite_",
            "pg_",
            "::text",
        ] {
            assert!(!code.contains(word), "{}: {word}", path.display());
        }
    }
}
