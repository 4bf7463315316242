//! Requests that one party reads in one way and the next in another: refused, and never taken for
//! two (ADR 1).

use crate::env::{Authd, TestEnv};
use crate::raw::{Raw, RawAnswer, ask, ask_last, get};

/// A request that must not run: its line in the log would say so.
const HIDDEN: &str = "GET /auth/me HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[track_caller]
fn nothing_hidden_ran(authd: &Authd) {
    let requests = authd.requests();
    assert!(!requests.is_empty());
    let hidden = requests.iter().find(|line| line["route"] == "/auth/me");
    assert_eq!(hidden, None);
}

/// Asks for something, with something hidden behind it, which must not run.
#[track_caller]
fn refused(authd: &Authd, request: impl AsRef<[u8]>) -> RawAnswer {
    let mut bytes = request.as_ref().to_vec();
    bytes.extend_from_slice(HIDDEN.as_bytes());
    let answer = ask_last(authd.address(), &bytes);
    answer.is_problem(400, "invalid_request");
    answer
}

#[test]
fn a_request_names_exactly_one_host() {
    let env = TestEnv::new();
    let authd = env.authd();
    let asked = |fields: &str| format!("GET /livez HTTP/1.1\r\n{fields}\r\n");
    for good in [
        "localhost",
        "auth.example.com:8000",
        "127.0.0.1",
        "[::1]:80",
    ] {
        let answer = ask(authd.address(), asked(&format!("Host: {good}\r\n")));
        assert_eq!(answer.status, 200, "{good}");
    }
    refused(&authd, asked(""));
    refused(&authd, asked("Host: a\r\nHost: a\r\n"));
    for bad in ["", "a@b", "a/b", "a b", "a,b", "a\\b", "a?b", "\u{e4}"] {
        refused(&authd, asked(&format!("Host: {bad}\r\n")));
    }
    nothing_hidden_ran(&authd);
}

#[test]
fn a_target_is_a_plain_path() {
    let env = TestEnv::new();
    let authd = env.authd();
    let at = authd.address();
    assert_eq!(ask(at, get("/livez?x=%00")).status, 200);
    assert_eq!(ask(at, get("http://localhost/livez")).status, 200);
    assert_eq!(ask(at, get("http://elsewhere.example/livez")).status, 200);
    for bad in [
        "/%00",
        "/livez%00",
        "/livez%0d%0aX:%20y",
        "/livez%0A",
        "/a%5cb",
        "/a\\b",
        "/../livez",
        "/./livez",
        "/a/..",
        "/api/docs/../../livez",
        "/api/docs/%2e%2e/livez",
        "/.%2E/livez",
        "http://user@localhost/livez",
        "*",
    ] {
        refused(&authd, get(bad));
    }
    for bad in ["livez", "", "/a b"] {
        refused(&authd, get(bad));
    }
    nothing_hidden_ran(&authd);
}

#[test]
fn connect_and_trace_are_not_served() {
    let env = TestEnv::new();
    let authd = env.authd();
    // What the path knows (RFC 9110, section 15.5.6), which may be nothing.
    for (target, allow) in [
        ("CONNECT localhost:443", ""),
        ("TRACE /livez", "GET, HEAD"),
        ("TRACE /auth/login", "POST"),
        ("TRACE /groups/x?y=z", "GET, HEAD, PATCH, DELETE"),
        ("TRACE /nothing", ""),
    ] {
        let request = format!("{target} HTTP/1.1\r\nHost: localhost\r\nX-Secret: a\r\n\r\n");
        let answer = ask_last(authd.address(), format!("{request}{HIDDEN}"));
        answer.is_problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allow, "{target}");
        let head = answer.head.to_ascii_lowercase();
        assert!(head.contains("\nallow:"), "{head}");
        assert!(!answer.body.windows(8).any(|bytes| bytes == b"X-Secret"));
    }
    refused(&authd, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
    nothing_hidden_ran(&authd);
}

#[test]
fn header_fields_are_plain() {
    let env = TestEnv::new();
    let authd = env.authd();
    let with = |field: &[u8]| {
        let mut request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n".to_vec();
        request.extend_from_slice(field);
        request.extend_from_slice(b"\r\n\r\n");
        request
    };
    assert_eq!(ask(authd.address(), with(b"X-Plain: a\tb ~")).status, 200);
    for bad in [
        &b"X_Under: a"[..],
        b"Content_Length: 5",
        b"X-Latin: \xe4",
        b"X-Utf: \xc3\xa4",
        b"X-Folded: a\r\n b",
        b"X-Folded: a\r\n\tb",
        b" X-Folded: a",
        b"X-Nul: a\0b",
        b"X-N\0l: a",
        b"X-Return: a\rb",
        b"X-Escape: \x1b[2J",
        b"X-Spaced : a",
        b"X Spaced: a",
        b"X-Without-Colon",
        b": a",
    ] {
        refused(&authd, with(bad));
    }
    nothing_hidden_ran(&authd);
}

/// A line that ends in LF alone is a line (RFC 9112, section 2.2), and never the end of a value.
#[test]
fn a_bare_line_feed_ends_a_line_and_nothing_else() {
    let env = TestEnv::new();
    let authd = env.authd();
    let answer = ask(authd.address(), "GET /livez HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(answer.status, 200);
    // What a lenient party took for one field is two to us: the second host is seen.
    refused(&authd, "GET /livez HTTP/1.1\r\nHost: a\nHost: b\r\n\r\n");
    nothing_hidden_ran(&authd);
}

#[test]
fn what_is_no_request_is_refused_as_a_problem() {
    let env = TestEnv::new();
    let authd = env.authd();
    for bad in [
        "hello\r\n\r\n",
        "GET /livez\r\n\r\n",
        "GET /livez HTTP/9.9\r\nHost: a\r\n\r\n",
        "GET  /livez HTTP/1.1\r\nHost: a\r\n\r\n",
        "G\x01T /livez HTTP/1.1\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
    ] {
        refused(&authd, bad);
    }
    // Behind a good request it is refused as well, after the good one's answer.
    let mut raw = Raw::connect(authd.address());
    raw.send(get("/livez") + "hello\r\n\r\n");
    assert_eq!(raw.answer().status, 200);
    raw.answer().is_problem(400, "invalid_request");
    raw.is_closed();
    let refusals = authd
        .requests()
        .into_iter()
        .filter(|line| line["status"] == 400);
    assert_eq!(refusals.count(), 7, "each has its line");
    nothing_hidden_ran(&authd);
}

/// The body of a request whose length is in doubt is never run as a second request.
#[test]
fn a_length_in_doubt_smuggles_nothing() {
    let env = TestEnv::new();
    let authd = env.authd();
    let posted = |version: &str, fields: &str| {
        format!(
            "POST /auth/login HTTP/{version}\r\nHost: localhost\r\n\
             Content-Type: application/json\r\n{fields}\r\n"
        )
    };
    for fields in [
        "Content-Length: -1\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 1e1\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: \r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer_Encoding: chunked\r\n",
    ] {
        refused(&authd, posted("1.1", fields));
    }
    refused(&authd, posted("1.0", "Transfer-Encoding: chunked\r\n"));

    // Both at once: the chunks count, and the connection ends (RFC 9112, section 6.1).
    for both in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    ] {
        let request = posted("1.1", both) + "0\r\n\r\n" + HIDDEN;
        ask_last(authd.address(), request).is_problem(400, "malformed_body");
    }
    nothing_hidden_ran(&authd);
}

#[test]
fn broken_chunks_smuggle_nothing() {
    let env = TestEnv::new();
    let authd = env.authd();
    let head = "POST /auth/login HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunks in [
        "2\n{}\n0\n\n",
        "2\r\n{}x\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "2 2\r\n{}\r\n0\r\n\r\n",
        "\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "2;a\nb\r\n{}\r\n0\r\n\r\n",
    ] {
        refused(&authd, format!("{head}{chunks}"));
    }
    // Good chunks are read; what follows them is not run either.
    let answer = ask_last(
        authd.address(),
        format!("{head}2;a=b\r\n{{}}\r\n0\r\n\r\n{HIDDEN}"),
    );
    answer.is_problem(400, "malformed_body");
    nothing_hidden_ran(&authd);
}

#[test]
fn every_answer_has_an_id() {
    let env = TestEnv::new();
    let authd = env.authd();
    let with = |id: &str| {
        let request = format!("GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\n\r\n");
        let answer = ask(authd.address(), request);
        assert_eq!(answer.status, 200);
        answer.header("x-request-id").to_owned()
    };
    for plain in ["12345678", "a-b_c.d-1234", &"x".repeat(64)] {
        assert_eq!(with(plain), plain);
    }
    let others = [
        "1234567",
        &"x".repeat(65),
        "12345678 9",
        "a\"b\\c{d}e",
        "<script>",
        "",
    ];
    let mut given: Vec<String> = others.map(with).to_vec();
    for (id, other) in given.iter().zip(others) {
        assert_ne!(id, other);
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
    given.sort();
    given.dedup();
    assert_eq!(given.len(), others.len(), "no id is given twice");
}
