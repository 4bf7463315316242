//! Introspection over gRPC.

use serde_json::{Value, json};

use crate::env::{Authd, TestEnv};
use crate::grpc::scene;
use crate::grpc_client::{GrpcClient, basic};

/// What `POST /oauth/introspect` answers.
fn over_http(authd: &Authd, credentials: &str, token: &str) -> Value {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let fields = [form, ("Authorization", credentials)];
    let answer = authd.post(
        "/oauth/introspect",
        &fields,
        format!("token={token}").as_bytes(),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[track_caller]
fn is_inactive(client: &mut GrpcClient, credentials: &str, token: &str) {
    let answer = client.introspect(credentials, token);
    // Nothing is said but that it is not good.
    assert_eq!(
        (&answer["code"], &answer["reply"]),
        (&"OK".into(), &json!({}))
    );
}

#[test]
fn introspect_says_the_same_over_grpc_and_over_http() {
    let env = TestEnv::new();
    let (authd, mut client, token) = scene(&env);
    let gateway = basic(&env, "gateway");
    let expected = over_http(&authd, &gateway, &token);
    let reply = client.introspect(&gateway, &token)["reply"].take();
    assert_eq!(reply["active"], true, "{reply}");
    for name in ["username", "token_type", "sub", "iss", "jti", "sid"] {
        assert_eq!(reply[name], expected[name], "{name}");
        assert!(expected[name].is_string(), "{name}");
    }
    for name in ["exp", "iat"] {
        assert_eq!(reply[name], expected[name].to_string(), "{name}");
    }
    assert_eq!(reply["aud"], json!([expected["aud"]]));
    assert_eq!(reply["user"]["id"], expected["user"]["id"]);
}

/// Security statement 28.
#[test]
fn of_a_token_that_is_not_good_nothing_is_said() {
    let env = TestEnv::new();
    let (_authd, mut client, token) = scene(&env);
    let gateway = basic(&env, "gateway");
    let (message, _) = token.rsplit_once('.').expect("has three parts");
    for bad in ["x", "authd_rt_x", &format!("{message}."), &token[1..]] {
        is_inactive(&mut client, &gateway, bad);
    }
    assert_eq!(client.introspect(&gateway, &token)["reply"]["active"], true);
    env.authctl(&["session", "revoke", "--user", "ada@example.com", "--yes"])
        .succeeded();
    is_inactive(&mut client, &gateway, &token);
}

/// Security statement 29.
#[test]
fn a_token_for_another_audience_is_none_of_a_clients_business() {
    let env = TestEnv::new();
    let (_authd, mut client, token) = scene(&env);
    let gateway = basic(&env, "gateway");
    assert_eq!(client.introspect(&gateway, &token)["reply"]["active"], true);
    env.sql("UPDATE clients SET audiences = '[\"https://other.example\"]'");
    is_inactive(&mut client, &gateway, &token);
}

/// Security statement 27.
#[test]
fn only_a_client_may_introspect() {
    let env = TestEnv::new();
    let (_authd, mut client, token) = scene(&env);
    let gateway = basic(&env, "gateway");
    let users = format!("Bearer {token}");
    for credentials in [users.as_str(), "Basic Z2F0ZXdheTp4", "Digest a=b"] {
        for token in [token.as_str(), "x"] {
            let refused = client.introspect(credentials, token);
            assert_eq!(refused["code"], "UNAUTHENTICATED", "{credentials}");
        }
    }
    let nobody = client.call("Introspect", &json!({"token": token}));
    assert_eq!(nobody["code"], "UNAUTHENTICATED", "{nobody}");
    let malformed = client.introspect("Basic !", &token);
    assert_eq!(malformed["code"], "INVALID_ARGUMENT", "{malformed}");
    let nothing = client.introspect(&gateway, "");
    assert_eq!(nothing["code"], "INVALID_ARGUMENT", "{nothing}");
    env.authctl(&["client", "disable", "gateway", "--yes"])
        .succeeded();
    let refused = client.introspect(&gateway, &token);
    assert_eq!(refused["code"], "UNAUTHENTICATED", "{refused}");
}
