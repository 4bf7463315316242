//! Password hashes as they are written: PHC strings, and what Django writes.

use std::str::FromStr;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};

use super::argon::{HashError, HashParams};
use super::django::{Foreign, ForeignError};

/// A hash as stored: `$argon2id$v=19$m=...,t=...,p=...$salt$hash`, or until the next good login one that
/// Django made.
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

/// The text is no hash that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhcError {
    /// None that could be checked here.
    #[error(
        "a password hash is Argon2id in PHC form, as $argon2id$v=19$m=19456,t=2,p=1$...$..., with m up to {}, t up to {} and p up to {}, or one that Django made",
        HashParams::CEILING.memory_kib, HashParams::CEILING.iterations, HashParams::CEILING.parallelism
    )]
    Form,
    /// None of Django's that is taken.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
}

impl FromStr for PhcString {
    type Err = PhcError;

    fn from_str(text: &str) -> Result<Self, PhcError> {
        if text.starts_with('$') || !text.contains('$') {
            if text.len() > Self::MAX_BYTES || Stored::read(text, OURS).is_err() {
                return Err(PhcError::Form);
            }
            return Ok(Self(text.to_owned()));
        }
        Self::from_django(text, Legacy::Refuse)?.ok_or(PhcError::Form)
    }
}

/// What is done with hashes that are found out in no time: MD5 and SHA-1, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legacy {
    /// They are not taken.
    Refuse,
    /// They are taken as they are, and replaced like all others at the next good login.
    Accept,
}

impl PhcString {
    /// A password column of Django's; `None`: it says that there is no password.
    pub fn from_django(text: &str, legacy: Legacy) -> Result<Option<Self>, ForeignError> {
        if text.is_empty() || text.starts_with('!') {
            return Ok(None);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(ForeignError::Form);
        }
        // Of Django before 1.4, without an algorithm and a salt.
        let is_bare = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let text = if is_bare {
            format!("md5$${text}")
        } else {
            text.to_owned()
        };
        if Foreign::read(&text)?.is_legacy() && legacy == Legacy::Refuse {
            return Err(ForeignError::Legacy);
        }
        Ok(Some(Self(text)))
    }

    /// Whether it is of Django's making.
    pub fn is_foreign(&self) -> bool {
        !self.0.starts_with('$')
    }
}

/// The one way that we hash.
pub(super) const OURS: &[Algorithm] = &[Algorithm::Argon2id];

/// What a stored hash says, if it is one that is checked here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) variant: Algorithm,
    pub(super) salt: Salt,
    pub(super) expected: Output,
    /// As the engine has it.
    pub(super) cost: Params,
    /// As we have it.
    pub(super) params: HashParams,
}

impl Stored {
    /// Of one of these variants.
    pub(super) fn read(text: &str, variants: &[Algorithm]) -> Result<Self, HashError> {
        let stored = PasswordHash::new(text).map_err(|_| HashError::Damaged)?;
        let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
            return Err(HashError::Damaged);
        };
        let mut variants = variants.iter().copied();
        let variant = variants.find(|known| stored.algorithm.as_str() == known.as_str());
        let is_present = stored.version == Some(Version::V0x13.into());
        let cost = Params::try_from(&stored).map_err(|_| HashError::Damaged)?;
        let params = HashParams {
            memory_kib: cost.m_cost(),
            iterations: cost.t_cost(),
            parallelism: cost.p_cost(),
        };
        let variant = variant.filter(|_| is_present && params.within_ceiling());
        Ok(Self {
            variant: variant.ok_or(HashError::Damaged)?,
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
            assert_eq!(bad.parse::<PhcString>(), Err(PhcError::Form), "{bad}");
        }
    }
}
