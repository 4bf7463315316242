//! The harness: a folder with a database, and both programs to run in it. `daemon` is the running
//! one and the client that asks it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cluster::{Database, Engine, variable};
use serde_json::{Value, json};

pub(crate) use crate::daemon::{Answer, Authd};
pub(crate) use cluster::{only_postgres, only_sqlite};

/// A password that fits the policy.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A folder of its own with everything in it: database, key, logs. On PostgreSQL the database is on
/// a server, and the programs are told so by their environment. Gone when dropped.
pub(crate) struct TestEnv {
    database: Database,
    /// Of a server that the test has for itself.
    own_server: Option<String>,
}

/// What a program said and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Standard output as the one JSON document it must be.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one JSON document ({error}): {self:?}"))
    }

    /// The same outcome, if the command succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// Checks that a command run with `-o json` failed so, and said nothing else.
    #[track_caller]
    pub(crate) fn refused(&self, status: i32, code: &str, message: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        let said: Value = serde_json::from_str(&self.stderr)
            .unwrap_or_else(|error| panic!("not one JSON document ({error}): {self:?}"));
        let error = json!({"error": {"code": code, "message": message}});
        assert_eq!(said, error);
    }
}

impl TestEnv {
    pub(crate) fn new() -> Self {
        Self {
            database: Database::new(),
            own_server: None,
        }
    }

    /// A folder whose programs use the database at this URL.
    pub(crate) fn at(url: impl Into<String>) -> Self {
        Self {
            database: Database::on(Engine::Sqlite),
            own_server: Some(url.into()),
        }
    }

    /// Whether the database is a SQLite file in the folder.
    pub(crate) fn is_on_sqlite(&self) -> bool {
        self.database.engine() == Engine::Sqlite
    }

    /// A file's place in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("writes a file");
        path
    }

    fn folder(&self) -> &Path {
        self.database.folder()
    }

    /// A program to be run in the folder, with nothing in its environment but where the database
    /// is, if that is on a server, and nothing on its standard input: no terminal, nothing else
    /// configured.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder())
            .env_clear()
            .stdin(Stdio::null());
        if let Some(url) = &self.own_server {
            command.env("AUTHD_DATABASE_URL", url);
        } else if !self.is_on_sqlite() {
            command.env("AUTHD_DATABASE_URL", self.database.url());
        }
        command
    }

    pub(crate) fn authctl_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_authctl"));
        command.args(arguments);
        command
    }

    pub(crate) fn authd_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_authd"));
        command.args(arguments);
        command
    }

    pub(crate) fn authctl(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.authctl_command(arguments), "")
    }

    /// `authctl` with this on its standard input.
    pub(crate) fn authctl_reading(&self, input: &str, arguments: &[&str]) -> Outcome {
        run(&mut self.authctl_command(arguments), input)
    }

    /// `authd` for a command that ends by itself.
    pub(crate) fn authd_outcome(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.authd_command(arguments), "")
    }

    /// Adds an account and returns its JSON.
    pub(crate) fn add_user(&self, email: &str, password: &str) -> Value {
        let arguments = ["user", "add", email, "--password-stdin", "-o", "json"];
        self.authctl_reading(password, &arguments)
            .succeeded()
            .json()["user"]
            .take()
    }

    /// Starts `authd serve` on a free port and waits until it is ready.
    pub(crate) fn authd(&self) -> Authd {
        self.authd_with(&[], &[])
    }

    /// The same with more arguments and environment variables.
    pub(crate) fn authd_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Authd {
        let mut command = self.authd_command(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).envs(variables.iter().copied());
        Authd::start(command, &self.path("authd.log"))
    }

    /// The database, past the programs.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// What a sentence about the database begins with.
    pub(crate) fn subject(&self) -> String {
        if self.is_on_sqlite() {
            return "the database file 'authd.db'".into();
        }
        let url = self.database.url();
        let (_, place) = url.rsplit_once('@').expect("names a user");
        let (address, name) = place.split_once('/').expect("names a database");
        format!("the database '{name}' on {address}")
    }

    /// What these statements give, as [`Database::sql`] writes it.
    #[track_caller]
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.database.sql(sql)
    }

    /// The one number that a query gives.
    #[track_caller]
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.sql(sql).parse().expect("is a number")
    }

    /// Direct access to the database file, in tests that are only about SQLite.
    pub(crate) fn file(&self) -> rusqlite::Connection {
        assert!(self.is_on_sqlite(), "there is no file");
        rusqlite::Connection::open(self.path("authd.db")).expect("opens the database")
    }

    /// An account, a daemon, and a good token.
    pub(crate) fn signed_in(&self) -> (Authd, String) {
        self.add_user("ada@example.com", PASSWORD);
        let authd = self.authd();
        let token = authd.login("ada@example.com", PASSWORD);
        (authd, token)
    }

    /// `authd serve`, which must give up by itself within two seconds.
    #[track_caller]
    pub(crate) fn authd_refusal(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut command = self.authd_command(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).envs(variables.iter().copied());
        refusal(&mut command)
    }

    /// Every file in the folder by its name, with its content; but not the daemon's log. A database
    /// on a server that is not empty counts as the file `authd.db`.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(self.folder()).expect("lists the folder");
        let mut files: BTreeMap<_, _> = entries
            .map(|entry| entry.expect("reads").path())
            .filter(|path| path.is_file() && !path.ends_with("authd.log"))
            .map(|path| {
                let name = path.file_name().expect("has a name").to_string_lossy();
                (name.into_owned(), std::fs::read(&path).expect("reads"))
            })
            .collect();
        if self.has_server_database() {
            files.insert("authd.db".into(), self.database.backup());
        }
        files
    }

    /// `authctl` with `-o json` and without a question.
    pub(crate) fn authctl_json(&self, arguments: &[&str]) -> Outcome {
        self.authctl(&[arguments, &["-o", "json"]].concat())
    }

    /// Every account as it is, to compare with later.
    pub(crate) fn everything(&self) -> String {
        self.authctl_json(&["user", "list"]).succeeded().stdout
    }

    /// The names of all files in the folder, sorted. A database on a server that is not empty counts
    /// as the file `authd.db`.
    pub(crate) fn file_names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder()).expect("lists the folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("reads the folder").file_name())
            .map(|name| name.into_string().expect("is UTF-8"))
            .collect();
        if self.has_server_database() {
            names.push("authd.db".into());
        }
        names.sort();
        names
    }

    fn has_server_database(&self) -> bool {
        !self.is_on_sqlite() && !self.database.is_empty()
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command, input: &str) -> Outcome {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    // A program that does not read its input closes it: that is its right.
    let _ = child
        .stdin
        .take()
        .expect("is piped")
        .write_all(input.as_bytes());
    let output = child.wait_with_output().expect("ends");
    Outcome {
        status: code(output.status),
        stdout: String::from_utf8(output.stdout).expect("prints UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("prints UTF-8"),
    }
}

/// Runs a program that must end by itself within two seconds, and say one line why.
#[track_caller]
pub(crate) fn refusal(command: &mut Command) -> Outcome {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let deadline = Instant::now() + Duration::from_secs(2);
    while child.try_wait().expect("waits").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("is killed");
            let output = child.wait_with_output().expect("ends");
            panic!("did not give up within two seconds: {output:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("ends");
    let outcome = Outcome {
        status: code(output.status),
        stdout: String::from_utf8(output.stdout).expect("prints UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("prints UTF-8"),
    };
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    outcome
}

pub(crate) fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| panic!("ended by a signal: {status}"))
}

/// For how long a test that goes on for a time does so: `AUTHD_TEST_SECONDS`, or `otherwise`.
pub(crate) fn test_seconds(otherwise: u64) -> Duration {
    let given = variable("AUTHD_TEST_SECONDS");
    let seconds = given.map_or(otherwise, |text| {
        text.parse().expect("AUTHD_TEST_SECONDS is a number")
    });
    Duration::from_secs(seconds)
}
