//! Many who use one refresh token at once.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::env::{Authd, PASSWORD, TestEnv};

const THREADS: usize = 8;
const ROUNDS: usize = 200;

fn refresh(authd: &Authd, token: &str) -> (u16, Value) {
    let mut answer = authd.post_json("/auth/refresh", &json!({"refresh_token": token}));
    (answer.status, answer.body["refresh_token"].take())
}

fn reuses(env: &TestEnv) -> i64 {
    env.number("SELECT count(*) FROM audit_events WHERE event = 'refresh_token.reused'")
}

/// Security statement 46, as the window of grace has it: of all who use a token at once, everybody
/// gets the same successor, and there is one new row. Nobody is taken for a thief.
///
/// CVE-2026-1035 (Keycloak): looking and writing were two steps.
#[test]
fn of_eight_at_once_all_get_the_same_successor_two_hundred_times() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd();
    let mut token = authd.try_login("ada@example.com", PASSWORD).body["refresh_token"].take();
    let barrier = Barrier::new(THREADS);
    for round in 1..=ROUNDS {
        let current = token.as_str().expect("is a text");
        let answers: Vec<(u16, Value)> = thread::scope(|scope| {
            let ask = || {
                scope.spawn(|| {
                    barrier.wait();
                    refresh(&authd, current)
                })
            };
            let asking: Vec<_> = (0..THREADS).map(|_| ask()).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("joins");
            asking.into_iter().map(join).collect()
        });
        let (_, next) = &answers[0];
        for answer in &answers {
            assert_eq!(answer, &(200, next.clone()), "in round {round}");
        }
        token = next.clone();
        if round % 50 == 0 {
            let rows = env.number("SELECT count(*) FROM refresh_tokens");
            assert_eq!(rows, i64::try_from(round + 1).expect("is small"));
        }
    }
    assert_eq!(env.number("SELECT count(*) FROM refresh_tokens"), 201);
    assert_eq!(reuses(&env), 0);
    assert_eq!(env.number("SELECT count(*) FROM sessions"), 1);
}

/// Security statement 45: always an alarm after the window, whoever comes first, and one only.
#[test]
fn after_the_window_a_used_token_is_always_an_alarm() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[("AUTHD_SESSIONS_REFRESH_GRACE", "1s")]);
    let mut families = Vec::new();
    for _ in 0..10 {
        let login = authd.try_login("ada@example.com", PASSWORD).body;
        let first = login["refresh_token"]
            .as_str()
            .expect("is a text")
            .to_owned();
        let access = login["access_token"]
            .as_str()
            .expect("is a text")
            .to_owned();
        let (status, second) = refresh(&authd, &first);
        assert_eq!(status, 200);
        families.push((
            first,
            second.as_str().expect("is a text").to_owned(),
            access,
        ));
    }
    // The one thing here that only real time can do: both programs are real.
    thread::sleep(Duration::from_millis(1200));
    for (first, second, access) in &families {
        let statuses: Vec<u16> = thread::scope(|scope| {
            let ask = || scope.spawn(|| refresh(&authd, first).0);
            let asking: Vec<_> = (0..THREADS).map(|_| ask()).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("joins");
            asking.into_iter().map(join).collect()
        });
        assert_eq!(statuses, [401; THREADS]);
        assert_eq!(refresh(&authd, second).0, 401);
        assert_eq!(authd.verify(access).status, 401);
    }
    assert_eq!(reuses(&env), 10);
    assert_eq!(env.number("SELECT count(*) FROM sessions"), 0);
}

/// Security statement 47.
///
/// CVE-2026-9802 (Keycloak): a restart made used tokens good again.
#[test]
fn killing_authd_between_rotation_and_replay_forgets_nothing() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let grace = [("AUTHD_SESSIONS_REFRESH_GRACE", "0s")];
    let authd = env.authd_with(&[], &grace);
    let first = authd.try_login("ada@example.com", PASSWORD).body["refresh_token"].take();
    let first = first.as_str().expect("is a text");
    let (_, second) = refresh(&authd, first);
    authd.signal("KILL");
    drop(authd);
    let authd = env.authd_with(&[], &grace);
    assert_eq!(refresh(&authd, first).0, 401);
    assert_eq!(refresh(&authd, second.as_str().expect("is a text")).0, 401);
    assert_eq!(reuses(&env), 1);
}
