//! What can be done: one function each, the same for the command line and for HTTP.
//!
//! [`accounts`] manages users, [`sessions`] logs them in, [`verification`] says who is behind a
//! token, [`keys`] keeps the keys for both.

pub mod accounts;
pub mod keys;
pub mod secret_key;
pub mod sessions;
pub mod system;
#[cfg(test)]
mod trial;
pub mod verification;

use std::sync::Arc;

use crate::domain::sources::{Clock, Random};
use crate::passwords::{HashParams, Hasher, Policy, PoolSize};
use crate::store::Store;
use crate::tokens::{CheckedTokens, JwkSet, TokenRules};

use keys::{Keys, KeysError};
use secret_key::SecretKeySource;

/// Time and randomness of the running program (D10).
#[derive(Clone)]
pub struct Sources {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives unpredictable bytes.
    pub random: Arc<dyn Random>,
}

/// How passwords are judged and kept.
#[derive(Clone, Copy, Debug)]
pub struct PasswordSettings {
    /// What a new password must be.
    pub policy: Policy,
    /// What a hash costs.
    pub params: HashParams,
    /// How many hashes at a time.
    pub pool: PoolSize,
}

/// Everything the daemon's handlers work with.
pub struct Services {
    /// The database.
    pub store: Store,
    keys: Keys,
    hasher: Hasher,
    rules: TokenRules,
    checked: CheckedTokens,
    max_age_secs: u32,
    sources: Sources,
}

/// What the daemon is configured to do.
#[derive(Debug)]
pub struct ServiceSettings {
    /// How passwords are kept.
    pub passwords: PasswordSettings,
    /// What tokens say.
    pub tokens: TokenRules,
    /// For how many seconds a caller may keep a verify answer.
    pub max_age_secs: u32,
    /// Where the secret over the signing keys is.
    pub secret_key: SecretKeySource,
}

/// Why the services did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The operating system gives no more threads.
    #[error("the hashing threads could not be started")]
    Threads(#[source] std::io::Error),
}

impl Services {
    /// Loads the keys (and makes the first one), and starts the hashing threads.
    pub fn start(
        store: Store,
        settings: ServiceSettings,
        sources: Sources,
    ) -> Result<Self, StartError> {
        let keys = Keys::open(&store, &settings.secret_key, &sources)?;
        let PasswordSettings { pool, params, .. } = settings.passwords;
        let hasher = Hasher::start(pool, params, Arc::clone(&sources.random))
            .map_err(StartError::Threads)?;
        Ok(Self {
            store,
            keys,
            hasher,
            rules: settings.tokens,
            checked: CheckedTokens::default(),
            max_age_secs: settings.max_age_secs,
            sources,
        })
    }

    /// The public keys, for other services to verify offline (RFC 7517, section 5).
    pub fn public_jwks(&self) -> Result<JwkSet, KeysError> {
        keys::public_jwks(&self.store)
    }

    /// Unpredictable bytes, for what an edge needs to be unique.
    pub fn random(&self) -> &dyn Random {
        &*self.sources.random
    }

    /// Whether the database answers and holds the keys in use.
    pub fn check_ready(&self) -> Result<(), KeysError> {
        keys::check(&self.store)
    }
}
