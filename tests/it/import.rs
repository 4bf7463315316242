//! `authctl import`: many accounts, each by the rules for one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::env::{Outcome, PASSWORD, TestEnv};

fn import(env: &TestEnv, text: &str, flags: &[&str]) -> Outcome {
    env.write("users.jsonl", text);
    env.authctl_json(&[&["import", "users.jsonl"], flags].concat())
}

/// Ada, whose id is the first column.
fn with_ada() -> (TestEnv, String) {
    let env = TestEnv::new();
    let ada = env.add_user("ada@example.com", PASSWORD);
    let id = ada["id"].as_str().expect("is a text").to_owned();
    (env, id)
}

#[test]
fn a_row_that_does_not_fit_is_named_and_nothing_is_imported() {
    let (env, _) = with_ada();
    env.authctl(&["field", "add", "level", "--type", "int", "--max", "5"])
        .succeeded();
    let before = env.everything();
    let rows = concat!(
        "{\"email\": \"bob@example.com\", \"fields\": {\"level\": 2}}\n",
        "\n",
        "{\"email\": \"bob\", \"is_staff\": 1}\n",
        "{\"email\": \"eve@example.com\", \"fields\": {\"level\": 9}}\n",
        "{\"email\": \"mia@example.com\", \"groups\": [\"none\"]}\n",
        "{\"email\": \"BOB@example.com\"}\n",
        "{\"email\": \"leo@example.com\", \"shoe_size\": 40}\n",
        "{\"email\": \"kim@example.com\", \"email\": \"kim2@example.com\"}\n",
        "[]\n",
        "{\"email\": \"sam@example.com\", \"password\": \"secret\"}\n",
        "{\"email\": \"joe@example.com\", \"password_hash\": \"$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g\"}\n",
    );
    let out = import(&env, rows, &[]);
    assert_eq!(out.status, 5, "{out:?}");
    let report = out.json();
    let counts = ["created", "updated", "unchanged", "skipped"];
    assert!(counts.iter().all(|name| report[name] == 0), "{report}");
    assert_eq!(report["refused"], 9, "{report}");
    let errors = report["errors"].as_array().expect("is a list");
    let lines: Vec<_> = errors.iter().map(|one| one["line"].as_i64()).collect();
    assert_eq!(lines, (3..=11).map(Some).collect::<Vec<_>>());
    let said = |line: i64| {
        let found = errors.iter().find(|one| one["line"] == line);
        found.expect("is named")["message"]
            .as_str()
            .expect("is a text")
            .to_owned()
    };
    assert!(said(3).contains("exactly one '@'") && said(3).contains("is_staff: it must be true"));
    assert_eq!(said(4), "level: at most 5");
    assert_eq!(said(5), "there is no group 'none'");
    assert_eq!(said(6), "line 1 has the same address");
    assert_eq!(said(7), "shoe_size: accounts have nothing of this name");
    assert!(said(8).contains("email: it is there twice"), "{}", said(8));
    assert!(said(9).starts_with("this is no JSON object"), "{}", said(9));
    assert!(
        said(10).starts_with("password: no passwords in files"),
        "{}",
        said(10)
    );
    assert!(said(11).contains("m up to 1048576"), "{}", said(11));
    assert_eq!(env.everything(), before);

    // What fits comes in alone if that is wanted, and the status is the same.
    let out = import(&env, rows, &["--keep-going"]);
    assert_eq!(out.status, 5, "{out:?}");
    assert_eq!(out.json()["created"], 1);
    let out = env.authctl_json(&["user", "list"]).succeeded().json();
    assert_eq!(out["users"].as_array().expect("is a list").len(), 2);
}

#[test]
fn an_account_that_is_there_is_a_conflict_or_skipped_or_updated() {
    let (env, id) = with_ada();
    let rows = concat!(
        "{\"email\": \"ADA@example.com\", \"first_name\": \"Ada\"}\n",
        "{\"email\": \"bob@example.com\"}\n",
    );
    let out = import(&env, rows, &[]);
    assert_eq!(out.status, 4, "{out:?}");
    let message = "there is an account 'ada@example.com' already";
    assert_eq!(
        out.json()["errors"],
        json!([{"line": 1, "message": message}])
    );
    assert_eq!(env.number("SELECT count(*) FROM users"), 1);

    let out = import(&env, rows, &["--on-conflict", "skip", "--dry-run"]).succeeded();
    assert_eq!(out.json()["created"], 1);
    assert_eq!(env.number("SELECT count(*) FROM users"), 1);

    let out = import(&env, rows, &["--on-conflict", "skip"])
        .succeeded()
        .json();
    assert_eq!((&out["created"], &out["skipped"]), (&json!(1), &json!(1)));
    let ada = || env.authctl_json(&["user", "show", &id]).succeeded().json();
    assert_eq!(ada()["first_name"], "");

    let out = import(&env, rows, &["--on-conflict", "update"])
        .succeeded()
        .json();
    assert_eq!((&out["updated"], &out["unchanged"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&ada()["first_name"], &ada()["email"]),
        (&json!("Ada"), &json!("ADA@example.com"))
    );
    let version = ada()["version"].clone();
    let out = import(&env, rows, &["--on-conflict", "update"])
        .succeeded()
        .json();
    assert_eq!(out["unchanged"], 2);
    assert_eq!(
        ada()["version"],
        version,
        "what is no change draws no version"
    );
}

/// Security statement 85.
#[test]
fn an_id_is_kept_if_it_is_free_and_was_never_anybodys() {
    let (env, ada) = with_ada();
    let new = "01a207da-808f-7a02-b6e4-2c9f1d7a3e58";
    let row = |id: &str, email: &str| format!("{{\"id\": \"{id}\", \"email\": \"{email}\"}}\n");
    import(&env, &row(new, "bob@example.com"), &[]).succeeded();
    let bob = env
        .authctl_json(&["user", "show", "bob@example.com"])
        .succeeded();
    assert_eq!(bob.json()["id"], new);
    for flags in [&[][..], &["--on-conflict", "update"]] {
        let out = import(&env, &row(&ada, "bob@example.com"), flags);
        assert_eq!(out.status, 4, "{out:?}");
    }
    // Its own id is that of another account, whatever the address.
    let out = import(&env, &row(new, "eve@example.com"), &[]);
    assert_eq!(out.status, 4, "{out:?}");
    let other = "01a207da-808f-7a02-b6e4-2c9f1d7a3e59";
    let out = import(
        &env,
        &row(other, "bob@example.com"),
        &["--on-conflict", "update"],
    );
    assert_eq!(out.status, 4, "{out:?}");
    env.authctl(&["user", "delete", new, "--yes"]).succeeded();
    let out = import(&env, &row(new, "bob@example.com"), &[]);
    assert_eq!(out.status, 4, "{out:?}");
    assert!(out.stdout.contains("leave it out"), "{out:?}");
}

/// Security statement 82, by import: nobody gives themselves, or others, more than they may.
#[test]
fn an_import_in_somebodys_name_is_held_to_what_they_may() {
    let (env, ada) = with_ada();
    let as_ada = ["--as", "ada@example.com"];
    let plain = "{\"email\": \"bob@example.com\"}\n";
    let out = import(&env, plain, &as_ada);
    out.refused(4, "conflict", "this needs the permission 'users.add'");
    env.authctl(&["user", "set", &ada, "--staff", "true"])
        .succeeded();
    for permission in ["users.add", "users.change", "users.view"] {
        env.authctl(&["user", "grant", &ada, permission])
            .succeeded();
    }
    let before = env.everything();
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
    for (row, status) in [
        (
            "{\"email\": \"eve@example.com\", \"is_superuser\": true}",
            4,
        ),
        ("{\"email\": \"eve@example.com\", \"is_staff\": true}", 4),
        (
            &format!("{{\"email\": \"eve@example.com\", \"password_hash\": \"{hash}\"}}"),
            4,
        ),
        (
            "{\"email\": \"ada@example.com\", \"is_superuser\": true}",
            4,
        ),
        ("{\"email\": \"ada@example.com\", \"is_active\": false}", 4),
        (
            &format!("{{\"email\": \"ada@example.com\", \"password_hash\": \"{hash}\"}}"),
            4,
        ),
        (
            "{\"email\": \"ada@example.com\", \"id\": \"01a207da-808f-7a02-b6e4-2c9f1d7a3e58\"}",
            4,
        ),
    ] {
        let rows = format!("{plain}{row}\n");
        let flags = [&as_ada[..], &["--on-conflict", "update"]].concat();
        let out = import(&env, &rows, &flags);
        assert_eq!(out.status, status, "{row}: {out:?}");
        assert_eq!(env.everything(), before, "{row}");
    }
    // What was made when, and logged in when, is not for an import to change.
    let row = "{\"email\": \"ada@example.com\", \"date_joined\": \"2001-01-01T00:00:00Z\", \"version\": 1}\n";
    let flags = [&as_ada[..], &["--on-conflict", "update"]].concat();
    let out = import(&env, row, &flags).succeeded();
    assert_eq!(out.json()["unchanged"], 1);
    assert_eq!(env.everything(), before);
    import(&env, plain, &as_ada).succeeded();
    let events =
        "SELECT count(*) FROM audit_events WHERE event = 'user.added' AND result = 'denied'";
    assert!(env.number(events) >= 3);
    let events = format!(
        "SELECT count(*) FROM audit_events WHERE event = 'user.added' AND result = 'ok' AND actor_id = '{ada}'"
    );
    assert_eq!(env.number(&events), 1);
}

#[test]
fn the_last_superuser_stays_one() {
    let env = TestEnv::new();
    env.authctl(&[
        "user",
        "add",
        "root@example.com",
        "--superuser",
        "--no-password",
    ])
    .succeeded();
    let row = "{\"email\": \"root@example.com\", \"is_superuser\": false}\n";
    for flags in [
        &["--on-conflict", "update"][..],
        &["--on-conflict", "update", "--keep-going"],
    ] {
        let out = import(&env, row, flags);
        assert_eq!(out.status, 4, "{out:?}");
        assert!(out.stdout.contains("the last active superuser"), "{out:?}");
    }
    assert_eq!(
        env.number("SELECT count(*) FROM users WHERE is_superuser"),
        1
    );
}

#[test]
fn a_unique_value_is_one_accounts_however_far_apart_the_rows_are() {
    let env = TestEnv::new();
    env.authctl(&["field", "add", "badge", "--type", "int", "--unique"])
        .succeeded();
    let mut rows = String::new();
    for number in 0..2500 {
        let _ = writeln!(
            rows,
            "{{\"email\": \"u{number}@example.com\", \"fields\": {{\"badge\": {}}}}}",
            if number == 2400 { 7 } else { number }
        );
    }
    let out = import(&env, &rows, &[]);
    assert_eq!(out.status, 5, "{out:?}");
    let errors = &out.json()["errors"];
    let message = "line 8 has the same value of badge, of which no two accounts have the same";
    assert_eq!(errors, &json!([{"line": 2401, "message": message}]));
    assert_eq!(env.number("SELECT count(*) FROM users"), 0);
    // A part of it was imported before something ended it; the rest comes with the next run.
    let rows = rows.replace(
        "{\"email\": \"u2400@example.com\", \"fields\": {\"badge\": 7}}\n",
        "",
    );
    let (first, _) = rows.split_at(rows.match_indices('\n').nth(1199).expect("is long").0 + 1);
    import(&env, first, &[]).succeeded();
    let out = import(&env, &rows, &["--on-conflict", "skip"])
        .succeeded()
        .json();
    assert_eq!(
        (&out["created"], &out["skipped"]),
        (&json!(1299), &json!(1200))
    );
    assert_eq!(
        env.number("SELECT count(*) FROM audit_events WHERE event = 'user.added'"),
        2499
    );
    env.authctl(&["audit", "verify"]).succeeded();
}

#[test]
fn a_table_is_read_by_its_header_and_what_is_none_is_refused() {
    let (env, _) = with_ada();
    env.authctl(&["group", "add", "a;b"]).succeeded();
    let table = "\u{feff}email,first_name,is_active,groups\r\n\
        bob@example.com,\"Bob \"\"B\"\"\",False,a\\;b\r\n\
        eve@example.com,,,\r\n";
    env.write("users.csv", table);
    env.authctl(&["import", "users.csv"]).succeeded();
    let bob = env
        .authctl_json(&["user", "show", "bob@example.com"])
        .succeeded()
        .json();
    let expected = (json!("Bob \"B\""), json!(false), json!(["a;b"]));
    assert_eq!(
        (
            bob["first_name"].clone(),
            bob["is_active"].clone(),
            bob["groups"].clone()
        ),
        expected
    );
    for (table, message) in [
        (
            "email,shoe_size\n",
            "line 1: the column 'shoe_size': accounts have nothing of this name",
        ),
        (
            "email,email\n",
            "line 1: the column 'email': it is there twice",
        ),
    ] {
        let out = env.authctl_reading(table, &["import", "-", "--format", "csv", "-o", "json"]);
        out.refused(5, "invalid", message);
    }
    let long = format!("email\n\"{}", "x\n".repeat(700_000));
    let out = env.authctl_reading(&long, &["import", "-", "--format", "csv"]);
    assert_eq!(out.status, 5, "{out:?}");
    assert!(
        out.stderr.contains("a row has at most 1048576 bytes"),
        "{out:?}"
    );
    let out = env.authctl_reading(
        "email,id\nkim@example.com\n",
        &["import", "-", "--format", "csv"],
    );
    assert_eq!(out.status, 5, "{out:?}");
    assert!(out.stderr.contains("line 2: a row has 2 cells"), "{out:?}");
    assert_eq!(env.number("SELECT count(*) FROM users"), 3);
}

#[test]
fn standard_input_is_a_file_too_and_makes_the_database() {
    let env = TestEnv::new();
    let row = "{\"email\": \"ada@example.com\", \"date_joined\": \"2001-02-03T04:05:06Z\", \"last_login\": \"2002-02-03T04:05:06Z\"}";
    let dry = env.authctl_reading(row, &["import", "-", "--dry-run"]);
    assert_eq!(dry.status, 6, "{dry:?}");
    env.authctl_reading(row, &["import", "-"]).succeeded();
    let ada = env
        .authctl_json(&["user", "show", "ada@example.com"])
        .succeeded()
        .json();
    assert_eq!(ada["date_joined"], "2001-02-03T04:05:06Z");
    assert_eq!(ada["last_login"], "2002-02-03T04:05:06Z");
}

#[test]
fn what_never_ends_is_given_up_and_a_folder_is_no_file() {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    for format in ["jsonl", "csv"] {
        let out = env.authctl_json(&["import", "/dev/zero", "--format", format]);
        out.refused(5, "invalid", "line 1: a row has at most 1048576 bytes");
    }
    let out = env.authctl(&["import", "."]);
    assert_eq!(out.status, 1, "{out:?}");
    assert_eq!(out.stderr, "authctl: opening '.' failed: is a directory\n");
}

#[test]
fn an_account_that_comes_without_a_value_has_none_and_not_the_default() {
    let env = TestEnv::new();
    for field in [
        &["level", "--type", "int", "--default", "3"][..],
        &[
            "office",
            "--type",
            "string",
            "--default",
            "London",
            "--required",
        ],
    ] {
        env.authctl(&[&["field", "add"], field].concat())
            .succeeded();
    }
    let rows = concat!(
        "{\"email\": \"ada@example.com\", \"fields\": {\"level\": null, \"office\": null}}\n",
        "{\"email\": \"bob@example.com\"}\n",
    );
    import(&env, rows, &[]).succeeded();
    let fields = |email: &str| {
        let out = env.authctl_json(&["user", "show", email]).succeeded();
        out.json()["fields"].take()
    };
    // One that must have a value has the default all the same.
    let none = json!({"level": null, "office": "London"});
    assert_eq!(fields("ada@example.com"), none);
    let default = json!({"level": 3, "office": "London"});
    assert_eq!(fields("bob@example.com"), default);
    let exported = env.authctl(&["export", "-q"]).succeeded().stdout;
    let out = import(&env, &exported, &["--on-conflict", "update"]).succeeded();
    assert_eq!(out.json()["unchanged"], 2, "{out:?}");
}

#[test]
fn what_is_interrupted_while_it_is_only_tried_has_imported_nothing() {
    let (env, _) = with_ada();
    let before = env.everything();
    let mut command = env.authctl_command(&["import", "-"]);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut import = command.spawn().expect("starts");
    let mut rows = import.stdin.take().expect("is piped");
    for at in 0..1000 {
        writeln!(rows, "{{\"email\": \"a{at}@example.com\"}}").expect("writes");
    }
    // By then it reads; it ends after the next thousand.
    std::thread::sleep(Duration::from_secs(2));
    let id = rustix::process::Pid::from_child(&import);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("is interrupted");
    for at in 1000..3000 {
        if writeln!(rows, "{{\"email\": \"a{at}@example.com\"}}").is_err() {
            break;
        }
    }
    let out = import.wait_with_output().expect("ends");
    let said = String::from_utf8(out.stderr).expect("is UTF-8");
    assert_eq!(said, "authctl: interrupted: nothing was imported\n");
    assert_eq!(out.status.code(), Some(130));
    drop(rows);
    assert_eq!(env.everything(), before);
}
