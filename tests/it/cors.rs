//! Pages of other origins ask from a browser: those that the configuration names, and no others. `http` has
//! what is said where it names none.

use crate::env::{Authd, PASSWORD, TestEnv};
use crate::raw::{RawAnswer, ask};

const PAGE: &str = "https://app.example.com";

fn authd(env: &TestEnv) -> Authd {
    let origins = "https://app.example.com, http://localhost:3000";
    let more = [
        ("AUTHD_SERVER_CORS_ORIGINS", origins),
        ("AUTHD_COMPAT_DJANGO", "true"),
    ];
    env.authd_with(&[], &more)
}

fn asked(authd: &Authd, method: &str, path: &str, fields: &str, body: &str) -> RawAnswer {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    );
    ask(authd.address(), request)
}

/// What a browser asks first.
fn preflight(authd: &Authd, origin: &str, path: &str, method: &str) -> RawAnswer {
    let fields = format!(
        "Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n\
         Access-Control-Request-Headers: authorization,content-type\r\n"
    );
    asked(authd, "OPTIONS", path, &fields, "")
}

#[test]
fn a_page_that_is_named_logs_in_and_reads_every_answer() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = authd(&env);
    for (path, methods) in [
        ("/auth/login", "POST"),
        ("/api/token/", "POST"),
        ("/auth/me", "GET, HEAD, PATCH"),
        ("/auth/users/me/", "GET, HEAD, PUT, PATCH, DELETE"),
    ] {
        let answer = preflight(&authd, PAGE, path, "POST");
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), PAGE);
        assert_eq!(answer.header("access-control-allow-methods"), methods);
        let sent = answer.header("access-control-allow-headers").to_lowercase();
        assert!(sent.contains("authorization, content-type"), "{sent}");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(answer.header("vary"), "Origin");
    }
    let from = format!("Origin: {PAGE}\r\nContent-Type: application/json\r\n");
    for (path, password, status) in [
        ("/auth/login", PASSWORD, 200),
        ("/auth/login", "wrong", 401),
        ("/api/token/", PASSWORD, 200),
        ("/api/token/", "wrong", 401),
        ("/nothing", "", 404),
    ] {
        let body = format!(r#"{{"email": "ada@example.com", "password": "{password}"}}"#);
        let answer = asked(&authd, "POST", path, &from, &body);
        assert_eq!(answer.status, status, "{path} {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), PAGE, "{path}");
        let read = answer.header("access-control-expose-headers");
        assert!(
            read.contains("Retry-After") && read.contains("ETag"),
            "{read}"
        );
    }
    // A body that is too large is refused before anything looks at it.
    let answer = asked(&authd, "POST", "/auth/login", &from, &"x".repeat(2_000_000));
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
}

#[test]
fn no_other_page_reads_an_answer_however_like_its_name_is() {
    let env = TestEnv::new();
    let authd = authd(&env);
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
        "https://evilapp.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com/",
        "HTTPS://APP.EXAMPLE.COM",
        "http://localhost:30000",
        "https://app.example.com http://localhost:3000",
    ] {
        let answer = preflight(&authd, origin, "/auth/login", "POST");
        assert_eq!(answer.status, 405, "{origin}");
        let answers = [
            answer,
            asked(
                &authd,
                "GET",
                "/livez",
                &format!("Origin: {origin}\r\n"),
                "",
            ),
        ];
        for answer in answers {
            let head = answer.head.to_lowercase();
            assert!(!head.contains("access-control-"), "{origin} {head}");
            assert_eq!(answer.header("vary"), "Origin", "{origin}");
        }
    }
    // What a cache keeps for one it does not give to another.
    let answer = asked(&authd, "GET", "/.well-known/jwks.json", "", "");
    assert_eq!(answer.header("vary"), "Origin");
    assert_eq!(preflight(&authd, PAGE, "/nothing", "POST").status, 404);
    let plain = asked(
        &authd,
        "OPTIONS",
        "/auth/login",
        &format!("Origin: {PAGE}\r\n"),
        "",
    );
    assert_eq!(plain.status, 405);
}

/// The page's request is to the service behind the proxy, which has its own mind about it.
#[test]
fn a_proxy_is_told_nothing_of_this() {
    let env = TestEnv::new();
    let authd = authd(&env);
    for path in ["/auth/forward", "/auth/forward/orders"] {
        let answer = preflight(&authd, PAGE, path, "POST");
        assert_eq!(answer.status, 401);
        let head = answer.head.to_lowercase();
        assert!(
            !head.contains("access-control-") && !head.contains("vary"),
            "{head}"
        );
    }
}
