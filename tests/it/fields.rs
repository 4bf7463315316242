//! What accounts have in the installation's own fields. `field_rules` is about the fields.

use std::thread;

use serde_json::{Value, json};

use crate::env::{Authd, Outcome, PASSWORD, TestEnv};

/// Ada, and the field `department`.
pub(crate) fn departments() -> TestEnv {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.authctl(&["field", "add", "department", "--type", "string"])
        .succeeded();
    env
}

pub(crate) fn set(env: &TestEnv, email: &str, field: &str) -> Outcome {
    env.authctl_json(&["user", "set", email, "--field", field])
}

pub(crate) fn fields(env: &TestEnv, email: &str) -> Value {
    let shown = env.authctl_json(&["user", "show", email]).succeeded();
    shown.json()["fields"].take()
}

fn verified(authd: &Authd, token: &str) -> Value {
    let answer = authd.verify(token);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["user"]["fields"].clone()
}

/// The addresses of the accounts that a filter gives.
pub(crate) fn listed(env: &TestEnv, filter: &str) -> Vec<String> {
    let out = env.authctl_json(&["user", "list", "--field", filter]);
    let users = out.succeeded().json()["users"].take();
    let users = users.as_array().expect("is a list").iter();
    let emails = users.map(|user| user["email"].as_str().expect("is a text").to_owned());
    emails.collect()
}

pub(crate) fn add_without_password(env: &TestEnv, email: &str, flags: &[&str]) -> Outcome {
    env.authctl_json(&[&["user", "add", email, "--no-password"], flags].concat())
}

#[test]
fn a_field_and_what_is_in_it_show_at_the_next_verify() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    assert_eq!(verified(&authd, &token), json!({}));

    let added = env.authctl_json(&["field", "add", "department", "--type", "string"]);
    assert_eq!(added.succeeded().json()["created"], true);
    assert_eq!(verified(&authd, &token), json!({"department": null}));

    let user = set(&env, "ada@example.com", "department=R&D").succeeded();
    assert_eq!(user.json()["fields"], json!({"department": "R&D"}));
    assert_eq!(verified(&authd, &token), json!({"department": "R&D"}));

    env.authctl(&["field", "add", "level", "--type", "int", "--default", "3"])
        .succeeded();
    let both = json!({"department": "R&D", "level": 3});
    assert_eq!(verified(&authd, &token), both);

    env.authctl(&["field", "rename", "department", "unit"])
        .succeeded();
    assert_eq!(verified(&authd, &token), json!({"level": 3, "unit": "R&D"}));

    set(&env, "ada@example.com", "unit=").succeeded();
    assert_eq!(verified(&authd, &token), json!({"level": 3, "unit": null}));

    env.authctl(&["field", "delete", "level", "--yes"])
        .succeeded();
    assert_eq!(verified(&authd, &token), json!({"unit": null}));
    assert_eq!(env.number("SELECT count(*) FROM user_fields"), 0);
}

#[test]
fn every_type_is_read_from_the_command_line_and_kept_in_one_form() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let cases = [
        ("string", "Füße, \"R&D\"", json!("Füße, \"R&D\"")),
        ("int", "-42", json!(-42)),
        ("bool", "true", json!(true)),
        ("date", "2024-02-29", json!("2024-02-29")),
        (
            "datetime",
            "2026-11-23T11:00:00+01:00",
            json!("2026-11-23T10:00:00Z"),
        ),
        ("email", "Boss@Example.com", json!("Boss@Example.com")),
        ("phone", "+44 20 7946 0000", json!("+442079460000")),
        ("url", "HTTPS://example.com", json!("https://example.com/")),
        ("enum", "m", json!("m")),
        ("json", "{\"a\": [1, null]}", json!({"a": [1, null]})),
    ];
    let mut arguments = vec!["user", "set", "ada@example.com"];
    let pairs = cases
        .each_ref()
        .map(|(kind, typed, _)| format!("f_{kind}={typed}"));
    for ((kind, ..), pair) in cases.iter().zip(&pairs) {
        let name = format!("f_{kind}");
        let choices: &[&str] = if *kind == "enum" {
            &["--choices", "s,m,l"]
        } else {
            &[]
        };
        env.authctl(&[&["field", "add", &name, "--type", kind], choices].concat())
            .succeeded();
        arguments.extend(["--field", pair]);
    }
    let user = env.authctl_json(&arguments).succeeded().json();
    for (kind, _, expected) in &cases {
        assert_eq!(user["fields"][format!("f_{kind}")], *expected, "{kind}");
    }
    let shown = env
        .authctl(&["user", "show", "ada@example.com"])
        .succeeded();
    assert!(
        shown.stdout.contains("│ f_phone      ┆ +442079460000"),
        "{shown:?}"
    );
    // What is found by one spelling is found by another.
    for found in [
        "f_email=boss@EXAMPLE.com",
        "f_phone=+442079460000",
        "f_int=-42",
        "f_bool=true",
    ] {
        assert_eq!(listed(&env, found), ["ada@example.com"], "{found}");
    }
    for other in ["f_email=other@example.com", "f_int=42", "f_enum=s"] {
        assert!(listed(&env, other).is_empty(), "{other}");
    }
}

#[test]
fn what_does_not_fit_is_told_field_by_field_and_nothing_changes() {
    let env = departments();
    env.authctl(&[
        "field", "add", "level", "--type", "int", "--min", "1", "--max", "5",
    ])
    .succeeded();
    env.authctl(&[
        "field",
        "add",
        "code",
        "--type",
        "string",
        "--pattern",
        "[A-Z]{2}[0-9]+",
    ])
    .succeeded();
    let before = env.everything();
    let wrong = [
        "--first-name",
        "Ada",
        "--field",
        "department=R&D",
        "--field",
        "level=6",
        "--field",
        "code=xx",
        "--field",
        "shoe_size=3",
        "--field",
        "E-Mail=x",
    ];
    let sentence = "E-Mail: there is no such field; code: it must match [A-Z]{2}[0-9]+; \
        level: at most 5; shoe_size: there is no such field";
    env.authctl_json(&[&["user", "set", "ada@example.com"], &wrong[..]].concat())
        .refused(5, "invalid", sentence);
    add_without_password(&env, "bob@example.com", &wrong).refused(5, "invalid", sentence);
    assert_eq!(env.everything(), before);
    let integer = "level: it must be a whole number, at most 9007199254740991 either side of 0";
    for text in ["level=high", "level=1.5", "level=9007199254740992"] {
        set(&env, "ada@example.com", text).refused(5, "invalid", integer);
    }
    let twice = ["--field", "level=1", "--field", "level=2"];
    env.authctl_json(&[&["user", "set", "ada@example.com"], &twice[..]].concat())
        .refused(5, "invalid", "level: it is given twice");
    assert_eq!(set(&env, "ada@example.com", "level").status, 5);
    let unknown = env.authctl_json(&["user", "list", "--field", "shoe_size=3"]);
    unknown.refused(5, "invalid", "shoe_size: there is no such field");
    assert_eq!(env.everything(), before);
}

#[test]
fn what_is_unique_is_taken_once_in_whatever_spelling() {
    let env = departments();
    env.add_user("bob@example.com", PASSWORD);
    env.authctl(&["field", "add", "backup_mail", "--type", "email", "--unique"])
        .succeeded();
    set(&env, "ada@example.com", "backup_mail=A@example.com").succeeded();
    let taken = "backup_mail: another account has this value";
    set(&env, "bob@example.com", "backup_mail=a@EXAMPLE.com").refused(5, "invalid", taken);
    add_without_password(
        &env,
        "eve@example.com",
        &["--field", "backup_mail=a@example.com"],
    )
    .refused(5, "invalid", taken);
    assert_eq!(env.number("SELECT count(*) FROM users"), 2);
    // One's own is not another's.
    set(&env, "ada@example.com", "backup_mail=a@example.com").succeeded();
    env.authctl(&["user", "delete", "ada@example.com", "--yes"])
        .succeeded();
    set(&env, "bob@example.com", "backup_mail=a@example.com").succeeded();
    assert_eq!(
        listed(&env, "backup_mail=A@example.com"),
        ["bob@example.com"]
    );
}

/// Whoever follows the changes is told of everybody whose values are others, and of nobody else.
#[test]
fn a_change_of_a_field_changes_the_version_of_those_who_have_a_value_and_of_nobody_else() {
    let env = departments();
    add_without_password(&env, "bob@example.com", &["--field", "department=R&D"]).succeeded();
    add_without_password(&env, "eve@example.com", &["--field", "department=Sales"]).succeeded();
    let versions = || {
        let lines = env.sql("SELECT version FROM users ORDER BY email_key");
        let numbers = lines.lines().map(|line| line.parse().expect("is a number"));
        numbers.collect::<Vec<i64>>()
    };
    let mut before = versions();
    for command in [
        &["field", "rename", "department", "unit"][..],
        &["field", "delete", "unit", "--yes"],
    ] {
        env.authctl(command).succeeded();
        let after = versions();
        assert_eq!(after[0], before[0], "{command:?}");
        assert!(after[1] > before[1] && after[2] > before[2] && after[1] != after[2]);
        assert!(env.number("SELECT value FROM change_sequence") >= after[2]);
        before = after;
    }
    // With a default, everybody has another value.
    env.authctl(&["field", "add", "level", "--type", "int", "--default", "1"])
        .succeeded();
    let after = versions();
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| after > before)
    );
    // What is as it was is no change.
    let set = |values: &[&str]| {
        env.authctl(&[&["user", "set", "ada@example.com"], values].concat())
            .succeeded();
    };
    set(&["--field", "level=1"]);
    assert_eq!(versions(), after);
    set(&["--field", "level=2"]);
    assert!(versions()[0] > after[0]);
}

/// Nothing of the account has changed, but its answer has.
#[test]
fn a_caller_who_knows_an_answer_is_given_another_when_a_field_comes_or_goes() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let ask = |known: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("If-None-Match", known)];
        authd.get_with("/auth/verify", &headers)
    };
    let mut tag = ask("").header("etag").to_owned();
    assert_eq!(ask(&tag).status, 304);
    for command in [
        &["field", "add", "department", "--type", "string"][..],
        &["field", "rename", "department", "unit"],
        &["field", "delete", "unit", "--yes"],
    ] {
        env.authctl(command).succeeded();
        let answer = ask(&tag);
        assert_eq!(answer.status, 200, "{command:?}");
        tag = answer.header("etag").to_owned();
        assert_eq!(ask(&tag).status, 304);
    }
}

#[test]
fn tokens_carry_the_fields_that_are_for_them_at_the_next_login() {
    let env = departments();
    set(&env, "ada@example.com", "department=R&D").succeeded();
    env.authctl(&["field", "add", "level", "--type", "int"])
        .succeeded();
    let claims = ("AUTHD_TOKENS_CLAIMS", "email,fields.level,fields.not_there");
    let authd = env.authd_with(&[], &[claims]);
    let claims = || {
        let token = authd.login("ada@example.com", PASSWORD);
        authd.verify(&token).body["claims"].clone()
    };
    assert_eq!(claims()["fields"], json!({"level": null}));
    assert_eq!(claims()["email"], "ada@example.com");

    env.authctl(&["field", "change", "department", "--in-token", "true"])
        .succeeded();
    let both = json!({"department": "R&D", "level": null});
    assert_eq!(claims()["fields"], both);

    env.authctl(&["field", "delete", "level", "--yes"])
        .succeeded();
    env.authctl(&["field", "rename", "department", "sub"])
        .succeeded();
    // A field is never a claim of its own: this one would say who the token stands for.
    assert_eq!(claims()["fields"], json!({"sub": "R&D"}));
    assert_ne!(claims()["sub"], "R&D");

    // A session's next token is of the moment it is given out.
    let begun = authd.try_login("ada@example.com", PASSWORD).body;
    env.authctl(&["field", "change", "sub", "--in-token", "false"])
        .succeeded();
    assert_eq!(claims().get("fields"), None);
    let next = json!({"refresh_token": begun["refresh_token"]});
    let next = authd.post_json("/auth/refresh", &next).body;
    let token = next["access_token"].as_str().expect("is a text");
    assert_eq!(authd.verify(token).body["claims"].get("fields"), None);
}

#[test]
fn accounts_see_of_themselves_what_is_for_them_to_see() {
    let env = departments();
    for field in [
        &["field", "add", "shoe_size", "--type", "int", "--self-read"][..],
        &[
            "field",
            "add",
            "nickname",
            "--type",
            "string",
            "--self-write",
        ],
    ] {
        env.authctl(field).succeeded();
    }
    for value in ["department=R&D", "shoe_size=40"] {
        set(&env, "ada@example.com", value).succeeded();
    }
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    let bearer = format!("Bearer {token}");
    let me = authd.get_with("/auth/me", &[("Authorization", &bearer)]);
    assert_eq!(
        me.body["fields"],
        json!({"nickname": null, "shoe_size": 40})
    );
    let all = json!({"department": "R&D", "nickname": null, "shoe_size": 40});
    assert_eq!(verified(&authd, &token), all);
}

/// Security statement 86, of own fields.
#[test]
fn of_many_who_take_a_unique_value_at_once_one_has_it() {
    let env = departments();
    env.authctl(&["field", "add", "badge", "--type", "int", "--unique"])
        .succeeded();
    let emails: Vec<String> = (0..12).map(|n| format!("u{n}@example.com")).collect();
    let add = |email| add_without_password(&env, email, &["--field", "badge=7"]).status;
    let mut ends: Vec<i32> = thread::scope(|scope| {
        let added: Vec<_> = emails
            .iter()
            .map(|email| scope.spawn(|| add(email)))
            .collect();
        let ends = added.into_iter().map(|added| added.join().expect("ends"));
        ends.collect()
    });
    ends.sort_unstable();
    assert_eq!(ends, [&[0][..], &[5; 11]].concat());
    assert_eq!(listed(&env, "badge=7").len(), 1);
    assert_eq!(env.number("SELECT count(*) FROM users"), 2);
}

#[test]
fn introspection_says_what_an_account_has() {
    let env = departments();
    set(&env, "ada@example.com", "department=R&D").succeeded();
    let secret = env.authctl(&["client", "add", "billing", "-q"]).succeeded();
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    let form = format!(
        "client_id=billing&client_secret={}&token={token}",
        secret.stdout.trim()
    );
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let answer = authd.post("/oauth/introspect", &[kind], form.as_bytes());
    let has = json!({"department": "R&D"});
    assert_eq!(answer.body["user"]["fields"], has, "{answer:?}");
}
