//! Bodies and strings that broke others' software.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::env::{Authd, PASSWORD, TestEnv};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Every endpoint that takes a body.
const TAKE_A_BODY: [&str; 2] = ["/auth/login", "/auth/verify"];

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

/// Security statement 90: `JSONTestSuite`.
#[test]
fn no_body_of_the_json_test_suite_is_more_than_refused() {
    let env = TestEnv::new();
    let authd = env.authd();
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
        for endpoint in TAKE_A_BODY {
            let answer = authd.post(endpoint, &[JSON], &body);
            // None of them is what we ask for, so even good JSON is refused.
            let code = match (body.len(), endpoint) {
                (0, "/auth/verify") => "invalid_token",
                (0..=65_536, _) => "malformed_body",
                _ => "body_too_large",
            };
            assert_eq!(answer.body["code"], code, "{endpoint} {name} {answer:?}");
            assert!((400..500).contains(&answer.status), "{endpoint} {name}");
        }
    }
    assert!(counts.iter().all(|count| *count > 30), "{counts:?}");
    lives(&authd);
}

/// Security statement 90: each naughty string as an address and as a password.
#[test]
fn a_naughty_string_does_not_log_in() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd();
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
