//! Verification over gRPC, with clients that are not ours.

use std::time::Duration;

use auth::tokens::KeyAlgorithm;
use serde_json::{Value, json};

use crate::env::{Authd, PASSWORD, TestEnv};
use crate::forger::{Forger, add_key, set_key_state};
use crate::grpc_client::{GRPC, GrpcClient, grpc_target};

/// An account, a daemon that speaks gRPC, a client of it, and a good token.
pub(crate) fn scene(env: &TestEnv) -> (Authd, GrpcClient, String) {
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[GRPC]);
    let token = authd.login("ada@example.com", PASSWORD);
    let client = GrpcClient::of(env, &authd);
    (authd, client, token)
}

#[test]
fn verify_says_the_same_over_grpc_and_over_http() {
    let env = TestEnv::new();
    let (authd, mut client, token) = scene(&env);
    let over_http = authd.verify(&token).body;
    let answer = client.verify(&token);
    assert_eq!(answer["code"], "OK", "{answer}");
    let reply = &answer["reply"];
    assert_eq!(reply["active"], true);
    assert_eq!(reply["max_age_secs"], over_http["max_age"].to_string());
    let claims: Value =
        serde_json::from_str(reply["claims_json"].as_str().expect("is text")).expect("is JSON");
    assert_eq!(claims, over_http["claims"]);
    let (user, expected) = (&reply["user"], &over_http["user"]);
    for name in ["id", "email", "is_active", "date_joined", "last_login"] {
        assert_eq!(user[name], expected[name], "{name}");
    }
    assert_eq!(user["fields_json"], "{}");
    // What is empty or false is not sent.
    for name in [
        "first_name",
        "phone_number",
        "groups",
        "is_staff",
        "is_superuser",
    ] {
        assert_eq!(user[name], Value::Null, "{name}");
    }
    let version = expected["version"].to_string();
    assert_eq!(user["version"], version.as_str());
    assert_eq!(reply["version"], version.as_str());
    let id = answer["metadata"]["x-request-id"].as_str();
    assert!(id.is_some_and(|id| id.len() >= 8), "{answer}");
}

#[test]
fn the_token_is_in_the_message_or_in_the_metadata_and_never_in_both() {
    let env = TestEnv::new();
    let (_authd, mut client, token) = scene(&env);
    let bearer = format!("Bearer {token}");
    let answer = client.verify_with(&[("authorization", &bearer)]);
    assert_eq!(answer["reply"]["active"], true, "{answer}");
    let answer = client.ask(&json!({"do": "call", "method": "Verify",
        "message": {"token": token}, "metadata": [["authorization", bearer]]}));
    assert_eq!(answer["code"], "INVALID_ARGUMENT", "{answer}");
}

/// Security statement 24, over gRPC.
#[test]
fn a_disabled_or_deleted_user_is_refused_at_the_next_call() {
    let env = TestEnv::new();
    let (authd, mut client, token) = scene(&env);
    assert_eq!(client.verify(&token)["code"], "OK");
    let command = |verb: &str| {
        let arguments = ["user", verb, "ada@example.com", "--yes"];
        env.authctl(&arguments).succeeded();
    };
    command("disable");
    assert_eq!(client.verify(&token)["code"], "UNAUTHENTICATED");
    env.authctl(&["user", "enable", "ada@example.com"])
        .succeeded();
    let token = authd.login("ada@example.com", PASSWORD);
    assert_eq!(client.verify(&token)["code"], "OK");
    command("delete");
    let refused = client.verify(&token);
    assert_eq!(refused["code"], "UNAUTHENTICATED");
    let told = "The token is malformed, expired, revoked or not from here.";
    assert_eq!(refused["details"], told);
}

/// Security statement 22, over gRPC.
#[test]
fn a_token_of_a_retired_key_is_refused_also_after_a_restart() {
    let env = TestEnv::new();
    let (authd, mut client, token) = scene(&env);
    assert_eq!(client.verify(&token)["code"], "OK");
    set_key_state(&env, &Forger::with_active_key(&env).kid, "retired");
    assert_eq!(client.verify(&token)["code"], "UNAUTHENTICATED");
    add_key(&env, KeyAlgorithm::EdDsa, "active");
    drop(client);
    authd.stop();
    let authd = env.authd_with(&[], &[GRPC]);
    let mut client = GrpcClient::of(&env, &authd);
    assert_eq!(client.verify(&token)["code"], "UNAUTHENTICATED");
}

#[test]
fn a_batch_answers_for_each_token_in_order() {
    let env = TestEnv::new();
    let (_authd, mut client, token) = scene(&env);
    let tokens = json!([token, "no token", "", token]);
    let answer = client.call("BatchVerify", &json!({"tokens": tokens}));
    let results = answer["reply"]["results"].as_array().expect("is a list");
    assert_eq!(results.len(), 4);
    assert_eq!(results[0], results[3]);
    assert_eq!(results[0]["user"]["email"], "ada@example.com");
    // Of a token that is not good, nothing is said but that.
    assert_eq!((&results[1], &results[2]), (&json!({}), &json!({})));
    assert_eq!(client.call("BatchVerify", &json!({}))["reply"], json!({}));
}

#[test]
fn a_batch_holds_256_tokens_of_the_greatest_length_and_not_one_more() {
    let env = TestEnv::new();
    let (_authd, mut client, token) = scene(&env);
    let full = client.ask(&json!({"do": "batch_of", "token": token, "count": 256}));
    assert_eq!(full["active"], 256);
    let longest = "x".repeat(8 * 1024);
    let full = client.ask(&json!({"do": "batch_of", "token": longest, "count": 256}));
    assert_eq!(full["active"], 0);
    let tokens = vec!["x"; 257];
    let answer = client.call("BatchVerify", &json!({"tokens": tokens}));
    assert_eq!(answer["code"], "INVALID_ARGUMENT", "{answer}");
}

#[test]
fn health_is_told_to_whoever_asks_or_watches() {
    let env = TestEnv::new();
    let (mut authd, mut client, _) = scene(&env);
    for service in [
        "",
        "authd.v1.AuthService",
        "envoy.service.auth.v3.Authorization",
    ] {
        let answer = client.call("Health", &json!({"service": service}));
        assert_eq!(answer["reply"]["status"], "SERVING", "{answer}");
    }
    let unknown = client.call("Health", &json!({"service": "authd.v2.Auth"}));
    assert_eq!(unknown["code"], "NOT_FOUND");
    let watch = json!({"do": "watch", "name": "authd.v1.AuthService"});
    assert_eq!(client.ask(&watch)["status"], "SERVING");
    let unknown = client.ask(&json!({"do": "watch", "name": "authd.v2.Auth"}));
    assert_eq!(unknown["status"], "SERVICE_UNKNOWN");
    // A watch does not hold up the end.
    authd.signal("TERM");
    let last = client.ask(&json!({"do": "news", "name": "authd.v1.AuthService"}));
    assert_eq!(last["code"], "UNAVAILABLE", "{last}");
    assert_eq!(authd.wait(Duration::from_secs(5)), 0);
}

#[test]
fn a_watcher_hears_that_the_keys_cannot_be_used_and_when_they_can_again() {
    let env = TestEnv::new();
    let (_authd, mut client, _) = scene(&env);
    let mut news = |what: &str| client.ask(&json!({"do": what, "name": ""}));
    assert_eq!(news("watch")["status"], "SERVING");
    env.sql("UPDATE signing_keys SET state = 'retired'");
    assert_eq!(news("news")["status"], "NOT_SERVING");
    env.sql("UPDATE signing_keys SET state = 'active'");
    assert_eq!(news("news")["status"], "SERVING");
}

#[test]
fn the_server_describes_itself() {
    let env = TestEnv::new();
    let (_authd, mut client, _) = scene(&env);
    let seen = client.ask(&json!({"do": "reflect"}));
    let services = seen["services"].as_array().expect("is a list");
    for service in [
        "authd.v1.AuthService",
        "envoy.service.auth.v3.Authorization",
        "grpc.health.v1.Health",
    ] {
        assert!(services.contains(&service.into()), "{seen}");
    }
    assert_eq!(
        seen["methods"],
        json!(["Verify", "BatchVerify", "Introspect", "WatchRevocations"])
    );
    assert_eq!(seen["fields"]["claims_json"], 4);
}

/// Security statement 91, over gRPC: at any level.
#[test]
fn a_call_has_one_line_in_the_log_without_its_token() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[GRPC, ("AUTHD_LOG_LEVEL", "trace")]);
    let token = authd.login("ada@example.com", PASSWORD);
    let mut client = GrpcClient::of(&env, &authd);
    let id = "a-proxy-s-own-id";
    let answer = client.ask(&json!({"do": "call", "method": "Verify",
        "message": {"token": token}, "metadata": [["x-request-id", id]]}));
    assert_eq!(answer["metadata"]["x-request-id"], id);
    client.verify_with(&[("authorization", "Bearer no-token-of-ours")]);
    client.ask(&json!({"do": "raw", "path": "/authd.v1.AuthService/Unknown"}));
    let lines = authd.log_lines();
    let calls: Vec<&Value> = lines
        .iter()
        .filter(|line| line["message"] == "call")
        .collect();
    let said: Vec<_> = calls
        .iter()
        .map(|line| (&line["method"], &line["status"]))
        .collect();
    let verify = Value::from("/authd.v1.AuthService/Verify");
    assert_eq!(
        said,
        [
            (&verify, &"OK".into()),
            (&verify, &"UNAUTHENTICATED".into()),
            (&"-".into(), &"UNIMPLEMENTED".into()),
        ]
    );
    assert_eq!(calls[0]["id"], id);
    assert!(calls.iter().all(|line| line["micros"].is_u64()));
    let log = authd.log();
    assert!(log.contains("TRACE") && !log.contains(&token) && !log.contains("no-token-of-ours"));
}

#[test]
fn grpc_is_off_unless_an_address_is_given_and_a_socket_will_do() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd();
    assert!(!authd.greeting.contains("gRPC"), "{}", authd.greeting);
    drop(authd);
    let socket = format!("unix:{}", env.path("grpc.sock").display());
    let mut authd = env.authd_with(&[], &[("AUTHD_SERVER_GRPC_LISTEN", &socket)]);
    assert_eq!(grpc_target(&authd), socket);
    let token = authd.login("ada@example.com", PASSWORD);
    let mut client = GrpcClient::of(&env, &authd);
    assert_eq!(client.verify(&token)["reply"]["active"], true);
    drop(client);
    authd.signal("TERM");
    assert_eq!(authd.wait(Duration::from_secs(5)), 0);
    assert!(!env.path("grpc.sock").exists());
}
