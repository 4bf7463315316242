//! Databases of older releases, and many programs at once on one that is to be made or migrated.

use std::path::{Path, PathBuf};
use std::thread;

use auth::store::all_migrations;

use crate::env::{Outcome, PASSWORD, TestEnv, only_sqlite};

/// The header's mark of our databases: "auth" in ASCII.
const APPLICATION_ID: i32 = 0x6175_7468;

/// A database as the first release made it, without accounts.
fn first_schema(path: &Path) -> rusqlite::Connection {
    let database = rusqlite::Connection::open(path).expect("opens");
    database
        .pragma_update(None, "application_id", APPLICATION_ID)
        .expect("is set");
    database
        .execute_batch(include_str!("../../migrations/sqlite/0001_accounts.sql"))
        .expect("is SQL");
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE schema_migrations (
                 number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL,
                 applied_at INTEGER NOT NULL) STRICT;
             INSERT INTO schema_migrations VALUES (1, 'accounts', 1800000000);",
        )
        .expect("records it");
    database
}

fn old_database(env: &TestEnv) {
    if env.is_on_sqlite() {
        first_schema(&env.path("authd.db"));
    } else {
        // No release has left such a one on a server: the first step is made again.
        env.authctl(&["migrate"]).succeeded();
        let steps = env.database().sql(
            "SELECT 'DROP TABLE ' || string_agg(tablename, ', ') || ' CASCADE' FROM pg_tables
             WHERE schemaname = 'public' AND tablename <> 'schema_migrations'",
        );
        env.sql(&steps);
        env.sql(include_str!("../../migrations/postgres/0001_accounts.sql"));
        env.sql("DELETE FROM schema_migrations WHERE number > 1");
    }
}

/// The numbers of the steps that were applied, as often as they were.
fn applied(env: &TestEnv) -> Vec<u32> {
    let numbers = env.sql("SELECT number FROM schema_migrations ORDER BY number");
    let numbers = numbers.lines().map(|line| line.parse().expect("a number"));
    numbers.collect()
}

fn all_numbers() -> Vec<u32> {
    all_migrations().iter().map(|step| step.number).collect()
}

fn count(env: &TestEnv, table: &str) -> i64 {
    env.number(&format!("SELECT count(*) FROM {table}"))
}

#[test]
fn authd_refuses_an_older_database_until_it_is_migrated() {
    let env = TestEnv::new();
    old_database(&env);
    let before = env.files();
    let newest = all_numbers().len();
    let sentence = format!(
        "{} has schema 1, this release needs {newest}: run 'authctl migrate'\n",
        env.subject()
    );

    let out = env.authd_refusal(&[], &[]);
    assert_eq!((out.status, out.stderr), (6, format!("authd: {sentence}")));
    let out = env.authctl(&["user", "add", "eve@example.com", "--no-password"]);
    assert_eq!(
        (out.status, out.stderr),
        (6, format!("authctl: {sentence}"))
    );
    assert!(env.files() == before, "nothing was migrated in passing");

    let out = env.authctl(&["migrate"]).succeeded();
    assert!(out.stdout.contains("0002_signing_keys"), "{out:?}");
    assert_eq!(applied(&env), all_numbers());
    assert_eq!(env.authd().get("/readyz").status, 200);
}

#[test]
fn authd_migrates_an_older_database_if_told_to() {
    let env = TestEnv::new();
    old_database(&env);
    let authd = env.authd_with(&["--migrate"], &[]);
    assert_eq!(authd.get("/readyz").status, 200);
    assert_eq!(applied(&env), all_numbers());
}

#[test]
fn looking_at_what_is_pending_changes_nothing() {
    let env = TestEnv::new();
    old_database(&env);
    let before = env.files();

    let check = env.authctl(&["migrate", "--check"]);
    assert_eq!(check.status, 6, "{check:?}");
    assert!(check.stderr.contains("run 'authctl migrate'"), "{check:?}");
    let plan = env
        .authctl(&["migrate", "--plan", "-o", "json"])
        .succeeded();
    assert_eq!(plan.json()["pending"][0], "0002_signing_keys");
    assert_eq!(plan.json()["applied"], serde_json::json!([]));
    assert!(env.files() == before);

    env.authctl(&["migrate"]).succeeded();
    let before = env.files();
    env.authctl(&["migrate", "--check"]).succeeded();
    env.authctl(&["migrate", "--plan"]).succeeded();
    let again = env.authctl(&["migrate", "-o", "json"]).succeeded();
    assert_eq!(again.json()["applied"], serde_json::json!([]));
    assert!(env.files() == before, "a second time changes nothing");
}

/// Runs the same command ten times at once.
fn ten_times(env: &TestEnv, arguments: impl Fn(usize) -> Vec<String> + Sync) -> Vec<Outcome> {
    let run = |number| {
        let arguments = arguments(number);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        env.authctl(&arguments)
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..10)
            .map(|number| scope.spawn(move || run(number)))
            .collect();
        let ended = running.into_iter().map(|one| one.join().expect("joins"));
        ended.collect()
    })
}

#[test]
fn ten_programs_that_migrate_at_once_apply_each_step_once() {
    for is_new in [true, false] {
        let env = TestEnv::new();
        if !is_new {
            old_database(&env);
        }
        for out in ten_times(&env, |_| vec!["migrate".into()]) {
            assert_eq!(out.status, 0, "{out:?}");
        }
        assert_eq!(applied(&env), all_numbers());
        let files: Vec<String> = env.files().into_keys().collect();
        assert_eq!(files, ["authd.db"], "nothing is left beside it");
    }
}

#[test]
fn ten_programs_that_find_no_database_make_one_and_lose_no_account() {
    let env = TestEnv::new();
    let add = |number| {
        let email = format!("user{number}@example.com");
        ["user", "add", &email, "--no-password"]
            .map(String::from)
            .to_vec()
    };
    for out in ten_times(&env, add) {
        assert_eq!(out.status, 0, "{out:?}");
    }
    assert_eq!(count(&env, "users"), 10);
    assert_eq!(applied(&env), all_numbers());
}

#[test]
fn daemons_that_start_at_once_on_nothing_share_one_database_and_one_key() {
    let env = TestEnv::new();
    let daemons: Vec<_> = thread::scope(|scope| {
        let starting: Vec<_> = (0..5).map(|_| scope.spawn(|| env.authd())).collect();
        let started = starting.into_iter().map(|one| one.join().expect("joins"));
        started.collect()
    });
    env.add_user("ada@example.com", PASSWORD);
    let token = daemons[0].login("ada@example.com", PASSWORD);
    for authd in &daemons {
        assert_eq!(authd.verify(&token).status, 200, "{}", authd.log());
    }
    assert_eq!(count(&env, "signing_keys"), 1);
    assert_eq!(applied(&env), all_numbers());
}

// ---- Databases of released schemas ------------------------------------------------------------

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn fixture(number: u32) -> PathBuf {
    fixtures().join(format!("schema_{number:04}"))
}

/// A copy of a fixture, in a folder of its own.
fn restored(number: u32) -> TestEnv {
    let env = TestEnv::new();
    for name in ["authd.db", "authd.key"] {
        let file = fixture(number).join(name);
        if file.exists() {
            std::fs::copy(file, env.path(name)).expect("copies");
        }
    }
    env
}

const FIXTURES_ARE_FILES: &str = "the databases of released schemas are files";

/// Each released schema stays as it was made. A new one is added with
/// `AUTHD_REGENERATE=1 cargo test --test it migrations`.
#[test]
fn there_is_a_database_of_every_schema() {
    if only_sqlite(FIXTURES_ARE_FILES) {
        return;
    }
    let newest = *all_numbers().last().expect("there are some");
    if cluster::variable("AUTHD_REGENERATE").is_some() {
        make_fixtures(newest);
    }
    for number in all_numbers() {
        let is_there = fixture(number).join("authd.db").exists();
        assert!(
            is_there,
            "add it with: AUTHD_REGENERATE=1 cargo test --test it migrations"
        );
    }
}

#[test]
fn accounts_in_databases_of_every_schema_can_log_in() {
    if only_sqlite(FIXTURES_ARE_FILES) {
        return;
    }
    for number in all_numbers() {
        let env = restored(number);
        env.authctl(&["migrate"]).succeeded();
        assert_eq!(applied(&env), all_numbers(), "from schema {number}");
        let authd = env.authd();
        let token = authd.login("ada@example.com", PASSWORD);
        let answer = authd.verify(&token);
        assert_eq!(answer.status, 200, "from schema {number}: {answer:?}");
        let user = &answer.body["user"];
        assert_eq!(user["first_name"], "Ada");
        assert_eq!(user["last_name"], "Lovelace");
        assert_eq!(user["phone_number"], "+442079460000");
        assert_eq!(user["is_superuser"], true);
        assert_eq!(authd.try_login("bob@example.com", PASSWORD).status, 401);
        assert_eq!(authd.try_login("ci@example.com", PASSWORD).status, 401);
        env.authctl(&["user", "enable", "bob@example.com"])
            .succeeded();
        authd.login("BOB@example.com", PASSWORD);
        assert_eq!(count(&env, "user_tombstones"), 1);
        assert_eq!(env.sql("PRAGMA integrity_check"), "ok");
    }
}

/// A restored key file opens the keys of its database; any other is refused.
#[test]
fn a_database_with_keys_needs_the_key_file_it_was_made_with() {
    if only_sqlite(FIXTURES_ARE_FILES) {
        return;
    }
    let number = *all_numbers().last().expect("there are some");
    let env = restored(number);
    let jwks = env.authd().get("/.well-known/jwks.json").body;
    assert_eq!(
        jwks,
        restored(number).authd().get("/.well-known/jwks.json").body
    );
    env.write("authd.key", &"0".repeat(64));
    let out = env.authd_refusal(&[], &[]);
    assert!(
        out.stderr.contains("do not open with this secret key"),
        "{out:?}"
    );
}

/// Makes what is missing: the newest schema through both programs, the first from its SQL.
fn make_fixtures(newest: u32) {
    let env = TestEnv::new();
    let add = |arguments: &[&str]| {
        let arguments = [&["user", "add"], arguments, &["--password-stdin"]].concat();
        env.authctl_reading(PASSWORD, &arguments).succeeded()
    };
    add(&[
        "ada@example.com",
        "--first-name=Ada",
        "--last-name=Lovelace",
        "--phone-number=+442079460000",
        "--superuser",
    ]);
    add(&["Bob@example.com", "--inactive"]);
    add(&["gone@example.com"]);
    env.authctl(&["user", "add", "ci@example.com", "--no-password"])
        .succeeded();
    env.authctl(&["user", "delete", "gone@example.com", "--yes"])
        .succeeded();
    let authd = env.authd();
    authd.login("ada@example.com", PASSWORD);
    authd.stop();

    let first = fixture(1);
    if !first.exists() {
        std::fs::create_dir_all(&first).expect("makes a folder");
        let database = first_schema(&first.join("authd.db"));
        let current = env.path("authd.db").display().to_string();
        database
            .execute("ATTACH ?1 AS current", [current])
            .expect("attaches");
        for table in ["users", "user_tombstones"] {
            let copy = format!("INSERT INTO main.{table} SELECT * FROM current.{table}");
            database.execute_batch(&copy).expect("copies");
        }
        let copy = "UPDATE change_sequence SET value = (SELECT value FROM current.change_sequence)";
        database.execute_batch(copy).expect("copies");
    }
    let folder = fixture(newest);
    if !folder.exists() {
        std::fs::create_dir_all(&folder).expect("makes a folder");
        for name in ["authd.db", "authd.key"] {
            std::fs::copy(env.path(name), folder.join(name)).expect("copies");
        }
    }
}
