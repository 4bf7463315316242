//! `authctl key import`: private keys that were made elsewhere.

use auth::tokens::{KeyAlgorithm, SigningKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use serde_json::{Value, json};

use crate::env::{Authd, Outcome, PASSWORD, TestEnv, run};
use crate::forger::{base64url, header_of, with};
use crate::offline::python;

/// Ed25519 and ES256 keys of RFC 8037, appendix A.1, and RFC 7517, appendix A.2.
fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

fn p256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"})
}

/// What other tools write, by a library that is not ours: PEM and JWK of each kind.
fn foreign(env: &TestEnv, expression: &str) -> String {
    const SCRIPT: &str = "
import json, sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
def pem(key, form=s.PrivateFormat.PKCS8):
    return key.private_bytes(s.Encoding.PEM, form, s.NoEncryption()).decode()
print(eval(sys.argv[1]))
";
    let mut command = env.command(python());
    run(command.args(["-c", SCRIPT, expression]), "")
        .succeeded()
        .stdout
}

fn import(env: &TestEnv, text: &str, more: &[&str]) -> Outcome {
    let arguments = [&["key", "import", "-", "-o", "json"], more].concat();
    env.authctl_reading(text, &arguments)
}

/// The key signs now, and its tokens are good.
#[track_caller]
fn signs(env: &TestEnv, authd: &Authd, imported: &Outcome, algorithm: &str) {
    assert_eq!(imported.status, 0, "{imported:?}");
    let made = imported.json();
    assert_eq!(
        (&made["state"], &made["algorithm"]),
        (&json!("next"), &json!(algorithm))
    );
    env.authctl(&["key", "rotate", "--now"]).succeeded();
    let token = authd.login("ada@example.com", PASSWORD);
    assert_eq!(header_of(&token)["kid"], made["kid"]);
    assert_eq!(header_of(&token)["alg"], algorithm);
    assert_eq!(authd.verify(&token).status, 200);
}

#[test]
fn keys_of_every_kind_and_form_are_taken_over() {
    let env = TestEnv::new();
    let (authd, _) = env.signed_in();
    let pkcs1 = "pem(rsa.generate_private_key(65537, 2048), s.PrivateFormat.TraditionalOpenSSL)";
    let sec1 = "pem(ec.generate_private_key(ec.SECP256R1()), s.PrivateFormat.TraditionalOpenSSL)";
    for (text, algorithm) in [
        (ed25519().to_string(), "EdDSA"),
        (p256().to_string(), "ES256"),
        (
            foreign(&env, "pem(ed25519.Ed25519PrivateKey.generate())"),
            "EdDSA",
        ),
        (
            foreign(&env, "pem(ec.generate_private_key(ec.SECP256R1()))"),
            "ES256",
        ),
        (foreign(&env, sec1), "ES256"),
        (
            foreign(&env, "pem(rsa.generate_private_key(65537, 3072))"),
            "RS256",
        ),
        (foreign(&env, pkcs1), "RS256"),
        (
            foreign(
                &env,
                "RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048))",
            ),
            "RS256",
        ),
        (
            foreign(
                &env,
                "ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()))",
            ),
            "ES256",
        ),
    ] {
        signs(&env, &authd, &import(&env, &text, &[]), algorithm);
        let again = import(&env, &text, &[]);
        assert_eq!(again.status, 4, "{again:?}");
        assert!(again.stderr.contains("is there already"), "{again:?}");
    }
    // A file, and a check of what it is.
    let file = env.write("key.json", &ed25519().to_string());
    let file = file.to_str().expect("is UTF-8");
    let other = env.authctl_json(&["key", "import", file, "--algorithm", "ES256"]);
    other.refused(
        5,
        "invalid",
        "the key: the key is not for the algorithm ES256",
    );
}

/// The compatibility mode: a secret that other services have, too.
#[test]
fn a_shared_secret_signs_for_those_who_know_nothing_else() {
    let env = TestEnv::new();
    let (authd, before) = env.signed_in();
    let secret = "django-insecure-0123456789abcdefghijklmnopqrstuv";
    let imported = import(&env, &format!("{secret}\n"), &["--algorithm", "HS256"]);
    signs(&env, &authd, &imported, "HS256");
    // Never side by side with tokens that the world can check.
    assert_eq!(authd.verify(&before).status, 401);
    assert_eq!(
        authd.get("/.well-known/jwks.json").body,
        json!({"keys": []})
    );
    let everything = env.everything();
    assert!(!everything.contains(secret));
    // Another library checks it with the secret.
    let token = authd.login("ada@example.com", PASSWORD);
    let check = format!(
        "__import__('jwt').decode({token:?}, {secret:?}, algorithms=['HS256'], audience='http://localhost:8000')['iss']"
    );
    assert_eq!(foreign(&env, &check), "http://localhost:8000\n");
    drop(authd);
    let authd = env.authd();
    assert_eq!(authd.verify(&token).status, 200);
}

/// What to import, with which arguments, and what is said of it.
type Case<'a> = (&'a str, String, &'a [&'a str], &'a str);

const HS256: &[&str] = &["--algorithm", "HS256"];
const WEAK: &str = "the key is too weak";
const BITS: &str = "2048 bits";
const HALVES: &str = "do not belong together";
const KIND: &str = "only Ed25519 and P-256 keys";
const FORM: &str = "neither a private JSON Web Key nor a private key in PEM";

/// Each is refused, and changes nothing.
fn refuses(cases: &[Case<'_>]) {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let before = env.sql("SELECT kid, state FROM signing_keys");
    for (what, text, more, said) in cases {
        let out = import(&env, text, more);
        assert_eq!(out.status, 5, "{what} {out:?}");
        assert!(out.stderr.contains(said), "{what} {out:?}");
        let after = env.sql("SELECT kid, state FROM signing_keys");
        assert_eq!(after, before, "{what}");
    }
    assert_eq!(authd.verify(&token).status, 200);
}

fn jwk(env: &TestEnv, expression: &str) -> Value {
    serde_json::from_str(&foreign(env, expression)).expect("is JSON")
}

/// Security statement 20.
#[test]
fn a_weak_key_is_refused_and_nothing_is_changed() {
    let env = TestEnv::new();
    let pem = |key: &str| foreign(&env, &format!("pem({key})"));
    let rsa = "RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024))";
    let curve = |name: &str| with(&p256(), "crv", Some(name.into())).to_string();
    let short = json!({"kty": "oct", "k": base64url(&[7; 31])}).to_string();
    refuses(&[
        ("31 bytes", "x".repeat(31), HS256, WEAK),
        (
            "31 and an end",
            format!("{}\n", "x".repeat(31)),
            HS256,
            WEAK,
        ),
        ("a short JWK", short, &[], WEAK),
        (
            "RSA 1024",
            pem("rsa.generate_private_key(65537, 1024)"),
            &[],
            BITS,
        ),
        ("RSA 1024 as JWK", foreign(&env, rsa), &[], BITS),
        ("P-192", curve("P-192"), &[], KIND),
        ("secp256k1", curve("secp256k1"), &[], KIND),
        (
            "secp256k1 as PEM",
            pem("ec.generate_private_key(ec.SECP256K1())"),
            &[],
            KIND,
        ),
        (
            "P-384",
            pem("ec.generate_private_key(ec.SECP384R1())"),
            &[],
            KIND,
        ),
    ]);
}

/// Security statement 20: the private half must be that of the public one.
#[test]
fn a_key_whose_parts_do_not_fit_is_refused_and_nothing_is_changed() {
    let env = TestEnv::new();
    let ed = Ed25519KeyPair::generate().expect("makes a key");
    let ed = base64url(ed.public_key().as_ref());
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("makes a key");
    let ec = base64url(&ec.public_key().as_ref()[1..33]);
    let rsa = "RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048))";
    let (rsa, other) = (jwk(&env, rsa), jwk(&env, rsa));
    let mixed = |name: &str| with(&rsa, name, Some(other[name].clone())).to_string();
    refuses(&[
        (
            "x of another",
            with(&ed25519(), "x", Some(ed.into())).to_string(),
            &[],
            HALVES,
        ),
        (
            "a point off the curve",
            with(&p256(), "x", Some(ec.into())).to_string(),
            &[],
            HALVES,
        ),
        ("d of another", mixed("d"), &[], HALVES),
        ("n of another", mixed("n"), &[], HALVES),
        ("p of another", mixed("p"), &[], HALVES),
    ]);
}

#[test]
fn what_is_no_private_key_for_signatures_is_refused_and_nothing_is_changed() {
    let env = TestEnv::new();
    let public = SigningKey::generate(KeyAlgorithm::EdDsa).expect("makes a key");
    let public = serde_json::to_string(&public.verifying().public_jwk()).expect("serialises");
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let two = foreign(&env, "pem(ed25519.Ed25519PrivateKey.generate())").repeat(2);
    let changed = |name: &str, value: &str| with(&ed25519(), name, Some(value.into())).to_string();
    let another = "not for the algorithm EdDSA";
    refuses(&[
        ("a public key", public, &[], "the private one is needed"),
        (
            "for encryption",
            changed("use", "enc"),
            &[],
            "not for signatures",
        ),
        ("another algorithm", changed("alg", "PS256"), &[], another),
        ("an encrypted key", encrypted.into(), &[], KIND),
        ("two keys", two, &[], FORM),
        ("garbage", "garbage".into(), &[], FORM),
        ("nothing", String::new(), &[], FORM),
        ("half a JWK", "{\"kty\":".into(), &[], FORM),
        ("no end", "x".repeat(70_000), HS256, "longer than any key"),
    ]);
    env.authctl(&["migrate"]).succeeded();
    let missing = env.authctl(&["key", "import", "no-such-file"]);
    assert_eq!(missing.status, 1, "{missing:?}");
    // No more is read than a key can have.
    assert_eq!(env.authctl(&["key", "import", "/dev/zero"]).status, 5);
}
