//! Bodies and strings that broke others' software.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::api::Api;
use crate::env::{Authd, PASSWORD, TestEnv};
use crate::login_security::UNLIMITED;

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

fn naughty_strings() -> Vec<String> {
    let text = std::fs::read(vectors("strings/blns.json")).expect("is there");
    let strings: Vec<String> = serde_json::from_slice(&text).expect("is a list of strings");
    assert!(strings.len() > 500, "{}", strings.len());
    strings
}

#[track_caller]
fn lives(authd: &Authd) {
    assert_eq!(authd.get("/readyz").status, 200);
    assert!(!authd.log().contains("panick"), "{}", authd.log());
    assert!(
        authd
            .requests()
            .iter()
            .all(|line| line["status"].as_u64() < Some(500))
    );
}

/// Security statement 90: `JSONTestSuite`, at everything that takes JSON.
#[test]
fn no_body_of_the_json_test_suite_is_more_than_refused() {
    let api = Api::new();
    // Belongs to no session, so that logging out ends nothing.
    let command = [
        "token",
        "add",
        "--name",
        "x",
        "--user",
        "ada@example.com",
        "-q",
    ];
    let token = api.env.authctl(&command).succeeded().stdout;
    let bearer = format!("Bearer {}", token.trim());
    let headers = [JSON, ("Authorization", &bearer)];
    let operations: Vec<(&str, &str)> = api.taking_json().collect();
    assert!(operations.len() >= 10, "{operations:?}");
    let everything = || {
        let shown = [
            &["user", "list"][..],
            &["group", "list"],
            &["permission", "list"],
        ];
        shown.map(|command| api.env.authctl_json(command).succeeded().stdout)
    };
    let before = everything();
    let files = std::fs::read_dir(vectors("json/test_parsing")).expect("is there");
    let mut counts = [0; 3];
    for file in files {
        let path = file.expect("is readable").path();
        let body = std::fs::read(&path).expect("is readable");
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("is UTF-8");
        let kind = "niy".find(&name[..1]).expect("one of the three");
        counts[kind] += 1;
        for (method, endpoint) in &operations {
            let answer = api.authd.ask(method, endpoint, &headers, &body);
            let place = format!("{method} {endpoint} {name} {answer:?}");
            // Nothing, and an object without a member, may be all that an operation needs.
            let is_little = body.is_empty() || name == "y_object_empty.json";
            assert!(is_little || (400..500).contains(&answer.status), "{place}");
            assert!(answer.status < 500, "{place}");
            if name.starts_with("n_") && !body.is_empty() {
                let mut codes = vec!["malformed_body", "body_too_large"];
                if *endpoint == "/auth/password/change" {
                    // The token belongs to no session, and its body is not looked at.
                    codes.push("forbidden");
                }
                let code = answer.body["code"].as_str().expect("has a code");
                assert!(codes.contains(&code), "{place}");
            }
        }
    }
    assert!(counts.iter().all(|count| *count > 30), "{counts:?}");
    assert_eq!(everything(), before, "nothing was changed");
    lives(&api.authd);
}

/// Security statement 90: each naughty string as an address and as a password.
#[test]
fn a_naughty_string_does_not_log_in() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &UNLIMITED);
    let strings = naughty_strings();
    std::thread::scope(|scope| {
        for part in strings.chunks(strings.len().div_ceil(4)) {
            let authd = &authd;
            scope.spawn(move || {
                for naughty in part {
                    let answer = authd.try_login(naughty, naughty);
                    assert_eq!(answer.status, 401, "{naughty:?} {answer:?}");
                    assert_eq!(answer.body["code"], "invalid_credentials");
                }
            });
        }
    });
    assert_eq!(authd.try_login("ada@example.com", PASSWORD).status, 200);
    lives(&authd);
}

/// Security statement 90: each naughty string as a token, a path, a query, a header and a name.
#[test]
fn a_naughty_string_is_no_token_no_path_and_no_header() {
    let env = TestEnv::new();
    let authd = env.authd();
    for naughty in naughty_strings() {
        let answer = authd.post_json("/auth/verify", &json!({"token": naughty}));
        assert_eq!(answer.body["code"], "invalid_token", "{naughty:?}");
        let mut body = json!({"token": "a"});
        body[naughty.as_str()] = Value::Null;
        let answer = authd.post_json("/auth/verify", &body);
        assert_eq!(answer.body["code"], "malformed_body", "{naughty:?}");

        let escaped = percent(&naughty);
        let answer = authd.get(&format!("/api/docs/{escaped}x?format={escaped}"));
        assert!(
            [400, 404].contains(&answer.status),
            "{naughty:?} {answer:?}"
        );
        let answer = authd.get(&format!("/api/schema?{escaped}&format={escaped}"));
        assert_eq!(answer.status, 200, "{naughty:?}");

        if naughty.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            let headers = [
                ("Authorization", naughty.as_str()),
                ("X-Request-Id", &naughty),
            ];
            let answer = authd.get_with("/auth/me", &headers);
            assert!(
                [400, 401].contains(&answer.status),
                "{naughty:?} {answer:?}"
            );
        }
    }
    lives(&authd);
}

fn percent(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        write!(escaped, "%{byte:02X}").expect("writing to a string does not fail");
    }
    escaped
}
