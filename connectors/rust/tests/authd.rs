//! A folder with a database, `authctl` for it, and the daemon, which can be stopped and started.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use authd_client::Settings;
use cluster::Database;
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Waits until it is so.
#[track_caller]
pub(crate) fn eventually(seconds: u64, what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !is_so() {
        assert!(Instant::now() < end, "not within {seconds} seconds: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) struct Authd {
    database: Database,
    pub(crate) port: u16,
    environment: Vec<(String, String)>,
    /// The process, and the one that ends it.
    daemon: Option<(Child, Child)>,
    pub(crate) secret: String,
}

/// A user, and a token.
pub(crate) struct SignedIn {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) token: String,
}

impl Authd {
    /// One for all tests that leave it as it is. It ends with the process that started it.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Authd> = OnceLock::new();
        SHARED.get_or_init(|| Self::new(&[]))
    }

    /// One for a test that stops it, or wants it set in another way.
    pub(crate) fn new(configuration: &[(&str, &str)]) -> Self {
        let database = Database::new();
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let own = [
            ("AUTHD_SERVER_PUBLIC_URL", &*url),
            ("AUTHD_DATABASE_URL", &*database.url()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let more = configuration
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let environment = own.into_iter().chain(more).collect();
        let mut authd = Self {
            database,
            port,
            environment,
            daemon: None,
            secret: String::new(),
        };
        authd.start();
        let client = authd.authctl(&["client", "add", "billing", "--scope", "users.view"], "");
        authd.secret = client["client_secret"]
            .as_str()
            .expect("has a secret")
            .into();
        authd
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn start(&mut self) {
        let mut daemon = self
            .program("authd")
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)])
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts authd");
        let mut line = String::new();
        let mut said = BufReader::new(daemon.stdout.take().expect("is piped"));
        said.read_line(&mut line).expect("reads");
        assert!(
            line.starts_with("authd ready on "),
            "{line}\n{}",
            self.log()
        );
        // Whatever ends this process closes the pipe, and then the daemon ends too.
        let guard = Command::new("sh")
            .args(["-c", "cat; kill -9 \"$1\"", "sh", &daemon.id().to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .expect("starts a guard");
        self.daemon = Some((daemon, guard));
    }

    pub(crate) fn stop(&mut self) {
        if let Some((mut daemon, mut guard)) = self.daemon.take() {
            guard.wait().expect("ends it");
            daemon.wait().expect("has ended");
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.database.folder().join("log")).unwrap_or_default()
    }

    fn program(&self, name: &str) -> Command {
        let file = self.database.folder().join("log");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(file);
        let log = log.expect("opens the log");
        let mut command = Command::new(programs().join(name));
        command
            .current_dir(self.database.folder())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stderr(log);
        command
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub(crate) fn authctl(&self, arguments: &[&str], stdin: &str) -> Value {
        let mut command = self.program("authctl");
        command.args(["-o", "json"]).args(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts authctl");
        child
            .stdin
            .take()
            .expect("is piped")
            .write_all(stdin.as_bytes())
            .expect("writes");
        let done = child.wait_with_output().expect("ends");
        assert!(
            done.status.success(),
            "authctl {arguments:?}: {}",
            self.log()
        );
        serde_json::from_slice(&done.stdout).unwrap_or(Value::Null)
    }

    /// A user with an address of their own, and with these options of `user add`.
    pub(crate) fn add_user(&self, options: &[&str]) -> (String, String) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        self.add_user_as(&format!("user{number}@example.com"), options)
    }

    pub(crate) fn add_user_as(&self, email: &str, options: &[&str]) -> (String, String) {
        let arguments = ["user", "add", email, "--password-stdin"];
        let made = self.authctl(&[&arguments, options].concat(), PASSWORD);
        let id = made["user"]["id"].as_str().expect("has an id");
        (id.into(), email.into())
    }

    pub(crate) fn login(&self, email: &str) -> String {
        let body = json!({"email": email, "password": PASSWORD});
        let mut answer = ureq::post(format!("{}/auth/login", self.url()))
            .send_json(body)
            .expect("logs in");
        let body: Value = answer.body_mut().read_json().expect("is JSON");
        body["access_token"].as_str().expect("has a token").into()
    }

    pub(crate) fn signed_in(&self) -> SignedIn {
        self.signed_in_with(&[])
    }

    pub(crate) fn signed_in_with(&self, options: &[&str]) -> SignedIn {
        let (id, email) = self.add_user(options);
        let token = self.login(&email);
        SignedIn { id, email, token }
    }

    pub(crate) fn online(&self) -> Settings {
        Settings::online(self.url()).client("billing", &self.secret)
    }

    pub(crate) fn cached(&self) -> Settings {
        Settings::cached(self.url(), "billing", &self.secret)
    }

    pub(crate) fn offline(&self) -> Settings {
        Settings::offline(self.url())
    }
}

impl Drop for Authd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A claim of a token, which nobody has checked.
pub(crate) fn claim(token: &str, name: &str) -> String {
    part(token, 1)[name].as_str().expect("is a text").into()
}

/// Header (0) or payload (1) of a token.
pub(crate) fn part(token: &str, nth: usize) -> Value {
    use base64::Engine as _;
    let text = token.split('.').nth(nth).expect("has parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .expect("is base64url");
    serde_json::from_slice(&bytes).expect("is JSON")
}

fn free_port() -> u16 {
    let probe = TcpListener::bind(("127.0.0.1", 0)).expect("binds");
    probe.local_addr().expect("has an address").port()
}

/// Where the programs are: `AUTHD_TEST_PROGRAMS`, or beside these tests.
fn programs() -> PathBuf {
    let beside = || {
        let tests = std::env::current_exe().expect("is somewhere");
        tests
            .ancestors()
            .nth(2)
            .expect("is in target/debug/deps")
            .to_owned()
    };
    let folder = cluster::variable("AUTHD_TEST_PROGRAMS").map_or_else(beside, PathBuf::from);
    let is_there = |name: &str| Path::new(&folder).join(name).exists();
    assert!(
        is_there("authd") && is_there("authctl"),
        "there is no authd in {}: run `cargo build` first, or say where it is by AUTHD_TEST_PROGRAMS",
        folder.display()
    );
    folder
}
