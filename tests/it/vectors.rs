//! Other people's vectors against the reader of tokens and of keys (`tests/vectors/README.md`).

use std::collections::HashMap;
use std::path::Path;

use auth::tokens::jws;
use auth::tokens::ring::by_kid;
use auth::tokens::{KeyError, VerifyingKey};
use serde_json::Value;

/// A file of vectors as JSON.
fn vectors(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name);
    let text = std::fs::read_to_string(&path).expect("reads the vectors");
    serde_json::from_str(&text).expect("is JSON")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().expect("is a list")
}

/// The key a group is to be checked with: the public one, or the shared secret.
fn key_of(group: &Value) -> &Value {
    group.get("public").unwrap_or(&group["private"])
}

/// Whether the token is good under one of these keys.
fn verifies(token: &str, keys: &HashMap<String, VerifyingKey>) -> bool {
    jws::verify(token, |kid| keys.get(kid?)).is_ok()
}

/// A set of one or more keys, if every one of them may be used.
fn read_keys<'a>(
    jwks: impl IntoIterator<Item = &'a Value>,
) -> Option<HashMap<String, VerifyingKey>> {
    let keys: Result<Vec<_>, KeyError> = jwks
        .into_iter()
        .map(|jwk| VerifyingKey::from_jwk(&jwk.to_string()))
        .collect();
    by_kid(keys.ok()?).ok()
}

/// Security statements 14 and 15.
#[test]
fn every_signature_vector_is_judged_as_a_strict_service_must() {
    let overrides = vectors("wycheproof/OVERRIDES.json");
    let listed = |list_name: &str, id: &Value| list(&overrides, list_name).contains(id);
    let file = vectors("wycheproof/json_web_signature_test.json");
    let (mut as_stated, mut unsupported) = (0, 0);
    for group in list(&file, "testGroups") {
        let keys = read_keys([key_of(group)]);
        for test in list(group, "tests") {
            let id = &test["tcId"];
            let supported = !listed("skip_unsupported_alg", id);
            let stated = if listed("treat_as_accept", id) {
                true
            } else if listed("treat_as_reject", id) {
                false
            } else {
                test["result"] == "valid"
            };
            let token = test["jws"].as_str().expect("is a string");
            let accepted = keys.as_ref().is_some_and(|keys| verifies(token, keys));
            assert_eq!(accepted, stated && supported, "{test}");
            if supported {
                as_stated += 1;
            } else {
                unsupported += 1;
            }
        }
    }
    assert_eq!((as_stated, unsupported), (399, 2));
}

/// Security statement 20.
#[test]
fn every_key_vector_is_judged_as_stated() {
    let file = vectors("wycheproof/json_web_key_test.json");
    let mut judged = 0;
    for group in list(&file, "testGroups") {
        let keys = read_keys(list(key_of(group), "keys"));
        for test in list(group, "tests") {
            let token = test["jws"].as_str().expect("is a string");
            let accepted = keys.as_ref().is_some_and(|keys| verifies(token, keys));
            assert_eq!(accepted, test["result"] == "valid", "{test}");
            judged += 1;
        }
    }
    assert_eq!(judged, 26);
}

#[test]
fn the_examples_of_the_rfcs_are_judged_as_the_rfcs_say() {
    let examples = vectors("rfc/rfc_examples.json");
    let mut accepted = Vec::new();
    for example in examples.as_array().expect("is a list") {
        let Some(token) = example["jws"].as_str() else {
            continue;
        };
        // Their keys do not say their algorithm; ours must.
        let mut jwk = example["jwk"].clone();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("alg".into(), example["alg"].clone());
        }
        let key = VerifyingKey::from_jwk(&jwk.to_string());
        let outcome = jws::verify(token, |_| key.as_ref().ok());
        if outcome.is_ok() {
            accepted.push(example["id"].as_str().expect("is a string"));
        }
        assert!(jws::verify(token, |_| None).is_err(), "{example}");
    }
    // A.4 is ES512, which we do not accept; A.5 has no signature.
    assert_eq!(
        accepted,
        ["rfc7515-A.1", "rfc7515-A.2", "rfc7515-A.3", "rfc8037-A.4"]
    );
}

#[test]
fn a_key_without_an_id_goes_by_its_thumbprint() {
    let examples = vectors("rfc/rfc_examples.json");
    let mut judged = 0;
    for example in examples.as_array().expect("is a list") {
        let Some(thumbprint) = example["jwk_thumbprint"].as_str() else {
            continue;
        };
        let mut jwk = example["jwk"].clone();
        let members = jwk.as_object_mut().expect("is an object");
        members.remove("kid");
        if let Some(algorithm) = example.get("alg") {
            members.insert("alg".into(), algorithm.clone());
        }
        let key = VerifyingKey::from_jwk(&jwk.to_string()).expect("is a key");
        assert_eq!(key.kid(), thumbprint);
        judged += 1;
    }
    assert_eq!(judged, 2);
}
