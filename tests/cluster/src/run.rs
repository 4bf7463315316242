//! What the tests' own environment asks of this run, and what the run says past libtest's capture.

use std::fmt;
use std::io::Write;
use std::sync::OnceLock;

use crate::machine;

/// Which database engine the tests of this run use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file in the test's folder.
    Sqlite,
    /// A database on the cluster that all tests of a process share.
    Postgres,
}

impl Engine {
    /// The one that `AUTHD_TEST_ENGINE` names: `sqlite`, which is also the default, or `postgres`.
    /// Says once a process which it is.
    pub fn of_this_run() -> Self {
        static CHOSEN: OnceLock<Engine> = OnceLock::new();
        *CHOSEN.get_or_init(|| {
            let engine = Self::named(&variable("AUTHD_TEST_ENGINE").unwrap_or_default());
            assert!(
                engine == Self::Sqlite || !is_postgres_skipped(),
                "AUTHD_TEST_ENGINE is postgres and SKIP_POSTGRES is 1: take one of them back"
            );
            say(&format!("tests run on {engine}"));
            engine
        })
    }

    pub(crate) fn named(name: &str) -> Self {
        match name {
            "sqlite" | "" => Self::Sqlite,
            "postgres" => Self::Postgres,
            other => panic!("AUTHD_TEST_ENGINE is '{other}': write sqlite or postgres"),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite => f.write_str("SQLite"),
            Self::Postgres => write!(f, "PostgreSQL {}", machine::version()),
        }
    }
}

/// True, and said with the test's name, where this run is not on SQLite: the rule of the test that
/// asks is about SQLite alone. `why` completes "because".
pub fn only_sqlite(why: &str) -> bool {
    is_elsewhere(Engine::Sqlite, "SQLITE", why)
}

/// The same for PostgreSQL.
pub fn only_postgres(why: &str) -> bool {
    is_elsewhere(Engine::Postgres, "POSTGRESQL", why)
}

fn is_elsewhere(wanted: Engine, name: &str, why: &str) -> bool {
    let is_elsewhere = Engine::of_this_run() != wanted;
    if is_elsewhere {
        let thread = std::thread::current();
        // libtest gives a test's thread the test's name.
        let test = thread.name().unwrap_or("a test");
        say(&format!("ONLY ON {name}: {test}, because {why}"));
    }
    is_elsewhere
}

/// True, and said on standard error, where `SKIP_POSTGRES=1` asks for no PostgreSQL.
pub fn skipped(what: &str) -> bool {
    let skipped = is_postgres_skipped();
    if skipped {
        not_checked(&format!("{what}: SKIP_POSTGRES is 1"));
    }
    skipped
}

/// Says past the test runner's capture what this machine does not let a test check.
pub fn not_checked(what: &str) {
    say(&format!("NOT CHECKED here: {what}"));
}

/// A variable of the test run's own environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the tests read the environment"
)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn is_postgres_skipped() -> bool {
    variable("SKIP_POSTGRES").is_some_and(|value| value == "1")
}

fn say(line: &str) {
    // In one write, so that lines of two tests do not mix. Nobody may listen.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
