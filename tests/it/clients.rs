//! `authctl client`: services that ask on their own behalf.

use serde_json::{Value, json};

use crate::env::TestEnv;

fn migrated() -> TestEnv {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    env
}

fn add(env: &TestEnv, arguments: &[&str]) -> Value {
    let command = [&["client", "add"], arguments].concat();
    env.authctl_json(&command).succeeded().json()
}

#[test]
fn a_client_is_added_with_a_secret_that_is_shown_once() {
    let env = TestEnv::new();
    let added = add(
        &env,
        &["billing", "--name", "Billing", "--scope", "write read"],
    );
    let secret = added["client_secret"].as_str().expect("is a text");
    assert!(secret.starts_with("authd_cs_"), "{secret}");
    let client = &added["client"];
    assert_eq!(added["created"], true);
    assert_eq!(client["id"], "billing");
    assert_eq!(client["name"], "Billing");
    assert_eq!(client["scopes"], "read write");
    assert_eq!(client["audiences"], json!(["http://localhost:8000"]));
    assert_eq!(client["is_active"], true);
    let shown = env.authctl_json(&["client", "show", "billing"]).succeeded();
    assert_eq!(&shown.json(), client);
    assert!(!shown.stdout.contains(secret));
    let listed = env.authctl_json(&["client", "list"]).succeeded();
    assert_eq!(listed.json(), json!({"clients": [client], "next": null}));
}

#[test]
fn a_script_gets_the_secret_alone_and_people_a_word_about_it() {
    let env = migrated();
    let out = env.authctl(&["client", "add", "one", "-q"]).succeeded();
    assert!(out.stdout.starts_with("authd_cs_"), "{out:?}");
    assert_eq!((out.stdout.lines().count(), out.stderr.as_str()), (1, ""));
    let out = env.authctl(&["client", "add", "two"]).succeeded();
    assert!(out.stdout.contains("authd_cs_"), "{out:?}");
    assert!(out.stderr.contains("shown this once"), "{out:?}");
    let out = env.authctl(&["client", "list", "-q"]).succeeded();
    assert_eq!(out.stdout, "one\ntwo\n");
    let out = env.authctl(&["client", "list", "-o", "tsv", "--limit", "1"]);
    assert!(out.stdout.starts_with("one\t\t\thttp://"), "{out:?}");
    assert!(out.stderr.contains("--after one"), "{out:?}");
    let out = env.authctl(&["client", "list", "-q", "--after", "one"]);
    assert_eq!(out.stdout, "two\n");
}

#[test]
fn an_existing_client_is_a_conflict_or_none_and_keeps_its_secret() {
    let env = migrated();
    let added = add(&env, &["billing"]);
    let stored = || env.sql("SELECT * FROM clients");
    let before = stored();
    env.authctl_json(&["client", "add", "billing"]).refused(
        4,
        "conflict",
        "there is a client 'billing' already",
    );
    let again = add(&env, &["billing", "--if-not-exists", "--scope", "read"]);
    assert_eq!(
        again,
        json!({"created": false, "client": added["client"].clone()})
    );
    assert_eq!(stored(), before);
}

#[test]
fn what_is_no_id_no_scope_and_no_audience_is_refused() {
    let env = migrated();
    for bad in [
        &["1a"][..],
        &["a b"],
        &["a192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f"],
        &["a", "--scope", "\"x\""],
        &["a", "--audience", "two words"],
        &["a", "--name", "two\nlines"],
    ] {
        let out = env.authctl_json(&[&["client", "add"], bad].concat());
        assert_eq!(out.status, 5, "{bad:?} {out:?}");
    }
    let many: Vec<String> = (0..17).map(|n| format!("--audience=a{n}")).collect();
    let mut command = vec!["client", "add", "a"];
    command.extend(many.iter().map(String::as_str));
    assert_eq!(env.authctl_json(&command).status, 5);
    assert_eq!(env.number("SELECT count(*) FROM clients"), 0);
}

#[test]
fn what_cannot_be_taken_back_wants_a_yes_and_an_unknown_client_is_not_found() {
    let env = migrated();
    add(&env, &["billing"]);
    for verb in ["rotate-secret", "disable", "delete"] {
        let out = env.authctl_json(&["client", verb, "billing"]);
        assert_eq!(out.status, 2, "{verb} {out:?}");
        let out = env.authctl_json(&["client", verb, "other", "--yes"]);
        out.refused(3, "not_found", "there is no client 'other'");
    }
    for verb in ["show", "enable"] {
        let out = env.authctl_json(&["client", verb, "other"]);
        out.refused(3, "not_found", "there is no client 'other'");
    }
    let shown = env.authctl_json(&["client", "show", "billing"]).json();
    assert_eq!(shown["is_active"], true);
}

/// Every change of a client has a number, and a row for whoever follows.
#[test]
fn every_change_draws_a_version_and_is_told_to_followers() {
    let env = migrated();
    let mut version = add(&env, &["billing"])["client"]["version"].clone();
    for (count, verb) in (1..).zip(["disable", "enable", "rotate-secret", "delete"]) {
        let mut command = vec!["client", verb, "billing"];
        if verb != "enable" {
            command.push("--yes");
        }
        let out = env.authctl_json(&command).succeeded().json();
        let client = out.get("client").unwrap_or(&out);
        if verb != "delete" {
            assert!(client["version"].as_i64() > version.as_i64(), "{verb}");
        }
        version = client["version"].clone();
        let rows = "SELECT count(*) FROM revocations WHERE kind = 'client' AND id = 'billing'";
        assert_eq!(env.number(rows), count, "{verb}");
    }
    assert_eq!(env.number("SELECT count(*) FROM clients"), 0);
}

/// Kanidm 1.10 (a client's secret that was not compared in constant time): the stored hash goes to
/// the one function that does, and nowhere else.
#[test]
fn a_clients_secret_is_compared_in_constant_time_and_in_one_place() {
    let service = include_str!("../../src/service/clients.rs");
    let uses: Vec<&str> = service
        .lines()
        .filter(|line| line.contains(".secret_hash"))
        .collect();
    assert_eq!(uses.len(), 1, "{uses:?}");
    // And a new one goes into the store.
    assert_eq!(service.matches(", secret_hash,").count(), 1);
    assert_eq!(service.matches("secret_hash").count(), 3);
    assert!(service.contains("opaque::is_stored(self.secret, stored)"));
    let mechanism = include_str!("../../src/tokens/opaque.rs");
    let (_, function) = mechanism.split_once("pub fn is_stored(").expect("is there");
    let (function, _) = function.split_once("\n}").expect("ends");
    assert!(function.contains("verify_slices_are_equal("), "{function}");
    assert!(!function.contains("=="), "{function}");
}
