//! `authctl field`: what fields may be like, and who may say so.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::env::{PASSWORD, TestEnv};
use crate::fields::{add_without_password, departments, fields, listed, set};

#[test]
fn a_required_field_is_refused_while_accounts_lack_it_and_then_asked_for() {
    let env = departments();
    let required = ["field", "add", "badge", "--type", "int", "--required"];
    let sentence = "nothing was changed: 1 account breaks the rules: \
        ada@example.com (a value is needed)";
    env.authctl_json(&required).refused(4, "conflict", sentence);
    assert_eq!(fields(&env, "ada@example.com"), json!({"department": null}));

    env.authctl(&[&required[..], &["--default", "0"]].concat())
        .succeeded();
    let filled = json!({"badge": 0, "department": null});
    assert_eq!(fields(&env, "ada@example.com"), filled);
    let added = add_without_password(&env, "bob@example.com", &[]).succeeded();
    assert_eq!(added.json()["user"]["fields"], filled);

    env.authctl(&["field", "change", "badge", "--default", ""])
        .succeeded();
    let needed = "badge: a value is needed";
    add_without_password(&env, "eve@example.com", &[]).refused(5, "invalid", needed);
    set(&env, "ada@example.com", "badge=").refused(5, "invalid", needed);
    add_without_password(&env, "eve@example.com", &["--field", "badge=7"]).succeeded();
    let superuser = [
        "createsuperuser",
        "--no-input",
        "--email",
        "root@example.com",
    ];
    let superuser = [&superuser[..], &["--password-stdin", "-o", "json"]].concat();
    let out = env.authctl_reading(PASSWORD, &superuser);
    out.refused(5, "invalid", needed);
    let superuser = [&superuser[..], &["--field", "badge=8"]].concat();
    env.authctl_reading(PASSWORD, &superuser).succeeded();
    assert_eq!(env.number("SELECT count(*) FROM users"), 4);
}

#[test]
fn a_changed_rule_names_the_accounts_that_break_it_and_changes_nothing_unless_told_to() {
    let env = departments();
    set(&env, "ada@example.com", "department=R&D").succeeded();
    for number in 10..32 {
        let email = format!("u{number}@example.com");
        let field = format!("department=Department {number}");
        add_without_password(&env, &email, &["--field", &field]).succeeded();
    }
    let shorten = ["field", "change", "department", "--max-length", "10"];
    let field = env.authctl_json(&["field", "show", "department"]).stdout;
    let users = env.everything();
    let refused = env.authctl_json(&shorten);
    let first: Vec<String> = (10..30)
        .map(|number| format!("u{number}@example.com (at most 10 characters)"))
        .collect();
    let sentence = format!(
        "nothing was changed, and is only with --force: 22 accounts break the rules: {} and 2 more",
        first.join(", ")
    );
    refused.refused(4, "conflict", &sentence);
    assert_eq!(
        env.authctl_json(&["field", "show", "department"]).stdout,
        field
    );

    let forced = env.authctl_json(&[&shorten[..], &["--force"]].concat());
    let forced = forced.succeeded();
    assert_eq!(forced.json()["max_length"], 10);
    assert!(
        forced
            .stderr
            .starts_with("22 accounts break the rules: u10@"),
        "{forced:?}"
    );
    // They keep what they have, and may change everything else.
    assert_eq!(env.everything(), users);
    env.authctl(&["user", "set", "u10@example.com", "--first-name", "U"])
        .succeeded();
    set(&env, "u10@example.com", "department=Department X").refused(
        5,
        "invalid",
        "department: at most 10 characters",
    );
    // What nobody breaks comes without a word.
    env.authctl(&[
        "field",
        "change",
        "department",
        "--max-length",
        "",
        "--pattern",
        ".*",
    ])
    .succeeded();
    let broken = ["field", "change", "department", "--pattern", "R&D"];
    assert_eq!(env.authctl(&broken).status, 4);
}

#[test]
fn values_that_are_there_twice_do_not_become_unique_not_even_by_force() {
    let env = departments();
    for email in ["bob@example.com", "eve@example.com"] {
        add_without_password(&env, email, &["--field", "department=R&D"]).succeeded();
    }
    let unique = ["field", "change", "department", "--unique", "true"];
    let sentence = "nothing was changed: 2 accounts break the rules: \
        bob@example.com (another account has this value), \
        eve@example.com (another account has this value)";
    env.authctl_json(&unique).refused(4, "conflict", sentence);
    env.authctl_json(&[&unique[..], &["--force"]].concat())
        .refused(4, "conflict", sentence);
    set(&env, "eve@example.com", "department=Sales").succeeded();
    env.authctl(&unique).succeeded();
    set(&env, "eve@example.com", "department=R&D").refused(
        5,
        "invalid",
        "department: another account has this value",
    );
    env.authctl(&["field", "change", "department", "--unique", "false"])
        .succeeded();
    set(&env, "eve@example.com", "department=R&D").succeeded();
    let required = ["field", "change", "department", "--required", "true"];
    env.authctl_json(&required).refused(
        4,
        "conflict",
        "nothing was changed, and is only with --force: 1 account breaks the rules: \
         ada@example.com (a value is needed)",
    );
    env.authctl(&[&required[..], &["--default", "None yet"]].concat())
        .succeeded();
    assert_eq!(listed(&env, "department=None yet"), ["ada@example.com"]);
}

#[test]
fn a_field_is_shown_as_it_was_written() {
    let env = TestEnv::new();
    let flags = [
        "field",
        "add",
        "level",
        "--type",
        "int",
        "--label",
        "Level",
        "--required",
        "--indexed",
        "--default",
        "-1",
        "--min",
        "-1",
        "--max",
        "5",
        "--self-write",
        "--in-token",
    ];
    let added = env.authctl_json(&flags).succeeded().json();
    let field = &added["field"];
    let expected = json!({
        "name": "level", "label": "Level", "type": "int", "required": true, "unique": false,
        "indexed": true, "default": -1, "choices": null, "max_length": null, "pattern": null,
        "min": -1, "max": 5, "self_read": true, "self_write": true, "in_token": true,
        "created_at": field["created_at"], "version": 1
    });
    assert_eq!(*field, expected);
    let shown = env.authctl_json(&["field", "show", "level"]);
    assert_eq!(shown.succeeded().json(), expected);
    let listed = env.authctl_json(&["field", "list"]).succeeded().json();
    assert_eq!(listed, json!({"fields": [expected]}));
    assert_eq!(env.authctl(&["field", "list", "-q"]).stdout, "level\n");
    let again = env.authctl_json(&[&flags[..], &["--if-not-exists"]].concat());
    assert_eq!(
        again.succeeded().json(),
        json!({"created": false, "field": expected})
    );
    env.authctl_json(&flags)
        .refused(4, "conflict", "there is a field 'level' already");
    env.authctl(&["field", "add", "other", "--type", "json"])
        .succeeded();
    env.authctl_json(&["field", "rename", "other", "level"])
        .refused(4, "conflict", "there is a field 'level' already");
    for command in [
        &["field", "show", "third"][..],
        &["field", "rename", "third", "fourth"],
        &["field", "delete", "third", "--yes"],
        &["field", "change", "third", "--label", "x"],
    ] {
        env.authctl_json(command)
            .refused(3, "not_found", "there is no field 'third'");
    }
    assert_eq!(env.authctl_json(&["field", "delete", "level"]).status, 2);
    assert_eq!(env.authctl_json(&["field", "change", "level"]).status, 2);
}

#[test]
fn a_field_that_makes_no_sense_is_refused_with_the_reason() {
    let env = departments();
    let before = env.everything();
    let refused = |flags: &[&str], sentence: &str| {
        let out = env.authctl_json(&[&["field", "add", "other"], flags].concat());
        out.refused(5, "invalid", sentence);
    };
    refused(
        &["--type", "int", "--max-length", "3"],
        "a field of type int has no max_length",
    );
    refused(
        &["--type", "enum"],
        "an enum has 1 to 100 choices, of which no two are the same",
    );
    refused(
        &["--type", "int", "--min", "5", "--max", "1"],
        "min is more than max",
    );
    refused(
        &["--type", "date", "--default", "tomorrow"],
        "default: it must be a day, as 2026-11-23",
    );
    refused(
        &["--type", "int", "--unique", "--default", "1"],
        "a unique field has no default: two accounts would have the same",
    );
    refused(
        &["--type", "string", "--pattern", r"(\w{100}){100}"],
        "the pattern is too big: repeat less in it",
    );
    for (name, kind) in [
        ("Department", "string"),
        ("email", "string"),
        ("fields", "json"),
        ("is_superuser", "bool"),
        ("a b", "string"),
        ("x", "text"),
    ] {
        let out = env.authctl_json(&["field", "add", name, "--type", kind]);
        assert_eq!(out.status, 5, "{name} {kind}: {out:?}");
    }
    let out = env.authctl_json(&["field", "change", "department", "--pattern", "("]);
    assert_eq!(out.status, 5, "{out:?}");
    assert_eq!(env.everything(), before);
    assert_eq!(env.number("SELECT count(*) FROM fields"), 1);
}

/// The engine has no backtracking, so that there is no such pattern.
#[test]
fn a_pattern_that_takes_exponential_time_elsewhere_takes_none_here() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.authctl(&[
        "field",
        "add",
        "evil",
        "--type",
        "string",
        "--pattern",
        "(a+)+(a|aa)*(.*)*b",
    ])
    .succeeded();
    let value = format!("evil={}!", "a".repeat(4_000));
    let began = Instant::now();
    assert_eq!(set(&env, "ada@example.com", &value).status, 5);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn there_are_bounds_on_fields_and_on_what_an_account_has_in_them() {
    let env = departments();
    env.sql(
        "INSERT INTO fields (name, type, is_required, is_unique, is_indexed, self_read, self_write,
            in_token, created_at, version)
         WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 108)
         SELECT 'f' || i, 'string', FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, 0, 1000 + i FROM n",
    );
    env.authctl_json(&["field", "add", "one_more", "--type", "int"])
        .refused(
            4,
            "conflict",
            "there are 100 fields already, and no more can be",
        );
    let text = "x".repeat(4096);
    let values: Vec<String> = (10..27).map(|number| format!("f{number}={text}")).collect();
    let flags: Vec<&str> = values.iter().flat_map(|value| ["--field", value]).collect();
    let set =
        |flags: &[&str]| env.authctl_json(&[&["user", "set", "ada@example.com"], flags].concat());
    let out = set(&flags);
    assert_eq!(out.status, 5, "{}", out.stderr);
    assert!(
        out.stderr
            .contains("the values of an account have at most 65536 bytes together")
    );
    set(&flags[..20]).succeeded();
    assert_eq!(set(&flags[20..]).status, 5);
    set(&flags[20..22]).succeeded();
    let too_long = format!("department={text}x");
    let out = set(&["--field", &too_long]);
    out.refused(5, "invalid", "department: at most 4096 bytes");
}

/// `docs/fields.md`: who may do what.
#[test]
fn staff_sees_fields_and_superusers_change_them() {
    let env = departments();
    for (email, flag) in [
        ("staff@example.com", "--staff"),
        ("root@example.com", "--superuser"),
    ] {
        add_without_password(&env, email, &[flag]).succeeded();
    }
    env.authctl(&["user", "grant", "staff@example.com", "users.view"])
        .succeeded();
    env.authctl(&["user", "grant", "staff@example.com", "users.change"])
        .succeeded();
    let run = |who: &str, command: &[&str]| env.authctl_json(&[&["--as", who], command].concat());
    let changes = [
        &["field", "add", "level", "--type", "int"][..],
        &["field", "change", "department", "--label", "Department"],
        &["field", "rename", "level", "grade"],
        &["field", "delete", "grade", "--yes"],
    ];
    for command in changes {
        run("staff@example.com", command).refused(4, "conflict", "only superusers may do this");
        let denied = run("ada@example.com", command);
        assert_eq!(denied.status, 4, "{denied:?}");
        run("root@example.com", command).succeeded();
    }
    let list = ["field", "list"];
    run("ada@example.com", &list).refused(4, "conflict", "this needs the permission 'users.view'");
    run("staff@example.com", &list).succeeded();
    let change = |email| {
        let value = ["user", "set", email, "--field", "department=R&D"];
        run("staff@example.com", &value)
    };
    change("ada@example.com").succeeded();
    change("root@example.com").refused(
        4,
        "conflict",
        "the caller may not do this to somebody who may do more than the caller",
    );
}

#[test]
fn accounts_are_listed_by_what_they_have() {
    let env = departments();
    for (email, department) in [
        ("bob@example.com", "department=R&D"),
        ("eve@example.com", "department=Sales"),
        ("flo@example.com", "department=R&D"),
    ] {
        add_without_password(&env, email, &["--field", department]).succeeded();
    }
    for indexed in ["true", "false"] {
        env.authctl(&["field", "change", "department", "--indexed", indexed])
            .succeeded();
        let of_research = ["bob@example.com", "flo@example.com"];
        assert_eq!(listed(&env, "department=R&D"), of_research);
        assert_eq!(listed(&env, "department=Sales"), ["eve@example.com"]);
        assert_eq!(listed(&env, "department="), ["ada@example.com"]);
        assert!(listed(&env, "department=r&d").is_empty());
        assert!(listed(&env, "department=%").is_empty());
    }
    let page = |after: &[&str]| {
        let ask = ["user", "list", "--field", "department=R&D", "--limit", "1"];
        let page = env.authctl_json(&[&ask[..], after].concat()).succeeded();
        let page = page.json();
        let email = page["users"][0]["email"].as_str().map(str::to_owned);
        (email, page["next"].as_str().map(str::to_owned))
    };
    let (first, next) = page(&[]);
    let (second, end) = page(&["--after", &next.expect("there are more")]);
    assert_eq!(
        (first.as_deref(), second.as_deref(), end),
        (Some("bob@example.com"), Some("flo@example.com"), None)
    );
    env.authctl(&["field", "add", "anything", "--type", "json"])
        .succeeded();
    let out = env.authctl_json(&["user", "list", "--field", "anything=[]"]);
    out.refused(
        5,
        "invalid",
        "anything: accounts are not looked for by JSON",
    );
}

/// An account without a database is made nowhere, whatever it is to have.
#[test]
fn a_value_of_a_field_makes_no_database() {
    let env = TestEnv::new();
    let out = add_without_password(&env, "ada@example.com", &["--field", "department=R&D"]);
    assert_eq!(out.status, 6, "{out:?}");
    assert!(env.file_names().is_empty(), "{:?}", env.file_names());
}
