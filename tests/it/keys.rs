//! `authctl key`, with a daemon that runs.

use serde_json::{Value, json};

use crate::env::{Authd, PASSWORD, TestEnv};
use crate::forger::header_of;
use crate::oauth::Scene;
use crate::scene::refuses;

fn keys(env: &TestEnv) -> Vec<Value> {
    let listed = env.authctl_json(&["key", "list"]).succeeded().json();
    listed["keys"].as_array().expect("is a list").clone()
}

fn states(env: &TestEnv) -> Vec<String> {
    let state = |key: &Value| key["state"].as_str().expect("is a text").to_owned();
    let mut states: Vec<_> = keys(env).iter().map(state).collect();
    // Those of one second come in any order.
    states.sort();
    states
}

fn kid_of(token: &str) -> String {
    let header = header_of(token);
    header["kid"].as_str().expect("is a text").to_owned()
}

fn published(authd: &Authd) -> Vec<String> {
    let answer = authd.get("/.well-known/jwks.json");
    let kid = |key: &Value| key["kid"].as_str().expect("is a text").to_owned();
    let keys = answer.body["keys"].as_array().expect("is a list");
    keys.iter().map(kid).collect()
}

#[test]
fn a_next_key_is_published_and_waits_for_its_time() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let made = env.authctl_json(&["key", "rotate"]).succeeded().json();
    let kid = made["kid"].as_str().expect("is a text");
    assert_eq!(
        (&made["state"], &made["algorithm"]),
        (&json!("next"), &json!("EdDSA"))
    );
    let at = |name: &str| {
        let time: jiff::Timestamp = made[name]
            .as_str()
            .expect("is a text")
            .parse()
            .expect("is a time");
        time.as_second()
    };
    // A second that has begun is not counted.
    let wait = at("signs_from") - at("created_at");
    assert!([600, 601].contains(&wait), "{wait}");
    assert_eq!(published(&authd), [kid_of(&token), kid.to_owned()]);
    let out = env.authctl_json(&["key", "rotate"]);
    out.refused(4, "conflict", &format!("the key '{kid}' waits for its time already, and takes over by itself: see 'authctl key list', or promote it with 'authctl key rotate --now'"));
    assert_eq!(
        kid_of(&authd.login("ada@example.com", PASSWORD)),
        kid_of(&token)
    );

    let promoted = env
        .authctl_json(&["key", "rotate", "--now"])
        .succeeded()
        .json();
    assert_eq!(
        (&promoted["kid"], &promoted["state"]),
        (&json!(kid), &json!("active"))
    );
    let fresh = authd.login("ada@example.com", PASSWORD);
    assert_eq!(kid_of(&fresh), kid);
    for good in [&token, &fresh] {
        assert_eq!(authd.verify(good).status, 200);
    }
    assert_eq!(published(&authd).len(), 2);
    assert_eq!(states(&env), ["active", "retired"]);
}

/// Security statement 22: by REST, by a proxy's question and by introspection; `grpc` has its own.
#[test]
fn a_retired_keys_tokens_are_refused_at_once_and_after_a_restart() {
    let scene = Scene::new();
    let env = &scene.env;
    let token = scene.authd.login("ada@example.com", PASSWORD);
    let kid = kid_of(&token);
    let retire = |kid: &str| env.authctl_json(&["key", "retire", kid, "--yes"]);
    let signs = format!(
        "the key '{kid}' signs: put another in its place first with 'authctl key rotate --now', or revoke it"
    );
    retire(&kid).refused(4, "conflict", &signs);
    env.authctl(&["key", "rotate", "--now"]).succeeded();
    assert_eq!(scene.authd.verify(&token).status, 200);
    assert_eq!(env.authctl(&["key", "retire", &kid]).status, 2);
    assert_eq!(scene.authd.verify(&token).status, 200);
    retire(&kid).succeeded();
    refuses(&scene.authd, &token);
    scene.is_inactive(&token);
    let fresh = scene.authd.login("ada@example.com", PASSWORD);
    assert_eq!(published(&scene.authd), [kid_of(&fresh)]);
    // A second time changes nothing.
    retire(&kid).succeeded();

    let env = scene.env;
    drop(scene.authd);
    let authd = env.authd();
    refuses(&authd, &token);
    assert_eq!(authd.verify(&fresh).status, 200);
}

#[test]
fn a_revoked_keys_tokens_fail_at_the_next_verify_and_sessions_go_on() {
    let scene = Scene::new();
    let env = &scene.env;
    let pair = scene.log_in_through(&scene.billing, &[]);
    let token = pair["access_token"].as_str().expect("is a text");
    let cursor = env.number("SELECT value FROM change_sequence");
    let revoke = ["key", "revoke", &kid_of(token)];
    assert_eq!(env.authctl(&revoke).status, 2);
    scene.is_active(token);
    let said = env
        .authctl_json(&[&revoke[..], &["--yes"]].concat())
        .succeeded()
        .json();
    assert_eq!(said["revoked"], kid_of(token));
    assert_eq!(said["active"]["state"], "active");
    refuses(&scene.authd, token);
    scene.is_inactive(token);
    // Whoever follows what ends is told.
    let told = env.sql(&format!(
        "SELECT kind, id FROM revocations WHERE version > {cursor} AND kind = 'key'"
    ));
    assert_eq!(told, format!("key|{}", kid_of(token)));
    let refreshed = scene.post(
        "/oauth/token",
        &scene.billing.basic(),
        &[
            ("grant_type", "refresh_token"),
            (
                "refresh_token",
                pair["refresh_token"].as_str().expect("is a text"),
            ),
        ],
    );
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let fresh = refreshed.body["access_token"].as_str().expect("is a text");
    assert_eq!(json!(kid_of(fresh)), said["active"]["kid"]);
    scene.is_active(fresh);
    assert_eq!(states(env), ["active", "revoked"]);
    assert_eq!(published(&scene.authd), [kid_of(fresh)]);
}

/// Security statement 21: keys of every algorithm at once, as the commands make them.
#[test]
fn public_keys_are_exported_as_they_are_published() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    for algorithm in ["ES256", "RS256"] {
        let mut command = env.authctl_command(&["key", "rotate", "--now"]);
        let out = crate::env::run(command.env("AUTHD_TOKENS_ALGORITHM", algorithm), "");
        out.succeeded();
        let fresh = authd.login("ada@example.com", PASSWORD);
        assert_eq!(header_of(&fresh)["alg"], algorithm);
        assert_eq!(authd.verify(&fresh).status, 200);
    }
    let exported = env.authctl(&["key", "export-public"]).succeeded().json();
    assert_eq!(exported, authd.get("/.well-known/jwks.json").body);
    let all = exported["keys"].as_array().expect("is a list");
    assert_eq!(all.len(), 3);
    for key in all {
        for member in key.as_object().expect("is an object").keys() {
            let public = ["kty", "crv", "x", "y", "n", "e", "alg", "use", "kid"];
            assert!(public.contains(&member.as_str()), "{member}");
        }
    }
    let one = env.authctl(&["key", "export-public", &kid_of(&token)]);
    assert_eq!(one.succeeded().json()["kid"], kid_of(&token));
    let none = env.authctl_json(&["key", "export-public", "none"]);
    none.refused(
        3,
        "not_found",
        "there is no key 'none': see 'authctl key list'",
    );
}

#[test]
fn what_cannot_be_done_to_a_key_is_said_and_nothing_is_changed() {
    let env = TestEnv::new();
    let (_authd, token) = env.signed_in();
    for verb in ["retire", "revoke"] {
        let out = env.authctl_json(&["key", verb, "none", "--yes"]);
        out.refused(
            3,
            "not_found",
            "there is no key 'none': see 'authctl key list'",
        );
    }
    env.write("authd.key", &"0".repeat(64));
    let before = env.sql("SELECT kid, state FROM signing_keys");
    for command in [
        &["rotate"][..],
        &["rotate", "--now"],
        &["revoke", &kid_of(&token), "--yes"],
    ] {
        let out = env.authctl(&[&["key"], command].concat());
        assert_eq!(out.status, 1, "{out:?}");
        assert!(
            out.stderr.contains("do not open with this secret key"),
            "{out:?}"
        );
    }
    assert_eq!(env.sql("SELECT kid, state FROM signing_keys"), before);
    for (key, value, problem) in [
        (
            "AUTHD_TOKENS_ALGORITHM",
            "HS512",
            "one of EdDSA, ES256, RS256, HS256",
        ),
        (
            "AUTHD_TOKENS_PUBLISH_BEFORE_SIGN",
            "1s",
            "a duration from 2s to 7d",
        ),
        (
            "AUTHD_TOKENS_ROTATE_EVERY",
            "10m",
            "not longer than tokens.publish_before_sign",
        ),
    ] {
        let mut command = env.authctl_command(&["key", "list"]);
        let out = crate::env::run(command.env(key, value), "");
        assert_eq!(out.status, 2, "{out:?}");
        assert!(out.stderr.contains(problem), "{out:?}");
    }
}

/// A script that prepares a database before the first start is told what comes first.
#[test]
fn before_the_first_start_there_is_no_key_to_work_with() {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    for command in [
        &["key", "rotate"][..],
        &["key", "rotate", "--now"],
        &["key", "revoke", "none", "--yes"],
        &["secret", "rotate"],
        &["webhook", "add", "https://example.com/hooks"],
    ] {
        let out = env.authctl_json(command);
        out.refused(
            4,
            "conflict",
            "there is no signing key yet: 'authd serve' makes the first when it starts",
        );
    }
    assert!(!env.file_names().contains(&"authd.key".to_owned()));
    drop(env.authd());
    env.authctl(&["key", "rotate"]).succeeded();
}

/// The daemon itself makes the next key, and promotes it.
#[test]
fn keys_follow_each_other_by_themselves() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let rules = [
        ("AUTHD_TOKENS_PUBLISH_BEFORE_SIGN", "2s"),
        ("AUTHD_TOKENS_ROTATE_EVERY", "5s"),
    ];
    let authd = env.authd_with(&[], &rules);
    let token = authd.login("ada@example.com", PASSWORD);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while kid_of(&authd.login("ada@example.com", PASSWORD)) == kid_of(&token) {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(authd.verify(&token).status, 200);
    let began = env.number("SELECT count(*) FROM audit_events WHERE event = 'key.promoted'");
    assert!(began >= 1);
}

/// One key in 64 has an id like this, and it is no flag.
#[test]
fn a_key_whose_id_begins_with_a_hyphen_can_be_named() {
    let env = TestEnv::new();
    let _ = env.signed_in();
    let id = "-yesmTFUzhrxN1LL9RwYpmMb63UvWAp_9VxVPRaUSIa";
    for command in [
        &["key", "export-public", id][..],
        &["key", "revoke", id, "--yes"],
        &["key", "revoke", "--yes", id],
        &["key", "retire", id, "--yes"],
    ] {
        let out = env.authctl(command);
        assert_eq!(out.status, 3, "{command:?} {out:?}");
        assert!(out.stderr.contains(id), "{out:?}");
    }
}
