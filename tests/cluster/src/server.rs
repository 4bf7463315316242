//! PostgreSQL servers of the tests' own: made in a temporary folder, gone with the test process.
//! One is shared by all tests; a test that kills, pauses or reconfigures a server has its own.

use std::fs::{DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::machine::{find_programs, free_port, password, programs, unprivileged_user};

/// Who may do everything. The tests look and break things by this name.
const SUPERUSER: &str = "postgres";
/// Whom the programs under test connect as: an ordinary role that owns its databases, as in a real
/// installation, and may do nothing else.
const OWNER: &str = "authd";

/// For how long a server may start, stop or catch up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A PostgreSQL server with data, port and password of its own. Gone when dropped.
pub struct Cluster {
    programs: PathBuf,
    /// User and group it runs as, if not the tests' own.
    user: Option<(u32, u32)>,
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) password: String,
    settings: Vec<String>,
    /// `None` while it does not run.
    postmaster: Mutex<Option<Child>>,
    guard: Child,
}

impl Cluster {
    /// Whether this machine has the programs to make one.
    pub fn is_possible() -> bool {
        find_programs().is_some()
    }

    /// The cluster of all tests that only need a database. It forgets when the machine crashes.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::own(&["fsync=off", "max_connections=300"]))
    }

    /// A cluster for one test, as durable as PostgreSQL is, with these `name=value` settings.
    pub fn own(settings: &[&str]) -> Self {
        let settings = settings.iter().copied().map(String::from).collect();
        let cluster = Self::prepare(&password(), settings);
        let password_file = cluster.folder.join("password");
        std::fs::write(&password_file, &cluster.password).expect("writes a file");
        cluster.give(&password_file);
        let mut initdb = cluster.inside(cluster.client("initdb"));
        initdb.arg(format!("--username={SUPERUSER}"));
        initdb.args(["--auth=scram-sha-256", "--no-sync"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--pwfile"]);
        initdb.arg(password_file).arg("-D").arg(cluster.data());
        succeed(&mut initdb, "");
        cluster.start();
        let make = format!("CREATE ROLE {OWNER} LOGIN PASSWORD '{}'", cluster.password);
        cluster.psql("postgres", &make);
        cluster
    }

    /// A hot standby that streams from this cluster; it has the same users and settings.
    #[must_use]
    pub fn standby(&self) -> Self {
        let standby = Self::prepare(&self.password, self.settings.clone());
        let mut copy = standby.inside(self.client("pg_basebackup"));
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]);
        succeed(copy.arg("--pgdata").arg(standby.data()), "");
        standby.start();
        standby
    }

    /// Makes an empty database and returns its URL.
    pub fn new_database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &Self::making(&name));
        self.url(&name)
    }

    /// The statement that makes a database, for the superuser.
    pub(crate) fn making(database: &str) -> String {
        format!("CREATE DATABASE {database} OWNER {OWNER}")
    }

    /// The URL of a database of this name, whether or not it is there, for its owner.
    pub fn url(&self, database: &str) -> String {
        let Self { port, password, .. } = self;
        format!("postgres://{OWNER}:{password}@127.0.0.1:{port}/{database}")
    }

    /// What psql prints for these statements, each a transaction; columns are parted by `|`. They are
    /// the superuser's.
    #[track_caller]
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.psql_as(SUPERUSER, database, sql)
    }

    /// The same as who owns the database, and so whatever these make in it.
    #[track_caller]
    pub(crate) fn psql_as_owner(&self, database: &str, sql: &str) -> String {
        self.psql_as(OWNER, database, sql)
    }

    #[track_caller]
    fn psql_as(&self, user: &str, database: &str, sql: &str) -> String {
        let mut psql = self.client("psql");
        psql.env("PGUSER", user);
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-", database]);
        succeed(&mut psql, sql).trim_end().to_owned()
    }

    /// A database as `pg_dump` writes it.
    #[track_caller]
    pub(crate) fn dump(&self, database: &str) -> String {
        succeed(self.client("pg_dump").arg(database), "")
    }

    /// Starts the server, on the port and data it had, and waits until it takes connections.
    pub fn start(&self) {
        let mut running = self.postmaster.lock().expect("no test panicked here");
        assert!(running.is_none(), "the cluster runs already");
        let mut command = self.inside(self.client("postgres"));
        command.arg("-D").arg(self.data());
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let path = self.folder.join("log");
        let log = File::options().create(true).append(true).open(&path);
        let log = log.expect("opens the log");
        command.stdout(log.try_clone().expect("is shared"));
        let mut postmaster = command.stderr(log).spawn().expect("starts");
        let told = || std::fs::read_to_string(&path).unwrap_or_default();
        let started = within_patience(|| {
            let ended = postmaster.try_wait().expect("waits");
            assert!(ended.is_none(), "PostgreSQL gave up: {}", told());
            let mut probe = self.client("pg_isready");
            probe.output().expect("starts").status.success()
        });
        assert!(started, "PostgreSQL did not start: {}", told());
        *running = Some(postmaster);
    }

    /// Stops it as an operator does: clients are told, the data is written.
    pub fn restart(&self) {
        self.stop(Signal::INT);
        self.start();
    }

    /// Stops it at once: clients are told, but what is not yet written is left to the recovery.
    pub fn stop_hard(&self) {
        self.stop(Signal::QUIT);
    }

    /// Kills the server and all its processes: nobody is told, nothing is written.
    pub fn kill(&self) {
        let mut postmaster = self.take_postmaster();
        self.all("end");
        postmaster.wait().expect("waits");
    }

    /// Makes it say nothing more, while its connections stay open and new ones are taken.
    pub fn pause(&self) {
        self.all("freeze");
    }

    /// Lets it go on after a pause.
    pub fn resume(&self) {
        self.all("resume");
    }

    /// Lets it take TLS connections, and returns the certificate, for `localhost` and `127.0.0.1`,
    /// which is its own root.
    pub fn enable_tls(&self) -> PathBuf {
        let path = |name| self.data().join(name);
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-config", "/dev/null", "-x509", "-nodes"]);
        openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        openssl.args(["-days", "2", "-subj", "/CN=localhost"]);
        openssl.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        // rustls takes no CA's certificate for a server's.
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        openssl.arg("-keyout").arg(path("server.key"));
        succeed(openssl.arg("-out").arg(path("server.crt")), "");
        self.give(&path("server.key"));
        self.give(&path("server.crt"));
        let turn_on = "ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf()";
        self.psql("postgres", turn_on);
        let is_on = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        assert!(within_patience(|| self.psql("postgres", is_on) == "t"));
        path("server.crt")
    }

    /// The folder of a cluster, without data as yet, and its guard.
    fn prepare(password: &str, mut settings: Vec<String>) -> Self {
        let programs = programs();
        // Not TMPDIR: PostgreSQL's user must reach it, and a socket's path is 107 bytes at most.
        let folder = tempfile::Builder::new()
            .prefix("authd-postgres-")
            .tempdir_in("/tmp")
            .expect("makes a folder");
        let data = folder.path().join("data");
        let guard = script("guard", &data)
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let port = free_port();
        settings.extend([
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", folder.path().display()),
            // In the folder, not in /dev/shm, where a killed server would leave it.
            "dynamic_shared_memory_type=mmap".to_owned(),
        ]);
        let made = DirBuilder::new().mode(0o700).create(&data);
        made.expect("makes a folder");
        let cluster = Self {
            programs,
            user: unprivileged_user(),
            guard: guard.expect("sh starts"),
            folder: folder.keep(),
            port,
            password: password.to_owned(),
            settings,
            postmaster: Mutex::new(None),
        };
        cluster.give(&cluster.folder);
        cluster.give(&data);
        cluster
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// One of PostgreSQL's programs, with nothing in its environment but where the server is, and
    /// who may do everything there.
    pub(crate) fn client(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command
            .env_clear()
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", SUPERUSER)
            .env("PGPASSWORD", &self.password)
            .stdin(Stdio::null());
        command
    }

    /// Makes a command one of the cluster's own: it works in its folder, as its user.
    fn inside(&self, mut command: Command) -> Command {
        command.current_dir(self.data());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    fn give(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).expect("gives a file away");
        }
    }

    fn stop(&self, signal: Signal) {
        let mut postmaster = self.take_postmaster();
        kill_process(Pid::from_child(&postmaster), signal).expect("is signalled");
        let stopped = within_patience(|| postmaster.try_wait().expect("waits").is_some());
        assert!(stopped, "PostgreSQL did not stop");
    }

    fn take_postmaster(&self) -> Child {
        let mut running = self.postmaster.lock().expect("no test panicked here");
        running.take().expect("the cluster runs")
    }

    fn all(&self, action: &str) {
        succeed(&mut script(action, &self.data()), "");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Closes the pipe first; what the guard could not end, nobody can.
        let _ = self.guard.wait();
        if let Ok(Some(postmaster)) = self.postmaster.get_mut().map(Option::as_mut) {
            let _ = postmaster.wait();
        }
    }
}

/// A shell that does this to all processes of the cluster with this data.
fn script(action: &str, data: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", include_str!("processes.sh"), "sh", action]);
    command.arg(data);
    command
}

/// Asks again and again; false if it did not become true in time.
pub(crate) fn within_patience(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Runs a program to its end, with this on its standard input.
pub(crate) fn run(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("is piped");
    // A program that gave up before it read everything says why.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("ends")
}

/// What a program printed that must succeed.
#[track_caller]
pub(crate) fn succeed(command: &mut Command, input: &str) -> String {
    let output = run(command, input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).expect("prints UTF-8")
}
