//! Argon2id and its PHC strings.

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::phc::{OURS, Stored};
use crate::domain::password::Password;
use crate::domain::sources::Random;

pub use super::phc::PhcString;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParams {
    /// Memory in KiB (m).
    pub memory_kib: u32,
    /// Passes over the memory (t).
    pub iterations: u32,
    /// Lanes (p); they are computed one after the other.
    pub parallelism: u32,
}

impl HashParams {
    /// The floor, and the default: OWASP's first recommendation for Argon2id.
    pub const FLOOR: Self = Self {
        memory_kib: 19_456,
        iterations: 2,
        parallelism: 1,
    };
    /// What a stored hash may ask for at most, so that a damaged row cannot stop the service.
    pub(super) const CEILING: Self = Self {
        memory_kib: 1 << 20,
        iterations: 64,
        parallelism: 16,
    };

    pub(super) fn within_ceiling(&self) -> bool {
        self.memory_kib <= Self::CEILING.memory_kib
            && self.iterations <= Self::CEILING.iterations
            && self.parallelism <= Self::CEILING.parallelism
    }
}

/// Why a password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// What is stored for the account is no hash within bounds.
    #[error("a stored password hash is damaged")]
    Damaged,
    /// The hash function refused its parameters.
    #[error("the password could not be hashed")]
    Argon(#[from] argon2::Error),
}

/// The memory one hash fills, kept between hashes: fetching and clearing it anew costs a tenth
/// of the work.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0.resize(count, Block::default());
        }
        &mut self.0[..count]
    }

    /// Gives the memory back to the operating system.
    pub fn release(&mut self) {
        self.0 = Vec::new();
    }
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The right password, hashed with the present parameters.
    Match,
    /// The right password under parameters that are no longer the configured ones: hash it again.
    MatchOutdated,
    /// Not the password.
    Mismatch,
}

/// Salt and output of what is stored, in bytes.
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// Hashes a new password with a fresh salt.
pub fn hash(
    password: &Password,
    params: HashParams,
    random: &dyn Random,
    memory: &mut Memory,
) -> Result<PhcString, HashError> {
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt);
    let argon_params = argon_params(params)?;
    let mut output = [0; OUTPUT_BYTES];
    fill(
        Algorithm::Argon2id,
        &argon_params,
        password.expose().as_bytes(),
        &salt,
        &mut output,
        memory,
    )?;
    let hash = PasswordHash {
        algorithm: Ident::new(Algorithm::Argon2id.as_str()).map_err(|_| HashError::Damaged)?,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&argon_params).map_err(|_| HashError::Damaged)?,
        salt: Some(Salt::new(&salt).map_err(|_| HashError::Damaged)?),
        hash: Some(Output::new(&output).map_err(|_| HashError::Damaged)?),
    };
    Ok(PhcString::from_stored(hash.to_string()))
}

/// Checks a password against a stored hash, at the cost the hash itself names.
pub fn verify(
    password: &Password,
    stored: &PhcString,
    current: HashParams,
    memory: &mut Memory,
) -> Result<Verdict, HashError> {
    let stored = Stored::read(stored.as_str(), OURS)?;
    if !is_right(password.expose(), &stored, memory)? {
        burn_rest(password, work(stored.params), current, memory)?;
        return Ok(Verdict::Mismatch);
    }
    let is_full = stored.salt.len() >= SALT_BYTES && stored.expected.len() == OUTPUT_BYTES;
    Ok(if stored.params == current && is_full {
        Verdict::Match
    } else {
        Verdict::MatchOutdated
    })
}

/// Whether this text has that hash, at the cost the hash itself names.
pub(super) fn is_right(
    text: &str,
    stored: &Stored,
    memory: &mut Memory,
) -> Result<bool, HashError> {
    let mut output = [0; Output::MAX_LENGTH];
    let output = &mut output[..stored.expected.len()];
    let Stored { variant, cost, .. } = stored;
    fill(
        *variant,
        cost,
        text.as_bytes(),
        &stored.salt,
        output,
        memory,
    )?;
    // `Output` compares in constant time.
    Ok(Output::new(output).map_err(|_| HashError::Damaged)? == stored.expected)
}

/// The work of a check, for an account that has no password or does not exist: nobody can tell
/// it by its time from a wrong password.
pub fn burn(password: &Password, params: HashParams, memory: &mut Memory) -> Result<(), HashError> {
    let mut output = [0; OUTPUT_BYTES];
    let salt = [0; SALT_BYTES];
    fill(
        Algorithm::Argon2id,
        &argon_params(params)?,
        password.expose().as_bytes(),
        &salt,
        &mut output,
        memory,
    )
}

/// The rest of the work, where a hash has cost less than one costs now: an account whose hash is
/// older than the present parameters is not told from one that does not exist.
pub(super) fn burn_rest(
    password: &Password,
    done: u64,
    current: HashParams,
    memory: &mut Memory,
) -> Result<(), HashError> {
    let missing = work(current).saturating_sub(done);
    // Passes over the whole memory, or else one over a part of it.
    let passes = missing / u64::from(current.memory_kib.max(1));
    let part = missing % u64::from(current.memory_kib.max(1));
    let steps = [(passes, u64::from(current.memory_kib)), (1, part)];
    for (iterations, memory_kib) in steps {
        let params = HashParams {
            memory_kib: u32::try_from(memory_kib).unwrap_or(u32::MAX),
            iterations: u32::try_from(iterations).unwrap_or(u32::MAX),
            parallelism: current.parallelism,
        };
        // The algorithm's own least: eight blocks a lane.
        if iterations > 0 && memory_kib >= 8 * u64::from(current.parallelism) {
            burn(password, params, memory)?;
        }
    }
    Ok(())
}

/// How much is written to memory, in KiB.
pub(super) fn work(params: HashParams) -> u64 {
    u64::from(params.memory_kib) * u64::from(params.iterations)
}

/// The one place where the memory is filled (ADR 6): a faster engine would go here.
fn fill(
    variant: Algorithm,
    params: &Params,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
    memory: &mut Memory,
) -> Result<(), HashError> {
    let blocks = memory.blocks(params.block_count());
    Argon2::new(variant, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password, salt, output, blocks)?;
    Ok(())
}

fn argon_params(params: HashParams) -> Result<Params, HashError> {
    let HashParams {
        memory_kib,
        iterations,
        parallelism,
    } = params;
    Ok(Params::new(
        memory_kib,
        iterations,
        parallelism,
        Some(OUTPUT_BYTES),
    )?)
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;

    use super::*;
    use crate::domain::sources::fixed::CountingRandom;

    fn hashed(text: &str) -> PhcString {
        static RANDOM: CountingRandom = CountingRandom::new();
        hash(
            &Password::new(text),
            HashParams::FLOOR,
            &RANDOM,
            &mut Memory::default(),
        )
        .expect("hashes")
    }

    fn verdict(text: &str, stored: &PhcString) -> Verdict {
        verify(
            &Password::new(text),
            stored,
            HashParams::FLOOR,
            &mut Memory::default(),
        )
        .expect("is sound")
    }

    /// Security statement 68.
    #[test]
    fn a_hash_is_an_argon2id_phc_string_with_its_parameters_and_a_salt_of_its_own() {
        let (one, two) = (hashed("a"), hashed("a"));
        assert!(
            one.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            one.as_str()
        );
        assert_ne!(one.as_str(), two.as_str());
        let parsed = PasswordHash::new(one.as_str()).expect("is a PHC string");
        assert!(parsed.salt.expect("has a salt").len() >= 16);
        assert_eq!(parsed.hash.expect("has a hash").len(), 32);
    }

    #[test]
    fn the_reference_verifier_agrees() {
        let stored = hashed("correct horse");
        let parsed = PasswordHash::new(stored.as_str()).expect("is a PHC string");
        let reference = Argon2::default();
        assert!(reference.verify_password(b"correct horse", &parsed).is_ok());
        assert!(reference.verify_password(b"correct hors", &parsed).is_err());
    }

    /// Security statement 62: what follows the common part is never cut off.
    #[test]
    fn one_more_character_is_another_password_at_every_length() {
        for length in [1, 71, 72, 73, 127, 128, 129, 255, 256, 257] {
            let password = "x".repeat(length);
            let stored = hashed(&password);
            assert_eq!(verdict(&password, &stored), Verdict::Match);
            assert_eq!(
                verdict(&format!("{password}x"), &stored),
                Verdict::Mismatch,
                "{length}"
            );
        }
    }

    #[test]
    fn raised_parameters_make_a_hash_outdated() {
        let stored = hashed("a");
        let raised = HashParams {
            iterations: 3,
            ..HashParams::FLOOR
        };
        let mut memory = Memory::default();
        let verdict = verify(&Password::new("a"), &stored, raised, &mut memory).expect("is sound");
        assert_eq!(verdict, Verdict::MatchOutdated);
        let verdict = verify(&Password::new("b"), &stored, raised, &mut memory).expect("is sound");
        assert_eq!(verdict, Verdict::Mismatch);
    }

    /// Security statement 81, at its root.
    #[test]
    fn a_damaged_hash_is_an_error_and_never_a_match() {
        let good = hashed("a");
        let mut damaged = vec![
            String::new(),
            "!".into(),
            "plain".into(),
            "$argon2id$".into(),
            good.as_str().replace("argon2id", "argon2d"),
            good.as_str().replace("v=19", "v=16"),
            good.as_str().replace("m=19456", "m=4294967295"),
            good.as_str().replace("t=2", "t=4000000000"),
            good.as_str().replace("m=19456", "m=0"),
            "$2b$12$abcdefghijklmnopqrstuv".into(),
        ];
        damaged.extend(
            (1..good.as_str().len())
                .step_by(7)
                .map(|n| good.as_str()[..n].to_owned()),
        );
        for text in damaged {
            let stored = PhcString::from_stored(text.clone());
            let outcome = verify(
                &Password::new("a"),
                &stored,
                HashParams::FLOOR,
                &mut Memory::default(),
            );
            assert!(
                !matches!(outcome, Ok(Verdict::Match | Verdict::MatchOutdated)),
                "{text}"
            );
        }
    }
}
