//! The database's file is moved, removed or replaced under a daemon that uses it.

use std::fs;
use std::time::{Duration, Instant};

use crate::env::{Authd, PASSWORD, TestEnv};

/// A daemon on a file, and a token of Ada's. Servers have no file of ours.
fn on_a_file() -> Option<(TestEnv, Authd, String)> {
    let env = TestEnv::new();
    if !env.is_on_sqlite() {
        return None;
    }
    let (authd, token) = env.signed_in();
    Some((env, authd, token))
}

/// What everybody is told, at the latest so long after it happened.
fn comes_to(authd: &Authd, token: &str, status: u16) {
    let began = Instant::now();
    while authd.verify(token).status != status {
        assert!(began.elapsed() < Duration::from_secs(5), "not {status}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(authd.get("/readyz").status, status);
    let answer = authd.try_login("ada@example.com", PASSWORD);
    assert_eq!(answer.status, status, "{answer:?}");
}

#[test]
fn a_file_that_was_moved_away_is_not_used_on() {
    let Some((env, authd, token)) = on_a_file() else {
        return;
    };
    fs::rename(env.path("authd.db"), env.path("away.db")).expect("moves");
    // What is written would be seen by nobody else.
    let login = authd.try_login("ada@example.com", PASSWORD);
    assert_eq!(login.status, 503, "{login:?}");
    comes_to(&authd, &token, 503);
    let log = authd.log();
    let sentence = "was moved, removed or replaced while it was in use";
    assert!(log.contains(sentence), "{log}");

    // Put back as it was, it is as good as before.
    fs::rename(env.path("away.db"), env.path("authd.db")).expect("moves");
    comes_to(&authd, &token, 200);
    authd.stop();
    env.authctl(&["user", "list"]).succeeded();
}

#[test]
fn another_file_in_its_place_is_not_taken_for_it() {
    let Some((env, authd, token)) = on_a_file() else {
        return;
    };
    for name in ["authd.db", "authd.db-wal", "authd.db-shm"] {
        fs::rename(env.path(name), env.path(&format!("old-{name}"))).expect("moves");
    }
    env.add_user("ada@example.com", PASSWORD);
    let before = env.files();
    comes_to(&authd, &token, 503);
    authd.stop();
    // Nor did the daemon's end write into it.
    let after = env.files();
    assert!(before["authd.db"] == after["authd.db"]);
    let again = env.authd();
    again.login("ada@example.com", PASSWORD);
}
