//! What gRPC bears (security statements 22, 24, 31 and 39).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use auth::tokens::KeyAlgorithm;
use serde_json::{Value, json};

use crate::env::{Authd, PASSWORD, TestEnv};
use crate::forger::{Forger, add_key, claims_of, set_key_state};
use crate::grpc::scene;
use crate::grpc_client::{GRPC, GrpcClient, basic, grpc_target};

const METHODS: [&str; 4] = [
    "/authd.v1.AuthService/Verify",
    "/authd.v1.AuthService/BatchVerify",
    "/envoy.service.auth.v3.Authorization/Check",
    "/grpc.health.v1.Health/Check",
];

#[track_caller]
fn still_serves(client: &mut GrpcClient, token: &str) {
    let answer = client.verify(token);
    assert_eq!(answer["reply"]["active"], true, "{answer}");
}

/// Security statement 39.
#[test]
fn metadata_without_a_token_or_with_two_has_a_proper_status() {
    let env = TestEnv::new();
    let (_authd, mut client, token) = scene(&env);
    let bearer = format!("Bearer {token}");
    let none: [&[(&str, &str)]; 2] = [&[], &[("authorization", "Basic YTpi")]];
    for metadata in none {
        let answer = client.verify_with(metadata);
        assert_eq!(answer["code"], "UNAUTHENTICATED", "{metadata:?} {answer}");
    }
    let two = ("authorization", bearer.as_str());
    let several = format!("Bearer {token},Bearer {token}");
    for metadata in [
        &[two, two][..],
        &[two, ("authorization", "Basic YTpi")],
        &[("authorization", &several)],
        &[("authorization", "Bearer a b")],
        &[("authorization", "Bearer")],
    ] {
        let answer = client.verify_with(metadata);
        assert_eq!(answer["code"], "INVALID_ARGUMENT", "{metadata:?} {answer}");
    }
    still_serves(&mut client, &token);
}

/// Security statement 39.
#[test]
fn a_message_over_the_limit_is_resource_exhausted_and_one_that_is_none_invalid() {
    let env = TestEnv::new();
    let (authd, mut client, token) = scene(&env);
    for path in METHODS {
        let large = json!({"do": "raw", "path": path, "size": 5_000_000});
        let answer = client.ask(&large);
        assert_eq!(answer["code"], "RESOURCE_EXHAUSTED", "{path} {answer}");
    }
    for path in METHODS {
        let garbage = json!({"do": "raw", "path": path, "text": "\u{7f}no message"});
        let answer = client.ask(&garbage);
        assert_eq!(answer["code"], "INVALID_ARGUMENT", "{path} {answer}");
    }
    // The limit is that of a body over HTTP.
    let (below, above) = ("x".repeat(65_000), "x".repeat(66_000));
    assert_eq!(client.verify(&below)["code"], "UNAUTHENTICATED");
    assert_eq!(client.verify(&above)["code"], "RESOURCE_EXHAUSTED");
    let unknown = client.ask(&json!({"do": "raw", "path": "/a.B/C"}));
    assert_eq!(unknown["code"], "UNIMPLEMENTED", "{unknown}");
    still_serves(&mut client, &token);
    let log = authd.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Security statement 39.
#[test]
fn cancelled_calls_leave_nothing_behind() {
    let env = TestEnv::new();
    let (authd, mut client, token) = scene(&env);
    let tokens = vec![token.as_str(); 64];
    for _ in 0..5 {
        let cancel = json!({"do": "cancel", "tokens": tokens, "count": 200});
        assert!(client.ask(&cancel)["cancelled"].as_u64() > Some(0));
        // What had begun goes on to its end, which on a busy machine is not at once.
        let deadline = Instant::now() + Duration::from_secs(10);
        while client.verify(&token)["code"] == "UNAVAILABLE" && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        still_serves(&mut client, &token);
    }
    let log = authd.log();
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn more_calls_than_a_connection_may_have_at_a_time_take_turns() {
    let env = TestEnv::new();
    let (_authd, mut client, token) = scene(&env);
    let many = json!({"do": "many", "token": token, "count": 500});
    assert_eq!(client.ask(&many)["active"], 500);
}

/// Security statement 39 and `RUSTSEC-2024-0376`: an error of `accept` is no end.
#[test]
fn out_of_file_descriptors_it_serves_again_afterwards() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let program = env.authd_command(&[]).get_program().to_owned();
    let mut command = env.command("sh");
    let script = format!(
        "ulimit -n 64; exec '{}' serve --listen 127.0.0.1:0",
        program.display()
    );
    command.args(["-c", &script]).env(GRPC.0, GRPC.1);
    let authd = Authd::start(command, &env.path("authd.log"));
    let token = authd.login("ada@example.com", PASSWORD);
    let target = grpc_target(&authd);
    let crowd: Vec<TcpStream> = (0..100)
        .map(|_| TcpStream::connect(target).expect("is let in by the kernel"))
        .collect();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !authd.log().contains("could not be accepted") {
        assert!(Instant::now() < deadline, "{}", authd.log());
    }
    drop(crowd);
    let mut client = GrpcClient::of(&env, &authd);
    still_serves(&mut client, &token);
    assert_eq!(authd.verify(&token).status, 200);
}

#[test]
fn what_is_no_http_2_is_hung_up_on() {
    let env = TestEnv::new();
    let (authd, mut client, token) = scene(&env);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let frame = |bytes: &[u8]| [preface, &settings[..], bytes].concat();
    let hostile: [Vec<u8>; 6] = [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(8),
        vec![0; 100_000],
        // A frame longer than any may be; one on a stream that cannot be; a header that ends
        // nowhere, begun again.
        frame(&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
        frame(&[0, 0, 1, 0, 1, 0, 0, 0, 0, 7]),
        frame(&[
            0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82, 0, 0, 1, 1, 0, 0, 0, 0, 3, 0x82,
        ]),
    ];
    for bytes in hostile {
        let mut stream = TcpStream::connect(grpc_target(&authd)).expect("connects");
        let patience = Some(Duration::from_secs(10));
        stream.set_read_timeout(patience).expect("is set");
        // It may hang up before it has all of it.
        let _ = stream.write_all(&bytes);
        let mut rest = Vec::new();
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        }
        still_serves(&mut client, &token);
    }
}

/// Nobody holds a place by silence: a connection without a call has `server.keep_alive`.
#[test]
fn a_silent_connection_is_closed_and_a_client_at_rest_finds_its_way_back() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[GRPC, ("AUTHD_SERVER_KEEP_ALIVE", "1s")]);
    let token = authd.login("ada@example.com", PASSWORD);
    let mut client = GrpcClient::of(&env, &authd);
    still_serves(&mut client, &token);
    for greeting in [
        &b""[..],
        b"PRI * HTTP/2.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(grpc_target(&authd)).expect("connects");
        stream.write_all(greeting).expect("is sent");
        let patience = Some(Duration::from_secs(10));
        stream.set_read_timeout(patience).expect("is set");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("is closed");
    }
    still_serves(&mut client, &token);
}

#[test]
fn a_call_whose_message_does_not_come_is_over_in_time() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[GRPC, ("AUTHD_SERVER_BODY_TIMEOUT", "1s")]);
    let token = authd.login("ada@example.com", PASSWORD);
    let mut client = GrpcClient::of(&env, &authd);
    client.ask(&json!({"do": "begin"}));
    let ended = client.ask(&json!({"do": "ended"}));
    assert_eq!(ended["code"], "DEADLINE_EXCEEDED", "{ended}");
    assert_eq!(ended["details"], "The call's time is over.");
    still_serves(&mut client, &token);
}

/// Security statement 94, over gRPC.
#[test]
fn sigterm_lets_a_call_under_way_finish() {
    let env = TestEnv::new();
    let (mut authd, mut client, token) = scene(&env);
    client.ask(&json!({"do": "begin"}));
    std::thread::sleep(Duration::from_millis(300));
    authd.signal("TERM");
    while TcpStream::connect(grpc_target(&authd)).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let answer = client.ask(&json!({"do": "send", "token": token}));
    assert_eq!(answer["reply"]["active"], true, "{answer}");
    assert_eq!(authd.wait(Duration::from_secs(5)), 0);
    let log = authd.log();
    let told = log.find("told to stop").expect("is logged");
    let answered = log.find("\"status\":\"OK\"").expect("is logged");
    assert!(told < answered && !log.contains("still under way"), "{log}");
}

#[test]
fn a_failure_of_the_database_is_told_and_its_cause_is_in_the_log_alone() {
    let env = TestEnv::new();
    let (authd, mut client, token) = scene(&env);
    env.sql("ALTER TABLE users RENAME TO gone");
    let expected = match authd.verify(&token).status {
        503 => "UNAVAILABLE",
        status => panic!("{status}"),
    };
    let answer = client.verify(&token);
    assert_eq!(answer["code"], expected, "{answer}");
    assert!(!answer.to_string().contains("users"), "{answer}");
    let batch = client.call("BatchVerify", &json!({"tokens": [token]}));
    assert_eq!(batch["code"], expected, "{batch}");
    let id = answer["metadata"]["x-request-id"]
        .as_str()
        .expect("is told");
    let lines = authd.log_lines();
    let failed = |line: &&Value| line["id"] == id && line["message"] == "a call failed";
    assert!(lines.iter().find(failed).is_some(), "{lines:?}");
    env.sql("ALTER TABLE gone RENAME TO users");
    still_serves(&mut client, &token);
}

/// As at `/auth/forward`: the cookie counts where it is configured, and after the header.
#[test]
fn envoy_may_be_brought_the_token_in_the_cookie_that_is_named() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    for (name, lets_in) in [("session", true), ("other", false)] {
        let authd = env.authd_with(&[], &[GRPC, ("AUTHD_FORWARD_COOKIE", name)]);
        let token = authd.login("ada@example.com", PASSWORD);
        let mut client = GrpcClient::of(&env, &authd);
        let mut check = |headers: Value| {
            let message = json!({"attributes": {"request": {"http": {"headers": headers}}}});
            client.call("Check", &message)["reply"]["ok_response"].is_object()
        };
        assert_eq!(
            check(json!({"cookie": format!("a=b; session={token}")})),
            lets_in
        );
        let twice = format!("session={token}; session={token}");
        assert!(!check(json!({"cookie": twice})));
        let refused = json!({"cookie": format!("session={token}"), "authorization": "Bearer x"});
        assert!(!check(refused));
    }
}

/// All ways to ask, which must agree: verify, introspect and forward over HTTP, and over gRPC verify,
/// a batch, introspect, and Envoy's question.
#[track_caller]
fn verdict(authd: &Authd, client: &mut GrpcClient, gateway: &str, token: &str) -> bool {
    let over_http = authd.verify(token).status == 200;
    let verified = client.verify(token)["reply"]["active"] == true;
    let batch = client.call("BatchVerify", &json!({"tokens": [token]}));
    let batched = batch["reply"]["results"][0]["active"] == true;
    let headers = json!({"authorization": format!("Bearer {token}")});
    let check = json!({"attributes": {"request": {"http": {"headers": headers}}}});
    let answer = client.call("Check", &check);
    let let_in = answer["reply"]["ok_response"].is_object();
    let known = client.introspect(gateway, token)["reply"]["active"] == true;
    let body = format!("token={token}");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let introspected = authd.post(
        "/oauth/introspect",
        &[form, ("Authorization", gateway)],
        body.as_bytes(),
    );
    let introspected = introspected.body["active"] == true;
    let bearer = format!("Bearer {token}");
    let forwarded = authd.get_with("/auth/forward", &[("Authorization", &bearer)]);
    let forwarded = forwarded.status == 200;
    let all = [
        over_http,
        introspected,
        forwarded,
        verified,
        batched,
        known,
        let_in,
    ];
    assert!(all.iter().all(|one| *one == over_http), "{all:?} {answer}");
    over_http
}

/// Security statement 31: login, refresh, logout, an ended session, disable, enable, a new password,
/// a rotation, a restart, in an order that chance has made.
#[test]
fn http_and_grpc_give_one_verdict_whatever_happens() {
    let env = TestEnv::new();
    let (mut authd, mut client, token) = scene(&env);
    let mut tokens = vec![token];
    let gateway = basic(&env, "gateway");
    let mut refresh_token = Value::Null;
    let mut seed: u64 = 0x5eed;
    let (mut good, mut bad) = (0, 0);
    for _ in 0..50 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let latest = tokens.last().expect("is there").clone();
        match (seed >> 33) % 16 {
            0..=4 => {
                let mut answer = authd.try_login("ada@example.com", PASSWORD).body;
                tokens.extend(answer["access_token"].as_str().map(str::to_owned));
                refresh_token = answer["refresh_token"].take();
            }
            5..=7 => {
                let body = json!({"refresh_token": refresh_token});
                let answer = authd.post_json("/auth/refresh", &body).body;
                tokens.extend(answer["access_token"].as_str().map(str::to_owned));
            }
            8 => {
                let bearer = format!("Bearer {latest}");
                authd.post("/auth/logout", &[("Authorization", &bearer)], b"");
            }
            9 => {
                let sid = claims_of(&latest)["sid"].take();
                env.authctl(&["session", "revoke", sid.as_str().expect("is text")]);
            }
            10 => {
                env.authctl(&["user", "disable", "ada@example.com", "--yes"]);
            }
            11..=13 => {
                env.authctl(&["user", "enable", "ada@example.com"]);
            }
            14 => {
                let command = ["user", "passwd", "ada@example.com", "--password-stdin"];
                env.authctl_reading(PASSWORD, &command).succeeded();
            }
            _ => {
                set_key_state(&env, &Forger::with_active_key(&env).kid, "retired");
                add_key(&env, KeyAlgorithm::EdDsa, "active");
                drop(client);
                authd.stop();
                authd = env.authd_with(&[], &[GRPC]);
                client = GrpcClient::of(&env, &authd);
            }
        }
        for token in tokens.iter().rev().take(3) {
            if verdict(&authd, &mut client, &gateway, token) {
                good += 1;
            } else {
                bad += 1;
            }
        }
    }
    assert!(good > 15 && bad > 15, "both were seen: {good}, {bad}");
}
