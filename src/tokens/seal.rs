//! The seal over private keys in the database (ADR 7): AES-256-GCM under a secret that is kept
//! elsewhere.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::domain::secret::Secret;

/// The secret's length in bytes.
pub const SECRET_BYTES: usize = 32;
/// First byte of what is sealed, so that a later form can be told.
const VERSION: u8 = 1;

/// Seals and opens with one secret.
pub struct SealingKey(RandomizedNonceKey);

/// What is sealed cannot be opened with this secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open with this secret key")]
pub struct SealError;

impl SealingKey {
    /// A key for the secret's 32 bytes.
    pub fn new(secret: &Secret<[u8; SECRET_BYTES]>) -> Result<Self, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, secret.expose())
            .map(Self)
            .map_err(|_| SealError)
    }

    /// Encrypts `value` for `label`: it opens only under the same label, so that one sealed value
    /// cannot be put in another's place. Layout: version, 12 bytes of nonce, ciphertext, 16 bytes
    /// of tag.
    pub fn seal(&self, label: &str, value: &Secret<Vec<u8>>) -> Result<Vec<u8>, SealError> {
        let mut sealed = value.expose().clone();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(label), &mut sealed)
            .map_err(|_| SealError)?;
        Ok([&[VERSION], nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// Decrypts what [`SealingKey::seal`] made for the same label.
    pub fn open(&self, label: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        if *version != VERSION {
            return Err(SealError);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut buffer = ciphertext.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(label), &mut buffer)
            .map_err(|_| SealError)?;
        let length = opened.len();
        buffer.truncate(length);
        Ok(Secret::new(buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::new(&Secret::new([byte; SECRET_BYTES])).expect("32 bytes are a key")
    }

    #[test]
    fn what_is_sealed_opens_under_the_same_secret_and_label_only() {
        let value = Secret::new(b"private".to_vec());
        let sealed = key(1).seal("kid-1", &value).expect("seals");
        assert!(!sealed.windows(7).any(|window| window == b"private"));
        assert_eq!(
            key(1).open("kid-1", &sealed).expect("opens").expose(),
            b"private"
        );
        assert!(key(2).open("kid-1", &sealed).is_err());
        assert!(key(1).open("kid-2", &sealed).is_err());
        for end in 0..sealed.len() {
            assert!(
                key(1).open("kid-1", &sealed[..end]).is_err(),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let value = Secret::new(b"private".to_vec());
        assert_ne!(
            key(1).seal("k", &value).expect("seals"),
            key(1).seal("k", &value).expect("seals")
        );
    }
}
