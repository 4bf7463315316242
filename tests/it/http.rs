//! What HTTP clients get for what they send, right or wrong.

use serde_json::json;

use crate::api::Api;
use crate::env::{PASSWORD, TestEnv};
use crate::raw::ask as ask_raw;

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn a_body_that_is_not_the_json_asked_for_is_told_where() {
    let env = TestEnv::new();
    let authd = env.authd();
    let login = |body: &str| authd.post("/auth/login", &[JSON], body.as_bytes());
    for (body, says, at) in [
        ("", "object", "line 1"),
        ("{", "EOF", "line 1 column 1"),
        ("hello", "object", "line 1"),
        ("null", "object", "line 1"),
        (r#"["a@example.com", "b"]"#, "object", "line 1"),
        (r#""a@example.com""#, "object", "line 1"),
        ("{}", "missing field `email`", "line 1 column 2"),
        (
            "{\n\"email\": 1}",
            "invalid type: integer `1`, expected a string",
            "line 2 column 10",
        ),
        (
            r#"{"email": null, "password": "b"}"#,
            "expected a string",
            "line 1 column 14",
        ),
        (
            r#"{"email": "a", "password": ["b"]}"#,
            "expected a string",
            "line 1 column 27",
        ),
        (
            r#"{"email": "a", "password": "b", "admin": true}"#,
            "unknown field `admin`",
            "line 1 column 39",
        ),
        (
            r#"{"email": "a", "password": "b", "email": "c"}"#,
            "duplicate field `email`",
            "line 1 column 39",
        ),
        (
            r#"{"email": "a", "password": "b"} {}"#,
            "trailing characters",
            "line 1 column 33",
        ),
    ] {
        let answer = login(body);
        answer.is_problem(400, "malformed_body");
        let detail = answer.body["detail"].as_str().expect("is a string");
        assert!(detail.contains(says) && detail.contains(at), "{detail}");
    }
    let answer = authd.post_json("/auth/verify", &json!({"token": "a", "user": "b"}));
    answer.is_problem(400, "malformed_body");
}

/// Security statement 90.
#[test]
fn a_body_is_declared_as_json() {
    let api = Api::new();
    let bearer = format!("Bearer {}", api.token);
    let body = br#"{"email": "a@example.com", "password": "b", "token": "c"}"#;
    let ask = |method: &str, path: &str, declared: &str, body: &[u8]| {
        let headers = [("Content-Type", declared), ("Authorization", &bearer)];
        api.authd.ask(method, path, &headers, body)
    };
    let mut count = 0;
    for (method, path) in api.taking_json() {
        for wrong in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "json",
            "application/jsonp",
        ] {
            let answer = ask(method, path, wrong, body);
            answer.is_problem(415, "unsupported_media_type");
        }
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {bearer}\r\n\
             Content-Length: 2\r\n\r\n{{}}"
        );
        ask_raw(api.authd.address(), head).is_problem(415, "unsupported_media_type");
        let right = "Application/JSON; charset=utf-8";
        ask(method, path, right, b"[]").is_problem(400, "malformed_body");
        count += 1;
    }
    assert!(count >= 10, "{count}");
}

/// Security statement 90.
#[test]
fn what_is_not_there_is_told() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let bearer = format!("Bearer {token}");
    for path in [
        "/",
        "/auth",
        "/auth/login/x",
        "/Auth/Login",
        "//livez",
        "/livez//",
        "/api/docs/x",
    ] {
        for headers in [&[][..], &[("Authorization", bearer.as_str())]] {
            authd.get_with(path, headers).is_problem(404, "not_found");
        }
    }
    authd
        .post("/nothing", &[JSON], b"{}")
        .is_problem(404, "not_found");
}

#[test]
fn a_method_that_a_path_does_not_know_is_told_those_that_it_does() {
    let api = Api::new();
    let all = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "get", "GETT",
    ];
    for known in &api.paths {
        let allow = known.allow();
        let declared: Vec<&str> = allow.split(", ").collect();
        for undeclared in all.iter().filter(|method| !declared.contains(method)) {
            let path = &known.path;
            let head = format!("{undeclared} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n");
            let head = format!(
                "{head}Authorization: Bearer {}\r\nConnection: close\r\n\r\n",
                api.token
            );
            if *undeclared == "HEAD" {
                let mut raw = crate::raw::Raw::connect(api.authd.address());
                raw.send(head);
                let answer = raw.head();
                assert_eq!(
                    (answer.status, answer.header("allow")),
                    (405, &*allow),
                    "{path}"
                );
                continue;
            }
            let answer = ask_raw(api.authd.address(), head);
            answer.is_problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), allow, "{undeclared} {path}");
        }
    }
}

/// Django's clients write it so.
#[test]
fn a_slash_at_the_end_is_accepted_everywhere() {
    let api = Api::new();
    let (authd, token) = (&api.authd, &api.token);
    let bearer = format!("Bearer {token}");
    // The feed is for clients alone, and is asked below; GraphQL has a page for browsers alone.
    let apart =
        |path: &&str| !path.contains(".html") && !["/auth/revocations", "/graphql"].contains(path);
    for path in api.with("GET").filter(apart) {
        let headers = [("Authorization", bearer.as_str())];
        let without = authd.get_with(path, &headers);
        let with = authd.get_with(&format!("{path}/"), &headers);
        assert!(without.status < 400, "{without:?}");
        assert_eq!(
            (with.status, with.text),
            (without.status, without.text),
            "{path}"
        );
    }
    assert_eq!(
        authd.get("/api/schema/?format=json").body["openapi"],
        "3.1.0"
    );
    authd
        .get("/auth/revocations/")
        .is_problem(401, "invalid_client");
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    assert_eq!(authd.post_json("/auth/login/", &body).status, 200);
    let body = json!({"token": token});
    assert_eq!(authd.post_json("/auth/verify/", &body).status, 200);
}

#[test]
fn head_answers_as_get_without_a_body() {
    let api = Api::new();
    let (authd, token) = (&api.authd, &api.token);
    for path in api.with("GET") {
        let fields = format!("Host: a\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n");
        let asked = |method: &str| format!("{method} {path} HTTP/1.1\r\n{fields}\r\n");
        let get = ask_raw(authd.address(), asked("GET"));
        let mut raw = crate::raw::Raw::connect(authd.address());
        raw.send(asked("HEAD"));
        let head = raw.head();
        raw.is_closed();
        assert_eq!(head.status, get.status, "{path}");
        for name in ["content-type", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}");
        }
        // A length of nothing may be left out (RFC 9110, section 8.6).
        if !get.body.is_empty() {
            let length = head.header("content-length");
            assert_eq!(length, get.header("content-length"), "{path}");
        }
    }
}

/// Security statement 90: no page of another origin is let in.
#[test]
fn cross_origin_requests_are_never_allowed() {
    let api = Api::new();
    let (authd, token) = (&api.authd, &api.token);
    for origin in ["https://evil.example", "null", "http://localhost:8000"] {
        // Not the one that ends the session.
        let kept = |known: &&crate::api::Known| known.path != "/auth/logout";
        for path in api.paths.iter().filter(kept).map(|known| &known.path) {
            for method in ["OPTIONS", "GET", "POST"] {
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nHost: localhost:8000\r\nOrigin: {origin}\r\n\
                     Access-Control-Request-Method: POST\r\n\
                     Access-Control-Request-Headers: authorization\r\n\
                     Authorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
                );
                let answer = ask_raw(authd.address(), request);
                let head = answer.head.to_ascii_lowercase();
                assert!(!head.contains("access-control-"), "{method} {path} {head}");
            }
        }
    }
}

#[test]
fn what_may_be_kept_says_so_and_the_rest_may_not() {
    let api = Api::new();
    let (authd, token) = (&api.authd, &api.token);
    let keys = authd.get("/.well-known/jwks.json");
    assert!(keys.header("cache-control").starts_with("public, max-age="));
    for path in api
        .with("GET")
        .filter(|path| !path.contains("/.well-known/"))
    {
        let bearer = format!("Bearer {token}");
        let answer = authd.get_with(path, &[("Authorization", &bearer)]);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}
