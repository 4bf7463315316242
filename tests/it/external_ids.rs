//! What an account was called elsewhere: kept, one of a kind, and good to find it by.

use serde_json::json;

use crate::env::{PASSWORD, TestEnv};
use crate::graphql::Desk;

#[test]
fn every_edge_shows_an_account_by_what_it_was_called_elsewhere() {
    let scene = Desk::new();
    let env = &scene.env;
    let add = ["user", "add", "eve@example.com", "--no-password"];
    let made = env.authctl_json(&[&add[..], &["--external-id", "17"]].concat());
    let made = made.succeeded().json()["user"].clone();
    assert_eq!(made["external_id"], "17");

    let shown = env
        .authctl_json(&["user", "show", "external:17"])
        .succeeded();
    assert_eq!(shown.json(), made);
    let table = env.authctl(&["user", "show", "external:17"]).succeeded();
    assert!(table.stdout.contains("external_id"), "{table:?}");
    assert_eq!(env.authctl(&["user", "show", "external:18"]).status, 3);

    let headers = [("authorization", &*format!("Bearer {}", scene.root))];
    let found = scene.authd.get_with("/users?external_id=17", &headers);
    assert_eq!(found.body["users"], json!([made]), "{found:?}");
    let none = scene.authd.get_with("/users?external_id=18", &headers);
    assert_eq!(none.body["users"], json!([]), "{none:?}");
    let both = "/users?external_id=17&email=ada@example.com";
    assert_eq!(
        scene.authd.get_with(both, &headers).body["users"],
        json!([])
    );

    let query = "query ($id: String!) { user(external_id: $id) { id external_id } }";
    let user = &scene.done(query, &json!({"id": "17"}))["user"];
    assert_eq!(user, &json!({"id": made["id"], "external_id": "17"}));
}

#[test]
fn no_two_accounts_were_called_the_same() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.add_user("bob@example.com", PASSWORD);
    let set =
        |email: &str, id: &str| env.authctl_json(&["user", "set", email, "--external-id", id]);
    assert_eq!(
        set("ada@example.com", "17").succeeded().json()["external_id"],
        "17"
    );
    set("bob@example.com", "17").refused(4, "conflict", "the external id '17' is taken");
    let add = [
        "user",
        "add",
        "eve@example.com",
        "--no-password",
        "--external-id",
    ];
    let out = env.authctl_json(&[&add[..], &["17"]].concat());
    out.refused(4, "conflict", "the external id '17' is taken");
    assert_eq!(env.authctl(&[&add[..], &["a b"]].concat()).status, 5);
    // An empty one is none, and then it is free for others.
    let out = set("ada@example.com", "").succeeded().json();
    assert_eq!(out.get("external_id"), None);
    set("bob@example.com", "17").succeeded();
}

#[test]
fn it_goes_where_the_account_goes() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.authctl(&["user", "set", "ada@example.com", "--external-id", "17"])
        .succeeded();
    let authd = env.authd();
    let answer = authd.verify(&authd.login("ada@example.com", PASSWORD));
    assert_eq!(answer.body["user"]["external_id"], "17");
    for format in ["jsonl", "csv", "toml"] {
        let out = env.authctl(&["export", "--format", format]).succeeded();
        let other = TestEnv::new();
        other.write(&format!("users.{format}"), &out.stdout);
        let file = format!("users.{format}");
        let bring = if format == "toml" {
            vec!["apply", "-f", &file]
        } else {
            vec!["import", &file]
        };
        other.authctl(&bring).succeeded();
        let shown = other.authctl_json(&["user", "show", "external:17"]);
        assert_eq!(
            shown.succeeded().json()["email"],
            "ada@example.com",
            "{format}"
        );
    }
}
