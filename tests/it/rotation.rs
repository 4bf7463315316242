//! A rotation of the signing key, with everybody at work.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::env::{Authd, PASSWORD, TestEnv, run};
use crate::forger::header_of;
use crate::offline::python;

/// For how long a new key is published first. Others keep the keys for half of it.
const PUBLISHED: (&str, &str) = ("AUTHD_TOKENS_PUBLISH_BEFORE_SIGN", "6s");

/// Verifies a second.
const RATE: u64 = 200;

/// Checks tokens offline, in another process.
struct Offline {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Offline {
    fn start(env: &TestEnv, authd: &Authd) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/rotation.py");
        let url = format!("{}/.well-known/jwks.json", authd.url);
        let mut child = env
            .command(python())
            .args([script, &url, "http://localhost:8000"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let stdout = child.stdout.take().expect("is piped");
        Self {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    #[track_caller]
    fn finds_good(&mut self, token: &str) {
        let stdin = self.child.stdin.as_mut().expect("is piped");
        writeln!(stdin, "{token}").expect("writes");
        let verdict = self.lines.next().expect("answers").expect("is text");
        assert_eq!(verdict, "good");
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A session that is refreshed again and again.
struct Session<'a> {
    authd: &'a Authd,
    refresh_token: String,
}

impl Session<'_> {
    /// The next access token; what does not work is a failure.
    fn next(&mut self) -> String {
        let body = json!({"refresh_token": self.refresh_token});
        let answer = self.authd.post_json("/auth/refresh", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = |name: &str| answer.body[name].as_str().expect("is a text").to_owned();
        self.refresh_token = text("refresh_token");
        text("access_token")
    }
}

/// Nobody notices: those who ask, two hundred times a second; `PyJWT`'s own client of the keys; and
/// whoever keeps the keys for as long as they may be kept, and never asks in between.
#[test]
fn a_rotation_under_load_fails_no_verify() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[PUBLISHED]);
    let answer = authd.try_login("ada@example.com", PASSWORD);
    let first = answer.body["access_token"].as_str().expect("is a text");
    let mut session = Session {
        authd: &authd,
        refresh_token: answer.body["refresh_token"]
            .as_str()
            .expect("is a text")
            .to_owned(),
    };
    let keys = authd.get("/.well-known/jwks.json");
    assert_eq!(keys.header("cache-control"), "public, max-age=3");
    let mut offline = Offline::start(&env, &authd);
    offline.finds_good(first);

    let old = header_of(first)["kid"].clone();
    let newest = Mutex::new(first.to_owned());
    let (is_over, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = Instant::now();
    let took = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let number = asked.fetch_add(1, Ordering::Relaxed);
                    let due = began + Duration::from_millis(number * 1000 / RATE);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    let token = newest.lock().expect("is not poisoned").clone();
                    for token in [first, &token] {
                        let answer = authd.verify(token);
                        assert_eq!(answer.status, 200, "{answer:?}");
                    }
                }
            });
        }
        // Whatever fails here must not leave the others at work.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut rotate = env.authctl_command(&["key", "rotate"]);
            run(rotate.env(PUBLISHED.0, PUBLISHED.1), "").succeeded();
            let mut since_new = None;
            // Until whoever fetched the keys last before the rotation has fetched them again, and again.
            while since_new.is_none_or(|since: Instant| since.elapsed() < Duration::from_secs(7)) {
                assert!(
                    began.elapsed() < Duration::from_secs(60),
                    "no new key signs"
                );
                let token = session.next();
                offline.finds_good(&token);
                offline.finds_good(first);
                if header_of(&token)["kid"] != old {
                    since_new.get_or_insert_with(Instant::now);
                }
                *newest.lock().expect("is not poisoned") = token;
                thread::sleep(Duration::from_millis(200));
            }
            began.elapsed()
        }));
        is_over.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|cause| std::panic::resume_unwind(cause))
    });
    // It was not promoted before its time.
    assert!(took > Duration::from_secs(6 + 7), "{took:?}");
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked >= 400, "{asked} times in {took:?}");
}
