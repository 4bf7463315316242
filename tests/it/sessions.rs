//! Sessions as their users meet them: refreshing, listing, ending.

use serde_json::{Value, json};

use crate::env::{Answer, Authd, PASSWORD, TestEnv};

/// The tokens of one login.
struct Pair {
    access: String,
    refresh: String,
}

fn pair(answer: &Answer) -> Pair {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = |name: &str| answer.body[name].as_str().expect("is a text").to_owned();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.body["token_type"], "Bearer");
    Pair {
        access: text("access_token"),
        refresh: text("refresh_token"),
    }
}

fn log_in(authd: &Authd, email: &str) -> Pair {
    pair(&authd.try_login(email, PASSWORD))
}

fn refresh(authd: &Authd, token: &str) -> Answer {
    authd.post_json("/auth/refresh", &json!({"refresh_token": token}))
}

#[track_caller]
fn is_invalid_grant(answer: &Answer) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.body["code"], "invalid_grant");
}

fn with_bearer(authd: &Authd, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("Authorization", bearer.as_str())];
    if !body.is_empty() {
        headers.push(("Content-Type", "application/json"));
    }
    authd.ask(method, path, &headers, body)
}

fn logout(authd: &Authd, token: &str, body: &str) {
    let answer = with_bearer(authd, "POST", "/auth/logout", token, body);
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (204, ""),
        "{answer:?}"
    );
}

fn sessions(authd: &Authd, token: &str) -> Vec<Value> {
    let answer = with_bearer(authd, "GET", "/auth/sessions", token, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["sessions"]
        .as_array()
        .expect("is a list")
        .clone()
}

fn two_users() -> (TestEnv, Authd) {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.add_user("bob@example.com", PASSWORD);
    let authd = env.authd();
    (env, authd)
}

/// Security statement 44.
#[test]
fn a_refresh_gives_a_new_pair_of_the_same_session() {
    let (_env, authd) = two_users();
    let first = log_in(&authd, "ada@example.com");
    let second = pair(&refresh(&authd, &first.refresh));
    assert_ne!(first.refresh, second.refresh);
    assert_ne!(first.access, second.access);
    let sid = |token: &str| authd.verify(token).body["claims"]["sid"].clone();
    assert!(sid(&first.access).is_string());
    assert_eq!(sid(&first.access), sid(&second.access));
    assert_eq!(sessions(&authd, &second.access).len(), 1);
}

/// Security statements 8 and 53: one kind never passes for another, nor half of one.
///
/// CVE-2026-27840 (Zitadel): a truncated token was taken.
#[test]
fn only_a_whole_refresh_token_refreshes_and_it_does_nothing_else() {
    let (_env, authd) = two_users();
    let Pair {
        access,
        refresh: token,
    } = log_in(&authd, "ada@example.com");
    is_invalid_grant(&refresh(&authd, &access));
    is_invalid_grant(&refresh(&authd, ""));
    is_invalid_grant(&refresh(&authd, &token[..token.len() - 1]));
    is_invalid_grant(&refresh(&authd, &format!("{token}A")));
    assert_eq!(authd.verify(&token).status, 401);
    let answer = authd.post_json("/auth/refresh", &json!({"refresh_token": 1}));
    assert_eq!(answer.body["code"], "malformed_body");
    pair(&refresh(&authd, &token));
}

/// Security statement 55.
#[test]
fn after_logout_the_sessions_tokens_are_refused_and_a_second_one_changes_nothing() {
    let (_env, authd) = two_users();
    let (one, other) = (
        log_in(&authd, "ada@example.com"),
        log_in(&authd, "ada@example.com"),
    );
    for _ in 0..2 {
        logout(&authd, &one.access, "");
        assert_eq!(authd.verify(&one.access).status, 401);
        is_invalid_grant(&refresh(&authd, &one.refresh));
        assert_eq!(authd.verify(&other.access).status, 200);
    }
    // A token of an ended session ends no other, and does not say that it did.
    for body in [r#"{"all": true}"#, r#"{"others": true}"#] {
        let answer = with_bearer(&authd, "POST", "/auth/logout", &one.access, body);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(authd.verify(&other.access).status, 200);
    }
    logout(&authd, &other.access, r#"{"all": true}"#);
    for body in [r#"{"all": true}"#, r#"{"others": true}"#, "{}"] {
        logout(&authd, &other.access, body);
    }
}

/// Security statement 55.
#[test]
fn logging_out_everywhere_leaves_no_session_and_nobody_elses_is_touched() {
    let (_env, authd) = two_users();
    let ada: Vec<Pair> = (0..3).map(|_| log_in(&authd, "ada@example.com")).collect();
    let bob = log_in(&authd, "bob@example.com");
    logout(&authd, &ada[1].access, r#"{"others": true}"#);
    let good = |pair: &Pair| authd.verify(&pair.access).status == 200;
    assert_eq!(
        ada.iter().map(good).collect::<Vec<_>>(),
        [false, true, false]
    );
    let last = log_in(&authd, "ada@example.com");
    logout(&authd, &last.access, r#"{"all": true}"#);
    for pair in ada.iter().chain([&last]) {
        assert!(!good(pair));
        is_invalid_grant(&refresh(&authd, &pair.refresh));
    }
    assert!(good(&bob));
}

/// Security statement 60.
///
/// CVE-2025-71400 (better-auth): the id of what belongs to another was enough to delete it.
#[test]
fn users_list_and_end_their_own_sessions_and_see_no_one_elses() {
    let (_env, authd) = two_users();
    let (one, two) = (
        log_in(&authd, "ada@example.com"),
        log_in(&authd, "ada@example.com"),
    );
    let bob = log_in(&authd, "bob@example.com");
    let listed = sessions(&authd, &one.access);
    assert_eq!(listed.len(), 2);
    let current: Vec<_> = listed.iter().map(|one| one["is_current"].clone()).collect();
    assert_eq!(current, [true, false]);
    let first = &listed[0];
    assert_eq!(first["address"], "127.0.0.1");
    assert_eq!(first["method"], "pwd");
    assert!(
        first["user_agent"]
            .as_str()
            .is_some_and(|agent| agent.contains("ureq"))
    );
    assert_eq!(first["client_id"], Value::Null);
    let names: Vec<&String> = first.as_object().expect("is an object").keys().collect();
    assert!(
        names
            .iter()
            .all(|name| !name.contains("token") && !name.contains("hash"))
    );

    let of_bob = sessions(&authd, &bob.access)[0]["id"]
        .as_str()
        .expect("is a text")
        .to_owned();
    let end = |token: &str, id: &str| {
        with_bearer(&authd, "DELETE", &format!("/auth/sessions/{id}"), token, "")
    };
    // Somebody else's is answered like one that never was, and like what is no id.
    let foreign = end(&one.access, &of_bob);
    let unknown = end(&one.access, "0192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f");
    let nonsense = end(&one.access, "x");
    for answer in [&foreign, &unknown, &nonsense] {
        assert_eq!((answer.status, &answer.body), (404, &unknown.body));
    }
    assert_eq!(authd.verify(&bob.access).status, 200);
    let second = listed[1]["id"].as_str().expect("is a text");
    assert_eq!(end(&one.access, second).status, 204);
    assert_eq!(authd.verify(&two.access).status, 401);
    is_invalid_grant(&refresh(&authd, &two.refresh));
    assert_eq!(end(&one.access, second).status, 404);
    assert_eq!(sessions(&authd, &one.access).len(), 1);
}

/// Security statements 56 and 57, with `authctl`.
#[test]
fn disabling_a_new_password_and_deletion_end_every_session() {
    let (env, authd) = two_users();
    let ends = |email: &str, arguments: &[&str]| {
        let pair = log_in(&authd, email);
        env.authctl_reading("violet lantern orbits quartz", arguments)
            .succeeded();
        is_invalid_grant(&refresh(&authd, &pair.refresh));
        assert_eq!(authd.verify(&pair.access).status, 401);
        let count = format!(
            "SELECT count(*) FROM sessions WHERE user_id = (SELECT id FROM users WHERE email = '{email}')"
        );
        assert_eq!(env.number(&count), 0);
    };
    ends(
        "ada@example.com",
        &["user", "disable", "ada@example.com", "--yes"],
    );
    ends(
        "bob@example.com",
        &["user", "passwd", "bob@example.com", "--password-stdin"],
    );
    env.add_user("eve@example.com", PASSWORD);
    ends(
        "eve@example.com",
        &["user", "delete", "eve@example.com", "--yes"],
    );
}

/// Security statement 52.
#[test]
fn no_token_stands_in_a_file_or_in_the_log() {
    let (env, mut authd) = two_users();
    let mut secrets = Vec::new();
    let first = log_in(&authd, "ada@example.com");
    let second = pair(&refresh(&authd, &first.refresh));
    is_invalid_grant(&refresh(&authd, "authd_rt_notone"));
    for pair in [first, second] {
        let random = pair.refresh[36..79].to_owned();
        let signature = pair
            .access
            .rsplit('.')
            .next()
            .expect("has parts")
            .to_owned();
        secrets.extend([random, signature]);
    }
    let mut places = env.files();
    places.insert("log".into(), authd.log().into_bytes());
    authd.signal("TERM");
    authd.wait(std::time::Duration::from_secs(5));
    places.insert("log at the end".into(), authd.log().into_bytes());
    for (name, bytes) in env.files().into_iter().chain(places) {
        assert!(!bytes.is_empty(), "{name}");
        for secret in &secrets {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{name}");
        }
    }
}

#[test]
fn an_unchanged_answer_of_verify_is_a_304_until_something_changes() {
    let (env, authd) = two_users();
    let pair = log_in(&authd, "ada@example.com");
    let ask = |tag: &str| {
        let bearer = format!("Bearer {}", pair.access);
        let headers = [("Authorization", bearer.as_str()), ("If-None-Match", tag)];
        authd.ask("GET", "/auth/verify", &headers, "")
    };
    let first = ask("\"none\"");
    assert_eq!(first.status, 200);
    assert_eq!(first.body["version"], first.body["user"]["version"]);
    let tag = first.header("etag").to_owned();
    let second = ask(&tag);
    assert_eq!((second.status, second.text.as_str()), (304, ""));
    assert_eq!(second.header("etag"), tag);
    env.authctl(&["user", "set", "ada@example.com", "--first-name", "Augusta"])
        .succeeded();
    let third = ask(&tag);
    assert_eq!(third.status, 200);
    assert_eq!(third.body["user"]["first_name"], "Augusta");
    assert_ne!(third.header("etag"), tag);
    logout(&authd, &pair.access, "");
    // Nothing is so well known that a refused token would not be refused.
    assert_eq!(ask(third.header("etag")).status, 401);
    assert_eq!(ask("*").status, 401);
}

#[test]
fn many_tokens_are_verified_together_and_in_their_order() {
    let (_env, authd) = two_users();
    let (ada, bob) = (
        log_in(&authd, "ada@example.com"),
        log_in(&authd, "bob@example.com"),
    );
    let ended = log_in(&authd, "bob@example.com");
    logout(&authd, &ended.access, "");
    let batch = |tokens: &[&str]| authd.post_json("/auth/verify/batch", &json!({"tokens": tokens}));
    let answer = batch(&[&ada.access, "nonsense", &ended.access, &bob.access, ""]);
    assert_eq!(answer.status, 200, "{answer:?}");
    let results = answer.body["results"].as_array().expect("is a list");
    assert_eq!(results[0], authd.verify(&ada.access).body);
    assert_eq!(results[3], authd.verify(&bob.access).body);
    for at in [1, 2, 4] {
        assert_eq!(results[at], json!({"active": false}));
    }
    assert_eq!(batch(&[]).body["results"], json!([]));
    let most = vec![ada.access.as_str(); 256];
    let answer = batch(&most);
    assert_eq!(answer.body["results"].as_array().map(Vec::len), Some(256));
    assert_eq!(batch(&[&most[..], &["x"]].concat()).status, 400);
    let long = "x".repeat(300 * 1024);
    assert_eq!(batch(&[&long]).status, 413);
}
