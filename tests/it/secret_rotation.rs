//! `authctl secret rotate`: another secret over the signing keys.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::env::{PASSWORD, TestEnv, run};
use crate::forger::header_of;

const OLD: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const NEW: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

fn sealed(env: &TestEnv) -> String {
    env.sql("SELECT kid, sealed_private FROM signing_keys ORDER BY kid")
}

fn secret(env: &TestEnv) -> String {
    std::fs::read_to_string(env.path("authd.key")).expect("reads")
}

/// The programs find the keys, and make others.
#[track_caller]
fn works(env: &TestEnv) {
    env.authctl(&["key", "rotate", "--now"]).succeeded();
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    assert_eq!(authd.verify(&token).status, 200);
}

#[test]
fn a_daemon_that_runs_goes_on_through_a_change_of_the_secret() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    env.authctl(&["key", "rotate", "--now"]).succeeded();
    let (before, old) = (sealed(&env), secret(&env));
    let said = env.authctl_json(&["secret", "rotate"]).succeeded().json();
    assert_eq!(said, json!({"resealed": 2}));
    assert_ne!(secret(&env), old);
    assert!(!env.path("authd.key.next").exists());
    for line in before.lines() {
        assert!(!sealed(&env).contains(line));
    }
    let mode = std::fs::metadata(env.path("authd.key")).expect("is there");
    let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions());
    assert_eq!(mode & 0o777, 0o600);

    assert_eq!(authd.verify(&token).status, 200);
    let kid = |token: &str| header_of(token)["kid"].clone();
    let same = authd.login("ada@example.com", PASSWORD);
    // A key that was made under the new secret: the daemon reads the secret again.
    let made = env
        .authctl_json(&["key", "rotate", "--now"])
        .succeeded()
        .json();
    let fresh = authd.login("ada@example.com", PASSWORD);
    assert_eq!(
        (&kid(&fresh), kid(&same) == kid(&fresh)),
        (&made["kid"], false)
    );
    for token in [&token, &same, &fresh] {
        assert_eq!(authd.verify(token).status, 200);
    }
    let events = "SELECT count(*) FROM audit_events WHERE event = 'key.resealed'";
    assert_eq!(env.number(events), 2);
    drop(authd);
    works(&env);
    // The old one alone opens nothing any more.
    env.write("authd.key", &old);
    let refused = env.authd_refusal(&[], &[]);
    assert!(
        refused.stderr.contains("do not open with this secret key"),
        "{refused:?}"
    );
}

/// Wherever it was interrupted, the next program brings it to its end, or it has not begun.
#[test]
fn a_change_that_was_interrupted_is_brought_to_its_end() {
    let env = TestEnv::new();
    drop(env.signed_in());
    let old = secret(&env);
    // The new secret was written, and the keys were not sealed with it.
    env.write("authd.key.next", &format!("{}\n", "1".repeat(64)));
    works(&env);
    assert_eq!(secret(&env), old);
    env.authctl(&["secret", "rotate"]).succeeded();
    assert!(!env.path("authd.key.next").exists());
    // They were, and the file was not replaced.
    for first in ["authd", "authctl"] {
        let before = secret(&env);
        env.authctl(&["secret", "rotate"]).succeeded();
        let new = secret(&env);
        env.write("authd.key.next", &new);
        env.write("authd.key", &before);
        if first == "authctl" {
            env.authctl(&["key", "rotate", "--now"]).succeeded();
        } else {
            drop(env.authd());
        }
        assert_eq!(secret(&env), new, "{first}");
        assert!(!env.path("authd.key.next").exists(), "{first}");
        works(&env);
    }
    // Nor does a second interruption take anything away.
    let before = secret(&env);
    env.authctl(&["secret", "rotate"]).succeeded();
    std::fs::rename(env.path("authd.key"), env.path("authd.key.next")).expect("renames");
    env.write("authd.key", &before);
    env.authctl(&["secret", "rotate"]).succeeded();
    works(&env);
}

/// It is killed at any moment, again and again.
#[test]
fn killing_it_at_any_moment_loses_no_key() {
    let env = TestEnv::new();
    drop(env.signed_in());
    for round in 0..20 {
        let mut command = env.authctl_command(&["secret", "rotate"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("starts");
        thread::sleep(Duration::from_millis(5 + round * 3));
        child.kill().expect("is killed, or has ended");
        child.wait().expect("ends");
        env.authctl(&["key", "rotate", "--now"]).succeeded();
    }
    works(&env);
}

#[test]
fn of_two_at_once_none_takes_the_keys_from_the_other() {
    let env = TestEnv::new();
    drop(env.signed_in());
    let statuses: Vec<i32> = thread::scope(|scope| {
        let begun: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| env.authctl(&["secret", "rotate"]).status))
            .collect();
        begun
            .into_iter()
            .map(|one| one.join().expect("runs"))
            .collect()
    });
    assert!(statuses.contains(&0), "{statuses:?}");
    // Whoever came too late says so.
    assert!(
        statuses.iter().all(|status| [0, 1, 4].contains(status)),
        "{statuses:?}"
    );
    works(&env);
}

#[test]
fn a_secret_that_is_given_is_changed_by_whoever_gives_it() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    drop(env.authd_with(&[], &[("AUTHD_SECRET_KEY", OLD)]));
    let rotate = |more: &[&str]| {
        let arguments = [&["secret", "rotate", "-o", "json"], more].concat();
        run(
            env.authctl_command(&arguments).env("AUTHD_SECRET_KEY", OLD),
            "",
        )
    };
    let before = sealed(&env);
    let out = rotate(&[]);
    assert_eq!(out.status, 2, "{out:?}");
    assert!(out.stderr.contains("--new-secret-file"), "{out:?}");
    for (text, status) in [("short", 5), (OLD, 4)] {
        env.write("new.key", text);
        let out = rotate(&["--new-secret-file", "new.key"]);
        assert_eq!(out.status, status, "{text} {out:?}");
    }
    let out = rotate(&["--new-secret-file", "none"]);
    assert_eq!(out.status, 5, "{out:?}");
    let words = "the new secret key: the secret key file 'none' cannot be read";
    assert!(out.stderr.contains(words), "{out:?}");
    assert_eq!(sealed(&env), before);
    env.write("new.key", NEW);
    assert_eq!(rotate(&["--new-secret-file", "new.key"]).status, 0);
    let refused = env.authd_refusal(&[], &[("AUTHD_SECRET_KEY", OLD)]);
    assert!(
        refused.stderr.contains("do not open with this secret key"),
        "{refused:?}"
    );
    let authd = env.authd_with(&[], &[("AUTHD_SECRET_KEY", NEW)]);
    authd.login("ada@example.com", PASSWORD);
}

#[test]
fn a_file_that_cannot_be_written_leaves_everything_as_it_is() {
    let env = TestEnv::new();
    drop(env.signed_in());
    let before = (sealed(&env), secret(&env));
    std::fs::create_dir(env.path("authd.key.next")).expect("makes a folder");
    let out = env.authctl(&["secret", "rotate"]);
    assert_eq!(out.status, 1, "{out:?}");
    assert!(out.stderr.contains("authd.key.next"), "{out:?}");
    assert_eq!((sealed(&env), secret(&env)), before);
    std::fs::remove_dir(env.path("authd.key.next")).expect("removes it");
    works(&env);
}
