//! The wire as an attacker and as the author of a client library try it: limits, time-outs, caps.

use std::time::{Duration, Instant};

use crate::env::{Authd, PASSWORD, TestEnv};
use crate::raw::{Raw, ask, ask_last, get, login, login_head};

/// What a normal client may have to wait while others misbehave (security statement 93).
const SOON: Duration = Duration::from_secs(1);

/// How much the process may grow by it.
const GROWTH_KIB: u64 = 64 * 1024;

/// Asserts that a well-behaved client is answered at once.
#[track_caller]
fn others_are_served(authd: &Authd) {
    let began = Instant::now();
    let answer = authd.get("/readyz");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(began.elapsed() < SOON, "took {:?}", began.elapsed());
}

/// The most memory that the process ever held, in KiB.
fn peak_memory_kib(authd: &Authd) -> u64 {
    let path = format!("/proc/{}/status", authd.child.id());
    let status = std::fs::read_to_string(path).expect("lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let value = line.and_then(|line| line.trim().strip_suffix(" kB"));
    value
        .expect("is there")
        .trim()
        .parse()
        .expect("is a number")
}

#[track_caller]
fn took_about_a_second(time: Duration) {
    let bounds = Duration::from_millis(700)..Duration::from_secs(4);
    assert!(bounds.contains(&time), "took {time:?}");
}

fn with_fields(fields: &str) -> String {
    format!("GET /livez HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

#[test]
fn a_header_over_16_kib_or_over_100_fields_is_refused_with_431() {
    let env = TestEnv::new();
    let authd = env.authd();
    let at = authd.address();
    let long = |bytes| with_fields(&format!("X-Long: {}\r\n", "a".repeat(bytes)));
    let many = |fields| with_fields(&"X-Many: a\r\n".repeat(fields));
    assert_eq!(ask(at, long(16_000)).status, 200);
    assert_eq!(ask(at, many(99)).status, 200);
    ask_last(at, long(16_400)).is_problem(431, "header_too_large");
    ask_last(at, many(100)).is_problem(431, "header_too_large");
    let target = get(&format!("/{}", "a".repeat(20_000)));
    ask_last(at, target).is_problem(431, "header_too_large");
    let without_end = with_fields("").trim_end().to_owned() + "\r\nX: " + &"a".repeat(1 << 20);
    ask_last(at, without_end).is_problem(431, "header_too_large");
    others_are_served(&authd);
}

#[test]
fn a_body_over_64_kib_is_refused_with_413() {
    let env = TestEnv::new();
    let authd = env.authd();
    let at = authd.address();
    let limit = 64 * 1024;
    let padded = r#"{"email":"a@example.com","password":"b"}"#;
    let fits = format!("{padded}{}", " ".repeat(limit - padded.len()));
    let answer = ask(at, login_head(limit) + &fits);
    answer.is_problem(401, "invalid_credentials");

    // Refused by what is announced, before a byte of it is sent ...
    ask_last(at, login_head(limit + 1)).is_problem(413, "body_too_large");
    // ... and a client that sends all of it first still sees why.
    let whole = login_head(1 << 24) + &" ".repeat(1 << 24);
    ask_last(at, whole).is_problem(413, "body_too_large");

    let head = "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
    let chunked = |chunks| format!("{head}{}", chunk.repeat(chunks));
    let answer = ask_last(at, chunked(2) + "0\r\n\r\n");
    answer.is_problem(400, "malformed_body");
    ask_last(at, chunked(3)).is_problem(413, "body_too_large");
    ask_last(at, chunked(32) + "0\r\n\r\n").is_problem(413, "body_too_large");
}

#[test]
fn a_client_may_ask_before_it_sends_a_body() {
    let env = TestEnv::new();
    let authd = env.authd();
    let head = |length| login_head(length).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");

    let mut raw = Raw::connect(authd.address());
    raw.send(head(2));
    assert_eq!(raw.head().status, 100);
    raw.send("{}");
    raw.answer().is_problem(400, "malformed_body");

    ask_last(authd.address(), head(1 << 20)).is_problem(413, "body_too_large");
}

#[test]
fn a_header_must_arrive_in_time() {
    let env = TestEnv::new();
    let authd = env.authd_with(&[], &[("AUTHD_SERVER_HEADER_TIMEOUT", "1s")]);
    let at = authd.address().to_owned();
    let drips = |mut raw: Raw| {
        let began = Instant::now();
        let dripped = std::iter::repeat_n("X-Slow: a\r\n", 60).all(|line| {
            std::thread::sleep(Duration::from_millis(50));
            raw.try_send(line).is_ok()
        });
        assert!(!dripped, "{:?}", began.elapsed());
        took_about_a_second(began.elapsed());
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut raw = Raw::connect(&at);
            raw.send("GET /livez HTTP/1.1\r\n");
            drips(raw);
        });
        scope.spawn(|| {
            let mut raw = Raw::connect(&at);
            raw.send(get("/livez"));
            assert_eq!(raw.answer().status, 200);
            raw.send("GET /livez HTTP/1.1\r\n");
            drips(raw);
        });
        scope.spawn(|| {
            let mut raw = Raw::connect(&at);
            raw.send("G");
            took_about_a_second(raw.is_closed());
        });
    });
}

#[test]
fn a_body_must_arrive_in_time() {
    let env = TestEnv::new();
    let authd = env.authd_with(&[], &[("AUTHD_SERVER_BODY_TIMEOUT", "1s")]);
    let mut raw = Raw::connect(authd.address());
    raw.send(login_head(60_000));
    let began = Instant::now();
    for _ in 0..12 {
        std::thread::sleep(Duration::from_millis(50));
        raw.send(" ");
    }
    raw.answer().is_problem(408, "request_timeout");
    took_about_a_second(began.elapsed());
    raw.is_closed();
}

#[test]
fn a_connection_may_rest_for_a_bounded_time() {
    let env = TestEnv::new();
    let authd = env.authd_with(&[], &[("AUTHD_SERVER_KEEP_ALIVE", "1s")]);
    let at = authd.address();
    let mut rested = Raw::connect(at);
    rested.send(get("/livez"));
    assert_eq!(rested.answer().status, 200);
    let mut silent = Raw::connect(at);
    // The beginning of the next request came with the one before.
    let mut begun = Raw::connect(at);
    begun.send(get("/livez") + "GET /");
    assert_eq!(begun.answer().status, 200);
    let began = Instant::now();
    for raw in [&mut rested, &mut silent, &mut begun] {
        raw.is_closed();
        took_about_a_second(began.elapsed());
    }
}

#[test]
fn requests_follow_one_another_on_a_connection() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd();
    let mut raw = Raw::connect(authd.address());
    for _ in 0..3 {
        raw.send(get("/livez"));
        assert_eq!(raw.answer().status, 200);
    }
    // All at once, the slow one in the middle: the answers keep the order.
    let head = get("/readyz").replace("GET", "HEAD");
    let all = [&get("/livez"), &login("ada@example.com", PASSWORD), &head];
    raw.send(all.map(String::as_str).concat() + &get("/nothing") + &get("/auth/me"));
    assert_eq!(raw.answer().json()["status"], "ok");
    assert_eq!(raw.answer().json()["token_type"], "Bearer");
    assert_eq!(raw.head().header("content-length"), "15");
    raw.answer().is_problem(404, "not_found");
    raw.answer().is_problem(401, "invalid_token");
    // A refusal leaves the connection as it was, unless the framing is in doubt.
    raw.send(get("/livez"));
    assert_eq!(raw.answer().status, 200);
}

#[test]
fn http_1_0_is_served() {
    let env = TestEnv::new();
    let authd = env.authd();
    let answer = ask_last(authd.address(), "GET /livez HTTP/1.0\r\n\r\n");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.is_marked();
    let mut raw = Raw::connect(authd.address());
    for _ in 0..2 {
        raw.send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let answer = raw.answer();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("connection"), "keep-alive");
    }
}

/// Security statement 93.
#[test]
fn many_slow_clients_do_not_keep_others_waiting() {
    let env = TestEnv::new();
    let authd = env.authd();
    let before = peak_memory_kib(&authd);
    let mut slow: Vec<Raw> = (0..300).map(|_| Raw::connect(authd.address())).collect();
    for (number, raw) in slow.iter_mut().enumerate() {
        match number % 3 {
            0 => raw.send("GET /livez HTTP/1.1\r\nHost: a\r\nX-Slow: "),
            1 => raw.send(login_head(60_000) + "{"),
            _ => raw.send("GET"),
        }
        if number % 50 == 0 {
            others_are_served(&authd);
        }
    }
    others_are_served(&authd);
    drop(slow);
    others_are_served(&authd);
    assert!(peak_memory_kib(&authd) - before < GROWTH_KIB);
}

/// Security statement 93: 60 bytes that end the process on other servers.
#[test]
fn an_announced_body_takes_no_memory() {
    let env = TestEnv::new();
    let authd = env.authd();
    let before = peak_memory_kib(&authd);
    let bomb = "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000000\r\n\r\n";
    for _ in 0..20 {
        ask_last(authd.address(), bomb).is_problem(413, "body_too_large");
        others_are_served(&authd);
    }
    let held: Vec<Raw> = (0..200)
        .map(|_| {
            let mut raw = Raw::connect(authd.address());
            raw.send(login_head(65_000));
            raw
        })
        .collect();
    others_are_served(&authd);
    drop(held);
    assert!(peak_memory_kib(&authd) - before < GROWTH_KIB);
}

/// Security statement 93: neither a chunk's size nor what stands behind it goes on for ever.
#[test]
fn an_endless_chunk_size_ends() {
    let env = TestEnv::new();
    let authd = env.authd_with(&[], &[("AUTHD_SERVER_BODY_TIMEOUT", "1s")]);
    let before = peak_memory_kib(&authd);
    let head = "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    for (start, endless) in [("", "0"), ("1;", "a"), ("1\r\n \r\n0\r\n", "X: a\r\n")] {
        let mut raw = Raw::connect(authd.address());
        raw.send(format!("{head}{start}"));
        let began = Instant::now();
        let piece = endless.repeat(4096);
        while raw.try_send(&piece).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(5), "{endless:?}");
        }
        others_are_served(&authd);
    }
    assert!(peak_memory_kib(&authd) - before < GROWTH_KIB);
    let statuses: Vec<_> = authd
        .requests()
        .iter()
        .map(|line| line["status"].clone())
        .collect();
    let refused = |status| matches!(status, 200 | 400 | 408 | 413);
    let refused = statuses
        .iter()
        .all(|status| status.as_u64().is_some_and(refused));
    assert!(refused, "{statuses:?}");
}

/// Security statement 93: a client that asks and asks and takes nothing.
#[test]
fn a_client_that_never_reads_is_let_go() {
    let env = TestEnv::new();
    let variables = [
        ("AUTHD_SERVER_WRITE_TIMEOUT", "1s"),
        ("AUTHD_SERVER_MAX_CONNECTIONS", "1"),
    ];
    let authd = env.authd_with(&[], &variables);
    let before = peak_memory_kib(&authd);
    let mut deaf = Raw::connect(authd.address());
    let many = get("/api/docs/swagger-ui-bundle.js").repeat(100);
    let mut began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| while deaf.try_send(&many).is_ok() {});
        std::thread::sleep(Duration::from_millis(300));
        // There is one place, and it becomes free.
        began = Instant::now();
        assert_eq!(ask(authd.address(), get("/livez")).status, 200);
    });
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    assert!(peak_memory_kib(&authd) - before < GROWTH_KIB);
}
