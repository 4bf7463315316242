//! The work that every refusal does beside its own.

use super::work::{self, Scrypt};
use super::{Digest, Foreign};
use crate::domain::password::Password;
use crate::passwords::argon::{self, HashError, HashParams, Memory};
use crate::passwords::phc::PhcString;

/// What the dearest hashes of Django's that accounts still have would cost, of each kind.
///
/// A refusal does this work, too, less what the account's own hash has cost: so nobody can tell by the
/// time whether there is an account, and whether its hash is Django's. Once every such hash has been
/// replaced there is nothing left to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ballast {
    /// Iterations of PBKDF2.
    sha256: u32,
    sha1: u32,
    /// The cost of bcrypt.
    bcrypt: Option<u32>,
    /// The `log_n` of scrypt; as to r and p it is always the most.
    scrypt: Option<u32>,
    argon2: Option<HashParams>,
}

impl Ballast {
    /// Takes account of this hash and of all that begin with the same algorithm and cost; says after
    /// which text the next others come, in the order of bytes.
    pub fn weigh(&mut self, hash: &PhcString) -> String {
        let text = hash.as_str();
        let Ok(foreign) = Foreign::read(text) else {
            // Never run; nor are others of the kind, but there may be one that is.
            return text.to_owned();
        };
        self.add(&foreign);
        let parts = match foreign {
            Foreign::Pbkdf2 { .. } | Foreign::Scrypt { .. } => 2,
            Foreign::Argon2(_) | Foreign::Bcrypt { .. } => 4,
            Foreign::Once { .. } => 1,
        };
        let ends = text.match_indices('$').nth(parts - 1);
        let start = ends.map_or(text, |(at, _)| &text[..at]);
        // What comes after '$'.
        format!("{start}%")
    }

    fn add(&mut self, foreign: &Foreign) {
        match foreign {
            Foreign::Pbkdf2 {
                digest, iterations, ..
            } => {
                let known = match digest {
                    Digest::Sha256 => &mut self.sha256,
                    Digest::Sha1 => &mut self.sha1,
                };
                *known = (*known).max(iterations.get());
            }
            Foreign::Bcrypt { cost, .. } => self.bcrypt = self.bcrypt.max(Some(*cost)),
            Foreign::Scrypt { cost, .. } => self.scrypt = self.scrypt.max(Some(cost.log_n)),
            Foreign::Argon2(stored) => {
                let dearest = |one: HashParams, two| {
                    if argon::work(one) < argon::work(two) {
                        two
                    } else {
                        one
                    }
                };
                let params = stored.params;
                self.argon2 = Some(self.argon2.map_or(params, |known| dearest(known, params)));
            }
            Foreign::Once { .. } => {}
        }
    }

    /// Does the work, less what was done.
    pub(in crate::passwords) fn burn(
        &self,
        password: &Password,
        done: Option<&Foreign>,
        memory: &mut Memory,
    ) -> Result<(), HashError> {
        let mut all = self.clone();
        if let Some(done) = done {
            // The account's own may have come after the others were looked for.
            all.add(done);
        }
        let text = password.expose_as_typed();
        for (digest, needed) in [(Digest::Sha256, all.sha256), (Digest::Sha1, all.sha1)] {
            let done = match done {
                Some(Foreign::Pbkdf2 {
                    digest: of,
                    iterations,
                    ..
                }) if *of == digest => iterations.get(),
                _ => 0,
            };
            work::burn_pbkdf2(digest, needed.saturating_sub(done), text);
        }
        all.burn_bcrypt(text, done);
        all.burn_scrypt(text, done)?;
        if let Some(needed) = all.argon2 {
            let done = match done {
                Some(Foreign::Argon2(stored)) => argon::work(stored.params),
                _ => 0,
            };
            argon::burn_rest(password, done, needed, memory)?;
        }
        Ok(())
    }

    /// The work doubles with each step, so that all steps between two are their difference.
    fn burn_bcrypt(&self, text: &str, done: Option<&Foreign>) {
        let Some(needed) = self.bcrypt else { return };
        match done {
            Some(Foreign::Bcrypt { cost, .. }) => {
                for cost in *cost..needed {
                    work::burn_bcrypt(cost, text);
                }
            }
            _ => work::burn_bcrypt(needed, text),
        }
    }

    fn burn_scrypt(&self, text: &str, done: Option<&Foreign>) -> Result<(), HashError> {
        const R: u32 = Scrypt::MAX.r;
        let Some(log_n) = self.scrypt else {
            return Ok(());
        };
        let blocks = |cost: Scrypt| (1 << cost.log_n) * cost.r * cost.p;
        let needed = blocks(Scrypt {
            log_n,
            ..Scrypt::MAX
        });
        let done = match done {
            Some(Foreign::Scrypt { cost, .. }) => blocks(*cost),
            _ => 0,
        };
        // Whole ones first, then by halves.
        let mut left = needed.saturating_sub(done) / R;
        for log_n in (1..=log_n).rev() {
            let p = left >> log_n;
            if p > 0 {
                work::burn_scrypt(Scrypt { log_n, r: R, p }, text)?;
                left -= p << log_n;
            }
        }
        Ok(())
    }
}
