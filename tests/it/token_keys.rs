//! Which key a token is checked with, and what a key must be.

use std::net::TcpListener;

use auth::domain::secret::Secret;
use auth::tokens::{KeyAlgorithm, KeyError, SigningKey, VerifyingKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::env::PASSWORD;
use crate::forger::{Forger, add_key, base64url, header_of, set_key_state, with};
use crate::scene::{Scene, refuses, refuses_in_body};

/// Security statement 2.
///
/// CVE-2022-29217 (`PyJWT`) and CVE-2024-37568 (Authlib).
#[test]
fn a_public_key_is_never_taken_for_a_shared_secret() {
    let scene = Scene::new();
    let mut keys = vec![Forger::with_active_key(&scene.env)];
    for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::Rs256] {
        add_key(&scene.env, algorithm, "retired");
        keys.push(Forger::with_key_of(&scene.env, algorithm));
    }
    for key in &keys {
        scene.accepts(&key.token(&key.header(), &scene.claims));
        for (alg, digest) in [
            ("HS256", hmac::HMAC_SHA256),
            ("HS384", hmac::HMAC_SHA384),
            ("HS512", hmac::HMAC_SHA512),
        ] {
            let header = with(&key.header(), "alg", Some(alg.into()));
            let message = message(&header, &scene.claims);
            for secret in spellings_of_public_key(&key.public_jwk) {
                let mac = hmac::sign(&hmac::Key::new(digest, &secret), message.as_bytes());
                refuses_in_body(
                    &scene.authd,
                    &format!("{message}.{}", base64url(mac.as_ref())),
                );
            }
        }
    }
}

/// Every form in which a public key lies about: JWK, its members, DER and PEM.
fn spellings_of_public_key(jwk: &Value) -> Vec<Vec<u8>> {
    let mut spellings = vec![
        jwk.to_string().into_bytes(),
        serde_json::to_vec_pretty(jwk).expect("serialises"),
        vec![],
    ];
    let mut raw = Vec::new();
    for name in ["x", "y", "n", "e"] {
        if let Some(text) = jwk[name].as_str() {
            let bytes = URL_SAFE_NO_PAD.decode(text).expect("is base64url");
            spellings.push(text.as_bytes().to_vec());
            spellings.push(bytes.clone());
            raw.push(bytes);
        }
    }
    for der in public_ders(jwk, &raw) {
        let text = STANDARD.encode(&der);
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
            lines.join("\n")
        );
        spellings.push(format!("{pem}\n").into_bytes());
        spellings.push(pem.into_bytes());
        spellings.push(text.into_bytes());
        spellings.push(der);
    }
    spellings
}

/// The `SubjectPublicKeyInfo` of the kinds whose frame is constant, else the bare numbers.
fn public_ders(jwk: &Value, raw: &[Vec<u8>]) -> Vec<Vec<u8>> {
    const ED25519: &[u8] = &[
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    const P256: &[u8] = &[
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];
    // RSA of 2048 bits with the exponent 65537.
    const RSA: &[u8] = &[
        0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
        0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82,
        0x01, 0x01, 0x00,
    ];
    const RSA_END: &[u8] = &[0x02, 0x03, 0x01, 0x00, 0x01];
    match jwk["kty"].as_str() {
        Some("OKP") => vec![[ED25519, &raw[0]].concat()],
        Some("EC") => vec![
            [P256, &raw[0], &raw[1]].concat(),
            [&[4], &raw[0][..], &raw[1]].concat(),
        ],
        Some("RSA") => vec![
            [RSA, &raw[0], RSA_END].concat(),
            [&[0x30, 0x82, 0x01, 0x0a], &RSA[28..], &raw[0], RSA_END].concat(),
        ],
        kind => panic!("{kind:?} is no kind of ours"),
    }
}

fn message(header: &Value, payload: &Value) -> String {
    format!(
        "{}.{}",
        base64url(header.to_string().as_bytes()),
        base64url(payload.to_string().as_bytes())
    )
}

/// Security statement 3.
///
/// CVE-2026-48523 (`PyJWT`): the header's algorithm was checked, and another used.
#[test]
fn a_token_is_checked_with_its_own_keys_algorithm_only() {
    let scene = Scene::new();
    let mut keys = vec![Forger::with_active_key(&scene.env)];
    for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::Rs256] {
        add_key(&scene.env, algorithm, "retired");
        keys.push(Forger::with_key_of(&scene.env, algorithm));
    }
    for signer in &keys {
        for named in &keys {
            let whole = json!({"typ": "at+jwt", "alg": signer.algorithm.name(), "kid": named.kid});
            let token = signer.token(&whole, &scene.claims);
            if signer.kid == named.kid {
                scene.accepts(&token);
                continue;
            }
            scene.refuses(&token);
            // The right name of the named key's algorithm does not help a foreign signature.
            let header = with(&whole, "alg", Some(named.algorithm.name().into()));
            scene.refuses(&signer.token(&header, &scene.claims));
            // Nor does the right key under a wrong name.
            let header = with(&signer.header(), "alg", Some(named.algorithm.name().into()));
            scene.refuses(&signer.token(&header, &scene.claims));
        }
    }
}

/// Security statement 6.
///
/// GHSA-9wqv-qhrh-87f4 (GoTrue): the caller said whom to trust.
#[test]
fn a_key_inside_or_behind_a_token_is_neither_used_nor_fetched() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    listener.set_nonblocking(true).expect("is a socket");
    let url = format!("http://{}/keys", listener.local_addr().expect("is bound"));

    for algorithm in [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256] {
        let stranger = Forger::with_foreign_key(algorithm);
        for kid in [&scene.forger.kid, &stranger.kid] {
            for (name, value) in [
                ("jwk", stranger.public_jwk.clone()),
                ("jku", url.clone().into()),
                ("x5u", url.clone().into()),
                ("x5c", json!(["MIIB"])),
            ] {
                let header = with(&stranger.header(), "kid", Some(kid.as_str().into()));
                let header = with(&header, name, Some(value));
                scene.refuses(&stranger.token(&header, &scene.claims));
                let header = with(&header, "kid", None);
                scene.refuses(&stranger.token(&header, &scene.claims));
            }
        }
    }
    let nobody = listener.accept().expect_err("nobody connects").kind();
    assert_eq!(nobody, std::io::ErrorKind::WouldBlock);
    // Our own signature stays good whatever else the header says.
    scene.accepts(&scene.with_header("jku", Some(url.into())));
}

/// Security statement 7.
#[test]
fn a_key_id_that_is_not_ours_finds_nothing() {
    let scene = Scene::new();
    let kid = scene.forger.kid.as_str();
    let strange = [
        "",
        "unknown",
        "../../dev/null",
        "/dev/null",
        "' OR 1=1--",
        "x' UNION SELECT kid FROM signing_keys --",
        "\0",
        "%",
        "_",
        "\u{202e}",
    ];
    for name in strange {
        scene.refuses(&scene.with_header("kid", Some(name.into())));
    }
    for name in [
        kid.to_lowercase(),
        kid.to_uppercase(),
        format!("{kid} "),
        format!("{kid}\0"),
    ] {
        scene.refuses(&scene.with_header("kid", Some(name.into())));
    }
    for odd in [json!([kid]), json!({}), json!(1), Value::Null] {
        scene.refuses(&scene.with_header("kid", Some(odd)));
    }
    scene.refuses(&scene.with_header("kid", None));
    let long = scene.with_header("kid", Some("k".repeat(10 * 1024).into()));
    refuses_in_body(&scene.authd, &long);

    let log = scene.authd.log().to_lowercase();
    for word in ["sql", "syntax", "error", "panic"] {
        assert!(!log.contains(word), "{word} in {log}");
    }
}

/// Security statement 20, at the reader of keys; the vectors hold more.
#[test]
fn a_weak_or_unknown_key_is_not_read() {
    let secret = |bytes: usize| json!({"kty": "oct", "alg": "HS256", "kid": "k", "k": base64url(&vec![7; bytes])});
    assert!(VerifyingKey::from_jwk(&secret(32).to_string()).is_ok());
    for bytes in [0, 1, 16, 31] {
        let outcome = VerifyingKey::from_jwk(&secret(bytes).to_string());
        assert!(matches!(outcome, Err(KeyError::Weak)), "{bytes}");
    }
    let rsa = |bits: usize| {
        let mut modulus = vec![0xff; bits / 8];
        modulus[bits / 8 - 1] = 0xfd;
        json!({"kty": "RSA", "alg": "RS256", "kid": "k", "n": base64url(&modulus), "e": "AQAB"})
    };
    for bits in [512, 1024, 2040] {
        let outcome = VerifyingKey::from_jwk(&rsa(bits).to_string());
        assert!(matches!(outcome, Err(KeyError::Weak)), "{bits}");
    }
    // Leading zeros make no key longer.
    let mut padded = vec![0; 128];
    padded.extend([0xff; 128]);
    let padded = with(&rsa(2048), "n", Some(base64url(&padded).into()));
    assert!(matches!(
        VerifyingKey::from_jwk(&padded.to_string()),
        Err(KeyError::Weak)
    ));
    let coordinate = base64url(&[1; 32]);
    for curve in ["P-192", "P-224", "secp256k1", "P-521", "Ed448", "X25519"] {
        for kty in ["EC", "OKP"] {
            for alg in ["ES256", "ES256K", "EdDSA"] {
                let jwk = json!({"kty": kty, "crv": curve, "alg": alg, "kid": "k",
                    "x": coordinate, "y": coordinate});
                assert!(VerifyingKey::from_jwk(&jwk.to_string()).is_err(), "{jwk}");
            }
        }
    }
}

/// Security statement 20, for private keys: the public half inside must be the private one's.
#[test]
fn a_private_key_with_a_foreign_public_half_is_not_read() {
    for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::Rs256] {
        let der = |key: &SigningKey| key.private().expose().clone();
        let (one, two) = (
            SigningKey::generate(algorithm).expect("makes a key"),
            SigningKey::generate(algorithm).expect("makes a key"),
        );
        let mut forged = der(&one);
        let public = one.verifying().public_jwk().expect("is public");
        let foreign = two.verifying().public_jwk().expect("is public");
        let (from, to) = (public_bytes(public), public_bytes(foreign));
        let at = forged
            .windows(from.len())
            .position(|window| window == from)
            .expect("the public half is inside");
        forged[at..at + from.len()].copy_from_slice(&to);
        assert!(SigningKey::from_private(algorithm, Secret::new(der(&one))).is_ok());
        let outcome = SigningKey::from_private(algorithm, Secret::new(forged));
        assert!(outcome.is_err(), "{algorithm:?}");
    }
}

/// The first number of the public half: `x` or `n`.
fn public_bytes(jwk: &impl serde::Serialize) -> Vec<u8> {
    let jwk = serde_json::to_value(jwk).expect("serialises");
    let number = jwk["x"].as_str().or(jwk["n"].as_str()).expect("has one");
    URL_SAFE_NO_PAD.decode(number).expect("is base64url")
}

/// Security statement 21.
#[test]
fn the_key_set_holds_public_members_only() {
    let scene = Scene::new();
    for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::Rs256] {
        add_key(&scene.env, algorithm, "retired");
        let key = Forger::with_key_of(&scene.env, algorithm);
        scene.accepts(&key.token(&key.header(), &scene.claims));
    }
    let answer = scene.authd.get("/.well-known/jwks.json");
    assert_eq!(answer.status, 200);
    let keys = answer.body["keys"].as_array().expect("is a list");
    let mut kinds: Vec<_> = keys.iter().map(|key| key["kty"].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [Some("EC"), Some("OKP"), Some("RSA")]);
    for key in keys {
        let members = key.as_object().expect("is an object").keys();
        let allowed = ["kty", "crv", "x", "y", "n", "e", "alg", "use", "kid"];
        for member in members {
            assert!(allowed.contains(&member.as_str()), "{member} in {key}");
        }
    }
}

/// Security statement 21: a private key that was put into a public row is not handed out.
#[test]
fn a_private_member_does_not_come_through_the_reader_of_keys() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"});
    if let Ok(key) = VerifyingKey::from_jwk(&jwk.to_string()) {
        let public = serde_json::to_value(key.public_jwk()).expect("serialises");
        assert!(public.get("d").is_none(), "{public}");
    }
}

/// Security statement 22, as far as keys can be retired: by their row.
#[test]
fn a_retired_or_revoked_key_makes_its_tokens_refused_at_once_and_after_a_restart() {
    for state in ["retired", "revoked"] {
        let Scene {
            env,
            authd,
            forger,
            token,
            ..
        } = Scene::new();
        // A rotation as a human would do it: the old key out, the new one in.
        set_key_state(&env, &forger.kid, state);
        refuses(&authd, &token);
        let fresh_kid = add_key(&env, KeyAlgorithm::EdDsa, "active");
        refuses(&authd, &token);
        let fresh = authd.login("ada@example.com", PASSWORD);
        assert_eq!(header_of(&fresh)["kid"], fresh_kid);
        assert_eq!(authd.verify(&fresh).status, 200);
        let keys = authd.get("/.well-known/jwks.json").text;
        assert!(keys.contains(&fresh_kid) && !keys.contains(&forger.kid));

        drop(authd);
        let authd = env.authd();
        refuses(&authd, &token);
        assert_eq!(authd.verify(&fresh).status, 200);
    }
}
