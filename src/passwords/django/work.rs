//! What hashes of Django's are computed with.

use std::num::NonZeroU32;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, pbkdf2};
use md5::{Digest as _, Md5};
use zeroize::{Zeroize, Zeroizing};

use super::{Digest, Foreign, LegacyDigest};
use crate::passwords::argon::{self, HashError, Memory};

/// What one scrypt costs: its time is that of 2^`log_n` * r * p blocks, its memory of 2^`log_n` * r.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::passwords) struct Scrypt {
    pub(super) log_n: u32,
    pub(super) r: u32,
    pub(super) p: u32,
}

impl Scrypt {
    /// 128 MiB; r and p are the largest that Django has shipped.
    pub(super) const MAX: Self = Self {
        log_n: 17,
        r: 8,
        p: 5,
    };
}

/// Whether this text has that hash.
pub(super) fn is_right(
    text: &str,
    foreign: &Foreign,
    memory: &mut Memory,
) -> Result<bool, HashError> {
    match foreign {
        Foreign::Argon2(stored) => argon::is_right(text, stored, memory),
        Foreign::Pbkdf2 {
            digest,
            iterations,
            salt,
            expected,
        } => {
            let algorithm = pbkdf2_of(*digest);
            let (salt, text) = (salt.as_bytes(), text.as_bytes());
            Ok(pbkdf2::verify(algorithm, *iterations, salt, text, expected).is_ok())
        }
        Foreign::Bcrypt {
            sha256_first,
            text: stored,
            ..
        } => {
            let hashed;
            let text = if *sha256_first {
                hashed = sha256_hex(text);
                hashed.as_str()
            } else {
                text
            };
            bcrypt::verify(text, stored).map_err(|_| HashError::Damaged)
        }
        Foreign::Scrypt {
            cost,
            salt,
            expected,
        } => {
            let mut output = Zeroizing::new([0; 64]);
            scrypt(*cost, text, salt.as_bytes(), &mut *output)?;
            Ok(verify_slices_are_equal(&*output, expected).is_ok())
        }
        Foreign::Once {
            digest: LegacyDigest::Md5,
            salt,
            expected,
        } => {
            let output = Md5::new().chain_update(salt).chain_update(text).finalize();
            Ok(verify_slices_are_equal(&output, expected).is_ok())
        }
        Foreign::Once {
            digest: LegacyDigest::Sha1,
            salt,
            expected,
        } => {
            let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
            context.update(salt.as_bytes());
            context.update(text.as_bytes());
            Ok(verify_slices_are_equal(context.finish().as_ref(), expected).is_ok())
        }
    }
}

/// So many iterations of PBKDF2, for nothing.
pub(super) fn burn_pbkdf2(digest: Digest, iterations: u32, text: &str) {
    if let Some(iterations) = NonZeroU32::new(iterations) {
        let mut output = [0; 20];
        pbkdf2::derive(
            pbkdf2_of(digest),
            iterations,
            b"",
            text.as_bytes(),
            &mut output,
        );
        output.zeroize();
    }
}

/// One bcrypt, for nothing.
pub(super) fn burn_bcrypt(cost: u32, text: &str) {
    let mut key = Zeroizing::new([0; 72]);
    for (to, from) in key.iter_mut().zip(text.as_bytes()) {
        *to = *from;
    }
    bcrypt::bcrypt(cost, [0; 16], &*key);
}

/// One scrypt, for nothing.
pub(super) fn burn_scrypt(cost: Scrypt, text: &str) -> Result<(), HashError> {
    scrypt(cost, text, b"", &mut [0; 64])
}

fn scrypt(cost: Scrypt, text: &str, salt: &[u8], output: &mut [u8]) -> Result<(), HashError> {
    let log_n = u8::try_from(cost.log_n).map_err(|_| HashError::Damaged)?;
    let params = scrypt::Params::new(log_n, cost.r, cost.p).map_err(|_| HashError::Damaged)?;
    scrypt::scrypt(text.as_bytes(), salt, &params, output).map_err(|_| HashError::Damaged)
}

fn pbkdf2_of(digest: Digest) -> pbkdf2::Algorithm {
    match digest {
        Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Digest::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
    }
}

fn sha256_hex(text: &str) -> Zeroizing<String> {
    let mut hex = Zeroizing::new(String::with_capacity(64));
    for byte in digest::digest(&digest::SHA256, text.as_bytes()).as_ref() {
        for half in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(u32::from(half), 16));
        }
    }
    hex
}
