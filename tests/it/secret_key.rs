//! The secret that seals the signing keys (ADR 7), and what a stolen backup is worth without it.

use std::fs;

use crate::env::{PASSWORD, TestEnv};

/// A database whose keys are sealed with the secret in `authd.key`; the daemon has stopped.
fn with_keys() -> (TestEnv, String) {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    authd.stop();
    (env, token)
}

/// authd does not start, says `words` in one line, and leaves database and key as they are.
#[track_caller]
fn assert_refused(env: &TestEnv, variables: &[(&str, &str)], words: &str) {
    let before = database_and_key(env);
    let out = env.authd_refusal(&[], variables);
    assert_eq!(out.status, 1, "{out:?}");
    assert!(out.stderr.contains(words), "{out:?}");
    assert!(
        database_and_key(env) == before,
        "the database or a file was changed or made"
    );
}

fn database_and_key(env: &TestEnv) -> (Vec<u8>, Option<Vec<u8>>) {
    (
        env.database().backup(),
        fs::read(env.path("authd.key")).ok(),
    )
}

fn digits(env: &TestEnv) -> String {
    let text = fs::read_to_string(env.path("authd.key")).expect("reads");
    let digits = text.trim_end();
    assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    digits.to_owned()
}

#[test]
fn without_its_key_file_a_database_with_keys_is_refused_and_no_new_one_is_made() {
    let (env, _) = with_keys();
    fs::remove_file(env.path("authd.key")).expect("is there");
    assert_refused(
        &env,
        &[],
        "the secret key file 'authd.key' is missing, and the keys in the database are sealed with it: restore it",
    );
    assert!(!env.path("authd.key").exists());
}

#[test]
fn a_wrong_secret_is_refused_and_overwrites_nothing() {
    let (env, _) = with_keys();
    env.write("authd.key", &format!("{}\n", "5".repeat(64)));
    assert_refused(&env, &[], "do not open with this secret key");
}

#[test]
fn a_malformed_key_file_is_refused_and_not_overwritten() {
    for text in [
        "",
        "\n",
        "secret",
        &"0".repeat(63),
        &"0".repeat(65),
        &"x".repeat(64),
    ] {
        let (env, _) = with_keys();
        env.write("authd.key", text);
        assert_refused(&env, &[], "does not hold 64 hexadecimal digits");
        let fresh = TestEnv::new();
        fresh.write("authd.key", text);
        fresh.authctl(&["migrate"]).succeeded();
        assert_refused(&fresh, &[], "does not hold 64 hexadecimal digits");
        if text.len() == 64 {
            let out = fresh.authd_refusal(&[], &[]);
            assert!(!out.stderr.contains(text), "a secret shows: {out:?}");
        }
    }
}

#[test]
fn the_secret_may_come_from_the_environment() {
    let (env, token) = with_keys();
    let secret = digits(&env);
    fs::rename(env.path("authd.key"), env.path("elsewhere")).expect("renames");

    let authd = env.authd_with(&[], &[("AUTHD_SECRET_KEY", &secret)]);
    assert_eq!(authd.verify(&token).status, 200);
    authd.stop();
    let authd = env.authd_with(&[], &[("AUTHD_SECRET_KEY_FILE", "elsewhere")]);
    assert_eq!(authd.verify(&token).status, 200);
    authd.stop();
    assert!(!env.path("authd.key").exists(), "no other key is made");
    assert!(
        !fs::read_to_string(env.path("authd.log"))
            .expect("reads")
            .contains(&secret)
    );

    let wrong = "7".repeat(64);
    assert_refused(
        &env,
        &[("AUTHD_SECRET_KEY", &wrong)],
        "do not open with this secret key",
    );
    assert_refused(
        &env,
        &[("AUTHD_SECRET_KEY_FILE", "nowhere")],
        "'nowhere' is missing",
    );
    // A value of the configuration, so it is refused when that is read.
    let short = env.authd_refusal(&[], &[("AUTHD_SECRET_KEY", "short")]);
    assert_eq!(short.status, 2, "{short:?}");
    assert!(short.stderr.contains("64 hexadecimal digits"), "{short:?}");
}

/// Statement 52 for what there is by now: neither the secret nor a private key nor a password
/// stands readable in what a backup or a log would hold.
#[test]
fn a_stolen_backup_signs_nothing() {
    let (env, token) = with_keys();
    let secret = digits(&env);
    let mut files = env.files();
    files.remove("authd.key");
    files.insert(
        "log".into(),
        fs::read(env.path("authd.log")).expect("reads"),
    );
    let signature = token.rsplit('.').next().expect("has parts").as_bytes();
    // PKCS #8 of an Ed25519 key begins like this (RFC 8410, section 7).
    let pkcs8 = b"\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    for (name, bytes) in &files {
        for needle in [
            secret.as_bytes(),
            pkcs8,
            b"06032b657004220420",
            PASSWORD.as_bytes(),
            signature,
        ] {
            let is_there = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!is_there, "{name} holds what it must not");
        }
    }
    let public = env.sql("SELECT public_jwk FROM signing_keys");
    let jwk: serde_json::Value = serde_json::from_str(&public).expect("is JSON");
    assert_eq!(jwk["kty"], "OKP");
    assert!(jwk.get("d").is_none(), "{jwk}");

    let thief = TestEnv::new();
    thief.database().restore(&env.database().backup());
    assert_refused(&thief, &[], "is missing");
    thief.write("authd.key", &"0".repeat(64));
    assert_refused(&thief, &[], "do not open with this secret key");
}
