//! The whole way once: a database, an account, a login, a verification, and its end.

use crate::env::{PASSWORD, TestEnv};

#[test]
fn an_account_logs_in_and_another_service_verifies_its_token() {
    let env = TestEnv::new();
    let ada = env.add_user("Ada@example.com", PASSWORD);
    let authd = env.authd();

    let answer = authd.try_login("ada@EXAMPLE.com", PASSWORD);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["expires_in"], 900);
    assert_eq!(answer.header("cache-control"), "no-store");

    let token = answer.body["access_token"].as_str().expect("is a string");
    let answer = authd.verify(token);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["active"], true);
    assert_eq!(answer.body["max_age"], 5);
    assert_eq!(answer.body["user"]["id"], ada["id"]);
    assert_eq!(answer.body["user"]["email"], "Ada@example.com");
    assert_eq!(answer.body["claims"]["sub"], ada["id"]);
}

/// Security statement 24.
///
/// CVE-2024-22513 (simplejwt).
#[test]
fn disabling_an_account_takes_effect_at_the_next_verify() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    assert_eq!(authd.verify(&token).status, 200);

    let out = env.authctl(&["user", "disable", "ada@example.com", "--yes"]);
    assert_eq!(out.status, 0, "{out:?}");

    let answer = authd.verify(&token);
    assert_eq!(answer.status, 401);
    assert_eq!(answer.body["code"], "invalid_token");
}
