//! The harness: a folder with a database, both programs, and a client that is not ours.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A password that fits the policy.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A folder of its own with everything in it: database, key, logs. Gone when dropped.
pub(crate) struct TestEnv {
    folder: tempfile::TempDir,
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
}

impl TestEnv {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("makes a folder"),
        }
    }

    /// A file's place in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("writes a file");
        path
    }

    /// A program to be run in the folder, with an empty environment and nothing on its standard
    /// input: no terminal, nothing configured.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null());
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

    /// Direct access to the database file.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("authd.db")).expect("opens the database")
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

fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| panic!("ended by a signal: {status}"))
}

/// A running daemon. Killed when dropped.
pub(crate) struct Authd {
    pub child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// Its first lines on standard output.
    pub greeting: String,
    log: PathBuf,
    agent: ureq::Agent,
}

/// An HTTP answer. `body` is null if it is not JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("is ASCII"))
    }
}

impl Authd {
    /// Starts the command, which must print the line that says it is ready.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(log);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(file.expect("opens the log"))
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
        let greeting = lines.next().and_then(Result::ok).unwrap_or_default();
        let url = greeting
            .split(' ')
            .find(|word| word.starts_with("http://"))
            .unwrap_or_default();
        assert!(
            greeting.starts_with("authd ready on "),
            "{greeting:?} {}",
            std::fs::read_to_string(log).unwrap_or_default()
        );
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        let url = url.to_owned();
        Self {
            child,
            url,
            greeting,
            log: log.to_owned(),
            agent: config.into(),
        }
    }

    /// `127.0.0.1:PORT`, for raw sockets.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("reads the log")
    }

    /// Logs in and returns the token.
    #[track_caller]
    pub(crate) fn login(&self, email: &str, password: &str) -> String {
        let answer = self.try_login(email, password);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["access_token"]
            .as_str()
            .expect("is a string")
            .to_owned()
    }

    pub(crate) fn try_login(&self, email: &str, password: &str) -> Answer {
        self.post_json(
            "/auth/login",
            &json!({"email": email, "password": password}),
        )
    }

    pub(crate) fn verify(&self, token: &str) -> Answer {
        self.get_with(
            "/auth/verify",
            &[("Authorization", &format!("Bearer {token}"))],
        )
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.call())
    }

    pub(crate) fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.post(
            path,
            &[("Content-Type", "application/json")],
            body.to_string().as_bytes(),
        )
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send(body))
    }

    /// Sends a signal, as `kill -NAME` does.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status();
        assert!(killed.expect("kill runs").success());
    }

    /// Waits for the process to end and returns its exit status.
    pub(crate) fn wait(&mut self, at_most: Duration) -> i32 {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(status) = self.child.try_wait().expect("waits") {
                return code(status);
            }
            assert!(
                Instant::now() < deadline,
                "authd did not end within {at_most:?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Authd {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut answer = answer.expect("answers");
    let text = answer.body_mut().read_to_string().expect("is text");
    Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
    }
}

impl Authd {
    /// Every `ADDRESS:PORT` that it listens at.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let words = self.greeting.split(' ');
        words
            .filter_map(|word| word.strip_prefix("http://"))
            .map(str::to_owned)
            .collect()
    }

    /// The lines of the log, each of which must be one JSON object.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        let parse = |line: &str| match serde_json::from_str(line) {
            Ok(Value::Object(object)) => Value::Object(object),
            other => panic!("not a JSON object: {line:?} {other:?}"),
        };
        self.log().lines().map(parse).collect()
    }

    /// The log's lines about requests.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let mut lines = self.log_lines();
        lines.retain(|line| line["message"] == "request");
        lines
    }
}

impl Answer {
    /// Asserts that this is a problem with this status and code, marked as every answer is.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(self.header("x-request-id").len() >= 8);
        let body = &self.body;
        assert_eq!(body["code"], code, "{self:?}");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("urn:authd:problem:{code}"));
        for sentence in [&body["title"], &body["detail"]] {
            assert!(sentence.as_str().is_some_and(|text| !text.is_empty()));
        }
impl Outcome {
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
    /// An account, a daemon, and a good token.
    pub(crate) fn signed_in(&self) -> (Authd, String) {
        self.add_user("ada@example.com", PASSWORD);
        let authd = self.authd();
        let token = authd.login("ada@example.com", PASSWORD);
        (authd, token)
    }
}
impl TestEnv {
    /// `authd serve`, which must give up by itself within two seconds.
    #[track_caller]
    pub(crate) fn authd_refusal(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut command = self.authd_command(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).envs(variables.iter().copied());
        refusal(&mut command)
    }

    /// Every file in the folder by its name, with its content; but not the daemon's log.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(self.folder.path()).expect("lists the folder");
        entries
            .map(|entry| entry.expect("reads").path())
            .filter(|path| path.is_file() && !path.ends_with("authd.log"))
            .map(|path| {
                let name = path.file_name().expect("has a name").to_string_lossy();
                (name.into_owned(), std::fs::read(&path).expect("reads"))
            })
            .collect()
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

/// For how long a test that goes on for a time does so: `AUTHD_TEST_SECONDS`, or `otherwise`.
pub(crate) fn test_seconds(otherwise: u64) -> Duration {
    let given = test_variable("AUTHD_TEST_SECONDS");
    let seconds = given.map_or(otherwise, |text| {
        text.parse().expect("AUTHD_TEST_SECONDS is a number")
    });
    Duration::from_secs(seconds)
}

/// Says past the test runner's capture what this machine does not let a test check.
pub(crate) fn not_checked(what: &str) {
    // Nobody may listen; the test that calls this says what else covers it.
    let _ = writeln!(std::io::stderr(), "NOT CHECKED here: {what}");
}

/// A variable of the test run's own environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the tests read the environment"
)]
pub(crate) fn test_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Authd {
    /// Tells it to stop, and waits until everything is in the database file.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.wait(Duration::from_secs(20)), 0);
    }
}

impl Authd {
    /// As `get_with`, but `None` if the daemon went away.
    pub(crate) fn try_get(&self, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        try_read(request.call())
    }

    /// As `post`, but `None` if the daemon went away.
    pub(crate) fn try_post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        try_read(request.send(body))
    }
}

fn try_read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<Answer> {
    let mut answer = answer.ok()?;
    let text = answer.body_mut().read_to_string().ok()?;
    Some(Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
    })
}
    /// `authctl` with `-o json` and without a question.
    pub(crate) fn authctl_json(&self, arguments: &[&str]) -> Outcome {
        self.authctl(&[arguments, &["-o", "json"]].concat())
    }

    /// Every account as it is, to compare with later.
    pub(crate) fn everything(&self) -> String {
        self.authctl_json(&["user", "list"]).succeeded().stdout
    }

    /// The names of all files in the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("lists the folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("reads the folder").file_name())
            .map(|name| name.into_string().expect("is UTF-8"))
            .collect();
        names.sort();
        names
    }
}
