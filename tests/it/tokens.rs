//! What a token says, at every way of verifying one.

use std::collections::HashSet;

use auth::domain::sources::Random;
use auth::service::system::SystemRandom;
use auth::tokens::{OpaqueKind, OpaqueToken};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::env::PASSWORD;
use crate::forger::{claims_of, header_of, with};
use crate::scene::Scene;

/// Security statement 1.
#[test]
fn a_token_that_claims_to_need_no_signature_is_refused() {
    let scene = Scene::new();
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let signed = scene.with_header("alg", Some(name.into()));
        let (message, signature) = signed.rsplit_once('.').expect("has parts");
        scene.refuses(&format!("{message}."));
        scene.refuses(&signed);
        scene.refuses(&format!("{message}.{}", &signature[..2]));
    }
    let (message, _) = scene.token.rsplit_once('.').expect("has parts");
    scene.refuses(&format!("{message}."));
    scene.accepts(&scene.token);
}

/// Security statement 4.
#[test]
fn an_algorithm_that_is_not_exactly_the_keys_is_refused() {
    let scene = Scene::new();
    for name in [
        "eddsa", "EDDSA", "EdDSA ", " EdDSA", "ES256 ", "ed25519", "Ed448", "RS256", "HS256",
    ] {
        scene.refuses(&scene.with_header("alg", Some(name.into())));
    }
    for odd in [
        Value::Null,
        json!(0),
        json!(true),
        json!(["EdDSA"]),
        json!({}),
    ] {
        scene.refuses(&scene.with_header("alg", Some(odd)));
    }
    scene.refuses(&scene.with_header("alg", None));
}

/// Security statement 5.
///
/// CVE-2026-32597 (`PyJWT`).
#[test]
fn a_token_with_critical_extensions_is_refused() {
    let scene = Scene::new();
    for crit in [
        json!(["x"]),
        json!(["b64"]),
        json!(["exp"]),
        json!([]),
        json!("exp"),
        json!({}),
        Value::Null,
        json!(1),
    ] {
        scene.refuses(&scene.with_header("crit", Some(crit)));
    }
    let header = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": scene.forger.kid,
        "crit": ["b64"], "b64": false});
    scene.refuses(&scene.forger.token(&header, &scene.claims));
}

/// Security statements 8 and 9.
#[test]
fn only_the_type_of_an_access_token_is_one() {
    let scene = Scene::new();
    for typ in [
        "at+jwt",
        "AT+JWT",
        "At+Jwt",
        "application/at+jwt",
        "Application/AT+JWT",
    ] {
        scene.accepts(&scene.with_header("typ", Some(typ.into())));
    }
    for typ in [
        "JWT",
        "jwt",
        "",
        "rt+jwt",
        "refresh+jwt",
        "reset+jwt",
        "secevent+jwt",
        "token-introspection+jwt",
        "logout+jwt",
        "application/jwt",
        "application/application/at+jwt",
        "at+jwt ",
        " at+jwt",
        "at+jwt; charset=utf-8",
        "text/at+jwt",
    ] {
        scene.refuses(&scene.with_header("typ", Some(typ.into())));
    }
    for odd in [Value::Null, json!(["at+jwt"]), json!(1)] {
        scene.refuses(&scene.with_header("typ", Some(odd)));
    }
    scene.refuses(&scene.with_header("typ", None));
    // What other kinds of secrets look like: no dots, no JSON.
    for opaque in ["rt_8s7dfg87sdfg", "0123456789abcdef0123456789abcdef", "a"] {
        scene.refuses(opaque);
    }
}

/// Security statement 10.
///
/// CVE-2024-53861 (`PyJWT`).
#[test]
fn the_issuer_is_compared_to_the_letter() {
    let scene = Scene::new();
    let issuer = scene.claims["iss"].as_str().expect("is a string");
    for other in [
        format!("{issuer}/"),
        issuer.to_uppercase(),
        issuer[..issuer.len() - 1].to_owned(),
        format!("{issuer}.evil.example"),
        issuer.replace("http:", "https:"),
        String::new(),
    ] {
        scene.refuses(&scene.with_claim("iss", Some(other.into())));
    }
    for odd in [
        json!([issuer]),
        json!({"iss": issuer}),
        json!(1),
        Value::Null,
    ] {
        scene.refuses(&scene.with_claim("iss", Some(odd)));
    }
    scene.refuses(&scene.with_claim("iss", None));
}

/// Security statement 11.
#[test]
fn a_token_for_another_audience_is_refused() {
    let scene = Scene::new();
    let audience = scene.claims["aud"].as_str().expect("is a string");
    for odd in [
        json!("https://other.example"),
        json!(""),
        json!(format!("{audience}/")),
        json!(audience.to_uppercase()),
        json!([]),
        json!([[audience]]),
        json!([audience, 1]),
        json!(["https://other.example"]),
        json!({"aud": audience}),
        Value::Null,
        json!(1),
    ] {
        scene.refuses(&scene.with_claim("aud", Some(odd)));
    }
    scene.refuses(&scene.with_claim("aud", None));
    scene.accepts(&scene.with_claim("aud", Some(json!([audience]))));
    scene.accepts(&scene.with_claim("aud", Some(json!(["https://other.example", audience]))));
}

/// Security statement 12.
///
/// CVE-2026-25537 (jsonwebtoken).
#[test]
fn a_time_of_the_wrong_kind_is_refused_and_never_counted_as_absent() {
    let scene = Scene::new();
    for name in ["exp", "nbf", "iat"] {
        let good = scene.claims["iat"].as_i64().expect("is a number");
        let good = if name == "exp" { good + 900 } else { good };
        scene.accepts(&scene.with_claim(name, Some(good.into())));
        for odd in [
            json!(good.to_string()),
            Value::Null,
            json!(true),
            json!([good]),
            json!({}),
            json!(-1),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1.5),
        ] {
            scene.refuses(&scene.with_claim(name, Some(odd)));
        }
        let marked = with(&scene.claims, name, Some("MARK".into())).to_string();
        let (fraction, exponent) = (format!("{good}.5"), format!("{good}e0"));
        for raw in [
            "1e400",
            "-1e400",
            "NaN",
            "Infinity",
            "0x7fffffff",
            "1_0",
            &fraction,
            &exponent,
        ] {
            let payload = marked.replace("\"MARK\"", raw);
            let header = scene.forger.header().to_string();
            scene.refuses(&scene.forger.token_of(header.as_bytes(), payload.as_bytes()));
        }
    }
    for name in ["exp", "iat", "sub", "jti"] {
        scene.refuses(&scene.with_claim(name, None));
    }
    scene.accepts(&scene.with_claim("nbf", None));
}

/// Security statement 23.
#[test]
fn a_fresh_token_says_who_for_whom_and_until_when_and_nothing_else() {
    let scene = Scene::new();
    let header = header_of(&scene.token);
    assert_eq!(header, scene.forger.header());
    let names: HashSet<_> = scene
        .claims
        .as_object()
        .expect("is an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        HashSet::from(["iss", "sub", "aud", "iat", "exp", "jti", "sid"])
    );
    let time = |name: &str| scene.claims[name].as_i64().expect("is whole seconds");
    assert_eq!(time("exp") - time("iat"), 900);
    let again = claims_of(&scene.authd.login("ada@example.com", PASSWORD));
    assert_ne!(again["jti"], scene.claims["jti"]);
}

/// Security statement 23: even in one millisecond.
#[test]
fn a_hundred_thousand_token_ids_of_one_instant_differ() {
    let now = jiff::Timestamp::UNIX_EPOCH;
    let ids: HashSet<_> = (0..100_000).map(|_| SystemRandom.uuid_v7(now)).collect();
    assert_eq!(ids.len(), 100_000);
}

/// Security statement 54.
#[test]
fn a_hundred_thousand_opaque_tokens_differ_and_their_bytes_are_evenly_spread() {
    let mut seen = HashSet::new();
    let mut counts = [0_u32; 256];
    for _ in 0..100_000 {
        let token = OpaqueToken::generate(OpaqueKind::Api, &SystemRandom);
        let letters = &token.expose()["authd_pat_".len()..][..43];
        for byte in URL_SAFE_NO_PAD.decode(letters).expect("is base64url") {
            counts[usize::from(byte)] += 1;
        }
        assert!(seen.insert(token.hash()));
    }
    // 12,500 of each on average; ten standard deviations to either side.
    assert!(counts.iter().all(|count| count.abs_diff(12_500) < 1_118));
}

/// Security statement 24: deletion; `first_steps` has disabling.
#[test]
fn deleting_an_account_takes_effect_at_the_next_verify() {
    let scene = Scene::new();
    scene
        .env
        .authctl(&["user", "delete", "ada@example.com", "--yes"])
        .succeeded();
    scene.refuses(&scene.token);
    // The same address is another account: the old token is not its.
    scene.env.add_user("ada@example.com", PASSWORD);
    scene.refuses(&scene.token);
}

/// Security statement 24: what was ended stays ended.
#[test]
fn enabling_an_account_again_does_not_revive_its_tokens() {
    let scene = Scene::new();
    for verb in [
        &["user", "disable", "ada@example.com", "--yes"][..],
        &["user", "enable", "ada@example.com"],
    ] {
        scene.env.authctl(verb).succeeded();
        scene.refuses(&scene.token);
    }
    scene.accepts(&scene.authd.login("ada@example.com", PASSWORD));
}

/// Security statement 25.
#[test]
fn both_names_of_the_ed25519_algorithm_verify() {
    let scene = Scene::new();
    for name in ["EdDSA", "Ed25519"] {
        scene.accepts(&scene.with_header("alg", Some(name.into())));
    }
}
