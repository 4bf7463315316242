//! `Idempotency-Key`: a request that creates something is carried out once, however often it comes.

use serde_json::{Value, json};

use crate::daemon::Answer;
use crate::env::PASSWORD;
use crate::users_api::Office;

fn post(office: &Office, token: &str, path: &str, key: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", key),
    ];
    office.authd.ask("POST", path, &headers, body.to_string())
}

#[test]
fn what_came_before_is_answered_as_before_and_not_carried_out_again() {
    let office = Office::new();
    let root = &office.root;
    for (path, body) in [
        (
            "/users",
            json!({"email": "ada@example.com", "password": PASSWORD}),
        ),
        ("/groups", json!({"name": "billing"})),
        ("/permissions", json!({"name": "billing.refund"})),
        ("/fields", json!({"name": "size", "type": "int"})),
    ] {
        let key = format!("\"key-of{}\"", path.replace('/', "-"));
        let first = post(&office, root, path, &key, &body);
        assert_eq!(first.status, 201, "{first:?}");
        let before = office.env.number("SELECT count(*) FROM audit_events");
        // The form without quotes is the same key.
        for key in [key.as_str(), key.trim_matches('"')] {
            let again = post(&office, root, path, key, &body);
            assert_eq!(again.status, 201, "{again:?}");
            assert_eq!(again.text, first.text);
            assert_eq!(again.header("idempotency-replayed"), "true");
            assert_eq!(again.header("cache-control"), "no-store");
            assert_eq!(again.header("content-type"), first.header("content-type"));
            for header in ["location", "etag"] {
                assert_eq!(again.headers.get(header), first.headers.get(header));
            }
        }
        let after = office.env.number("SELECT count(*) FROM audit_events");
        assert_eq!(after, before);
        assert!(first.headers.get("idempotency-replayed").is_none());
    }
    // Nothing that was kept tells a password, not even to whoever guesses it.
    let kept = office.env.sql("SELECT * FROM idempotent_requests");
    assert!(!kept.contains(PASSWORD), "{kept}");
    office.authd.login("ada@example.com", PASSWORD);
}

#[test]
fn a_key_is_good_for_one_request_of_one_caller() {
    let office = Office::new();
    office.grant(&["groups.add", "groups.view"]);
    let group = |name: &str| json!({"name": name});
    let first = post(&office, &office.root, "/groups", "k", &group("one"));
    assert_eq!(first.status, 201, "{first:?}");
    for (path, body) in [
        ("/groups", group("two")),
        ("/groups?x=1", group("one")),
        ("/permissions", group("one.two")),
    ] {
        let other = post(&office, &office.root, path, "k", &body);
        other.is_problem(422, "invalid");
        let errors = &other.body["errors"];
        assert!(errors["Idempotency-Key"].is_array(), "{other:?}");
    }
    let of_staff = post(&office, &office.staff, "/groups", "k", &group("two"));
    assert_eq!(of_staff.body["name"], "two", "{of_staff:?}");
    for bad in ["a b", "\"\"", "a\"b", &"x".repeat(256)] {
        let refused = post(&office, &office.root, "/groups", bad, &group("three"));
        refused.is_problem(400, "invalid_request");
    }
    assert_eq!(
        post(&office, "x", "/groups", "k", &group("one")).status,
        401
    );
    let groups = office.done("GET", "/groups", None);
    assert_eq!(groups["groups"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_was_refused_may_come_again() {
    let office = Office::new();
    let body = json!({"name": "billing"});
    let denied = post(&office, &office.staff, "/groups", "k", &body);
    denied.is_problem(403, "forbidden");
    office.grant(&["groups.add"]);
    let made = post(&office, &office.staff, "/groups", "k", &body);
    assert_eq!(made.status, 201, "{made:?}");
    let taken = post(&office, &office.root, "/groups", "k", &body);
    taken.is_problem(409, "conflict");
    let corrected = json!({"name": "shipping"});
    let made = post(&office, &office.root, "/groups", "k", &corrected);
    assert_eq!(made.status, 201, "{made:?}");
}

#[test]
fn of_many_at_once_one_is_carried_out() {
    let office = Office::new();
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let ask = || post(&office, &office.root, "/users", "k", &body);
        let running: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        let ended = running.into_iter().map(|one| one.join().expect("answers"));
        ended.collect()
    });
    let made: Vec<&Answer> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    assert!(!made.is_empty());
    for answer in &answers {
        assert!([201, 409].contains(&answer.status), "{answer:?}");
        if answer.status == 201 {
            assert_eq!(answer.text, made[0].text);
        } else {
            let detail = answer.body["detail"].as_str().expect("is a text");
            assert!(detail.contains("under way"), "{answer:?}");
        }
    }
    let added = "SELECT count(*) FROM audit_events WHERE event = 'user.added'";
    assert_eq!(office.env.number(added), 3);
}

#[test]
fn what_is_kept_is_forgotten_after_a_day_and_what_was_given_up_after_a_minute() {
    let office = Office::new();
    let group = |name: &str| json!({"name": name});
    post(&office, &office.root, "/groups", "k", &group("one"));
    let age = |secs: i64| {
        office.env.sql(&format!(
            "UPDATE idempotent_requests SET began_at = began_at - {}",
            secs * 1000
        ))
    };
    age(24 * 3600 - 30);
    let again = post(&office, &office.root, "/groups", "k", &group("one"));
    assert_eq!(again.header("idempotency-replayed"), "true");
    age(60);
    let new = post(&office, &office.root, "/groups", "k", &group("two"));
    assert_eq!(new.status, 201, "{new:?}");
    age(24 * 3600);
    let pruned = office.env.authctl_json(&["session", "prune"]).succeeded();
    assert_eq!(
        office
            .env
            .number("SELECT count(*) FROM idempotent_requests"),
        0,
        "{pruned:?}"
    );

    post(&office, &office.root, "/groups", "k", &group("three"));
    office
        .env
        .sql("UPDATE idempotent_requests SET status = NULL, body = NULL");
    let busy = post(&office, &office.root, "/groups", "k", &group("three"));
    busy.is_problem(409, "conflict");
    assert_eq!(busy.header("retry-after"), "1");
    age(60);
    // It was done, and nobody was told: whoever asks again finds what was made.
    let found = post(&office, &office.root, "/groups", "k", &group("three"));
    found.is_problem(409, "conflict");
}
