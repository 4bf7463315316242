//! What is written down: `authctl audit`, `GET /audit`, and the proof that it is still so.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::documentation::code_blocks;
use crate::env::{Authd, PASSWORD, TestEnv, run};
use crate::login_security::UNLIMITED;

/// Whoever runs the tests, as `authctl` names them.
fn operator(env: &TestEnv) -> Value {
    events(env, &["--action", "user.added"])[0]["actor_id"].clone()
}

/// The events that `authctl audit` lists.
#[track_caller]
fn events(env: &TestEnv, arguments: &[&str]) -> Vec<Value> {
    let out = env.authctl_json(&[&["audit"], arguments].concat());
    let document = out.succeeded().json();
    document["events"].as_array().expect("is a list").clone()
}

fn count(env: &TestEnv) -> i64 {
    env.number("SELECT count(*) FROM audit_events")
}

/// The one event that this command leaves.
#[track_caller]
fn one_event(env: &TestEnv, work: impl FnOnce()) -> Value {
    let before = count(env).to_string();
    work();
    let new = events(env, &["--after", &before]);
    assert_eq!(new.len(), 1, "{new:?}");
    new[0].clone()
}

/// How many events there are and the hash of the last, if all fit.
#[track_caller]
fn verified(env: &TestEnv) -> (i64, String) {
    let document = env.authctl_json(&["audit", "verify"]).succeeded().json();
    let hash = document["hash"].as_str().expect("is a text");
    (
        document["events"].as_i64().expect("is a number"),
        hash.into(),
    )
}

/// Security statement 92: who, from where, what, to whom and with what result, once for each.
#[test]
fn every_command_that_changes_something_leaves_one_event() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.authd().stop();
    let root = operator(&env);
    let ada = events(&env, &[])[0]["user_id"].clone();
    let run = |arguments: &[&str], name: &str| {
        let event = one_event(&env, || {
            env.authctl(arguments).succeeded();
        });
        assert_eq!(event["event"], name);
        assert_eq!(event["result"], "ok");
        assert_eq!(event["actor_kind"], "operator");
        assert_eq!(event["actor_id"], root);
        assert_eq!(event["address"], Value::Null);
        event
    };
    let email = "ada@example.com";
    for (arguments, name) in [
        (
            &["user", "set", email, "--last-name", "L"][..],
            "user.changed",
        ),
        (&["user", "disable", email, "--yes"], "user.disabled"),
        (&["user", "enable", email], "user.enabled"),
        (&["user", "grant", email, "users.view"], "user.granted"),
        (&["user", "revoke", email, "users.view"], "user.revoked"),
    ] {
        assert_eq!(run(arguments, name)["user_id"], ada);
    }
    run(&["permission", "add", "a.b"], "permission.added");
    let group = run(&["group", "add", "billing"], "group.added")["group_id"].clone();
    assert!(group.is_string());
    for (arguments, name) in [
        (
            &["group", "rename", "billing", "money"][..],
            "group.renamed",
        ),
        (&["group", "grant", "money", "a.b"], "group.granted"),
        (&["group", "revoke", "money", "a.b"], "group.revoked"),
        (&["group", "add-user", "money", email], "group.user_added"),
        (
            &["group", "remove-user", "money", email],
            "group.user_removed",
        ),
        (&["group", "delete", "money", "--yes"], "group.deleted"),
    ] {
        assert_eq!(run(arguments, name)["group_id"], group);
    }
    run(
        &["permission", "delete", "a.b", "--yes"],
        "permission.deleted",
    );
    for (arguments, name) in [
        (&["client", "add", "shop"][..], "client.added"),
        (
            &["client", "rotate-secret", "shop", "--yes"],
            "client.secret_rotated",
        ),
        (&["client", "disable", "shop", "--yes"], "client.disabled"),
        (&["client", "enable", "shop"], "client.enabled"),
        (
            &["token", "add", "--client", "shop", "--name", "t"],
            "api_token.added",
        ),
        (&["client", "delete", "shop", "--yes"], "client.deleted"),
    ] {
        assert_eq!(run(arguments, name)["client_id"], "shop");
    }
    let arguments = ["token", "add", "--user", email, "--name", "t"];
    let token = run(&arguments, "api_token.added")["token_id"].clone();
    let token = token.as_str().expect("is a text");
    let revoked = run(&["token", "revoke", token, "--yes"], "api_token.revoked");
    assert_eq!(revoked["user_id"], ada);
    let key = run(&["key", "rotate"], "key.added")["key_id"].clone();
    assert!(key.is_string());
    let arguments = ["user", "passwd", email, "--password-stdin"];
    let event = one_event(&env, || {
        env.authctl_reading("violet lantern orbits quartz", &arguments)
            .succeeded();
    });
    assert_eq!(event["event"], "user.password_changed");
    run(&["user", "delete", email, "--yes"], "user.deleted");
    // A deleted account is found by its id.
    let id = ada.as_str().expect("is a text");
    assert_eq!(events(&env, &["--user", id]).len(), 12);
    env.authctl_json(&["audit", "--user", email]).refused(
        3,
        "not_found",
        "there is no account 'ada@example.com': name one that was deleted by its id",
    );
    assert_eq!(verified(&env).0, count(&env));
}

/// Security statement 92: logging in, being refused, logging out, and what happens to sessions and tokens.
#[test]
fn what_is_done_over_http_leaves_one_event_with_the_address() {
    let env = TestEnv::new();
    let ada = env.add_user("ada@example.com", PASSWORD)["id"].clone();
    let authd = env.authd();
    let done = |work: &dyn Fn()| {
        let event = one_event(&env, work);
        assert_eq!(event["address"], "127.0.0.1");
        event
    };
    let is = |event: &Value, name: &str, result: &str| {
        assert_eq!(
            (event["event"].as_str(), event["result"].as_str()),
            (Some(name), Some(result))
        );
    };
    let event = done(&|| {
        authd.login("ada@example.com", PASSWORD);
    });
    is(&event, "login", "ok");
    assert_eq!(
        (&event["actor_kind"], &event["actor_id"]),
        (&json!("user"), &ada)
    );
    assert_eq!(event["user_id"], ada);
    let event = done(&|| {
        assert_eq!(
            authd
                .try_login("ada@example.com", "not her password")
                .status,
            401
        );
    });
    is(&event, "login", "failed");
    assert_eq!(
        (&event["actor_kind"], &event["user_id"]),
        (&json!("anonymous"), &ada)
    );
    let event = done(&|| {
        assert_eq!(authd.try_login("nobody@example.com", PASSWORD).status, 401);
    });
    is(&event, "login", "failed");
    assert_eq!(event["user_id"], Value::Null);

    let (one, two) = (
        authd.login("ada@example.com", PASSWORD),
        authd.login("ada@example.com", PASSWORD),
    );
    let bearer = |token: &str| format!("Bearer {token}");
    let event = done(&|| {
        let answer = authd.post("/auth/logout", &[("Authorization", &bearer(&one))], b"");
        assert_eq!(answer.status, 204);
    });
    is(&event, "logout", "ok");
    assert_eq!(event["detail"], json!({"which": "this", "sessions": 1}));
    let before = count(&env);
    // It has ended already.
    authd.post("/auth/logout", &[("Authorization", &bearer(&one))], b"");
    assert_eq!(count(&env), before);

    let session = authd.verify(&two).body["claims"]["sid"].clone();
    let path = format!("/auth/sessions/{}", session.as_str().expect("is a text"));
    let event = done(&|| {
        let headers = [("Authorization", bearer(&two))];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        assert_eq!(authd.ask("DELETE", &path, &headers, "").status, 204);
    });
    is(&event, "session.ended", "ok");
    assert_eq!(event["session_id"], session);
    authd.login("ada@example.com", PASSWORD);
    let event = one_event(&env, || {
        env.authctl(&["session", "revoke", "--user", "ada@example.com", "--yes"])
            .succeeded();
    });
    is(&event, "session.all_ended", "ok");
    assert_eq!(event["actor_kind"], "operator");
    let events = events(&env, &["--user", "ada@example.com", "--action", "login"]);
    assert_eq!(events.len(), 5);
}

#[test]
fn what_an_account_may_not_do_is_an_event_too() {
    let env = TestEnv::new();
    let ada = env.add_user("ada@example.com", PASSWORD)["id"].clone();
    let bob = env.add_user("bob@example.com", PASSWORD)["id"].clone();
    let before = env.everything();
    let event = one_event(&env, || {
        let out = env.authctl(&[
            "--as",
            "ada@example.com",
            "user",
            "set",
            "bob@example.com",
            "--last-name=B",
        ]);
        assert_eq!(out.status, 4, "{out:?}");
    });
    assert_eq!(
        (&event["event"], &event["result"]),
        (&json!("user.changed"), &json!("denied"))
    );
    assert_eq!((&event["actor_id"], &event["user_id"]), (&ada, &bob));
    assert_eq!(env.everything(), before);
    env.authctl_json(&["--as", "ada@example.com", "audit"])
        .refused(4, "conflict", "this needs the permission 'audit.view'");
    env.authctl(&["user", "set", "ada@example.com", "--staff", "true"])
        .succeeded();
    env.authctl(&["user", "grant", "ada@example.com", "audit.view"])
        .succeeded();
    env.authctl(&["--as", "ada@example.com", "audit"])
        .succeeded();
    env.authctl(&["--as", "ada@example.com", "audit", "verify"])
        .succeeded();
}

/// Security statement 91: neither passwords nor tokens, nor what was typed wrongly, in the table or the log.
#[test]
fn no_secret_and_nothing_mistyped_is_written_down() {
    const TYPED: &str = "hunter2 in the wrong field";
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd();
    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    let tokens = authd.post_json("/auth/login", &login).body;
    authd.try_login(TYPED, PASSWORD);
    authd.try_login("secret@example.com", TYPED);
    authd.try_login("ada@example.com", TYPED);
    let made = env.authctl_json(&["client", "add", "shop"]).succeeded();
    let api = env
        .authctl_json(&["token", "add", "--client", "shop", "--name", "t"])
        .succeeded();
    env.authctl(&[
        "user",
        "set",
        "ada@example.com",
        "--email",
        "countess@example.com",
    ])
    .succeeded();
    env.authctl_reading(
        "violet lantern orbits quartz",
        &["user", "passwd", "countess@example.com", "--password-stdin"],
    )
    .succeeded();
    let written = env.authctl(&["audit", "-o", "tsv"]).succeeded().stdout;
    let log = authd.log();
    let text = |value: &Value| value.as_str().expect("is a text").to_owned();
    for secret in [
        PASSWORD.to_owned(),
        TYPED.to_owned(),
        "secret@example.com".into(),
        "ada@example.com".into(),
        "countess@example.com".into(),
        "violet lantern".into(),
        text(&tokens["access_token"]),
        text(&tokens["refresh_token"]),
        text(&made.json()["client_secret"]),
        text(&api.json()["token"]),
    ] {
        assert!(!written.contains(&secret), "{secret}: {written}");
        assert!(!log.contains(&secret), "{secret}: {log}");
    }
}

#[test]
fn an_event_that_was_altered_removed_or_cut_off_is_found() {
    let env = TestEnv::new();
    for name in ["a", "b", "c", "d"] {
        env.authctl(&["group", "add", name]).succeeded();
    }
    let (events, hash) = verified(&env);
    assert_eq!(events, 4);
    let out = env.authctl(&["audit", "verify"]).succeeded();
    let sentence = format!("4 events, all as they were written; the hash of the last: {hash}\n");
    assert_eq!(out.stdout, sentence);
    env.authctl(&["group", "add", "e"]).succeeded();
    let expect = |hash: &str| env.authctl_json(&["audit", "verify", "--expect", hash]);
    expect(&hash).succeeded();
    assert_eq!(expect("5a").status, 5);
    env.sql("DELETE FROM audit_events WHERE number > 3");
    assert_eq!(verified(&env).0, 3);
    let lost = format!(
        "there is no event with the hash {hash}: events were cut off, or all were written anew"
    );
    expect(&hash).refused(1, "internal", &lost);
    env.sql("UPDATE audit_events SET detail = '{\"group\":\"B\"}' WHERE number = 2");
    env.authctl_json(&["audit", "verify"]).refused(
        1,
        "internal",
        "event 2 is not as it was written, or is missing: what is from there on proves nothing",
    );
    // What was altered is shown all the same.
    assert_eq!(self::events(&env, &[])[1]["detail"]["group"], "B");
}

#[test]
fn events_are_listed_from_the_end_or_from_a_number_or_a_time_on() {
    let env = TestEnv::new();
    for name in ["a", "b", "c"] {
        env.authctl(&["group", "add", name]).succeeded();
    }
    let numbers = |arguments: &[&str]| {
        let events = events(&env, arguments);
        let numbers = events.iter().map(|event| event["number"].as_i64());
        numbers
            .map(|number| number.expect("is a number"))
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&["--limit", "2"]), [2, 3]);
    assert_eq!(numbers(&["--after", "0", "--limit", "2"]), [1, 2]);
    assert_eq!(numbers(&["--after", "2"]), [3]);
    assert_eq!(numbers(&["--since", "1h"]), [1, 2, 3]);
    assert_eq!(numbers(&["--since", "2100-01-01T00:00:00Z"]), [0_i64; 0]);
    assert_eq!(numbers(&["--action", "group.deleted"]), [0_i64; 0]);
    let out = env.authctl(&["audit", "-q", "--after", "0", "--limit", "1"]);
    assert_eq!(out.stdout, "1\n");
    assert_eq!(out.stderr, "there are more: --after 1\n");
    let out = env.authctl(&["audit", "--after", "0", "--limit", "1", "-o", "tsv"]);
    assert_eq!(out.stdout.trim_end_matches('\n').split('\t').count(), 17);
    assert_eq!(out.stderr, "there are more: --after 1\n");
    for bad in [
        ["--since", "yesterday"],
        ["--action", "user"],
        ["--after=-1", "-q"],
    ] {
        assert_eq!(
            env.authctl(&[&["audit"], &bad[..]].concat()).status,
            5,
            "{bad:?}"
        );
    }
    let both = env.authctl(&["audit", "--limit", "1", "verify"]);
    assert_eq!(both.status, 2, "{both:?}");
}

#[test]
fn a_follower_is_shown_each_event_as_it_comes_and_ends_with_ctrl_c() {
    let env = TestEnv::new();
    env.authctl(&["group", "add", "a"]).succeeded();
    let mut follower = env
        .authctl_command(&["audit", "--follow", "--action", "group.added", "-o", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(follower.stdout.take().expect("is piped")).lines();
    let mut next = || {
        let line = lines.next().expect("goes on").expect("reads");
        let event: Value = serde_json::from_str(&line).expect("is JSON");
        event["number"].clone()
    };
    assert_eq!(next(), 1);
    env.authctl(&["group", "rename", "a", "b"]).succeeded();
    env.authctl(&["group", "add", "c"]).succeeded();
    assert_eq!(next(), 3);
    let id = rustix::process::Pid::from_child(&follower);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("is interrupted");
    assert!(follower.wait().expect("ends").success());
}

fn audit(authd: &Authd, token: &str, query: &str) -> crate::env::Answer {
    let bearer = format!("Bearer {token}");
    authd.get_with(&format!("/audit{query}"), &[("Authorization", &bearer)])
}

#[test]
fn whoever_may_sees_events_over_http_page_by_page() {
    let env = TestEnv::new();
    let ada = env.add_user("ada@example.com", PASSWORD)["id"].clone();
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    assert_eq!(authd.get("/audit").status, 401);
    let event = one_event(&env, || {
        audit(&authd, &token, "").is_problem(403, "forbidden");
    });
    assert_eq!(
        (&event["event"], &event["result"]),
        (&json!("audit.viewed"), &json!("denied"))
    );
    assert_eq!(event["actor_id"], ada);
    env.authctl(&["user", "grant", "ada@example.com", "audit.view"])
        .succeeded();
    audit(&authd, &token, "").is_problem(403, "forbidden");
    env.authctl(&["user", "set", "ada@example.com", "--staff", "true"])
        .succeeded();
    let mut seen = Vec::new();
    let mut after = json!(0);
    while !after.is_null() {
        let page = audit(&authd, &token, &format!("?limit=2&after={after}"));
        assert_eq!(page.status, 200, "{page:?}");
        seen.extend(page.body["events"].as_array().expect("is a list").clone());
        after = page.body["next"].clone();
    }
    assert_eq!(seen, events(&env, &[]));
    let id = ada.as_str().expect("is a text");
    for query in [
        format!("?user={id}&action=login"),
        "?user=ada@example.com&action=login&since=2026-01-01T00:00:00Z".into(),
    ] {
        let page = audit(&authd, &token, &query);
        assert_eq!(
            page.body["events"].as_array().map(Vec::len),
            Some(1),
            "{page:?}"
        );
        assert_eq!(page.body["next"], Value::Null);
    }
    audit(&authd, &token, "?user=eve@example.com").is_problem(404, "not_found");
    for bad in [
        "after=x",
        "after=-1",
        "limit=0",
        "limit=1001",
        "user=ada",
        "action=x",
        "since=1h",
    ] {
        audit(&authd, &token, &format!("?{bad}")).is_problem(400, "invalid_request");
    }
}

/// A client sees events with a token whose scope says so.
#[test]
fn a_client_sees_events_if_its_scope_says_so() {
    let env = TestEnv::new();
    env.authctl(&[
        "client",
        "add",
        "siem",
        "--scope",
        "audit.view",
        "--scope",
        "read",
    ])
    .succeeded();
    let token = |scope: &str| {
        let arguments = [
            "token", "add", "--client", "siem", "--name", "t", "--scope", scope, "-q",
        ];
        env.authctl(&arguments).succeeded().stdout.trim().to_owned()
    };
    let (good, other) = (token("audit.view"), token("read"));
    let authd = env.authd();
    assert_eq!(audit(&authd, &good, "").status, 200);
    audit(&authd, &other, "").is_problem(403, "forbidden");
}

/// However many programs write at once, there is one chain.
#[test]
fn two_daemons_and_commands_write_one_chain() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let daemons = [(); 2].map(|()| env.authd_with(&[], &UNLIMITED));
    std::thread::scope(|scope| {
        for authd in &daemons {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        authd.login("ada@example.com", PASSWORD);
                        authd.try_login("bob@example.com", PASSWORD);
                    }
                });
            }
        }
        scope.spawn(|| {
            for name in ["a", "b", "c", "d", "e"] {
                env.authctl(&["group", "add", name]).succeeded();
            }
        });
    });
    // The account and the first key, too.
    assert_eq!(verified(&env).0, 2 + 40 + 5);
}

/// The lines of docs/audit.md, one block after the other.
#[test]
fn the_lines_about_events_work_as_printed() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let manual = include_str!("../../docs/audit.md");
    let programs = Path::new(env!("CARGO_BIN_EXE_authctl")).parent();
    let programs = programs.expect("is in a folder").display();
    let lines = code_blocks(manual, "sh").join("");
    let script = format!("set -e\nexport PATH={programs}:/usr/bin:/bin\n{lines}");
    let script = env.write("audit", &script);
    let out = run(env.command("bash").arg(script), "").succeeded();
    let (events, hash) = verified(&env);
    let last = format!("{events} events, all as they were written; the hash of the last: {hash}\n");
    assert!(out.stdout.ends_with(&last), "{out:?}");
    if env.is_on_sqlite() {
        let script = env.write("audit.py", &code_blocks(manual, "python").join(""));
        let out = run(env.command("/usr/bin/env").arg("python3").arg(script), "");
        assert_eq!(out.succeeded().stdout, format!("{events} {hash}\n"));
    }
}

#[test]
fn a_copied_installation_has_the_same_chain() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.authd().login("ada@example.com", PASSWORD);
    let (events, hash) = verified(&env);
    let from = env.database().url();
    env.authctl(&["db", "copy", "--from", &from, "--to", "sqlite:copy.db"])
        .succeeded();
    let copy = ["--database", "sqlite:copy.db"];
    let verify = ["audit", "verify", "--expect", &hash];
    let copied = env.authctl_json(&[&copy[..], &verify].concat());
    let document = json!({"events": events, "hash": hash});
    assert_eq!(copied.succeeded().json(), document);
    let group = env.authctl(&[&copy[..], &["group", "add", "a"]].concat());
    group.succeeded();
    let copied = env.authctl_json(&[&copy[..], &verify].concat());
    assert_eq!(copied.succeeded().json()["events"], events + 1);
}
