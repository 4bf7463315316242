//! What a key must be before anything is checked with it: for signatures, of one algorithm, and
//! strong enough for that.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};

use super::key::KeyError;
use super::roca::is_roca;

/// RFC 7517, sections 4.2 and 4.3.
pub(super) fn check_purpose(jwk: &Jwk) -> Result<(), KeyError> {
    let used_for_signatures = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let may_verify = jwk.common.key_operations.as_ref().is_none_or(|operations| {
        operations
            .iter()
            .any(|op| matches!(op, KeyOperations::Verify | KeyOperations::Sign))
    });
    if used_for_signatures && may_verify {
        Ok(())
    } else {
        Err(KeyError::Purpose)
    }
}

/// RFC 7518, sections 3.2 to 3.5: enough bits for the algorithm, and a point on its curve.
pub(super) fn check_strength(jwk: &Jwk, algorithm: Algorithm) -> Result<(), KeyError> {
    match (&jwk.algorithm, algorithm) {
        (AlgorithmParameters::OctetKey(key), Algorithm::HS256) => check_secret(&key.value, 32),
        (AlgorithmParameters::OctetKey(key), Algorithm::HS384) => check_secret(&key.value, 48),
        (AlgorithmParameters::OctetKey(key), Algorithm::HS512) => check_secret(&key.value, 64),
        (
            AlgorithmParameters::RSA(key),
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512,
        ) => check_rsa(&bytes(&key.n)?, &bytes(&key.e)?),
        (AlgorithmParameters::EllipticCurve(key), _) => {
            let point = [&[4][..], &bytes(&key.x)?, &bytes(&key.y)?].concat();
            let parsed = match (&key.curve, algorithm) {
                (EllipticCurve::P256, Algorithm::ES256) => {
                    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                }
                (EllipticCurve::P384, Algorithm::ES384) => {
                    ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
                }
                _ => return Err(KeyError::Algorithm),
            };
            parsed.map(drop).map_err(|_| KeyError::Malformed)
        }
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA)
            if key.curve == EllipticCurve::Ed25519 =>
        {
            ParsedPublicKey::new(&ED25519, bytes(&key.x)?)
                .map(drop)
                .map_err(|_| KeyError::Malformed)
        }
        _ => Err(KeyError::Algorithm),
    }
}

/// A secret is at least as long as the hash's output.
fn check_secret(value: &str, min_bytes: usize) -> Result<(), KeyError> {
    if bytes(value)?.len() < min_bytes {
        Err(KeyError::Weak)
    } else {
        Ok(())
    }
}

/// At least 2048 bits, an odd exponent above one, and not of the flawed family.
fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyError> {
    let modulus = &modulus[modulus.iter().take_while(|byte| **byte == 0).count()..];
    let bits = modulus.first().map_or(0, |first| {
        modulus.len() * 8 - first.leading_zeros() as usize
    });
    let even = exponent.last().is_none_or(|last| last % 2 == 0);
    let one = exponent.iter().rev().skip(1).all(|byte| *byte == 0) && exponent.last() == Some(&1);
    if bits < 2048 || even || one || is_roca(modulus) {
        Err(KeyError::Weak)
    } else {
        Ok(())
    }
}

fn bytes(base64url: &str) -> Result<Vec<u8>, KeyError> {
    URL_SAFE_NO_PAD
        .decode(base64url)
        .map_err(|_| KeyError::Malformed)
}
