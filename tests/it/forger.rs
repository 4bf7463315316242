//! Someone who holds the signing keys and writes into tokens what authd never would.
//!
//! With the real key nothing but the rule under test can be what refuses a token.

use auth::domain::secret::Secret;
use auth::service::secret_key::SecretKeySource;
use auth::tokens::{KeyAlgorithm, SealingKey, SigningKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::env::TestEnv;

/// A private key out of the database, with its seal broken by the key file.
pub(crate) struct Forger {
    pub algorithm: KeyAlgorithm,
    pub kid: String,
    private_der: Vec<u8>,
    /// The public half, as in the key set.
    pub public_jwk: Value,
}

impl Forger {
    /// The key that authd signs with.
    pub(crate) fn with_active_key(env: &TestEnv) -> Self {
        Self::with_key_where(env, "state = 'active'")
    }

    /// The key of that algorithm that verifies.
    pub(crate) fn with_key_of(env: &TestEnv, algorithm: KeyAlgorithm) -> Self {
        let of = format!("state <> 'revoked' AND algorithm = '{}'", algorithm.name());
        Self::with_key_where(env, &of)
    }

    fn with_key_where(env: &TestEnv, condition: &str) -> Self {
        let row = env.sql(&format!(
            "SELECT kid, algorithm, public_jwk, sealed_private FROM signing_keys
             WHERE {condition}"
        ));
        let [kid, algorithm, jwk, sealed] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("there is one such key: {row:?}");
        };
        let opened = sealing_key(env).open(kid, &bytes(sealed)).expect("opens");
        Self {
            algorithm: algorithm.parse().expect("is one of ours"),
            kid: kid.to_owned(),
            private_der: opened.expose().clone(),
            public_jwk: serde_json::from_str(jwk).expect("is JSON"),
        }
    }

    /// A key of its own, which authd has never seen.
    pub(crate) fn with_foreign_key(algorithm: KeyAlgorithm) -> Self {
        let key = SigningKey::generate(algorithm).expect("makes a key");
        let jwk = key.verifying().public_jwk().expect("is public");
        Self {
            algorithm,
            kid: key.verifying().kid().to_owned(),
            private_der: key.private().expose().clone(),
            public_jwk: serde_json::to_value(jwk).expect("serialises"),
        }
    }

    /// The header of an access token of this key.
    pub(crate) fn header(&self) -> Value {
        json!({"typ": "at+jwt", "alg": self.algorithm.name(), "kid": self.kid})
    }

    /// A token with this header and payload.
    pub(crate) fn token(&self, header: &Value, payload: &Value) -> String {
        self.token_of(
            header.to_string().as_bytes(),
            payload.to_string().as_bytes(),
        )
    }

    /// A token with these bytes for a header and a payload.
    pub(crate) fn token_of(&self, header: &[u8], payload: &[u8]) -> String {
        self.sign(&format!("{}.{}", base64url(header), base64url(payload)))
    }

    /// `message`, a dot, and this key's signature over it.
    pub(crate) fn sign(&self, message: &str) -> String {
        format!(
            "{message}.{}",
            base64url(&self.signature(message.as_bytes()))
        )
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let (der, random) = (&self.private_der, SystemRandom::new());
        match self.algorithm {
            KeyAlgorithm::EdDsa => {
                let key = Ed25519KeyPair::from_pkcs8(der).expect("is a key");
                key.sign(message).as_ref().to_vec()
            }
            KeyAlgorithm::Es256 => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
                let signature = key.expect("is a key").sign(&random, message);
                signature.expect("signs").as_ref().to_vec()
            }
            KeyAlgorithm::Hs256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, der);
                hmac::sign(&key, message).as_ref().to_vec()
            }
            KeyAlgorithm::Rs256 => {
                let key = RsaKeyPair::from_pkcs8(der).expect("is a key");
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("signs");
                signature
            }
        }
    }
}

/// Puts another key into the database, as a rotation would. A retired one verifies for long.
pub(crate) fn add_key(env: &TestEnv, algorithm: KeyAlgorithm, state: &str) -> String {
    let key = SigningKey::generate(algorithm).expect("makes a key");
    let kid = key.verifying().kid().to_owned();
    let sealed = sealing_key(env).seal(&kid, key.private()).expect("seals");
    let jwk = serde_json::to_string(&key.verifying().public_jwk()).expect("serialises");
    env.sql(&format!(
        "INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private, state, created_at,
            verifies_until)
         VALUES ('{kid}', '{}', '{jwk}', {}, '{state}', 0, 9000000000)",
        algorithm.name(),
        env.database().bytes_literal(&sealed),
    ));
    kid
}

/// Moves a key on in its life.
pub(crate) fn set_key_state(env: &TestEnv, kid: &str, state: &str) {
    let changed = env.sql(&format!(
        "UPDATE signing_keys SET state = '{state}' WHERE kid = '{kid}' RETURNING kid"
    ));
    assert_eq!(changed, kid);
}

/// The claims of a token as signed, without a look at the signature.
pub(crate) fn claims_of(token: &str) -> Value {
    part(token, 1)
}

/// The header of a token, without a look at the signature.
pub(crate) fn header_of(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("has three parts");
    let json = URL_SAFE_NO_PAD.decode(part).expect("is base64url");
    serde_json::from_slice(&json).expect("is JSON")
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The value with one member set, or without it where `member` is `None`.
pub(crate) fn with(object: &Value, name: &str, member: Option<Value>) -> Value {
    let mut object = object.clone();
    let members = object.as_object_mut().expect("is an object");
    match member {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    object
}

/// Bytes of a column, as [`TestEnv::sql`] gives them.
fn bytes(column: &str) -> Vec<u8> {
    let digits = column.strip_prefix("\\x").expect("are bytes").as_bytes();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).expect("is ASCII");
        u8::from_str_radix(pair, 16).expect("is hexadecimal")
    });
    pairs.collect()
}

fn sealing_key(env: &TestEnv) -> SealingKey {
    let secret = SecretKeySource::File(env.path("authd.key")).load();
    let secret: Secret<[u8; 32]> = secret.expect("reads the key file");
    SealingKey::new(&secret).expect("is a key")
}
