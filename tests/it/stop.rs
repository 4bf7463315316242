//! Starting at sockets and stopping by signals.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use crate::env::{Authd, PASSWORD, TestEnv};
use crate::raw::{Raw, get, login, login_head};

/// Passes enough for a login to be under way for a while.
const SLOW: (&str, &str) = ("AUTHD_PASSWORDS_ITERATIONS", "40");

pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The file beside the database that holds what was not moved into it.
#[track_caller]
fn is_checkpointed(env: &TestEnv) {
    let wal = std::fs::metadata(env.path("authd.db-wal"));
    assert!(wal.is_err() || wal.is_ok_and(|file| file.len() == 0));
}

fn stops_after_the_request_under_way(signal: &str) {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    // Hashing gives way to everybody: on a busy machine it takes its time.
    let patience = ("AUTHD_SERVER_SHUTDOWN_TIMEOUT", "60s");
    let mut authd = env.authd_with(&[], &[SLOW, patience]);
    let mut idle = Raw::connect(authd.address());
    idle.send(get("/livez"));
    assert_eq!(idle.answer().status, 200);

    let mut under_way = Raw::connect(authd.address());
    under_way.send(login("ada@example.com", PASSWORD));
    std::thread::sleep(Duration::from_millis(100));
    authd.signal(signal);
    wait_until("new connections are refused", || {
        TcpStream::connect(authd.address()).is_err()
    });
    let answer = under_way.answer();
    assert_eq!(answer.status, 200, "{answer:?}");
    under_way.is_closed();
    idle.is_closed();
    assert_eq!(authd.wait(Duration::from_secs(60)), 0);

    is_checkpointed(&env);
    let log = authd.log();
    let told = log.find(&format!("told to stop by SIG{signal}"));
    let answered = log.find("\"route\":\"/auth/login\"");
    assert!(
        told.expect("is logged") < answered.expect("is logged"),
        "{log}"
    );
    assert!(log.ends_with('\n') && log.contains("\"stopped\""), "{log}");
}

/// Security statement 94.
#[test]
fn sigterm_lets_a_login_under_way_finish() {
    stops_after_the_request_under_way("TERM");
}

/// Security statement 94.
#[test]
fn sigint_lets_a_login_under_way_finish() {
    stops_after_the_request_under_way("INT");
}

/// Security statement 94: nobody can hold up the end by being slow.
#[test]
fn the_end_comes_within_the_configured_time() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let mut authd = env.authd_with(&[], &[("AUTHD_SERVER_SHUTDOWN_TIMEOUT", "1s")]);
    authd.login("ada@example.com", PASSWORD);
    let mut slow: Vec<Raw> = (0..3).map(|_| Raw::connect(authd.address())).collect();
    slow[0].send("GET /livez HTTP/1.1\r\nHost: ");
    slow[1].send(login_head(100) + "{");
    std::thread::sleep(Duration::from_millis(100));

    authd.signal("TERM");
    let began = Instant::now();
    assert_eq!(authd.wait(Duration::from_secs(4)), 0);
    assert!(
        began.elapsed() > Duration::from_millis(800),
        "they were given their time"
    );
    is_checkpointed(&env);
    assert!(authd.log().contains("still under way"));
    // The one that was cut off has its line as well.
    let cut = authd.requests();
    let cut = cut.iter().filter(|line| line["status"] == 499);
    assert_eq!(cut.count(), 1);
}

/// A client that does not wait: the work it began is done, and in the log.
#[test]
fn a_request_whose_client_went_away_is_logged() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[SLOW]);
    let mut raw = Raw::connect(authd.address());
    raw.send(login("ada@example.com", PASSWORD));
    std::thread::sleep(Duration::from_millis(100));
    drop(raw);
    wait_until("the request's line", || !authd.requests().is_empty());
    let line = &authd.requests()[0];
    assert_eq!(
        (&line["route"], &line["status"]),
        (&"/auth/login".into(), &499.into())
    );
    assert_eq!(authd.get("/livez").status, 200);
}

#[test]
fn a_unix_socket_is_served_and_goes_with_the_daemon() {
    let env = TestEnv::new();
    let socket = env.path("authd.sock");
    let mut authd = with_socket(&env);
    assert!(
        authd
            .greeting
            .contains(&format!("unix:{}", socket.display()))
    );
    let mode = std::fs::metadata(&socket).expect("is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o666);

    let mut raw = Raw::connect_unix(&socket);
    for _ in 0..2 {
        raw.send(get("/readyz"));
        let answer = raw.answer();
        assert_eq!(
            (answer.status, &answer.json()["status"]),
            (200, &"ok".into())
        );
    }
    assert_eq!(authd.get("/readyz").status, 200);

    authd.signal("TERM");
    assert_eq!(authd.wait(Duration::from_secs(5)), 0);
    assert!(!socket.exists());
}

/// As other servers are told to listen: at `0.0.0.0` and at `[::]`, at one port.
#[test]
fn one_port_can_be_listened_at_over_both_protocols_or_over_ipv6_for_both() {
    let Ok(free) = TcpListener::bind("[::]:0") else {
        eprintln!("there is no IPv6 here: not tested");
        return;
    };
    let port = free.local_addr().expect("is bound").port();
    drop(free);
    let env = TestEnv::new();
    let (both, v4) = (format!("[::]:{port}"), format!("0.0.0.0:{port}"));
    let is_served_by = |listen: &[&str]| {
        let mut command = env.authd_command(&["serve"]);
        for address in listen {
            command.args(["--listen", address]);
        }
        let mut authd = Authd::start(command, &env.path("both.log"));
        for host in ["127.0.0.1", "[::1]"] {
            let url = format!("http://{host}:{port}");
            env.authctl(&["ping", "--url", &url]).succeeded();
        }
        authd.signal("TERM");
        assert_eq!(authd.wait(Duration::from_secs(12)), 0);
    };
    is_served_by(&[&v4, &both]);
    is_served_by(&[&both, &v4]);
    is_served_by(&[&both]);
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let env = TestEnv::new();
    let socket = env.path("authd.sock");
    drop(UnixListener::bind(&socket).expect("binds"));
    assert!(socket.exists());
    let _authd = with_socket(&env);

    let unix = format!("unix:{}", socket.display());
    let second = env.authd_outcome(&["serve", "--listen", &unix]);
    assert_ne!(second.status, 0);
    assert!(second.stderr.contains(&unix), "{second:?}");
    let mut raw = Raw::connect_unix(&socket);
    raw.send(get("/livez"));
    assert_eq!(raw.answer().status, 200);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let env = TestEnv::new();
    let file = env.write("authd.sock", "something of value");
    let out = env.authd_outcome(&["serve", "--listen", &format!("unix:{}", file.display())]);
    assert_ne!(out.status, 0);
    let text = std::fs::read_to_string(file).expect("is there");
    assert_eq!(text, "something of value");
}

fn with_socket(env: &TestEnv) -> Authd {
    let unix = format!("unix:{}", env.path("authd.sock").display());
    env.authd_with(&["--listen", &unix], &[])
}
