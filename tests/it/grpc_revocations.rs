//! The stream of what ended, over gRPC.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::env::{Authd, PASSWORD, TestEnv, run};
use crate::forger::claims_of;
use crate::grpc::scene;
use crate::grpc_client::{GrpcClient, basic};
use crate::offline::python;

/// Follows from here on (`null`: from now), or says why not.
fn follow(client: &mut GrpcClient, credentials: &str, since: Option<&Value>) -> Value {
    let metadata = json!([["authorization", credentials]]);
    let mut wish = json!({"do": "follow", "name": "one", "metadata": metadata});
    if let Some(since) = since {
        let since: i64 = since
            .as_str()
            .expect("is text")
            .parse()
            .expect("is a number");
        wish["since"] = since.into();
    }
    client.ask(&wish)
}

fn hear(client: &mut GrpcClient) -> Value {
    client.ask(&json!({"do": "hear", "name": "one"}))
}

/// The one change of this kind that is told next, whatever else is.
#[track_caller]
fn told(client: &mut GrpcClient, kind: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(15);
    while Instant::now() < deadline {
        let page = hear(client);
        assert_eq!(page["code"], Value::Null, "{page}");
        let changes = page["changes"].as_array().cloned().unwrap_or_default();
        if let Some(found) = changes.into_iter().find(|change| change["kind"] == kind) {
            return found;
        }
    }
    panic!("no {kind} was told")
}

fn end_session(env: &TestEnv, token: &str) -> String {
    let sid = claims_of(token)["sid"]
        .as_str()
        .expect("is text")
        .to_owned();
    env.authctl(&["session", "revoke", &sid]).succeeded();
    sid
}

fn login(authd: &Authd) -> String {
    authd.login("ada@example.com", PASSWORD)
}

#[test]
fn a_follower_hears_of_an_ended_session_within_a_second() {
    let env = TestEnv::new();
    let (_authd, mut client, token) = scene(&env);
    let credentials = basic(&env, "gateway");
    let first = follow(&mut client, &credentials, None);
    assert_eq!(first["changes"], Value::Null, "{first}");
    let sid = end_session(&env, &token);
    let began = Instant::now();
    let change = told(&mut client, "KIND_SESSION");
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(change["id"], sid.as_str());
}

#[test]
fn a_follower_that_was_away_is_told_what_it_missed_in_order() {
    let env = TestEnv::new();
    let (authd, mut client, token) = scene(&env);
    let credentials = basic(&env, "gateway");
    let cursor = follow(&mut client, &credentials, None)["cursor"].take();
    client.ask(&json!({"do": "leave", "name": "one"}));
    let sid = end_session(&env, &token);
    login(&authd);
    env.authctl(&["user", "disable", "ada@example.com", "--yes"])
        .succeeded();
    let page = follow(&mut client, &credentials, Some(&cursor));
    let changes = page["changes"].as_array().expect("is a list");
    let versions: Vec<i64> = changes
        .iter()
        .map(|change| change["version"].as_str().expect("is text"))
        .map(|version| version.parse().expect("is a number"))
        .collect();
    assert!(versions.is_sorted(), "{page}");
    assert!(changes.iter().any(|change| change["id"] == sid.as_str()));
    assert!(changes.iter().any(|change| change["kind"] == "KIND_USER"));
    let last = versions.last().expect("is there").to_string();
    assert_eq!(page["cursor"], last.as_str());
}

#[test]
fn a_cursor_from_the_future_is_told_where_to_begin() {
    let env = TestEnv::new();
    let (_authd, mut client, _) = scene(&env);
    let credentials = basic(&env, "gateway");
    let now = follow(&mut client, &credentials, None)["cursor"].take();
    let refused = follow(&mut client, &credentials, Some(&json!("999999")));
    assert_eq!(refused["code"], "FAILED_PRECONDITION", "{refused}");
    assert_eq!(refused["metadata"]["authd-cursor"], now);
    let begun = follow(&mut client, &credentials, Some(&now));
    assert_eq!(begun["cursor"], now, "{begun}");
}

/// Watching the health needs no credentials, so it takes no place from whoever has some.
#[test]
fn however_many_watch_the_health_a_client_can_follow() {
    let env = TestEnv::new();
    let (_authd, mut client, _) = scene(&env);
    let gateway = basic(&env, "gateway");
    let crowd = client.ask(&json!({"do": "watchers", "count": 300}));
    let heard = crowd["heard"].as_u64().expect("is a number");
    assert!((1..300).contains(&heard), "{crowd}");
    let page = follow(&mut client, &gateway, None);
    assert!(page["cursor"].is_string(), "{page}");
}

/// However many connections: the places are the client's.
#[test]
fn one_client_does_not_take_every_place_of_those_who_follow() {
    let env = TestEnv::new();
    let (_authd, mut client, _) = scene(&env);
    let greedy = basic(&env, "gateway");
    let other = basic(&env, "other");
    let mut follow = |credentials: &str, name: &str| {
        let metadata = json!([["authorization", credentials]]);
        client.ask(&json!({"do": "follow", "name": name, "metadata": metadata}))
    };
    for number in 0..16 {
        let page = follow(&greedy, &format!("number {number}"));
        assert!(page["cursor"].is_string(), "{number}: {page}");
    }
    let refused = follow(&greedy, "one more");
    assert_eq!(refused["code"], "RESOURCE_EXHAUSTED", "{refused}");
    let page = follow(&other, "another client");
    assert!(page["cursor"].is_string(), "{page}");
    client.ask(&json!({"do": "leave", "name": "number 3"}));
    // It is over when the server has noticed.
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let metadata = json!([["authorization", greedy]]);
        let page = client.ask(&json!({"do": "follow", "name": "again", "metadata": metadata}));
        if page["cursor"].is_string() {
            break;
        }
        assert!(Instant::now() < deadline, "{page}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn only_a_client_may_follow_and_only_for_as_long_as_it_is_one() {
    let env = TestEnv::new();
    let (_authd, mut client, token) = scene(&env);
    let good = basic(&env, "gateway");
    let wrong = format!("Basic {}", STANDARD.encode("gateway:authd_cs_wrong"));
    let unknown = format!("Basic {}", STANDARD.encode("nobody:x"));
    let users = format!("Bearer {token}");
    for credentials in [&wrong, &unknown, &users, "Digest a=b"] {
        let refused = follow(&mut client, credentials, None);
        assert_eq!(
            refused["code"], "UNAUTHENTICATED",
            "{credentials} {refused}"
        );
    }
    let none = client.ask(&json!({"do": "follow", "name": "two"}));
    assert_eq!(none["code"], "UNAUTHENTICATED", "{none}");
    for malformed in ["Basic !", "Bearer a b"] {
        let refused = follow(&mut client, malformed, None);
        assert_eq!(refused["code"], "INVALID_ARGUMENT", "{refused}");
    }
    follow(&mut client, &good, None);
    env.authctl(&["client", "disable", "gateway", "--yes"])
        .succeeded();
    let ended = hear(&mut client);
    assert_eq!(ended["code"], "UNAUTHENTICATED", "{ended}");
}

/// The lines of `docs/grpc.md`, through a restart of the daemon.
#[test]
fn the_follower_of_the_document_works_as_printed() {
    const PAGE: &str = include_str!("../../docs/grpc.md");
    const USE_IT: &str = "
import sys, threading
from authd.v1 import auth_pb2, auth_pb2_grpc
channel = grpc.insecure_channel(sys.argv[1], options=[('grpc.max_reconnect_backoff_ms', 200)])
say = lambda *words: print(*words, flush=True)
follow(channel, 'gateway', sys.argv[2], lambda kind, id: say(kind, id), lambda: say('all'))
";
    let (_, rest) = PAGE.split_once("## Keep answers").expect("is there");
    let (_, rest) = rest.split_once("```python\n").expect("has a recipe");
    let recipe = rest.split_once("```").expect("ends").0;
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let target = port.local_addr().expect("is bound").to_string();
    drop(port);
    let variables = [("AUTHD_SERVER_GRPC_LISTEN", target.as_str())];
    let authd = env.authd_with(&[], &variables);
    let secret = env.authctl(&["client", "add", "gateway", "-q"]).succeeded();
    let make = "-m grpc_tools.protoc --python_out=. --grpc_python_out=. authd/v1/auth.proto -I";
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
    let arguments = make.split(' ').chain([proto]);
    run(env.command(python()).args(arguments), "").succeeded();
    let script = env.write("follow.py", &format!("import grpc\n{recipe}{USE_IT}"));
    let mut child = env
        .command(python())
        .args([
            script.to_str().expect("is text"),
            &target,
            secret.stdout.trim_end(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut heard = BufReader::new(child.stdout.take().expect("is piped")).lines();
    let mut hear = || heard.next().expect("goes on").expect("is text");
    assert_eq!(hear(), "all");
    let ended = |token: &str| format!("2 {}", end_session(&env, token));
    let told = |line: &str, hear: &mut dyn FnMut() -> String| {
        // Ada's own changes come between.
        let deadline = Instant::now() + Duration::from_secs(15);
        while hear() != line {
            assert!(Instant::now() < deadline, "{line}");
        }
    };
    told(&ended(&login(&authd)), &mut hear);
    let later = login(&authd);
    authd.stop();
    let line = ended(&later);
    let _authd = env.authd_with(&[], &variables);
    told(&line, &mut hear);
    child.kill().expect("is ended");
    child.wait().expect("ends");
}

#[test]
fn a_follower_does_not_hold_up_the_end_and_is_sent_away() {
    let env = TestEnv::new();
    let (mut authd, mut client, _) = scene(&env);
    let credentials = basic(&env, "gateway");
    follow(&mut client, &credentials, None);
    authd.signal("TERM");
    let ended = hear(&mut client);
    assert_eq!(ended["code"], "UNAVAILABLE", "{ended}");
    assert_eq!(authd.wait(Duration::from_secs(5)), 0);
    let log = authd.log();
    assert!(
        log.contains("/authd.v1.AuthService/WatchRevocations"),
        "{log}"
    );
    assert!(
        !log.contains("Basic") && !log.contains("still under way"),
        "{log}"
    );
}
