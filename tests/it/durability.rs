//! What was acknowledged stays, whatever ends the process; and two programs that write at once lose
//! nothing of each other's.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use auth::domain::name::PersonName;
use auth::domain::sources::{Clock, Random};
use auth::domain::user::{NewUser, UserId, UserRef};
use auth::service::system::{SystemClock, SystemRandom};
use auth::store::{DatabaseSettings, Store, StoreError, WriteMode, users};

use crate::env::{Authd, PASSWORD, TestEnv, test_seconds};

/// Names the database to a process that is to be killed.
const CHILD_DATABASE: &str = "AUTHD_TEST_CHILD_DATABASE";
/// How many accounts it adds; 0 for no end.
const CHILD_WRITES: &str = "AUTHD_TEST_CHILD_WRITES";
/// What it calls them.
const CHILD_PREFIX: &str = "AUTHD_TEST_CHILD_PREFIX";

const CHILD_THREADS: usize = 8;

/// What the product's time-out is by default.
const TIMEOUT: Duration = Duration::from_secs(5);

fn open(url: &str, mode: WriteMode) -> Store {
    let url = url.parse().expect("is a URL");
    Store::open(&DatabaseSettings::new(url, TIMEOUT), mode).expect("opens")
}

fn add(store: &Store, email: &str) -> Result<i64, StoreError> {
    let now = SystemClock.now();
    let id = UserId(SystemRandom.uuid_v7(now));
    let new = NewUser {
        email: email.parse().expect("is an address"),
        first_name: PersonName::default(),
        last_name: PersonName::default(),
        phone_number: None,
        external_id: None,
        is_active: true,
        is_staff: false,
        is_superuser: false,
        groups: std::collections::BTreeSet::new(),
        fields: std::collections::BTreeMap::new(),
    };
    store.write(move |tx| users::insert(tx, id, &new, None, now).map(|user| user.version))
}

/// Not a test: the process that the tests below kill. It writes as the daemon does, from many
/// threads through one group writer, and prints each acknowledged address.
#[test]
#[ignore = "runs in a process of its own, started by the tests that kill it"]
fn child_that_adds_accounts() {
    let Some(url) = cluster::variable(CHILD_DATABASE) else {
        return;
    };
    let writes: usize = cluster::variable(CHILD_WRITES)
        .and_then(|text| text.parse().ok())
        .expect("is a number");
    let prefix = cluster::variable(CHILD_PREFIX).expect("is set");
    let store = open(&url, WriteMode::Grouped);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..CHILD_THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if writes != 0 && number >= writes {
                        return;
                    }
                    let email = format!("{prefix}-{number}@example.com");
                    add(&store, &email).expect("writes");
                    writeln!(std::io::stdout().lock(), "\nadded {email}").expect("prints");
                }
            });
        }
    });
}

fn child(env: &TestEnv, prefix: &str, writes: usize) -> Child {
    Command::new(std::env::current_exe().expect("is known"))
        .args(["--exact", "durability::child_that_adds_accounts"])
        .args(["--ignored", "--nocapture"])
        .env(CHILD_DATABASE, env.database().url())
        .env(CHILD_WRITES, writes.to_string())
        .env(CHILD_PREFIX, prefix)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// A number from the operating system's randomness, below `end`.
fn random_below(end: usize) -> usize {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes);
    let number = u64::from_be_bytes(bytes) % u64::try_from(end).expect("fits");
    usize::try_from(number).expect("fits")
}

/// The database is whole: as SQLite sees it, and as the sequence of changes does.
#[track_caller]
fn assert_sound(env: &TestEnv) {
    // A server has no such check, and no file that a client could spoil.
    if env.is_on_sqlite() {
        assert_eq!(env.sql("PRAGMA integrity_check"), "ok");
    }
    // In one statement: a server may still commit what a killed client asked for.
    let unused =
        "SELECT value - (SELECT coalesce(max(version), 0) FROM users) FROM change_sequence";
    assert!(env.number(unused) >= 0);
}

/// The number of the latest change.
fn sequence(env: &TestEnv) -> i64 {
    env.number("SELECT value FROM change_sequence")
}

#[track_caller]
fn assert_all_there<'a>(env: &TestEnv, emails: impl IntoIterator<Item = &'a String>) {
    let store = open(&env.database().url(), WriteMode::Direct);
    for email in emails {
        let name = UserRef::Email(email.parse().expect("is an address"));
        let found = store.read(|connection| users::find(connection, &name));
        assert!(
            found.expect("reads").is_some(),
            "{email} was acknowledged and is lost"
        );
    }
}

/// Done when, number 3, for the writer itself: 1,000 writes from eight threads, killed in their
/// middle, five times over on the same file.
#[test]
fn killing_the_writer_in_the_middle_of_a_thousand_writes_loses_none_that_it_acknowledged() {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let mut child = child(&env, &format!("round{round}"), 1000);
        let kill_at = 1 + random_below(900);
        let mut seen = 0;
        // What it printed before it died counts too: lines in the pipe outlive it.
        for line in BufReader::new(child.stdout.take().expect("is piped")).lines() {
            let line = line.expect("is UTF-8");
            let Some(email) = line.strip_prefix("added ") else {
                continue;
            };
            // The last line may be cut off.
            if email.ends_with("@example.com") {
                acknowledged.push(email.to_owned());
                seen += 1;
            }
            if seen == kill_at {
                child.kill().expect("is killed");
            }
        }
        assert!(!child.wait().expect("ends").success(), "it was killed");
        assert!((kill_at..1000).contains(&seen), "in the middle: {seen}");
        assert_sound(&env);
        assert_all_there(&env, &acknowledged);
    }
    // At most what every thread had under way comes on top of what was acknowledged.
    let there = usize::try_from(env.number("SELECT count(*) FROM users")).expect("fits");
    let expected = acknowledged.len()..=acknowledged.len() + 5 * CHILD_THREADS;
    assert!(expected.contains(&there), "{there} not in {expected:?}");
}

/// Done when, number 3, through both programs: the daemon is killed again and again while it
/// records logins and authctl adds accounts.
#[test]
fn killing_authd_loses_no_login_and_no_account_that_was_acknowledged() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let authd = env.authd();
        let killed = AtomicBool::new(false);
        let logged_in = thread::scope(|scope| {
            let logins = scope.spawn(|| log_in_until(&authd, &killed));
            let adds = scope.spawn(|| {
                let mut added = Vec::new();
                while !killed.load(Ordering::SeqCst) || added.len() < 8 {
                    let email = format!("user{}@round{round}.example.com", added.len());
                    let out = env.authctl(&["user", "add", &email, "--no-password"]);
                    assert_eq!(out.status, 0, "{out:?}");
                    added.push(email);
                }
                added
            });
            thread::sleep(Duration::from_millis(200 + random_below(400) as u64));
            authd.signal("KILL");
            killed.store(true, Ordering::SeqCst);
            acknowledged.extend(adds.join().expect("joins"));
            logins.join().expect("joins")
        });
        assert_sound(&env);
        assert_all_there(&env, &acknowledged);
        let version = "SELECT version FROM users WHERE email_key = 'ada@example.com'";
        let version = env.number(version);
        assert!(
            version >= logged_in,
            "login {logged_in} was acknowledged, {version} is there"
        );
    }
    let there = usize::try_from(env.number("SELECT count(*) FROM users")).expect("fits");
    assert_eq!(there, acknowledged.len() + 1);
    env.authd().login("ada@example.com", PASSWORD);
}

/// Logs in until the daemon is gone; returns the version of the account after the last login whose
/// answer arrived.
fn log_in_until(authd: &Authd, killed: &AtomicBool) -> i64 {
    let mut version = 0;
    while !killed.load(Ordering::SeqCst) {
        let body = br#"{"email": "ada@example.com", "password": "correct horse battery staple"}"#;
        let json = [("Content-Type", "application/json")];
        let Some(answer) = authd.try_post("/auth/login", &json, body) else {
            break;
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        let token = answer.body["access_token"].as_str().expect("is a string");
        let bearer = format!("Bearer {token}");
        let Some(answer) = authd.try_get("/auth/verify", &[("Authorization", &bearer)]) else {
            break;
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        version = answer.body["user"]["version"]
            .as_i64()
            .expect("is a number");
    }
    version
}

/// Security statement 100: both programs at full speed. Each change draws one number, so the
/// sequence counts them: one lost or one done twice would show. Two minutes with
/// `AUTHD_TEST_SECONDS=120`.
#[test]
fn authctl_and_authd_writing_at_once_lose_nothing_and_never_see_a_lock() {
    let env = TestEnv::new();
    for worker in 0..2 {
        env.add_user(&format!("login{worker}@example.com"), PASSWORD);
        let email = format!("named{worker}@example.com");
        env.authctl(&["user", "add", &email, "--no-password"])
            .succeeded();
    }
    let before = sequence(&env);
    // Else a login might end an old session, which draws a number too.
    let authd = env.authd_with(&[], &[("AUTHD_SESSIONS_MAX_PER_USER", "10000")]);
    let until = Instant::now() + test_seconds(20);
    let (logins, renames, adds) = thread::scope(|scope| {
        let work = |make: fn(&TestEnv, &Authd, usize, usize), worker: usize| {
            let (env, authd) = (&env, &authd);
            scope.spawn(move || {
                let mut done = 0;
                while Instant::now() < until {
                    make(env, authd, worker, done);
                    done += 1;
                }
                done
            })
        };
        let logins = [work(log_in, 0), work(log_in, 1)];
        let renames = [work(rename, 0), work(rename, 1)];
        let adds = [work(add_another, 0)];
        let count = |thread: thread::ScopedJoinHandle<'_, usize>| thread.join().expect("joins");
        (logins.map(count), renames.map(count), adds.map(count))
    });
    for (worker, renames) in renames.into_iter().enumerate() {
        let email = format!("named{worker}@example.com");
        let user = env
            .authctl(&["user", "show", &email, "-o", "json"])
            .succeeded()
            .json();
        let last = format!("Name{}", renames - 1);
        assert!(
            user.to_string().contains(&format!("\"{last}\"")),
            "{last}: {user}"
        );
    }
    let changes: usize = [&logins[..], &renames, &adds].concat().iter().sum();
    assert_eq!(
        sequence(&env),
        before + i64::try_from(changes).expect("fits")
    );
    assert!(
        logins
            .iter()
            .chain(&renames)
            .chain(&adds)
            .all(|done| *done > 3)
    );
    assert!(!authd.log().contains("locked"), "{}", authd.log());
    let added = env.number("SELECT count(*) FROM users WHERE email LIKE 'added%'");
    assert_eq!(added, i64::try_from(adds[0]).expect("fits"));
    assert_sound(&env);
    eprintln!("logins {logins:?}, renames {renames:?}, adds {adds:?}");
}

fn log_in(_: &TestEnv, authd: &Authd, worker: usize, _: usize) {
    authd.login(&format!("login{worker}@example.com"), PASSWORD);
}

fn rename(env: &TestEnv, _: &Authd, worker: usize, done: usize) {
    let (email, name) = (format!("named{worker}@example.com"), format!("Name{done}"));
    let out = env.authctl(&["user", "set", &email, "--first-name", &name]);
    assert_eq!(out.status, 0, "{out:?}");
}

fn add_another(env: &TestEnv, _: &Authd, _: usize, done: usize) {
    let out = env.authctl(&[
        "user",
        "add",
        &format!("added{done}@example.com"),
        "--no-password",
    ]);
    assert_eq!(out.status, 0, "{out:?}");
}

/// Security statement 100, at the speed of the disk: a group writer that is never idle, in another
/// process, beside commands and short transactions in this one. Nobody waits past the time-out.
#[test]
fn a_writer_at_the_speed_of_the_disk_starves_nobody() {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    let mut flood = child(&env, "flood", 0);
    let mut lines = BufReader::new(flood.stdout.take().expect("is piped")).lines();
    let is_first = |line: std::io::Result<String>| line.expect("reads").starts_with("added ");
    assert!(lines.by_ref().any(is_first), "the flood has begun");
    let until = Instant::now() + test_seconds(20) / 4;
    let (flooded, (direct, slowest), commands) = thread::scope(|scope| {
        let flooded = scope.spawn(|| {
            let added = lines
                .map_while(Result::ok)
                .filter(|line| line.starts_with("added "));
            added.count() + 1
        });
        let direct = scope.spawn(|| {
            let store = open(&env.database().url(), WriteMode::Direct);
            let (mut done, mut slowest) = (0, Duration::ZERO);
            while Instant::now() < until {
                let began = Instant::now();
                add(&store, &format!("direct{done}@example.com")).expect("is never locked out");
                slowest = slowest.max(began.elapsed());
                done += 1;
            }
            (done, slowest)
        });
        let commands = scope.spawn(|| {
            let mut done = 0;
            while Instant::now() < until {
                let email = format!("command{done}@example.com");
                let out = env.authctl(&["user", "add", &email, "--no-password"]);
                assert_eq!(out.status, 0, "{out:?}");
                done += 1;
            }
            done
        });
        let (direct, commands) = (direct.join(), commands.join());
        flood.kill().expect("is killed");
        flood.wait().expect("ends");
        let flooded = flooded.join().expect("joins");
        (flooded, direct.expect("joins"), commands.expect("joins"))
    });
    eprintln!("flood {flooded}, direct {direct} (slowest {slowest:?}), commands {commands}");
    assert!(direct > 5 && commands > 5, "{direct} {commands}");
    let there = |prefix: &str| {
        let sql = format!("SELECT count(*) FROM users WHERE email LIKE '{prefix}%'");
        usize::try_from(env.number(&sql)).expect("fits")
    };
    let counts = BTreeMap::from([("direct", direct), ("command", commands)]);
    for (prefix, done) in counts {
        assert_eq!(there(prefix), done, "{prefix}");
    }
    assert!((flooded..=flooded + CHILD_THREADS).contains(&there("flood")));
    assert_sound(&env);
}
