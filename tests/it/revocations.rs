//! The feed of what ended, as services that keep verdicts follow it.

use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::env::{Answer, Authd, TestEnv};

/// A client's name and secret, as an `Authorization` header has them.
fn add_client(env: &TestEnv) -> String {
    add_client_called(env, "gateway")
}

fn add_client_called(env: &TestEnv, name: &str) -> String {
    let added = env.authctl_json(&["client", "add", name]).succeeded();
    let secret = added.json()["client_secret"]
        .as_str()
        .expect("is shown once")
        .to_owned();
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}

fn ask(authd: &Authd, client: &str, query: &str) -> Answer {
    let path = format!("/auth/revocations{query}");
    authd.get_with(&path, &[("Authorization", client)])
}

fn cursor(answer: &Answer) -> i64 {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["cursor"].as_i64().expect("is a number")
}

/// `kind id` of each change.
fn changes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let changes = answer.body["changes"].as_array().expect("is a list");
    let text = |value: &Value| value.as_str().expect("is a text").to_owned();
    let shown = |change: &Value| format!("{} {}", text(&change["kind"]), text(&change["id"]));
    changes.iter().map(shown).collect()
}

fn sid(authd: &Authd, token: &str) -> String {
    let answer = authd.verify(token);
    answer.body["claims"]["sid"]
        .as_str()
        .expect("is a text")
        .to_owned()
}

#[test]
fn only_clients_may_follow() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let client = add_client(&env);
    assert_eq!(authd.get("/auth/revocations").status, 401);
    for bad in ["Basic YTpi", &format!("Bearer {token}"), "Basic"] {
        let answer = ask(&authd, bad, "");
        assert!([400, 401].contains(&answer.status), "{bad}: {answer:?}");
        assert!(!answer.header("www-authenticate").is_empty() || answer.status == 400);
    }
    assert_eq!(ask(&authd, &client, "").status, 200);
    env.authctl(&["client", "disable", "gateway", "--yes"])
        .succeeded();
    assert_eq!(ask(&authd, &client, "").status, 401);
}

#[test]
fn what_ends_is_told_in_its_order_and_once() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let id = authd.verify(&token).body["user"]["id"]
        .as_str()
        .expect("is a text")
        .to_owned();
    let client = add_client(&env);
    let start = ask(&authd, &client, "");
    assert_eq!(start.body["changes"], json!([]));
    let start = cursor(&start);
    let first = sid(&authd, &token);
    env.authctl(&["session", "revoke", &first]).succeeded();
    env.authctl(&["user", "set", "ada@example.com", "--staff", "true"])
        .succeeded();
    let answer = ask(&authd, &client, &format!("?since={start}"));
    assert_eq!(
        changes(&answer),
        [format!("session {first}"), format!("user {id}")]
    );
    assert_eq!(answer.body["more"], false);
    let next = cursor(&answer);
    assert_eq!(
        changes(&ask(&authd, &client, &format!("?since={next}"))),
        [""; 0]
    );
    env.authctl(&["user", "delete", "ada@example.com", "--yes"])
        .succeeded();
    let answer = ask(&authd, &client, &format!("?since={next}"));
    assert_eq!(changes(&answer), [format!("user {id}")]);
}

#[test]
fn a_cursor_that_is_gone_or_from_the_future_is_told_where_to_begin_again() {
    let env = TestEnv::new();
    let (authd, _) = env.signed_in();
    let client = add_client(&env);
    let latest = cursor(&ask(&authd, &client, ""));
    env.sql("UPDATE change_sequence SET pruned = 1");
    for gone in [0, -1, latest + 1, i64::MAX] {
        let answer = ask(&authd, &client, &format!("?since={gone}"));
        answer.is_problem(410, "gone");
        assert_eq!(answer.body["cursor"], latest, "{gone}");
    }
    assert_eq!(ask(&authd, &client, "?since=1").status, 200);
    for bad in [
        "?since=",
        "?since=x",
        "?since=1.5",
        "?since=99999999999999999999",
    ] {
        ask(&authd, &client, bad).is_problem(400, "invalid_request");
    }
    for bad in ["x", "30", "2m", "-1s", "1y"] {
        let query = format!("?since={latest}&wait={bad}");
        ask(&authd, &client, &query).is_problem(400, "invalid_request");
    }
}

#[test]
fn whoever_waits_is_told_at_once_and_does_not_hold_up_the_end() {
    let env = TestEnv::new();
    let (mut authd, token) = env.signed_in();
    let client = add_client(&env);
    let start = cursor(&ask(&authd, &client, ""));
    let session = sid(&authd, &token);
    let wait =
        |since: i64, time: &str| ask(&authd, &client, &format!("?since={since}&wait={time}"));
    let began = Instant::now();
    assert_eq!(changes(&wait(start, "1s")), [""; 0]);
    assert!(began.elapsed() >= Duration::from_secs(1));
    let answer = thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(start, "60s"));
        thread::sleep(Duration::from_millis(300));
        env.authctl(&["session", "revoke", &session]).succeeded();
        waiting.join().expect("joins")
    });
    assert_eq!(changes(&answer), [format!("session {session}")]);
    let next = cursor(&answer);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(next, "60s"));
        thread::sleep(Duration::from_millis(300));
        authd.signal("TERM");
        assert_eq!(changes(&waiting.join().expect("joins")), [""; 0]);
    });
    assert_eq!(authd.wait(Duration::from_secs(5)), 0);
}

/// All the places are 64: four such clients, and everybody else is told 503.
#[test]
fn one_client_does_not_take_every_place_of_those_who_wait() {
    const EACH: usize = 16;
    let env = TestEnv::new();
    let authd = env.authd();
    let (greedy, other) = (add_client(&env), add_client_called(&env, "other"));
    let start = cursor(&ask(&authd, &greedy, ""));
    let query = format!("?since={start}&wait=3s");
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..EACH)
            .map(|_| scope.spawn(|| ask(&authd, &greedy, &query)))
            .collect();
        thread::sleep(Duration::from_secs(1));
        let refused = ask(&authd, &greedy, &query);
        refused.is_problem(429, "too_many_requests");
        assert_eq!(refused.header("retry-after"), "2");
        // Who asks without waiting takes no place, and others have their own.
        let at_once = ask(&authd, &greedy, &format!("?since={start}"));
        assert_eq!(changes(&at_once), [""; 0]);
        let waits = ask(&authd, &other, &format!("?since={start}&wait=100ms"));
        assert_eq!(changes(&waits), [""; 0]);
        for waited in waiting {
            assert_eq!(changes(&waited.join().expect("joins")), [""; 0]);
        }
    });
    let again = ask(&authd, &greedy, &format!("?since={start}&wait=100ms"));
    assert_eq!(changes(&again), [""; 0]);
}
