//! Password hashes as they are written (PHC strings).

use std::str::FromStr;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};

use super::argon::{HashError, HashParams};

/// A hash as stored: `$argon2id$v=19$m=...,t=...,p=...$salt$hash`.
#[derive(Clone, PartialEq, Eq)]
pub struct PhcString(String);

impl PhcString {
    /// Longer ones are not taken from anybody.
    const MAX_BYTES: usize = 512;

    /// A string read back from the store; what it says is checked when it is used.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text, for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PhcString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The text is no hash that could be checked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a password hash is Argon2id in PHC form, as $argon2id$v=19$m=19456,t=2,p=1$...$..., with m up to {}, t up to {} and p up to {}",
    HashParams::CEILING.memory_kib, HashParams::CEILING.iterations, HashParams::CEILING.parallelism
)]
pub struct PhcError;

impl FromStr for PhcString {
    type Err = PhcError;

    fn from_str(text: &str) -> Result<Self, PhcError> {
        if text.len() > Self::MAX_BYTES || Stored::read(text).is_err() {
            return Err(PhcError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a stored hash says, if it is one that is checked here.
pub(super) struct Stored {
    pub(super) salt: Salt,
    pub(super) expected: Output,
    /// As the engine has it.
    pub(super) cost: Params,
    /// As we have it.
    pub(super) params: HashParams,
}

impl Stored {
    pub(super) fn read(text: &str) -> Result<Self, HashError> {
        let stored = PasswordHash::new(text).map_err(|_| HashError::Damaged)?;
        let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
            return Err(HashError::Damaged);
        };
        let known = stored.algorithm.as_str() == Algorithm::Argon2id.as_str()
            && stored.version == Some(Version::V0x13.into());
        let cost = Params::try_from(&stored).map_err(|_| HashError::Damaged)?;
        let params = HashParams {
            memory_kib: cost.m_cost(),
            iterations: cost.t_cost(),
            parallelism: cost.p_cost(),
        };
        if !known || !params.within_ceiling() {
            return Err(HashError::Damaged);
        }
        Ok(Self {
            salt,
            expected,
            cost,
            params,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";

    #[test]
    fn a_hash_from_elsewhere_is_taken_if_it_would_be_checked() {
        assert!(GOOD.parse::<PhcString>().is_ok());
        for bad in [
            "",
            "secret",
            "$2b$12$abcdefghijklmnopqrstuv",
            &GOOD.replace("argon2id", "argon2i"),
            &GOOD.replace("v=19", "v=16"),
            &GOOD.replace("m=19456", "m=1048577"),
            &GOOD.replace("t=2", "t=65"),
            &GOOD.replace("p=1", "p=17"),
            &GOOD[..GOOD.len() - 43],
            &format!("{GOOD}{}", "A".repeat(512)),
        ] {
            assert_eq!(bad.parse::<PhcString>(), Err(PhcError), "{bad}");
        }
    }
}
