//! `authctl export`, and that `import` takes what it gives.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::env::{PASSWORD, TestEnv};

/// Ada with something in everything that an account has, and Bob with nothing.
pub(crate) fn ada_and_bob() -> TestEnv {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    for (name, kind) in [("motto", "string"), ("level", "int"), ("extra", "json")] {
        env.authctl(&["field", "add", name, "--type", kind])
            .succeeded();
    }
    for group in ["billing", "R;D \\ \"x\""] {
        env.authctl(&["group", "add", group]).succeeded();
        env.authctl(&["group", "add-user", group, "ada@example.com"])
            .succeeded();
    }
    let set = [
        "user",
        "set",
        "ada@example.com",
        "--first-name",
        "Ada, \"Countess\"",
        "--last-name",
        "Lovelace",
        "--phone-number",
        "+442079460000",
        "--staff",
        "true",
        "--field",
        "motto=one\ntwo",
        "--field",
        "level=3",
        "--field",
        "extra=\"text\"",
    ];
    env.authctl(&set).succeeded();
    env.authctl(&[
        "user",
        "add",
        "bob@example.com",
        "--no-password",
        "--inactive",
    ])
    .succeeded();
    env
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("is JSON"))
        .collect()
}

/// Without what every installation has for itself.
fn portable(mut user: Value) -> Value {
    user["version"] = Value::Null;
    user
}

#[test]
fn a_line_of_an_export_is_the_users_json_as_everywhere() {
    let env = ada_and_bob();
    let out = env.authctl(&["export"]).succeeded();
    let listed = env.authctl_json(&["user", "list"]).succeeded().json();
    assert_eq!(Value::from(lines(&out.stdout)), listed["users"]);
    assert_eq!(out.stderr, "2 accounts exported\n");
    let quiet = env.authctl(&["export", "-q"]).succeeded();
    assert_eq!((quiet.stdout, quiet.stderr), (out.stdout, String::new()));
}

#[test]
fn what_is_exported_and_imported_elsewhere_is_the_same_in_both_forms() {
    let env = ada_and_bob();
    let given = lines(&env.authctl(&["export"]).succeeded().stdout);
    for format in ["jsonl", "csv"] {
        let file = format!("users.{format}");
        let flags = ["export", "--format", format, "--with-password-hashes"];
        let out = env
            .authctl(&[&flags[..], &["--file", &file]].concat())
            .succeeded();
        assert!(
            out.stderr.contains("the password hashes are in it"),
            "{out:?}"
        );
        let mode = std::fs::metadata(env.path(&file)).expect("is there");
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(env.path(&file)).expect("is UTF-8");
        let other = TestEnv::new();
        let copy = other.write(&file, &text);
        let copy = copy.to_str().expect("is UTF-8");
        for (name, kind) in [("motto", "string"), ("level", "int"), ("extra", "json")] {
            other
                .authctl(&["field", "add", name, "--type", kind])
                .succeeded();
        }
        for group in ["billing", "R;D \\ \"x\""] {
            other.authctl(&["group", "add", group]).succeeded();
        }
        let out = other.authctl(&["import", copy]).succeeded();
        let counts = "2 created, 0 updated, 0 unchanged, 0 skipped, 0 refused\n";
        assert_eq!(out.stdout, counts);
        let taken = lines(&other.authctl(&["export"]).succeeded().stdout);
        let both = [given.clone(), taken].map(|all| {
            let all = all.into_iter().map(portable);
            all.collect::<Vec<_>>()
        });
        assert_eq!(both[0], both[1], "{format}");
        // Her password is hers there, too.
        let authd = other.authd();
        let token = authd.login("ada@example.com", PASSWORD);
        assert_eq!(authd.verify(&token).status, 200);
        // Again it is no change.
        let update = ["import", copy, "--on-conflict", "update"];
        let out = other.authctl(&update).succeeded();
        assert!(
            out.stdout.starts_with("0 created, 0 updated, 2 unchanged"),
            "{out:?}"
        );
        assert_eq!(authd.verify(&token).status, 200);
        other.authctl(&["audit", "verify"]).succeeded();
    }
}

#[test]
fn an_export_says_nothing_of_passwords_unless_it_is_told_to_and_that_is_written_down() {
    let env = ada_and_bob();
    for format in ["jsonl", "csv", "toml"] {
        let out = env.authctl(&["export", "--format", format]).succeeded();
        assert!(!out.stdout.contains("argon2"), "{out:?}");
        assert!(!out.stdout.contains("password_hash"), "{out:?}");
    }
    let written = "SELECT count(*) FROM audit_events WHERE event = 'user.hashes_exported'";
    assert_eq!(env.number(written), 0);
    let out = env
        .authctl(&["export", "--with-password-hashes"])
        .succeeded();
    assert!(
        lines(&out.stdout)[0]["password_hash"]
            .as_str()
            .expect("is a text")
            .starts_with("$argon2id$")
    );
    assert_eq!(lines(&out.stdout)[1].get("password_hash"), None);
    assert_eq!(env.number(written), 1);
}

#[test]
fn a_file_is_replaced_whole_or_left_as_it_is() {
    let env = ada_and_bob();
    env.write("users.jsonl", "before");
    let none = env.authctl(&[
        "export",
        "--file",
        "users.jsonl",
        "--database",
        "sqlite:none.db",
    ]);
    assert_eq!(none.status, 6, "{none:?}");
    let names = env.file_names();
    assert_eq!(
        std::fs::read(env.path("users.jsonl")).expect("reads"),
        b"before"
    );
    let out = env
        .authctl_json(&["export", "--file", "users.jsonl"])
        .succeeded();
    assert_eq!(out.json(), json!({"users": 2, "file": "users.jsonl"}));
    let text = std::fs::read_to_string(env.path("users.jsonl")).expect("reads");
    assert_eq!(lines(&text).len(), 2);
    assert_eq!(env.file_names(), names, "nothing else is left");
    let out = env.authctl(&["export", "--file", "-", "-q"]).succeeded();
    assert_eq!(out.stdout, text);
    assert_eq!(env.file_names(), names, "- is no file");
    let nowhere = env.authctl(&["export", "--file", "none/users.jsonl"]);
    assert_eq!(nowhere.status, 1, "{nowhere:?}");
}

#[test]
fn whoever_may_not_see_accounts_exports_none_and_hashes_are_for_superusers() {
    let env = ada_and_bob();
    let refused = env.authctl_json(&["export", "--as", "ada@example.com"]);
    refused.refused(4, "conflict", "this needs the permission 'users.view'");
    env.authctl(&["user", "grant", "ada@example.com", "users.view"])
        .succeeded();
    env.authctl(&["export", "--as", "ada@example.com"])
        .succeeded();
    for more in [&["--with-password-hashes"][..], &["--format", "toml"]] {
        let arguments = [&["export", "--as", "ada@example.com", "--file", "x"], more].concat();
        let refused = env.authctl(&arguments);
        assert_eq!(
            (refused.status, refused.stdout.as_str()),
            (4, ""),
            "{refused:?}"
        );
        assert!(!env.path("x").exists());
    }
}
