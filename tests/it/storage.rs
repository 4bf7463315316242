//! Start-up on every kind of file there may be, and what the files are made like.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use auth::store::{DatabaseSettings, Store, WriteMode};

use crate::env::{Answer, Authd, PASSWORD, TestEnv, only_sqlite, refusal};

/// Why a test of what a file may be is not for a server's databases.
const ABOUT_FILES: &str = "it is about files, and a server keeps its own";

/// Both programs refuse the database: authd within two seconds, both with exit status 6 and one line
/// that names it and holds `words`; and it stays as it is, with every file in the folder.
#[track_caller]
fn assert_both_refuse(env: &TestEnv, words: &str) {
    let before = env.files();
    let authd = env.authd_refusal(&[], &[]);
    let list = env.authctl(&["user", "list"]);
    let add = env.authctl(&["user", "add", "eve@example.com", "--no-password"]);
    let migrate = env.authctl(&["migrate"]);
    for out in [authd, list, add, migrate] {
        assert_eq!(out.status, 6, "{out:?}");
        assert_eq!(out.stdout, "", "{out:?}");
        assert_eq!(out.stderr.lines().count(), 1, "{out:?}");
        let sentence = format!("{} {words}", env.subject());
        assert!(out.stderr.contains(&sentence), "{out:?}");
    }
    assert!(env.files() == before, "a file was changed, made or removed");
}

/// Security statement 98.
#[test]
fn an_empty_file_is_refused() {
    if only_sqlite(ABOUT_FILES) {
        return;
    }
    let env = TestEnv::new();
    env.write("authd.db", "");
    assert_both_refuse(
        &env,
        "is empty: restore it from a backup, or remove it to start anew",
    );
}

/// Security statement 98.
#[test]
fn a_file_that_is_no_database_is_refused() {
    if only_sqlite(ABOUT_FILES) {
        return;
    }
    for text in ["x", &"# notes\n".repeat(2000)] {
        let env = TestEnv::new();
        env.write("authd.db", text);
        assert_both_refuse(&env, "is not an authd database: name the right one");
    }
}

/// Security statement 98.
#[test]
fn the_database_of_another_program_is_refused() {
    for mode in ["DELETE", "WAL"] {
        let env = TestEnv::new();
        if env.is_on_sqlite() {
            env.sql(&format!("PRAGMA journal_mode = {mode}"));
        }
        env.sql("CREATE TABLE users (id TEXT); INSERT INTO users VALUES ('theirs')");
        assert_both_refuse(&env, "is not an authd database: name the right one");
    }
}

/// Security statement 98.
#[test]
fn a_database_of_a_newer_release_is_refused() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.sql("INSERT INTO schema_migrations VALUES (9999, 'future', 0)");
    assert_both_refuse(&env, "has schema 9999, this release knows up to");
}

/// Security statement 98. Every statement goes on without them, and what it relies on is lost.
#[test]
fn a_file_without_a_rule_of_ours_is_refused() {
    if only_sqlite("on PostgreSQL, the tests in postgres.rs say so") {
        return;
    }
    let remake = |env: &TestEnv, table: &str, from: &str, to: &str| {
        let made = env.sql(&format!(
            "SELECT sql FROM sqlite_schema WHERE name = '{table}'"
        ));
        assert!(made.contains(from), "{made}");
        format!("DROP TABLE {table}; {}", made.replacen(from, to, 1))
    };
    let refused = |change: &dyn Fn(&TestEnv) -> String, words: &str| {
        let env = TestEnv::new();
        env.add_user("ada@example.com", PASSWORD);
        env.sql(&change(&env));
        assert_both_refuse(&env, words);
        let refused = env.authctl(&[
            "db",
            "copy",
            "--from",
            "sqlite:authd.db",
            "--to",
            "sqlite:new.db",
        ]);
        assert_eq!(refused.status, 6, "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
        assert!(!env.path("new.db").exists());
    };
    refused(
        &|_| "DROP INDEX user_fields_unique".into(),
        "is not as authd made it (user_fields has no UNIQUE (field, lookup) WHERE ...)",
    );
    refused(
        &|env| {
            let from = "REFERENCES users (id) ON DELETE CASCADE";
            remake(env, "group_members", from, "")
        },
        "is not as authd made it (group_members has no FOREIGN KEY (user_id) REFERENCES users ",
    );
    refused(
        &|env| remake(env, "groups", "NOT NULL UNIQUE", "NOT NULL"),
        "is not as authd made it (groups has no UNIQUE (name))",
    );
    refused(
        &|env| remake(env, "outgoing_mail", "BLOB    NOT NULL", "BLOB"),
        "is not as authd made it (outgoing_mail has no NOT NULL (sealed))",
    );
    refused(
        &|env| {
            remake(
                env,
                "revocations",
                "CHECK (kind IN (",
                "CHECK (kind NOT IN (",
            )
        },
        "is not as authd made it (revocations has no CHECK (kind IN ('session', ",
    );
}

/// What may happen to a file's bytes.
type Damage = fn(&mut Vec<u8>);

/// Security statement 98.
#[test]
fn a_damaged_file_is_refused() {
    if only_sqlite(ABOUT_FILES) {
        return;
    }
    let cases: [(Damage, &str); 3] = [
        (|bytes| bytes.truncate(bytes.len() / 2), "is damaged ("),
        (|bytes| bytes[100..4096].fill(0xa5), "is damaged ("),
        (|bytes| bytes[0..16].fill(0), "is not an authd database"),
    ];
    for (damage, words) in cases {
        let env = TestEnv::new();
        env.add_user("ada@example.com", PASSWORD);
        let mut bytes = fs::read(env.path("authd.db")).expect("reads");
        damage(&mut bytes);
        fs::write(env.path("authd.db"), bytes).expect("writes");
        assert_both_refuse(&env, words);
    }
}

/// Security statement 98.
#[test]
fn a_directory_in_its_place_is_refused() {
    if only_sqlite(ABOUT_FILES) {
        return;
    }
    let env = TestEnv::new();
    fs::create_dir(env.path("authd.db")).expect("makes a folder");
    assert_both_refuse(&env, "cannot be opened (it is a directory)");
    assert!(env.path("authd.db").is_dir());
}

/// Security statement 98.
#[test]
fn the_log_of_a_lost_database_is_not_played_into_a_new_one() {
    if only_sqlite(ABOUT_FILES) {
        return;
    }
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let reader = env.file();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM users")
        .expect("reads");
    env.add_user("bob@example.com", PASSWORD);
    fs::rename(env.path("authd.db"), env.path("lost.db")).expect("renames");
    let before = env.files();
    let migrate = env.authctl(&["migrate"]);
    let authd = env.authd_refusal(&[], &[]);
    for out in [migrate, authd] {
        assert_eq!(out.status, 6, "{out:?}");
        assert!(
            out.stderr.contains("its log 'authd.db-wal' is there"),
            "{out:?}"
        );
    }
    assert!(env.files() == before);
    drop(reader);
}

/// Security statement 98. A missing file is no accident to authd serve and to those commands that
/// add the first thing: they make it.
#[test]
fn a_missing_file_is_made_by_those_who_may_and_refused_by_the_others() {
    let env = TestEnv::new();
    for arguments in [
        &["user", "list"][..],
        &["user", "show", "ada@example.com"],
        &["user", "disable", "ada@example.com", "--yes"],
        &["migrate", "--check"],
    ] {
        let out = env.authctl(arguments);
        assert_eq!(out.status, 6, "{out:?}");
        assert!(out.stderr.contains("run 'authctl migrate'"), "{out:?}");
    }
    assert!(env.files().is_empty(), "looking makes nothing");
    let authd = env.authd();
    assert_eq!(authd.get("/readyz").status, 200);
    assert!(!env.database().is_empty());
}

/// Security statement 98. Nobody may be told that a database was made, and find none.
#[test]
fn a_link_that_leads_nowhere_is_refused() {
    if only_sqlite(ABOUT_FILES) {
        return;
    }
    let env = TestEnv::new();
    std::os::unix::fs::symlink("nowhere.db", env.path("authd.db")).expect("links");
    let words = "the database file 'authd.db' cannot be opened (it is a link that leads nowhere)";
    let migrate = env.authctl(&["migrate"]);
    let add = env.authctl(&["user", "add", "a@example.com", "--no-password"]);
    let serve = env.authd_refusal(&[], &[]);
    for out in [migrate, add, serve] {
        assert_eq!(out.status, 6, "{out:?}");
        assert!(out.stderr.contains(words), "{out:?}");
    }
    let link = std::fs::symlink_metadata(env.path("authd.db")).expect("is there");
    assert!(link.is_symlink() && !env.path("nowhere.db").exists());

    // One that leads to a database is as good as the database.
    let elsewhere = ["--database", "sqlite:nowhere.db", "migrate"];
    env.authctl(&elsewhere).succeeded();
    env.authctl(&["user", "list"]).succeeded();
}

/// Security statement 98.
#[test]
fn a_missing_directory_is_refused_and_not_made() {
    if only_sqlite(ABOUT_FILES) {
        return;
    }
    let env = TestEnv::new();
    let place = ["--database", "sqlite:nowhere/authd.db"];
    let authd = env.authd_refusal(&place, &[]);
    let migrate = env.authctl(&["migrate", place[0], place[1]]);
    let add = env.authctl(&[
        "user",
        "add",
        "a@example.com",
        "--no-password",
        place[0],
        place[1],
    ]);
    for out in [authd, migrate, add] {
        assert_eq!(out.status, 6, "{out:?}");
        assert!(
            out.stderr
                .contains("'nowhere/authd.db' cannot be created because its directory"),
            "{out:?}"
        );
    }
    assert!(!env.path("nowhere").exists() && env.files().is_empty());
}

/// A user whom the modes of files bind: this one, or nobody if this is root.
struct Bound {
    env: TestEnv,
    is_root: bool,
}

impl Bound {
    const NOBODY: u32 = 65534;

    fn new() -> Self {
        let is_root = rustix::process::geteuid().is_root();
        let bound = Self {
            env: TestEnv::new(),
            is_root,
        };
        bound.env.add_user("ada@example.com", PASSWORD);
        bound.env.authd().stop();
        for program in ["authd", "authctl"] {
            // The build's own folder may be closed to others.
            let built = Path::new(env!("CARGO_BIN_EXE_authd")).with_file_name(program);
            fs::copy(built, bound.env.path(program)).expect("copies");
        }
        fs::remove_file(bound.env.path("authd.log")).expect("is there");
        for name in bound.env.files().keys() {
            bound.give_away(&bound.env.path(name));
        }
        bound.give_away(&bound.env.path("."));
        bound
    }

    fn give_away(&self, path: &Path) {
        if self.is_root {
            chown(path, Some(Self::NOBODY), Some(Self::NOBODY)).expect("is given away");
        }
    }

    fn command(&self, program: &str) -> Command {
        let program = self.env.path(program);
        if !self.is_root {
            return self.env.command(program);
        }
        let mut command = self.env.command("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
            .arg(program);
        command
    }

    fn set_mode(&self, name: &str, mode: u32) {
        let path = self.env.path(name);
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("is set");
    }

    #[track_caller]
    fn assert_both_refuse(&self, words: &str) {
        let authd = refusal(
            self.command("authd")
                .args(["serve", "--listen", "127.0.0.1:0"]),
        );
        let authctl = refusal(self.command("authctl").args(["user", "list"]));
        for out in [authd, authctl] {
            assert_eq!(out.status, 6, "{out:?}");
            assert!(out.stderr.contains("'authd.db'"), "{out:?}");
            assert!(out.stderr.contains(words), "{out:?}");
        }
    }
}

/// Security statement 98.
#[test]
fn a_read_only_file_is_refused() {
    if only_sqlite(ABOUT_FILES) {
        return;
    }
    let bound = Bound::new();
    let before = bound.env.files();
    bound.set_mode("authd.db", 0o400);
    bound.assert_both_refuse("it or its directory is read-only: check permissions");
    assert!(bound.env.files() == before);
}

/// Security statement 98.
#[test]
fn an_unreadable_file_is_refused() {
    if only_sqlite(ABOUT_FILES) {
        return;
    }
    let bound = Bound::new();
    bound.set_mode("authd.db", 0o000);
    bound.assert_both_refuse("check its path and its permissions");
}

/// Security statement 98: the log cannot be made beside the file.
#[test]
fn a_read_only_directory_is_refused() {
    if only_sqlite(ABOUT_FILES) {
        return;
    }
    let bound = Bound::new();
    let before = bound.env.files();
    bound.set_mode(".", 0o500);
    bound.assert_both_refuse("it or its directory is read-only: check permissions");
    bound.set_mode(".", 0o700);
    assert!(bound.env.files() == before);
}

/// Files of ours in the folder that somebody else than their owner may touch.
fn open_to_others(env: &TestEnv) -> Vec<String> {
    let entries = fs::read_dir(env.path(".")).expect("lists the folder");
    entries
        .filter_map(|entry| {
            let entry = entry.expect("reads");
            let name = entry.file_name().into_string().expect("is UTF-8");
            // One that has gone meanwhile is no matter.
            let mode = entry.metadata().ok()?.permissions().mode() & 0o777;
            let is_ours = name.starts_with("authd.") || name.starts_with(".authd");
            (is_ours && name != "authd.log" && mode != 0o600).then(|| format!("{name}: {mode:o}"))
        })
        .collect()
}

/// Security statement 99.
#[test]
fn files_are_private_from_the_first_byte_whatever_the_umask() {
    for umask in ["000", "077"] {
        let env = TestEnv::new();
        let under_umask = |program: &str, arguments: &[&str]| {
            let mut command = env.command("sh");
            let script = format!("umask {umask} && exec \"$@\"");
            command.args(["-c", &script, "sh", program]).args(arguments);
            command
        };
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut seen = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    seen.extend(open_to_others(&env));
                }
                seen
            });
            let serve = ["serve", "--listen", "127.0.0.1:0"];
            let authd = under_umask(env!("CARGO_BIN_EXE_authd"), &serve);
            let authd = Authd::start(authd, &env.path("authd.log"));
            let add = [
                "user",
                "add",
                "ada@example.com",
                "--password-file",
                "password",
            ];
            env.write("password", PASSWORD);
            let add = under_umask(env!("CARGO_BIN_EXE_authctl"), &add).output();
            assert!(add.expect("runs").status.success());
            authd.login("ada@example.com", PASSWORD);
            let files = ["authd.key", "authd.db", "authd.db-wal", "authd.db-shm"];
            for name in &files[..if env.is_on_sqlite() { 4 } else { 1 }] {
                let mode = fs::metadata(env.path(name))
                    .expect("is there")
                    .permissions();
                assert_eq!(mode.mode() & 0o777, 0o600, "{name} under umask {umask}");
            }
            done.store(true, Ordering::Relaxed);
            let seen = watch.join().expect("joins");
            assert!(seen.is_empty(), "under umask {umask}: {seen:?}");
        });
    }
}

/// Security statement 99, as the kernel saw it. Where there is no strace, the test above watches
/// alone.
#[test]
fn no_file_is_ever_made_with_a_wider_mode() {
    let env = TestEnv::new();
    let Ok(version) = Command::new("strace").arg("-V").output() else {
        return cluster::not_checked("the modes in system calls: there is no strace");
    };
    assert!(version.status.success());
    // With a port that is taken it makes everything, and then ends by itself.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("has one").to_string();
    let script = "umask 000 && exec strace -f -qq -o trace -e trace=open,openat,creat,fchmod,chmod \
                  \"$@\" serve --listen";
    let mut command = env.command("sh");
    command.args(["-c", &format!("{script} {address}"), "sh"]);
    let out = command
        .arg(env!("CARGO_BIN_EXE_authd"))
        .output()
        .expect("runs");
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    let trace = fs::read_to_string(env.path("trace")).expect("reads");
    let made: Vec<&str> = trace
        .lines()
        .filter(|line| line.contains("O_CREAT") && !line.contains("/dev/"))
        .collect();
    let parts = [".authd-key-", ".authd-new-", "-wal", "-shm"];
    for part in &parts[..if env.is_on_sqlite() { 4 } else { 1 }] {
        assert!(
            made.iter().any(|line| line.contains(part)),
            "{part}: {trace}"
        );
    }
    for line in made {
        assert!(line.contains(", 0600)"), "{line}");
    }
    for line in trace.lines().filter(|line| line.contains("chmod(")) {
        assert!(line.contains("0600)"), "{line}");
    }
}

/// One lock, held by somebody else: writing commands and logins give up after the time-out and say
/// so; verification goes on; afterwards all is well.
#[test]
fn a_lock_held_past_the_time_out_stops_writes_alone() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &SHORT);
    let token = authd.login("ada@example.com", PASSWORD);
    let goes_on = || {
        let token = authd.login("ada@example.com", PASSWORD);
        assert_eq!(authd.verify(&token).status, 200);
    };
    while_changing(&env, || assert_writes_alone_stop(&env, &authd, &token));
    goes_on();
    if env.is_on_sqlite() {
        let holder = env.file();
        holder.execute_batch("BEGIN EXCLUSIVE").expect("locks");
        assert_writes_alone_stop(&env, &authd, &token);
        holder.execute_batch("ROLLBACK").expect("unlocks");
        goes_on();
    }
}

/// Nobody logs in meanwhile, and no probe writes.
#[test]
fn readiness_tells_of_a_lock_that_nobody_meets_and_of_its_end() {
    let env = TestEnv::new();
    let authd = env.authd_with(&[], &SHORT);
    assert_eq!(authd.get("/readyz").status, 200);
    while_changing(&env, || {
        let answer = comes_to(&authd, 503);
        assert_eq!(answer.body["code"], "overloaded", "{answer:?}");
        assert!(answer.header("retry-after").parse::<u32>().is_ok());
        assert_eq!(authd.get("/livez").status, 200);
    });
    comes_to(&authd, 200);
}

/// What `/readyz` answers within five seconds.
#[track_caller]
fn comes_to(authd: &Authd, status: u16) -> Answer {
    let began = Instant::now();
    loop {
        let answer = authd.get("/readyz");
        if answer.status == status {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{answer:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

const SHORT: [(&str, &str); 1] = [("AUTHD_DATABASE_TIMEOUT", "1s")];

/// Does this while somebody else is in the middle of a change.
fn while_changing(env: &TestEnv, meanwhile: impl FnOnce()) {
    let url = env.database().url().parse().expect("is a URL");
    // A server ends a change that does nothing for as long as its own time-out.
    let patient = Duration::from_secs(60);
    let store =
        Store::open(&DatabaseSettings::new(url, patient), WriteMode::Direct).expect("opens");
    let (begun, has_begun) = mpsc::channel();
    let (end, may_end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let change = scope.spawn(|| {
            store.write(move |_| {
                begun.send(()).expect("is awaited");
                // Nothing is ever sent: the other end is dropped.
                let _ = may_end.recv();
                Ok(())
            })
        });
        has_begun.recv().expect("begins");
        meanwhile();
        drop(end);
        change.join().expect("joins").expect("ends");
    });
}

#[track_caller]
fn assert_writes_alone_stop(env: &TestEnv, authd: &Authd, token: &str) {
    let began = Instant::now();
    let mut command = env.authctl_command(&["user", "disable", "ada@example.com", "--yes"]);
    let out = crate::env::run(command.envs(SHORT), "");
    assert_eq!(out.status, 6, "{out:?}");
    let words = "stayed locked by another process past the time-out";
    let sentence = format!("{} {words}", env.subject());
    assert!(out.stderr.contains(&sentence), "{out:?}");
    let waited = began.elapsed();
    assert!((1..4).contains(&waited.as_secs()), "{waited:?}");

    let answer = authd.try_login("ada@example.com", PASSWORD);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.body["code"], "overloaded");
    assert_eq!(answer.header("retry-after"), "2");
    assert!(!answer.text.contains(env.database().name()), "{answer:?}");

    thread::scope(|scope| {
        let login = scope.spawn(|| authd.try_login("ada@example.com", PASSWORD));
        let began = Instant::now();
        for _ in 0..20 {
            assert_eq!(authd.verify(token).status, 200);
        }
        assert!(began.elapsed() < Duration::from_secs(1), "verify waited");
        assert_eq!(login.join().expect("joins").status, 503);
    });
    assert_eq!(env.authctl(&["user", "list"]).status, 0, "readers go on");
}

#[test]
fn a_database_that_another_program_keeps_for_itself_is_refused_in_time() {
    if only_sqlite("nobody keeps a whole server's database for himself") {
        return;
    }
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let holder = env.file();
    holder
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
        .expect("locks");
    let authd = env.authd_refusal(&[], &SHORT);
    let mut list = env.authctl_command(&["user", "list"]);
    let list = refusal(list.envs(SHORT));
    for out in [authd, list] {
        assert_eq!(out.status, 6, "{out:?}");
        assert!(
            out.stderr.contains("stayed locked by another process"),
            "{out:?}"
        );
    }
    drop(holder);
    assert_eq!(env.authctl(&["user", "list"]).status, 0);
}
