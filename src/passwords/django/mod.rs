//! Hashes that Django made, in its own words: `algorithm$...`.
//!
//! They are checked against the text as typed, since Django does not normalise, and replaced by one of
//! ours at the next good login. What they cost is bounded: one that costs more is not taken, and not run
//! if a row has it all the same.

mod ballast;
mod work;

use std::num::NonZeroU32;

use argon2::Algorithm;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::argon::{self, HashError, HashParams, Memory, Verdict};
use super::phc::{PhcString, Stored};
use crate::domain::password::Password;

pub use ballast::Ballast;
use work::Scrypt;

/// PBKDF2: five times the default of Django 5.2.
const MAX_ITERATIONS: u32 = 5_000_000;
/// bcrypt, of which each step is twice the work: Django's default is 12.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=15;

/// Why a hash of Django's is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// No algorithm that Django has shipped, or not as it writes it.
    #[error(
        "this is no password hash that Django makes: known are pbkdf2_sha256, pbkdf2_sha1, argon2, bcrypt_sha256, bcrypt and scrypt"
    )]
    Form,
    /// Checking it would keep a processor busy for too long.
    #[error(
        "checking this password hash would cost too much: PBKDF2 has up to {MAX_ITERATIONS} iterations, bcrypt a cost up to {}, scrypt N up to {}, r up to {} and p up to {}, Argon2 m up to {}, t up to {} and p up to {}",
        BCRYPT_COSTS.end(), 1 << Scrypt::MAX.log_n, Scrypt::MAX.r, Scrypt::MAX.p,
        HashParams::CEILING.memory_kib, HashParams::CEILING.iterations, HashParams::CEILING.parallelism
    )]
    Cost,
    /// Whoever has it finds the password out.
    #[error(
        "md5 and sha1 are no protection: let these people reset their passwords, or take them with --accept-legacy"
    )]
    Legacy,
}

/// A hash of Django's, within bounds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// PBKDF2 with HMAC.
    Pbkdf2 {
        digest: Digest,
        iterations: NonZeroU32,
        salt: String,
        expected: Vec<u8>,
    },
    /// Of either variant that Django has used.
    Argon2(Box<Stored>),
    /// Of the password, or of its SHA-256 in hex.
    Bcrypt {
        sha256_first: bool,
        cost: u32,
        text: String,
    },
    /// With an output of 64 bytes.
    Scrypt {
        cost: Scrypt,
        salt: String,
        expected: Vec<u8>,
    },
    /// One round over salt and password.
    Once {
        digest: LegacyDigest,
        salt: String,
        expected: Vec<u8>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha256,
    Sha1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LegacyDigest {
    Md5,
    Sha1,
}

impl Foreign {
    /// What a text says, if it is a hash that is checked here.
    pub(super) fn read(text: &str) -> Result<Self, ForeignError> {
        let (algorithm, rest) = text.split_once('$').ok_or(ForeignError::Form)?;
        match algorithm {
            "pbkdf2_sha256" => pbkdf2(Digest::Sha256, 32, rest),
            "pbkdf2_sha1" => pbkdf2(Digest::Sha1, 20, rest),
            "argon2" => argon2(&text[algorithm.len()..]),
            "bcrypt_sha256" => bcrypt(true, rest),
            "bcrypt" => bcrypt(false, rest),
            "scrypt" => scrypt(rest),
            "md5" => once(LegacyDigest::Md5, 16, rest),
            "sha1" => once(LegacyDigest::Sha1, 20, rest),
            _ => Err(ForeignError::Form),
        }
    }

    pub(super) fn is_legacy(&self) -> bool {
        matches!(self, Self::Once { .. })
    }
}

/// Checks a password against a hash of Django's. Every refusal does the work of one of ours, too.
pub(super) fn verify(
    password: &Password,
    stored: &PhcString,
    current: HashParams,
    ballast: &Ballast,
    memory: &mut Memory,
) -> Result<Verdict, HashError> {
    let foreign = Foreign::read(stored.as_str()).map_err(|_| HashError::Damaged);
    let is_right = foreign.as_ref().map_or(Ok(false), |foreign| {
        work::is_right(password.expose_as_typed(), foreign, memory)
    });
    if let Ok(true) = is_right {
        return Ok(Verdict::MatchOutdated);
    }
    argon::burn(password, current, memory)?;
    ballast.burn(password, foreign.as_ref().ok(), memory)?;
    foreign?;
    is_right.map(|_| Verdict::Mismatch)
}

fn pbkdf2(digest: Digest, length: usize, rest: &str) -> Result<Foreign, ForeignError> {
    let mut parts = rest.splitn(3, '$');
    let mut next = || parts.next().ok_or(ForeignError::Form);
    let (iterations, salt, expected) = (next()?, next()?, next()?);
    Ok(Foreign::Pbkdf2 {
        digest,
        iterations: NonZeroU32::new(number(iterations, MAX_ITERATIONS)?)
            .ok_or(ForeignError::Form)?,
        salt: salt.to_owned(),
        expected: bytes(expected, length)?,
    })
}

fn argon2(phc: &str) -> Result<Foreign, ForeignError> {
    const VARIANTS: &[Algorithm] = &[Algorithm::Argon2id, Algorithm::Argon2i];
    if let Ok(stored) = Stored::read(phc, VARIANTS)
        && stored.expected.len() >= 16
    {
        return Ok(Foreign::Argon2(Box::new(stored)));
    }
    // Whether it is only too much.
    let costs = phc.split('$').nth(3).unwrap_or_default();
    let is_cost = |part: &str| {
        let number = part.split_once('=').map_or("", |(_, number)| number);
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_known = VARIANTS
        .iter()
        .any(|variant| phc.starts_with(&format!("${variant}$v=19$")));
    Err(if is_known && costs.split(',').all(is_cost) {
        ForeignError::Cost
    } else {
        ForeignError::Form
    })
}

fn bcrypt(sha256_first: bool, text: &str) -> Result<Foreign, ForeignError> {
    // `2x` is another function, of one program's mistake.
    let known = ["$2a$", "$2b$", "$2y$"];
    let is_known = known.iter().any(|start| text.starts_with(start));
    let parts: bcrypt::HashParts = text.parse().map_err(|_| ForeignError::Form)?;
    if !is_known {
        return Err(ForeignError::Form);
    }
    if !BCRYPT_COSTS.contains(&parts.get_cost()) {
        return Err(ForeignError::Cost);
    }
    Ok(Foreign::Bcrypt {
        sha256_first,
        cost: parts.get_cost(),
        text: text.to_owned(),
    })
}

fn scrypt(rest: &str) -> Result<Foreign, ForeignError> {
    let mut parts = rest.splitn(5, '$');
    let mut next = || parts.next().ok_or(ForeignError::Form);
    let (n, salt, r, p, expected) = (next()?, next()?, next()?, next()?, next()?);
    let n = number(n, 1 << Scrypt::MAX.log_n)?;
    let (r, p) = (number(r, Scrypt::MAX.r)?, number(p, Scrypt::MAX.p)?);
    if !n.is_power_of_two() || n < 2 || r == 0 || p == 0 {
        return Err(ForeignError::Form);
    }
    Ok(Foreign::Scrypt {
        cost: Scrypt {
            log_n: n.ilog2(),
            r,
            p,
        },
        salt: salt.to_owned(),
        expected: bytes(expected, 64)?,
    })
}

fn once(digest: LegacyDigest, length: usize, rest: &str) -> Result<Foreign, ForeignError> {
    let (salt, hex) = rest.split_once('$').ok_or(ForeignError::Form)?;
    let is_hex = hex.len() == 2 * length && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return Err(ForeignError::Form);
    }
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).ok();
    let expected: Option<_> = (0..hex.len()).step_by(2).map(byte).collect();
    Ok(Foreign::Once {
        digest,
        salt: salt.to_owned(),
        expected: expected.ok_or(ForeignError::Form)?,
    })
}

/// A number as Django writes it; one that is larger than `most` costs too much.
fn number(text: &str, most: u32) -> Result<u32, ForeignError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ForeignError::Form);
    }
    let number = text.parse().ok().filter(|number| *number <= most);
    number.ok_or(ForeignError::Cost)
}

fn bytes(base64: &str, length: usize) -> Result<Vec<u8>, ForeignError> {
    let bytes = BASE64_STANDARD.decode(base64).ok();
    let bytes = bytes.filter(|bytes| bytes.len() == length);
    bytes.ok_or(ForeignError::Form)
}

#[cfg(test)]
mod tests;
