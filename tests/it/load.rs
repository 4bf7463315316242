//! Work for a daemon while something happens to its database, and what must hold of the answers.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cluster::Cluster;

use crate::env::{Answer, Authd, PASSWORD, TestEnv};

/// `database.timeout` of the daemons under load.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// What an answer may take beyond it, on a machine that does many things at once.
pub(crate) const SLACK: Duration = Duration::from_millis(1500);
/// How long a server that is back may stay unnoticed.
const RETURN: Duration = Duration::from_secs(5);

/// The answer, which must be there in time; 503 says when to come back.
#[track_caller]
pub(crate) fn in_time(ask: impl FnOnce() -> Answer) -> Answer {
    let began = Instant::now();
    let answer = ask();
    let took = began.elapsed();
    assert!(took < TIMEOUT + SLACK, "{took:?}: {answer:?}");
    assert!([200, 503].contains(&answer.status), "{answer:?}");
    if answer.status == 503 {
        answer.is_problem(503, "overloaded");
        assert!(!answer.header("retry-after").is_empty());
    }
    answer
}

#[track_caller]
pub(crate) fn returns(authd: &Authd, token: &str) {
    let deadline = Instant::now() + RETURN;
    let is_back = || {
        let verify = in_time(|| authd.verify(token)).status;
        let login = in_time(|| authd.try_login("ada@example.com", PASSWORD)).status;
        let ready = in_time(|| authd.get("/readyz")).status;
        [verify, login, ready] == [200, 200, 200]
    };
    while !is_back() {
        assert!(Instant::now() < deadline, "{}", authd.log());
        thread::sleep(Duration::from_millis(50));
    }
}

/// More than so many of each must be acknowledged before anything is disturbed.
const ENOUGH: usize = 5;

/// Logins and writes, and what was acknowledged of them.
#[derive(Default)]
pub(crate) struct Load {
    count: AtomicU32,
    stop: AtomicBool,
    added: Mutex<BTreeSet<String>>,
    refused: Mutex<BTreeSet<String>>,
    logins: AtomicU32,
    pub(crate) failures: AtomicU32,
}

impl Load {
    fn log_in(&self, authd: &Authd, token: &str) {
        while !self.stop.load(Ordering::Relaxed) {
            let login = in_time(|| authd.try_login("ada@example.com", PASSWORD));
            in_time(|| authd.verify(token));
            let counter = if login.status == 200 {
                &self.logins
            } else {
                &self.failures
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn add(&self, env: &TestEnv) {
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            let email = format!("user{number}@example.com");
            let outcome = env.authctl(&["user", "add", &email, "--no-password", "-q"]);
            if outcome.status == 0 {
                self.added.lock().expect("is whole").insert(email);
            } else {
                assert_eq!(outcome.status, 6, "{outcome:?}");
                if !outcome.stderr.contains("it is not known whether") {
                    self.refused.lock().expect("is whole").insert(email);
                }
            }
        }
    }

    /// Whether there was enough of everything to lose some of it.
    fn is_under_way(&self) -> bool {
        let added = self.added.lock().expect("is whole").len();
        added > ENOUGH && self.logins.load(Ordering::Relaxed) > 5
    }

    /// What was acknowledged is there, and what was refused is not.
    #[track_caller]
    pub(crate) fn is_kept_by(&self, cluster: &Cluster, database: &str) {
        let emails = cluster.psql(database, "SELECT email FROM users");
        let there: BTreeSet<String> = emails.lines().map(str::to_owned).collect();
        let added = self.added.lock().expect("is whole");
        let lost: Vec<_> = added.difference(&there).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let refused = self.refused.lock().expect("is whole");
        let kept: Vec<_> = refused.intersection(&there).collect();
        assert!(kept.is_empty(), "refused and kept: {kept:?}");
        assert!(added.len() > ENOUGH, "{} were added", added.len());
        assert!(self.logins.load(Ordering::Relaxed) > 5);
        // Each login and each account has drawn a number.
        let value = cluster.psql(database, "SELECT value FROM change_sequence");
        let value: u32 = value.parse().expect("is a number");
        let logins = self.logins.load(Ordering::Relaxed);
        let added = u32::try_from(added.len()).expect("is small");
        assert!(value >= added + logins, "{value} of {added} + {logins}");
    }
}

/// Runs the load, and meanwhile something else.
pub(crate) fn under_load(
    env: &TestEnv,
    authd: &Authd,
    token: &str,
    disturb: impl FnOnce(),
) -> Load {
    let load = Load::default();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| load.log_in(authd, token));
            scope.spawn(|| load.add(env));
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while !load.is_under_way() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        disturb();
        thread::sleep(Duration::from_millis(700));
        load.stop.store(true, Ordering::Relaxed);
    });
    load
}
