//! Private keys, ready to sign (RFC 7518).

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};

use super::key::{KeyAlgorithm, KeyError};
use crate::domain::secret::Secret;

/// A private key that was read once: to read one takes longer than to sign with it, and jsonwebtoken
/// reads it each time.
pub(super) enum Signer {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    Hs256(Box<hmac::Key>),
}

impl Signer {
    /// Of PKCS #8, or a shared secret.
    pub(super) fn new(
        algorithm: KeyAlgorithm,
        private: &Secret<Vec<u8>>,
    ) -> Result<Self, KeyError> {
        let private = private.expose();
        let malformed = |_| KeyError::Malformed;
        Ok(match algorithm {
            KeyAlgorithm::EdDsa => {
                Self::EdDsa(Ed25519KeyPair::from_pkcs8(private).map_err(malformed)?)
            }
            KeyAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private);
                Self::Es256(pair.map_err(malformed)?)
            }
            KeyAlgorithm::Rs256 => Self::Rs256(RsaKeyPair::from_pkcs8(private).map_err(malformed)?),
            KeyAlgorithm::Hs256 => {
                Self::Hs256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, private)))
            }
        })
    }

    /// The signature, as it stands in a token once it is base64url.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError::Malformed;
        match self {
            Self::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Self::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                Ok(signature.map_err(failed)?.as_ref().to_vec())
            }
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .map_err(failed)?;
                Ok(signature)
            }
            Self::Hs256(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}
