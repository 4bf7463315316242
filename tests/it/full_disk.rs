//! No room for another byte: writes fail and say so, all else goes on, and nothing is lost.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::env::{Answer, Authd, PASSWORD, TestEnv, only_sqlite, run};

/// Logs in until there is no room for it; returns the version of the account after the last login
/// that was acknowledged.
#[track_caller]
fn log_in_until_full(authd: &Authd, token: &str) -> i64 {
    let mut version = version(authd, token);
    for _ in 0..200 {
        let answer = authd.try_login("ada@example.com", PASSWORD);
        if answer.status != 200 {
            assert_is_full(&answer);
            return version;
        }
        version = self::version(authd, token);
    }
    panic!("the disk never got full");
}

#[track_caller]
fn assert_is_full(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.body["code"], "overloaded");
    assert_eq!(answer.header("retry-after"), "2");
}

/// The version of ada's account, as verify sees it.
#[track_caller]
fn version(authd: &Authd, token: &str) -> i64 {
    let answer = authd.verify(token);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["user"]["version"]
        .as_i64()
        .expect("is a number")
}

/// Writes fail, verification and readiness go on, the last acknowledged state stands.
#[track_caller]
fn assert_only_writes_fail(authd: &Authd, token: &str, acknowledged: i64) {
    for _ in 0..3 {
        assert_is_full(&authd.try_login("ada@example.com", PASSWORD));
        assert_eq!(version(authd, token), acknowledged);
        assert_eq!(authd.get("/livez").status, 200);
        assert_eq!(authd.get("/readyz").status, 200);
        assert_eq!(authd.get("/.well-known/jwks.json").status, 200);
        // A refusal that cannot be written down is not given: nobody guesses unseen.
        assert_is_full(&authd.try_login("ada@example.com", "wrong password"));
    }
}

/// The daemon goes on as if nothing had been, without a restart.
#[track_caller]
fn assert_recovers(authd: &Authd, token: &str, acknowledged: i64) {
    let second = authd.login("ada@example.com", PASSWORD);
    assert_eq!(authd.verify(&second).status, 200);
    assert_eq!(
        version(authd, token),
        acknowledged + 1,
        "no failed login counts"
    );
}

fn assert_sound(database: &Path) {
    let database = rusqlite::Connection::open(database).expect("opens");
    let ask = |sql| database.query_row(sql, [], |row| row.get::<_, String>(0));
    assert_eq!(ask("PRAGMA integrity_check").expect("checks"), "ok");
    let ada = ask("SELECT email FROM users ORDER BY id LIMIT 1");
    assert_eq!(ada.expect("is there"), "ada@example.com");
}

fn limit_file_size(pid: u32, bytes: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("fits")).expect("is a process");
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(Some(pid), Resource::Fsize, limit).expect("sets the limit");
}

/// Security statement 96, with the limit on the size of a file in the place of the disk: past it
/// the kernel fails the write and sends SIGXFSZ, which must not end the daemon.
#[test]
fn a_daemon_that_may_write_no_more_byte_answers_what_needs_none() {
    if only_sqlite("the disk of a server is not authd's") {
        return;
    }
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let mut authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    let acknowledged = version(&authd, &token);

    // The log cannot be written either: that must not hurt.
    limit_file_size(authd.child.id(), Some(0));
    assert_only_writes_fail(&authd, &token, acknowledged);
    assert!(authd.child.try_wait().expect("waits").is_none(), "it lives");
    let users = env.authctl(&["user", "list", "-q"]).succeeded();
    assert_eq!(users.stdout.lines().count(), 1);

    limit_file_size(authd.child.id(), None);
    assert_recovers(&authd, &token, acknowledged);
    assert!(authd.log().contains("\"status\":200"), "and logs again");
    authd.stop();
    assert_sound(&env.path("authd.db"));
}

/// Nobody can read the log: that is no reason to answer nobody.
#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_command(&["serve", "--listen", "127.0.0.1:0"]);
    let authd = Authd::start(authd, Path::new("/dev/full"));
    let token = authd.login("ada@example.com", PASSWORD);
    assert_eq!(authd.verify(&token).status, 200);
    assert_eq!(authd.get("/nowhere").status, 404);
    authd.stop();

    let full = fs::File::options().write(true).open("/dev/full");
    let mut list = env.authctl_command(&["user", "show", "eve@example.com"]);
    let status = list.stderr(full.expect("opens")).status();
    assert_eq!(status.expect("runs").code(), Some(3));
}

/// A file system of one megabyte that only the daemon sees.
struct SmallDisk {
    env: TestEnv,
    authd: Authd,
}

impl SmallDisk {
    /// `None` where this user may not mount.
    fn new() -> Option<Self> {
        let is_root = rustix::process::geteuid().is_root();
        let flags = if is_root { "-m" } else { "-rm" };
        let mount = "mount -t tmpfs -o size=1m,mode=700 tmpfs disk";
        let env = TestEnv::new();
        fs::create_dir(env.path("disk")).expect("makes a folder");
        let tried = env
            .command("unshare")
            .args([flags, "sh", "-c", mount])
            .output();
        if !tried.is_ok_and(|out| out.status.success()) {
            return None;
        }
        env.add_user("ada@example.com", PASSWORD);
        env.authd().stop();
        let script = format!("{mount} && cp authd.db authd.key disk/ && exec \"$@\"");
        let mut command: Command = env.command("unshare");
        command
            .args([
                flags,
                "sh",
                "-c",
                &script,
                "sh",
                env!("CARGO_BIN_EXE_authd"),
            ])
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--database", "sqlite:disk/authd.db"]);
        let authd = Authd::start(command, &env.path("authd.log"));
        Some(Self { env, authd })
    }

    /// A file on the disk, seen from outside.
    fn path(&self, name: &str) -> PathBuf {
        let outside = self.env.path("disk").join(name);
        let root = format!("/proc/{}/root", self.authd.child.id());
        Path::new(&root).join(outside.strip_prefix("/").expect("is absolute"))
    }

    /// Checks a copy: SQLite does not see the disk from outside.
    fn assert_sound(&self) {
        for name in ["authd.db", "authd.db-wal"] {
            let copy = self.env.path(&format!("copy-{name}"));
            fs::copy(self.path(name), copy).expect("copies");
        }
        assert_sound(&self.env.path("copy-authd.db"));
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = fs::File::create(self.path("filler")).expect("creates");
        for size in [65536, 512, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }
}

/// Security statement 96, on a real file system without room. Where mounting is not allowed, the
/// test with the limit and the one in `store::writer` stand alone.
#[test]
fn a_full_disk_fails_logins_alone_and_is_forgotten_when_there_is_room() {
    if only_sqlite("the disk of a server is not authd's") {
        return;
    }
    let Some(disk) = SmallDisk::new() else {
        return cluster::not_checked("a full file system: mounting one is not allowed");
    };
    let token = disk.authd.login("ada@example.com", PASSWORD);
    disk.fill();
    let acknowledged = log_in_until_full(&disk.authd, &token);
    assert_only_writes_fail(&disk.authd, &token, acknowledged);
    assert!(
        disk.authd
            .log()
            .contains("the disk is full: free some space"),
        "{}",
        disk.authd.log()
    );

    fs::remove_file(disk.path("filler")).expect("is there");
    assert_recovers(&disk.authd, &token, acknowledged);
    disk.assert_sound();
}

/// Security statement 96: a command on a full disk says so, and changes nothing.
#[test]
fn a_command_on_a_full_disk_says_so() {
    if only_sqlite("the disk of a server is not authd's") {
        return;
    }
    let Some(disk) = SmallDisk::new() else {
        return cluster::not_checked("commands on a full file system: mounting one is not allowed");
    };
    let authctl = |arguments: &[&str]| {
        let url = format!("sqlite:{}", disk.env.path("disk/authd.db").display());
        let flags: &[&str] = if rustix::process::geteuid().is_root() {
            &["-m"]
        } else {
            &["-m", "-U", "--preserve-credentials"]
        };
        let mut command = disk.env.command("nsenter");
        command
            .args(["-t", &disk.authd.child.id().to_string()])
            .args(flags)
            .args([env!("CARGO_BIN_EXE_authctl"), "--database", &url])
            .args(arguments);
        run(&mut command, "")
    };
    let add = |email: &str| authctl(&["user", "add", email, "--no-password"]);
    disk.fill();
    let mut added = 0;
    let refused = loop {
        let out = add(&format!("user{added}@example.com"));
        if out.status != 0 {
            break out;
        }
        added += 1;
        assert!(added < 500, "the disk never got full");
    };
    assert_eq!(refused.status, 6, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("because the disk is full: free some space"),
        "{refused:?}"
    );
    fs::remove_file(disk.path("filler")).expect("is there");
    let list = authctl(&["user", "list", "-q", "--limit", "1000"]);
    assert_eq!(list.succeeded().stdout.lines().count(), added + 1);
    assert_eq!(add("late@example.com").status, 0);
    disk.assert_sound();
}
