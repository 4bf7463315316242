//! The signing keys: from sealed rows to a ring, and back.

use std::sync::{Arc, PoisonError, RwLock};

use super::Sources;
use super::secret_key::{SecretKeyError, SecretKeySource};
use crate::store::keys::{self, KeyRow, KeyState};
use crate::store::{Store, StoreError};
use crate::tokens::{
    JwkSet, KeyAlgorithm, KeyError, KeyRing, SealError, SealingKey, SigningKey, SuccessorKey,
    VerifyingKey,
};

/// New tokens are signed with this.
const ALGORITHM: KeyAlgorithm = KeyAlgorithm::EdDsa;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// There is no secret to open them with.
    #[error(transparent)]
    SecretKey(#[from] SecretKeyError),
    /// The secret is not the one they were sealed with.
    #[error(
        "the keys in the database do not open with this secret key: give authd the one it had when they were made"
    )]
    WrongSecret(#[source] SealError),
    /// A row holds no usable key.
    #[error("the signing key '{kid}' in the database is damaged")]
    Damaged {
        /// Its id.
        kid: String,
        /// What is wrong with it.
        #[source]
        cause: KeyError,
    },
    /// No key could be made.
    #[error("a signing key could not be made")]
    Generate(#[source] KeyError),
    /// Every key was retired and none put in its place.
    #[error("the database has no active signing key")]
    NoneActive,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The ring in use, and what is needed to load it again.
pub(super) struct Keys {
    sealing: SealingKey,
    successors: SuccessorKey,
    ring: RwLock<Arc<KeyRing>>,
}

impl Keys {
    /// Loads the keys; makes secret and first key where there are none yet.
    pub(super) fn open(
        store: &Store,
        source: &SecretKeySource,
        sources: &Sources,
    ) -> Result<Self, KeysError> {
        let fresh = store.read(keys::all)?.is_empty();
        let secret = if fresh {
            source.load_or_create(&*sources.random)?
        } else {
            source.load()?
        };
        let sealing = SealingKey::new(&secret).map_err(KeysError::WrongSecret)?;
        if fresh {
            add_first(store, &sealing, sources)?;
        }
        let ring = RwLock::new(Arc::new(load(store, &sealing)?));
        source.warn_of_readers();
        Ok(Self {
            sealing,
            successors: SuccessorKey::new(&secret),
            ring,
        })
    }

    /// What makes the successors of refresh tokens.
    pub(super) fn successors(&self) -> &SuccessorKey {
        &self.successors
    }

    /// The keys as last loaded.
    pub(super) fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The ring with the key `kid`, loaded anew if another process has added it meanwhile.
    pub(super) fn ring_with(&self, store: &Store, kid: &str) -> Result<Arc<KeyRing>, KeysError> {
        let ring = self.ring();
        if ring.find(kid).is_some() || !store.read(|connection| keys::verifies(connection, kid))? {
            return Ok(ring);
        }
        self.reload(store)
    }

    /// The ring that signs with `active`, the key that the database named at this moment.
    pub(super) fn ring_signing(
        &self,
        store: &Store,
        active: Option<&str>,
    ) -> Result<Arc<KeyRing>, KeysError> {
        let kid = active.ok_or(KeysError::NoneActive)?;
        let ring = self.ring();
        if ring.signing().verifying().kid() == kid {
            return Ok(ring);
        }
        self.reload(store)
    }

    fn reload(&self, store: &Store) -> Result<Arc<KeyRing>, KeysError> {
        let fresh = Arc::new(load(store, &self.sealing)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }
}

/// Whether the database answers, can be written and still has an active key.
pub(super) fn check(store: &Store) -> Result<(), KeysError> {
    store.check()?;
    let active = store.read(|connection| keys::active_kid(connection, ALGORITHM.name()))?;
    active.map(drop).ok_or(KeysError::NoneActive)
}

/// The public keys that tokens are good under, as the database has them at this moment, oldest
/// first (RFC 7517, section 5). Shared secrets are left out.
pub(super) fn public_jwks(store: &Store) -> Result<JwkSet, KeysError> {
    let mut set = JwkSet { keys: Vec::new() };
    for row in store.read_recent(keys::all, |_| true)? {
        if row.state.verifies() {
            set.keys.extend(verifying_key(&row)?.public_jwk().cloned());
        }
    }
    Ok(set)
}

/// The name of the algorithm whose active key signs.
pub(super) fn signing_algorithm() -> &'static str {
    ALGORITHM.name()
}

fn add_first(store: &Store, sealing: &SealingKey, sources: &Sources) -> Result<(), KeysError> {
    let key = SigningKey::generate(ALGORITHM).map_err(KeysError::Generate)?;
    let kid = key.verifying().kid().to_owned();
    let public_jwk = serde_json::to_string(&key.verifying().public_jwk())
        .map_err(|_| KeysError::Generate(KeyError::Malformed))?;
    let sealed_private = sealing
        .seal(&kid, key.private_der())
        .map_err(KeysError::WrongSecret)?;
    let row = KeyRow {
        kid,
        algorithm: ALGORITHM.name().to_owned(),
        public_jwk,
        sealed_private,
        state: KeyState::Active,
    };
    let now = sources.clock.now();
    // Of two daemons that start at once, one key wins; both load that one.
    store.write(move |tx| keys::insert_first(tx, &row, now))?;
    Ok(())
}

fn load(store: &Store, sealing: &SealingKey) -> Result<KeyRing, KeysError> {
    let mut signing = None;
    let mut verifying = Vec::new();
    for row in store.read(keys::all)? {
        let damaged = |cause| KeysError::Damaged {
            kid: row.kid.clone(),
            cause,
        };
        if row.state == KeyState::Active && row.algorithm == ALGORITHM.name() {
            let private = sealing
                .open(&row.kid, &row.sealed_private)
                .map_err(KeysError::WrongSecret)?;
            let key = SigningKey::from_der(ALGORITHM, private).map_err(damaged)?;
            if key.verifying().kid() != row.kid {
                return Err(damaged(KeyError::Malformed));
            }
            signing = Some(key);
        } else if row.state.verifies() {
            verifying.push(verifying_key(&row)?);
        }
    }
    let signing = signing.ok_or(KeysError::NoneActive)?;
    KeyRing::new(signing, verifying).map_err(|cause| KeysError::Damaged {
        kid: "of the whole ring".into(),
        cause,
    })
}

fn verifying_key(row: &KeyRow) -> Result<VerifyingKey, KeysError> {
    VerifyingKey::from_jwk(&row.public_jwk)
        .and_then(|key| {
            if key.kid() == row.kid {
                Ok(key)
            } else {
                Err(KeyError::Malformed)
            }
        })
        .map_err(|cause| KeysError::Damaged {
            kid: row.kid.clone(),
            cause,
        })
}
