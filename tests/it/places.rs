//! How many are served at a time, and what becomes of the others.

use std::time::{Duration, Instant};

use crate::env::{Authd, TestEnv};
use crate::raw::{Raw, ask_last, get};

#[test]
fn connections_beyond_the_cap_wait_for_a_place() {
    let env = TestEnv::new();
    let authd = env.authd_with(&[], &[("AUTHD_SERVER_MAX_CONNECTIONS", "2")]);
    let served = || {
        let mut raw = Raw::connect(authd.address());
        raw.send(get("/livez"));
        assert_eq!(raw.answer().status, 200);
        raw
    };
    let (first, _second) = (served(), served());
    let mut third = Raw::connect(authd.address());
    third.send(get("/livez"));
    third.is_silent(Duration::from_millis(300));
    drop(first);
    assert_eq!(third.answer().status, 200);
}

/// Each address with a loop of its own would hold a place while it waits.
#[test]
fn few_places_serve_several_addresses() {
    let env = TestEnv::new();
    let socket = env.path("authd.sock");
    let unix = format!("unix:{}", socket.display());
    let authd = env.authd_with(
        &["--listen", &unix, "--listen", "127.0.0.1:0"],
        &[("AUTHD_SERVER_MAX_CONNECTIONS", "1")],
    );
    for _ in 0..2 {
        for address in authd.addresses() {
            assert_eq!(ask_last(&address, close("/livez")).status, 200);
        }
        let mut raw = Raw::connect_unix(&socket);
        raw.send(close("/livez"));
        assert_eq!(raw.answer().status, 200);
    }
}

fn close(path: &str) -> String {
    get(path).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
}

#[test]
fn connections_of_one_address_beyond_its_cap_are_closed() {
    let env = TestEnv::new();
    let socket = env.path("authd.sock");
    let authd = env.authd_with(
        &["--listen", &format!("unix:{}", socket.display())],
        &[("AUTHD_SERVER_MAX_CONNECTIONS_PER_ADDRESS", "2")],
    );
    let served = |mut raw: Raw| {
        raw.send(get("/livez"));
        assert_eq!(raw.answer().status, 200);
        raw
    };
    let first = served(Raw::connect(authd.address()));
    let _second = served(Raw::connect(authd.address()));
    let mut third = Raw::connect(authd.address());
    assert!(third.is_closed() < Duration::from_secs(1));
    // They are not of that address.
    let _others: Vec<Raw> = (0..3).map(|_| served(Raw::connect_unix(&socket))).collect();

    drop(first);
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let mut raw = Raw::connect(authd.address());
        // It may be refused until the place is free.
        if raw.try_send(get("/livez")).is_ok() && raw.try_answer().is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "the place was not given back");
    }
}

/// Security statement 93.
#[test]
fn running_out_of_file_descriptors_is_a_pause() {
    let env = TestEnv::new();
    let mut command = env.command("/bin/sh");
    let script = format!(
        "ulimit -n 80; exec '{}' serve --listen 127.0.0.1:0",
        env!("CARGO_BIN_EXE_authd")
    );
    command.args(["-c", &script]);
    let authd = Authd::start(command, &env.path("authd.log"));
    let many: Vec<Raw> = (0..100).map(|_| Raw::connect(authd.address())).collect();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !authd.log().contains("could not be accepted") {
        assert!(Instant::now() < deadline, "{}", authd.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(many);
    assert_eq!(authd.get("/readyz").status, 200);
    // It is said when it begins, not ten times a second.
    let log = authd.log();
    assert!(log.matches("could not be accepted").count() < 5, "{log}");
}
