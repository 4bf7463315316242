//! What users change of themselves: `PATCH /auth/me` and their password.

use serde_json::{Value, json};

use crate::env::{Answer, Authd, PASSWORD, TestEnv};
use crate::mail_server::code_in;
use crate::stop::wait_until;

const ADA: &str = "ada@example.com";
const NEW: &str = "violet lantern orbits quartz";

fn patch(authd: &Authd, token: &str, seen: Option<&str>, change: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/merge-patch+json"),
    ];
    headers.extend(seen.map(|tag| ("If-Match", tag)));
    authd.ask("PATCH", "/auth/me", &headers, change.to_string())
}

fn me(authd: &Authd, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    authd.get_with("/auth/me", &[("Authorization", &bearer)])
}

/// With the answer's status.
fn change_address(authd: &Authd, token: &str, password: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = json!({"email": "ada@example.org", "password": password});
    let answer = authd.ask("POST", "/auth/email/change", &headers, body.to_string());
    answer.status
}

fn change_password(authd: &Authd, token: &str, current: &str, new: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = json!({"current_password": current, "new_password": new});
    authd.ask("POST", "/auth/password/change", &headers, body.to_string())
}

#[track_caller]
fn refused(answer: &Answer, field: &str) {
    answer.is_problem(422, "invalid");
    assert!(answer.body["errors"][field].is_array(), "{answer:?}");
}

#[test]
fn users_change_their_names_their_number_and_the_fields_that_are_theirs() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    for flags in [
        &["size", "--type", "int", "--self-write"][..],
        &["team", "--type", "string", "--self-read"],
        &["salary", "--type", "int"],
    ] {
        env.authctl(&[&["field", "add"], flags].concat())
            .succeeded();
    }
    let change = json!({"first_name": "Ada", "phone_number": "+44 20 7946 0000",
        "fields": {"size": 4}});
    let changed = patch(&authd, &token, None, &change);
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["first_name"], "Ada");
    assert_eq!(changed.body["phone_number"], "+442079460000");
    assert_eq!(changed.body["fields"], json!({"size": 4, "team": null}));
    assert_eq!(changed.header("cache-control"), "no-store");
    let seen = me(&authd, &token);
    assert_eq!(seen.body, changed.body);
    assert_eq!(seen.header("etag"), changed.header("etag"));

    let change = json!({"phone_number": null, "fields": {"size": null}});
    let changed = patch(&authd, &token, Some(seen.header("etag")), &change);
    assert_eq!(changed.body["phone_number"], Value::Null);
    assert_eq!(changed.body["fields"]["size"], Value::Null);
    let late = patch(&authd, &token, Some(seen.header("etag")), &change);
    late.is_problem(412, "precondition_failed");
    assert_eq!(late.header("etag"), changed.header("etag"));
    // What is as it was is no change.
    let same = patch(&authd, &token, None, &change);
    assert_eq!(same.header("etag"), changed.header("etag"));

    let out = env.authctl_json(&["audit", "--action", "user.changed"]);
    let events = out.succeeded().json()["events"].take();
    assert_eq!(events.as_array().map(Vec::len), Some(2), "{events}");
}

/// Security statement 82; CVE-2026-27946, CVE-2026-54693.
#[test]
fn users_change_nothing_else_of_themselves() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    for flags in [
        &["team", "--type", "string", "--self-read"][..],
        &["salary", "--type", "int"],
        &["size", "--type", "int", "--self-write", "--max", "9"],
    ] {
        env.authctl(&[&["field", "add"], flags].concat())
            .succeeded();
    }
    let before = env.everything();
    for (field, value) in [
        ("id", json!("01890000-0000-7000-8000-000000000000")),
        ("email", json!("eve@example.com")),
        ("is_active", json!(true)),
        ("is_staff", json!(true)),
        ("is_superuser", json!(true)),
        ("is_verified", json!(true)),
        ("role", json!("admin")),
        ("groups", json!(["admins"])),
        ("permissions", json!(["users.view"])),
        ("password", json!(NEW)),
        ("date_joined", json!("2020-01-01T00:00:00Z")),
        ("last_login", json!(null)),
        ("version", json!(1)),
        ("__proto__", json!({"is_staff": true})),
    ] {
        let mut change = json!({"first_name": "Eve"});
        change[field] = value;
        refused(&patch(&authd, &token, None, &change), field);
    }
    for (field, value) in [
        ("team", json!("red")),
        ("salary", json!(1)),
        ("nothing", json!(1)),
        ("size", json!(10)),
    ] {
        let mut change = json!({"first_name": "Eve", "fields": {}});
        change["fields"][field] = value;
        let answer = patch(&authd, &token, None, &change);
        refused(&answer, &format!("fields.{field}"));
    }
    // What an account does not see is nothing to it.
    let unseen = json!({"fields": {"salary": 1}});
    let unseen = patch(&authd, &token, None, &unseen).text;
    let nothing = json!({"fields": {"nothing": 1}});
    let nothing = patch(&authd, &token, None, &nothing).text;
    assert_eq!(unseen, nothing.replace("nothing", "salary"));
    refused(
        &patch(&authd, &token, None, &json!({"first_name": "a\nb"})),
        "first_name",
    );
    for malformed in [json!({"first_name": null}), json!({"fields": 1}), json!([])] {
        let answer = patch(&authd, &token, None, &malformed);
        answer.is_problem(400, "malformed_body");
    }
    assert_eq!(env.everything(), before);
}

#[test]
fn a_token_with_a_scope_and_one_of_a_client_change_nobody() {
    let env = TestEnv::new();
    let (authd, _) = env.signed_in();
    let secret = env.authctl(&["client", "add", "billing", "-q"]).succeeded();
    let secret = secret.stdout.trim();
    let form = format!("grant_type=client_credentials&client_id=billing&client_secret={secret}");
    let media_type = ("Content-Type", "application/x-www-form-urlencoded");
    let granted = authd.ask("POST", "/oauth/token", &[media_type], &form);
    let of_client = granted.body["access_token"].as_str().expect("is a text");
    let add = [
        "token", "add", "--name", "x", "--user", ADA, "--scope", "read", "-q",
    ];
    let scoped = env.authctl(&add).succeeded().stdout;
    // A session that was made through a client has the client's scope, too.
    let add = ["client", "add", "shop", "--scope", "read", "-q"];
    let secret = env.authctl(&add).succeeded().stdout;
    let through_client = json!({"email": ADA, "password": PASSWORD, "client_id": "shop",
        "client_secret": secret.trim()});
    let session = authd.post_json("/auth/login", &through_client);
    let session = session.body["access_token"].as_str().expect("is a text");
    let before = env.everything();
    for token in [of_client, scoped.trim(), session] {
        let change = json!({"first_name": "Eve"});
        let answer = patch(&authd, token, None, &change);
        answer.is_problem(403, "forbidden");
        let answer = change_password(&authd, token, PASSWORD, NEW);
        answer.is_problem(403, "forbidden");
        assert_eq!(change_address(&authd, token, PASSWORD), 403);
    }
    // One without a scope is the account's for everything but what it logs in with.
    let add = ["token", "add", "--name", "y", "--user", ADA, "-q"];
    let api_token = env.authctl(&add).succeeded().stdout;
    let answer = change_password(&authd, api_token.trim(), PASSWORD, NEW);
    answer.is_problem(403, "forbidden");
    assert_eq!(change_address(&authd, api_token.trim(), PASSWORD), 403);
    assert_eq!(env.everything(), before);
    authd.login(ADA, PASSWORD);
}

/// Security statement 57.
#[test]
fn a_new_password_ends_every_other_session_and_keeps_this_one() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let other = authd.try_login(ADA, PASSWORD).body;
    let other = |name: &str| other[name].as_str().expect("is a text").to_owned();
    let changed = change_password(&authd, &token, PASSWORD, NEW);
    assert_eq!(changed.status, 204, "{changed:?}");
    assert_eq!(authd.verify(&token).status, 200);
    assert_eq!(authd.verify(&other("access_token")).status, 401);
    let refresh = json!({"refresh_token": other("refresh_token")});
    assert_eq!(authd.post_json("/auth/refresh", &refresh).status, 401);
    assert_eq!(authd.try_login(ADA, PASSWORD).status, 401);
    authd.login(ADA, NEW);
    let out = env.authctl_json(&["audit", "--action", "user.password_changed"]);
    let event = out.succeeded().json()["events"][0].take();
    assert_eq!(event["result"], "ok", "{event}");
    assert_eq!(event["detail"]["sessions"], 1, "{event}");
}

/// Security statement 79: what was asked for with the password so far, whether the code was made before or
/// is to be made.
#[test]
fn a_new_password_ends_every_code_that_was_asked_for_before() {
    let env = TestEnv::new();
    env.add_user("grace@example.com", PASSWORD);
    env.add_user(ADA, PASSWORD);
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = deaf.local_addr().expect("has a port").port().to_string();
    let authd = env.authd_with(
        &[],
        &[
            ("AUTHD_MAIL_TRANSPORT", "smtp"),
            ("AUTHD_MAIL_HOST", "127.0.0.1"),
            ("AUTHD_MAIL_SECURITY", "none"),
            ("AUTHD_MAIL_PORT", &port),
            ("AUTHD_MAIL_TIMEOUT", "6s"),
        ],
    );
    let token = authd.login(ADA, PASSWORD);
    let link = env.authctl(&["user", "reset-link", ADA, "-q"]).succeeded();
    let code = code_in(link.stdout.trim_end());
    // Whoever sends letters waits for a server that says nothing, and does nothing else meanwhile.
    let email = json!({"email": "grace@example.com"});
    assert_eq!(authd.post_json("/auth/password/reset", &email).status, 202);
    let codes = |purpose: &str| {
        env.number(&format!(
            "SELECT count(*) FROM account_codes WHERE purpose = '{purpose}'"
        ))
    };
    wait_until("a code for Grace", || codes("password_reset") == 2);
    assert_eq!(change_address(&authd, &token, PASSWORD), 202);
    let changed = change_password(&authd, &token, PASSWORD, NEW);
    assert_eq!(changed.status, 204, "{changed:?}");
    let body = json!({"token": code, "password": PASSWORD});
    refused(
        &authd.post_json("/auth/password/reset/confirm", &body),
        "token",
    );
    authd.login(ADA, NEW);
    // The letter to Grace stays; what was wanted for Ada has been seen to.
    wait_until("Ada's errand", || {
        env.number("SELECT count(*) FROM outgoing_mail") == 1
    });
    assert_eq!(codes("email_change"), 0);
    assert_eq!(codes("password_reset"), 1);
    // With the password of now, it is made.
    assert_eq!(change_address(&authd, &token, NEW), 202);
    wait_until("a code for Ada", || codes("email_change") == 1);
}

/// Security statement 67.
#[test]
fn a_new_password_needs_the_current_one_and_keeps_the_rules() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let other = authd.login(ADA, PASSWORD);
    refused(
        &change_password(&authd, &token, NEW, NEW),
        "current_password",
    );
    for weak in ["short", "ada@example.com", "passwordpassword"] {
        refused(
            &change_password(&authd, &token, PASSWORD, weak),
            "new_password",
        );
    }
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    for body in [
        json!({"new_password": NEW}),
        json!({"current_password": PASSWORD}),
        json!({"current_password": null, "new_password": NEW}),
        json!({"current_password": PASSWORD, "new_password": NEW, "user": "eve@example.com"}),
    ] {
        let answer = authd.ask("POST", "/auth/password/change", &headers, body.to_string());
        answer.is_problem(400, "malformed_body");
    }
    assert_eq!(change_password(&authd, "x", PASSWORD, NEW).status, 401);
    assert_eq!(authd.verify(&other).status, 200);
    authd.login(ADA, PASSWORD);
    let out = env.authctl_json(&["audit", "--action", "user.password_changed"]);
    let events = out.succeeded().json()["events"].take();
    assert_eq!(events.as_array().map(Vec::len), Some(1), "{events}");
    assert_eq!(events[0]["result"], "failed");
}

#[test]
fn of_two_changes_at_once_one_is_made() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let news: Vec<String> = (0..4).map(|number| format!("{NEW} {number}")).collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let change = |new: &str| change_password(&authd, &token, PASSWORD, new).status;
        let running: Vec<_> = news
            .iter()
            .map(|new| scope.spawn(move || change(new)))
            .collect();
        let ended = running.into_iter().map(|one| one.join().expect("answers"));
        ended.collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 204).count(),
        1,
        "{statuses:?}"
    );
    let good: Vec<&String> = news
        .iter()
        .zip(&statuses)
        .filter_map(|(new, status)| (*status == 204).then_some(new))
        .collect();
    authd.login(ADA, good[0]);
}
