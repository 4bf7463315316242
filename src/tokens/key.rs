//! Signing keys and their public halves.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use zeroize::Zeroize;

use super::claims::ClaimSet;
use super::signer::Signer;
use super::strength::{check_purpose, check_strength};
use crate::domain::secret::Secret;

/// The algorithms that this service signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// Ed25519 (RFC 8037), written `EdDSA`.
    EdDsa,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// RSA (2048 bits) with PKCS #1 v1.5 and SHA-256.
    Rs256,
    /// HMAC with SHA-256: whoever can check can also sign. For services that know nothing else.
    Hs256,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a JWK at all, or of a kind we do not know.
    #[error("this is not a JSON Web Key of a known kind")]
    Unreadable,
    /// `alg` is missing or does not fit the kind and curve of the key.
    #[error("the key's algorithm is missing or does not fit its kind")]
    Algorithm,
    /// `use` or `key_ops` say that it is for something else.
    #[error("the key is not for signatures")]
    Purpose,
    /// Shorter than RFC 7518 and RFC 8725 allow, or known to be flawed.
    #[error(
        "the key is too weak: a shared secret has 32 bytes at least, an RSA key 2048 bits of sound primes"
    )]
    Weak,
    /// Not a point on the curve, not a number of the right size ...
    #[error("the key is malformed")]
    Malformed,
    /// Two keys of one set have the same `kid`.
    #[error("two keys have the id '{0}'")]
    DuplicateId(String),
    /// Shared secrets and public keys in one set invite confusion of the two.
    #[error("a set holds either shared secrets or public keys")]
    Mixed,
}

/// A key that checks signatures, by exactly one algorithm (RFC 8725, section 3.1).
#[derive(Clone)]
pub struct VerifyingKey {
    kid: String,
    algorithm: Algorithm,
    key: DecodingKey,
    jwk: Jwk,
}

impl VerifyingKey {
    /// Reads a public JWK (RFC 7517). It must say its algorithm, and be strong enough for it.
    ///
    /// Without a `kid` it goes by its RFC 7638 thumbprint.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        let mut jwk: Jwk = serde_json::from_str(json).map_err(|_| KeyError::Unreadable)?;
        let named = jwk.common.key_algorithm.ok_or(KeyError::Algorithm)?;
        let algorithm = named.to_string().parse().map_err(|_| KeyError::Algorithm)?;
        check_purpose(&jwk)?;
        check_strength(&jwk, algorithm)?;
        let kid = match jwk.common.key_id.take() {
            Some(kid) => kid,
            None => thumbprint(&jwk)?,
        };
        jwk.common.key_id = Some(kid.clone());
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| KeyError::Malformed)?;
        if let AlgorithmParameters::OctetKey(secret) = &mut jwk.algorithm {
            secret.value.zeroize();
        }
        Ok(Self {
            kid,
            algorithm,
            key,
            jwk,
        })
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public JWK with `kid`, `alg` and `use`. A shared secret has none.
    pub fn public_jwk(&self) -> Option<&Jwk> {
        (!self.is_shared_secret()).then_some(&self.jwk)
    }

    /// Whether whoever can check with this key can also sign with it.
    pub(super) fn is_shared_secret(&self) -> bool {
        matches!(self.jwk.algorithm, AlgorithmParameters::OctetKey(_))
    }

    /// Whether a header's `alg` names this key's algorithm. Ed25519 has two names (RFC 9864).
    pub(super) fn goes_by(&self, name: &str) -> bool {
        name.parse() == Ok(self.algorithm)
            || (self.algorithm == Algorithm::EdDSA && name == "Ed25519")
    }

    /// Whether `signature` (base64url) is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        jsonwebtoken::crypto::verify(signature, message, &self.key, self.algorithm).unwrap_or(false)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A private key. What checks its signatures is in [`SigningKey::verifying`].
pub struct SigningKey {
    algorithm: KeyAlgorithm,
    verifying: VerifyingKey,
    signer: Signer,
    /// The first part of each token, and the dot after it.
    header: String,
    private: Secret<Vec<u8>>,
}

impl SigningKey {
    /// Makes a new key, named by its RFC 7638 thumbprint.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let failed = |_| KeyError::Malformed;
        let der = match algorithm {
            KeyAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&random)
                .map_err(failed)?
                .as_ref()
                .to_vec(),
            KeyAlgorithm::Es256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                    .map_err(failed)?
                    .as_ref()
                    .to_vec()
            }
            KeyAlgorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                let der: Pkcs8V1Der = pair.as_der().map_err(failed)?;
                der.as_ref().to_vec()
            }
            KeyAlgorithm::Hs256 => {
                let mut secret = [0; 32];
                random.fill(&mut secret).map_err(failed)?;
                secret.to_vec()
            }
        };
        Self::from_private(algorithm, Secret::new(der))
    }

    /// A key as [`SigningKey::private`] gave it.
    pub fn from_private(
        algorithm: KeyAlgorithm,
        private: Secret<Vec<u8>>,
    ) -> Result<Self, KeyError> {
        let key = match algorithm {
            KeyAlgorithm::EdDsa => EncodingKey::from_ed_der(private.expose()),
            KeyAlgorithm::Es256 => EncodingKey::from_ec_der(private.expose()),
            KeyAlgorithm::Rs256 => rsa_key(&private)?,
            KeyAlgorithm::Hs256 => EncodingKey::from_secret(private.expose()),
        };
        let mut jwk =
            Jwk::from_encoding_key(&key, algorithm.into()).map_err(|_| KeyError::Malformed)?;
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        // Of a shared secret, too: whoever has a token can try secrets as well as with this.
        jwk.common.key_id = Some(thumbprint(&jwk)?);
        let json = serde_json::to_string(&jwk).map_err(|_| KeyError::Malformed)?;
        let json = Secret::new(json);
        let verifying = VerifyingKey::from_jwk(json.expose())?;
        Ok(Self {
            algorithm,
            header: header(&verifying)?,
            verifying,
            signer: Signer::new(algorithm, &private)?,
            private,
        })
    }

    /// What it signs with.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The public half.
    pub fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The private half as PKCS #8, or the shared secret: to be sealed before it goes anywhere.
    pub fn private(&self) -> &Secret<Vec<u8>> {
        &self.private
    }

    /// Signs an access token (RFC 9068): `typ` is `at+jwt`, `kid` this key.
    pub fn sign(&self, claims: &ClaimSet) -> Result<String, KeyError> {
        let claims = serde_json::to_vec(claims).map_err(|_| KeyError::Malformed)?;
        let mut token = self.header.clone();
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.signer.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl KeyAlgorithm {
    /// All that new keys may be of.
    pub const ALL: [Self; 4] = [Self::EdDsa, Self::Es256, Self::Rs256, Self::Hs256];

    /// Whether whoever can check can also sign.
    pub fn is_shared_secret(self) -> bool {
        self == Self::Hs256
    }

    /// The name in `alg` and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }
}

/// The text names no algorithm that keys are made of.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not one of EdDSA, ES256, RS256, HS256")]
pub struct KeyAlgorithmError(String);

impl FromStr for KeyAlgorithm {
    type Err = KeyAlgorithmError;

    fn from_str(name: &str) -> Result<Self, KeyAlgorithmError> {
        let named = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name);
        named.ok_or_else(|| KeyAlgorithmError(name.to_owned()))
    }
}

impl From<KeyAlgorithm> for Algorithm {
    fn from(algorithm: KeyAlgorithm) -> Self {
        match algorithm {
            KeyAlgorithm::EdDsa => Self::EdDSA,
            KeyAlgorithm::Es256 => Self::ES256,
            KeyAlgorithm::Rs256 => Self::RS256,
            KeyAlgorithm::Hs256 => Self::HS256,
        }
    }
}

/// What each token of this key begins with (RFC 7515, section 7.1).
fn header(key: &VerifyingKey) -> Result<String, KeyError> {
    let mut header = jsonwebtoken::Header::new(key.algorithm);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(key.kid.clone());
    let header = serde_json::to_vec(&header).map_err(|_| KeyError::Malformed)?;
    Ok(URL_SAFE_NO_PAD.encode(header) + ".")
}

/// jsonwebtoken takes an RSA key from PKCS #8 only in PEM.
fn rsa_key(der: &Secret<Vec<u8>>) -> Result<EncodingKey, KeyError> {
    let pem = Secret::new(pem::encode(&pem::Pem::new(
        "PRIVATE KEY",
        der.expose().as_slice(),
    )));
    EncodingKey::from_rsa_pem(pem.expose().as_bytes()).map_err(|_| KeyError::Malformed)
}

fn thumbprint(jwk: &Jwk) -> Result<String, KeyError> {
    jwk.thumbprint(ThumbprintHash::SHA256)
        .map_err(|_| KeyError::Malformed)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Security statement 21, at its root: a public JWK has public members only.
    #[test]
    fn a_public_jwk_holds_no_private_member() {
        let public = KeyAlgorithm::ALL
            .into_iter()
            .filter(|algorithm| !algorithm.is_shared_secret());
        for algorithm in public {
            let key = SigningKey::generate(algorithm).expect("makes a key");
            let jwk = key.verifying().public_jwk().expect("is public");
            let json = serde_json::to_value(jwk).expect("serialises");
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(json.get(private).is_none(), "{private} in {json}");
            }
            assert_eq!(json["alg"], algorithm.name());
            assert_eq!(json["use"], "sig");
            assert_eq!(json["kid"], thumbprint(jwk).expect("has one"));
        }
    }

    /// Security statement 21: a shared secret is in nothing that is shown.
    #[test]
    fn a_shared_secret_is_never_shown() {
        let secret = b"0123456789abcdef0123456789abcdef";
        let key = SigningKey::from_private(KeyAlgorithm::Hs256, Secret::new(secret.to_vec()));
        let key = key.expect("is long enough");
        assert!(key.verifying().public_jwk().is_none());
        let shown = format!("{:?}", key.verifying());
        let spelled = URL_SAFE_NO_PAD.encode(secret);
        assert!(
            !shown.contains("0123456789") && !shown.contains(&spelled),
            "{shown}"
        );
        let short = Secret::new(secret[..31].to_vec());
        let short = SigningKey::from_private(KeyAlgorithm::Hs256, short);
        assert!(matches!(short, Err(KeyError::Weak)));
    }

    /// Security statement 20: 32 bytes are no Ed25519 key under the name of another curve.
    #[test]
    fn an_octet_key_pair_is_of_the_curve_ed25519() {
        let jwk = |curve| {
            format!(
                r#"{{"kty":"OKP","crv":"{curve}","alg":"EdDSA",
                    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#
            )
        };
        assert!(VerifyingKey::from_jwk(&jwk("Ed25519")).is_ok());
        for other in ["P-256", "P-384", "P-521"] {
            let outcome = VerifyingKey::from_jwk(&jwk(other));
            assert!(matches!(outcome, Err(KeyError::Algorithm)), "{other}");
        }
    }

    /// Security statement 15: raw signatures of Wycheproof's Ed25519 set.
    #[test]
    fn every_ed25519_vector_is_judged_as_stated() {
        let text = include_str!("../../tests/vectors/wycheproof/ed25519_test.json");
        let file: Value = serde_json::from_str(text).expect("is JSON");
        let list = |value: &Value| value.as_array().expect("is a list").clone();
        let bytes = |hex: &Value| {
            let hex = hex.as_str().expect("is a string");
            (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("is hexadecimal"))
                .collect::<Vec<_>>()
        };
        let mut judged = 0;
        for group in list(&file["testGroups"]) {
            let mut jwk = group["publicKeyJwk"].clone();
            jwk["alg"] = "EdDSA".into();
            let key = VerifyingKey::from_jwk(&jwk.to_string()).expect("is a key");
            for test in list(&group["tests"]) {
                let signature = URL_SAFE_NO_PAD.encode(bytes(&test["sig"]));
                let good = key.verifies(&bytes(&test["msg"]), &signature);
                assert_eq!(good, test["result"] == "valid", "{test}");
                judged += 1;
            }
        }
        assert_eq!(judged, 151);
    }

    #[test]
    fn a_key_survives_the_way_through_the_store() {
        for algorithm in KeyAlgorithm::ALL {
            let key = SigningKey::generate(algorithm).expect("makes a key");
            let again =
                SigningKey::from_private(algorithm, key.private().clone()).expect("reads it back");
            assert_eq!(again.verifying().kid(), key.verifying().kid());
        }
    }
}
