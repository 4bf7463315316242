//! A database for one test, on either engine.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, Row};

use crate::run::Engine;
use crate::server::Cluster;

/// What SQLite's file is called: as the product calls it where nothing is configured.
const FILE: &str = "authd.db";
/// How long to wait for a program under test to release the file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A place for one test's database, and a folder for its files. Both are gone when it is dropped.
///
/// On SQLite there is no file until somebody makes it; on PostgreSQL there is an empty database.
pub struct Database {
    engine: Engine,
    folder: tempfile::TempDir,
    /// Of the database on the shared cluster, once somebody asked for it.
    server_name: OnceLock<String>,
}

impl Database {
    /// On the engine of this run.
    #[expect(
        clippy::new_without_default,
        reason = "it is made, not a default value"
    )]
    pub fn new() -> Self {
        Self::on(Engine::of_this_run())
    }

    /// On this engine, whatever the run's is.
    pub fn on(engine: Engine) -> Self {
        Self {
            engine,
            folder: tempfile::tempdir().expect("makes a folder"),
            server_name: OnceLock::new(),
        }
    }

    /// The engine it is on.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The test's folder. On SQLite the file `authd.db` in it is the database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// As `database.url` names it.
    pub fn url(&self) -> String {
        match self.engine {
            Engine::Sqlite => format!("sqlite:{}", self.file().display()),
            Engine::Postgres => Cluster::shared().url(self.server_name()),
        }
    }

    /// What `psql -At` prints for these statements, each a transaction of its own, whatever the
    /// engine: a line a row, columns parted by `|`, nothing for null, `\x6869` for bytes.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        match self.engine {
            Engine::Sqlite => ask_file(&self.file(), sql).expect("runs the statements"),
            Engine::Postgres => Cluster::shared().psql_as_owner(self.server_name(), sql),
        }
    }

    /// Whether nobody has made anything in it.
    pub fn is_empty(&self) -> bool {
        match self.engine {
            Engine::Sqlite => !self.file().exists(),
            Engine::Postgres => self
                .sql("SELECT 1 FROM pg_stat_user_tables LIMIT 1")
                .is_empty(),
        }
    }

    /// All that is in it: the file's bytes, or what `pg_dump` writes. The same twice means that
    /// nothing was changed.
    pub fn backup(&self) -> Vec<u8> {
        match self.engine {
            Engine::Sqlite => std::fs::read(self.file()).expect("reads"),
            Engine::Postgres => {
                let dump = Cluster::shared().dump(self.server_name());
                // Newer releases put a key that is never the same into these two lines.
                let has_key = |line: &&str| {
                    line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ")
                };
                let lines = dump.lines().filter(|line| !has_key(line));
                lines.collect::<Vec<_>>().join("\n").into_bytes()
            }
        }
    }

    /// Puts what another one's `backup` gave into this one, which must be empty.
    pub fn restore(&self, backup: &[u8]) {
        match self.engine {
            Engine::Sqlite => std::fs::write(self.file(), backup).expect("writes"),
            Engine::Postgres => {
                let sql = std::str::from_utf8(backup).expect("is UTF-8");
                self.sql(sql);
            }
        }
    }

    /// These bytes as a statement has them.
    pub fn bytes_literal(&self, bytes: &[u8]) -> String {
        match self.engine {
            Engine::Sqlite => format!("x'{}'", hexadecimal(bytes)),
            Engine::Postgres => format!("'\\x{}'", hexadecimal(bytes)),
        }
    }

    /// What sentences call it, relative to its folder: the file's name, or that on the server.
    pub fn name(&self) -> &str {
        match self.engine {
            Engine::Sqlite => FILE,
            Engine::Postgres => self.server_name(),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    fn server_name(&self) -> &str {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        self.server_name.get_or_init(|| {
            let name = format!("of_a_test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
            let made = Console::shared(|console| console.run(&Cluster::making(&name)));
            made.expect("makes a database");
            name
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(name) = self.server_name.get() {
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            // What stays goes with the cluster; this may be a test that fails already.
            let _ = Console::shared(|console| console.run(&drop));
        }
    }
}

fn ask_file(path: &Path, sql: &str) -> rusqlite::Result<String> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(LOCK_TIMEOUT)?;
    let mut lines = Vec::new();
    let mut statements = Batch::new(&connection, sql);
    while let Some(mut statement) = statements.next()? {
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let values: rusqlite::Result<Vec<String>> =
                (0..columns).map(|column| text(row, column)).collect();
            lines.push(values?.join("|"));
        }
    }
    Ok(lines.join("\n"))
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => String::new(),
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Real(value) => value.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Blob(bytes) => format!("\\x{}", hexadecimal(bytes)),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

/// A psql that stays, for the shared cluster: hundreds of tests make and drop a database each, and
/// a process and a log-in for every statement would cost more than the statements.
struct Console {
    /// Ends when its standard input is closed, at the latest with the test process.
    _psql: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Console {
    fn shared<T>(use_it: impl FnOnce(&mut Self) -> T) -> T {
        static SHARED: OnceLock<Mutex<Console>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Mutex::new(Self::open(Cluster::shared())));
        use_it(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn open(cluster: &Cluster) -> Self {
        let mut psql = cluster.client("psql");
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-", "postgres"]);
        let psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut psql = psql.expect("starts");
        Self {
            to: psql.stdin.take().expect("is piped"),
            from: BufReader::new(psql.stdout.take().expect("is piped")),
            _psql: psql,
        }
    }

    /// Runs one statement without a result. It says what is wrong on standard error, and ends.
    fn run(&mut self, statement: &str) -> std::io::Result<()> {
        writeln!(self.to, "{statement};\n\\echo done")?;
        self.to.flush()?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        match answer.as_str() {
            "done\n" => Ok(()),
            other => Err(std::io::Error::other(format!("psql said {other:?}"))),
        }
    }
}
