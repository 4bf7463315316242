//! Answers that are not authd's: no verdict, said once, and never a panic.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use authd_client::{Trouble, VerifyError};
use serde_json::{Value, json};

use crate::authd::Authd;
use crate::log::log_of;
use crate::stand_in::StandIn;
use crate::verifiers::{Either, KINDS};

const VERIFY: &str = "/auth/verify";
const JSON: &str = "Content-Type: application/json\r\n";
/// The longest answer that is read.
const MAX_ANSWER: usize = 1024 * 1024;

#[track_caller]
fn trouble(verifier: &Either, token: &str) -> Trouble {
    match verifier.verify(token) {
        Err(VerifyError::Unavailable(trouble)) => trouble,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_with_one_thing_wrong_is_no_answer() {
    let token = Authd::shared().signed_in().token;
    let bends: [(&str, Value); 22] = [
        ("/active", json!(false)),
        ("/active", json!(1)),
        ("/claims", json!([])),
        ("/claims/sub", json!("another")),
        ("/claims/sub", json!(5)),
        ("/claims/iss", json!("https://elsewhere.example")),
        ("/claims/aud", json!("another")),
        ("/claims/aud", json!(["another", 5])),
        ("/user", json!([])),
        ("/user", json!(null)),
        ("/user/id", json!("5")),
        ("/user/id", json!(5)),
        ("/user/is_active", json!(false)),
        ("/user/is_active", json!("yes")),
        ("/user/email", json!(null)),
        ("/user/fields", json!(null)),
        ("/user/groups", json!("billing")),
        ("/user/groups", json!([5])),
        ("/user/version", json!(true)),
        ("/user/version", json!(1_u64 << 63)),
        ("/max_age", json!(-1)),
        ("/version", json!(null)),
    ];
    let mut answer = ureq::get(format!("{}{VERIFY}", Authd::shared().url()))
        .header("Authorization", format!("Bearer {token}"))
        .call()
        .expect("answers");
    let good: Value = answer.body_mut().read_json().expect("is JSON");
    for kind in KINDS {
        let stand_in = StandIn::new();
        let verifier = Either::new(kind, stand_in.online());
        stand_in.say_json(VERIFY, &good);
        assert!(verifier.is_good(&token));
        for (path, value) in &bends {
            let mut bent = good.clone();
            *bent.pointer_mut(path).expect("is there") = value.clone();
            stand_in.say_json(VERIFY, &bent);
            assert!(verifier.is_unavailable(&token), "{kind:?}: {path} {value}");
        }
    }
}

#[test]
fn what_another_server_says_is_no_verdict() {
    let answers: Vec<(&str, &str, String)> = vec![
        (
            "200 OK",
            "Content-Type: text/html\r\n",
            "<html>Welcome</html>".into(),
        ),
        ("200 OK", "", String::new()),
        ("200 OK", JSON, "[]".into()),
        ("200 OK", JSON, "[".repeat(500_000)),
        ("200 OK", JSON, r#"{"active": true, "user_id": 5}"#.into()),
        ("200 OK", JSON, " ".repeat(MAX_ANSWER + 1)),
        ("200 OK", JSON, " ".repeat(10 * MAX_ANSWER)),
        ("200 OK", "Content-Encoding: gzip\r\n", "x".into()),
        ("204 No Content", "", String::new()),
        ("302 Found", "Location: /elsewhere\r\n", String::new()),
        (
            "308 Permanent Redirect",
            "Location: http://127.0.0.1:1/\r\n",
            String::new(),
        ),
        ("304 Not Modified", "", String::new()),
        (
            "500 Internal Server Error",
            JSON,
            r#"{"code": "internal"}"#.into(),
        ),
        (
            "429 Too Many Requests",
            JSON,
            r#"{"code": "too_many_requests"}"#.into(),
        ),
        (
            "401 Unauthorized",
            "WWW-Authenticate: Basic\r\n",
            "<html>log in</html>".into(),
        ),
        ("401 Unauthorized", JSON, r#"{"code": "another"}"#.into()),
        ("403 Forbidden", JSON, r#"{"code": "forbidden"}"#.into()),
        ("200 OK", "X: \u{1}\r\n", "{}".into()),
    ];
    let token = Authd::shared().signed_in().token;
    for kind in KINDS {
        let stand_in = StandIn::new();
        stand_in.say_json("/elsewhere", &json!({"active": true}));
        let verifier = Either::new(kind, stand_in.online());
        for (status, header, body) in &answers {
            stand_in.say(VERIFY, status, header, body.clone());
            let started = Instant::now();
            assert!(
                verifier.is_unavailable(&token),
                "{kind:?}: {status} {header} {body:.40}"
            );
            assert!(
                started.elapsed() < Duration::from_secs(3),
                "{kind:?}: {status} {header} {body:.40}"
            );
            // After one that could not be read, nobody waits for the next.
            std::thread::sleep(Duration::from_millis(1050));
        }
        assert_eq!(stand_in.count("/elsewhere"), 0);
    }
}

#[test]
fn bytes_that_are_no_utf8_and_answers_that_break_off_are_no_verdict() {
    let token = Authd::shared().signed_in().token;
    let raw: [&'static [u8]; 5] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"active\":\"\xff\"}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ];
    for kind in KINDS {
        for bytes in raw {
            let stand_in = StandIn::new();
            let verifier = Either::new(kind, stand_in.online());
            stand_in.answer(VERIFY, move |stream| drop(stream.write_all(bytes)));
            assert!(verifier.is_unavailable(&token), "{kind:?}: {bytes:?}");
        }
    }
}

#[test]
fn who_answers_drop_by_drop_is_not_waited_for() {
    fn drip(stream: &mut TcpStream, head: &str) {
        let mut result = stream.write_all(head.as_bytes());
        for _ in 0..200 {
            result = result.and_then(|()| stream.write_all(b" ").and_then(|()| stream.flush()));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let token = Authd::shared().signed_in().token;
    for kind in KINDS {
        for head in [
            "",
            "HTTP/1.1 200 OK\r\nX:",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
        ] {
            let stand_in = StandIn::new();
            let verifier = Either::new(kind, stand_in.online().timeout(Duration::from_millis(500)));
            stand_in.answer(VERIFY, move |stream| drip(stream, head));
            let started = Instant::now();
            let trouble = trouble(&verifier, &token);
            assert!(
                started.elapsed() < Duration::from_millis(1500),
                "{kind:?}: {head:?} {:?}",
                started.elapsed()
            );
            assert!(
                matches!(trouble, Trouble::Late | Trouble::NotOurs(_)),
                "{kind:?}: {head:?} {trouble:?}"
            );
            // And for a second nobody waits again.
            if trouble == Trouble::Late {
                assert_eq!(self::trouble(&verifier, &token), Trouble::Paused);
            }
        }
    }
}

#[test]
fn an_answer_without_an_end_is_read_no_further_than_its_limit() {
    let token = Authd::shared().signed_in().token;
    for kind in KINDS {
        let stand_in = StandIn::new();
        let verifier = Either::new(kind, stand_in.online());
        let written = Arc::new(Mutex::new(0_usize));
        let count = Arc::clone(&written);
        stand_in.answer(VERIFY, move |stream| {
            let mut result = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while result.is_ok() {
                result = stream.write_all(&[b' '; 8_192]);
                *count.lock().expect("is whole") += 8_192;
            }
        });
        assert_eq!(
            trouble(&verifier, &token),
            Trouble::TooLong(MAX_ANSWER as u64)
        );
        std::thread::sleep(Duration::from_millis(100));
        assert!(
            *written.lock().expect("is whole") < 20 * MAX_ANSWER,
            "{kind:?}"
        );
    }
}

#[test]
fn tokens_that_are_none_are_refused_without_a_question() {
    for kind in KINDS {
        let stand_in = StandIn::new();
        let long = "a".repeat(8 * 1024 + 1);
        for settings in [stand_in.online(), stand_in.cached(), stand_in.offline()] {
            let verifier = Either::new(kind, settings);
            for token in ["", " ", "a b", "a\r\nX: y", "ä", "\0", &long] {
                assert!(verifier.is_refused(token), "{kind:?}: {token:.20}");
            }
        }
        assert_eq!(
            stand_in.count(VERIFY) + stand_in.count("/.well-known/jwks.json"),
            0
        );
    }
}

#[test]
fn keys_that_are_not_authds_are_no_keys() {
    let token = Authd::shared().signed_in().token;
    for kind in KINDS {
        for body in ["", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": ["#] {
            let stand_in = StandIn::new();
            stand_in.say("/.well-known/jwks.json", "200 OK", JSON, body);
            let verifier = Either::new(kind, stand_in.offline());
            assert!(verifier.is_unavailable(&token), "{kind:?}: {body}");
        }
        let stand_in = StandIn::new();
        let octets =
            json!({"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "x"}, 5]});
        stand_in.say_json("/.well-known/jwks.json", &octets);
        assert!(Either::new(kind, stand_in.offline()).is_refused(&token));
    }
}

#[test]
fn pages_of_changes_that_are_not_authds_leave_nothing_trusted() {
    let token = Authd::shared().signed_in().token;
    for kind in KINDS {
        let stand_in = StandIn::new();
        stand_in.say_json(
            "/auth/revocations",
            &json!({"changes": [{"kind": 5}], "cursor": -1, "more": "no"}),
        );
        let verifier = Either::new(kind, stand_in.cached());
        for _ in 0..3 {
            assert!(verifier.is_good(&token));
        }
        assert_eq!(stand_in.count(VERIFY), 3);
    }
}

#[test]
fn trouble_is_said_once_and_once_more_when_it_is_over_and_nothing_said_is_a_secret() {
    let token = Authd::shared().signed_in().token;
    for kind in KINDS {
        // Tasks that are waited for by this thread run on it.
        let said = log_of(|| {
            let stand_in = StandIn::new();
            let verifier = Either::new(kind, stand_in.online());
            stand_in.say(VERIFY, "500 Internal Server Error", JSON, "{}");
            assert!((0..20).all(|_| verifier.is_unavailable(&token)));
            stand_in.pass_on(VERIFY);
            assert!(verifier.is_good(&token) && verifier.is_good(&token));
        });
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("authd_client"))
            .collect();
        assert_eq!(lines.len(), 2, "{kind:?}: {said}");
        assert!(
            lines[0].contains("gives no answer to 'verify': it answered 500"),
            "{said}"
        );
        assert!(lines[1].contains("answers 'verify' again"), "{said}");
        assert!(!said.contains(&token) && !said.contains(&Authd::shared().secret));
    }
}
