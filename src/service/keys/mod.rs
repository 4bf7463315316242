//! The signing keys: from sealed rows to a ring, and back ([`lifecycle`]).

pub mod lifecycle;

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use super::Sources;
use super::scribe::Scribe;
use super::secret_key::{SecretKey, SecretKeyError, SecretKeySource};
use crate::domain::audit::{Action, By, Entry};
use crate::store::keys::{self, KeyRow, KeyState};
use crate::store::{Store, StoreError};
use crate::tokens::{
    CursorKey, JwkSet, KeyAlgorithm, KeyError, KeyRing, SealError, SealingKey, SigningKey,
    SuccessorKey, VerifyingKey,
};

/// For how many seconds others may keep the public keys at most.
const MAX_AGE_SECS: i64 = 300;

/// How keys follow each other.
#[derive(Clone, Copy, Debug)]
pub struct KeyRules {
    /// What new keys are of.
    pub algorithm: KeyAlgorithm,
    /// A new key is published for so many seconds before it signs.
    pub publish_before_secs: i64,
    /// A key verifies for so many seconds after it signed last: the life of a token, and more.
    pub verify_after_secs: i64,
    /// A key of that age in seconds is followed by another; `None`: only by hand.
    pub rotate_every_secs: Option<i64>,
}

impl KeyRules {
    /// For how many seconds others may keep the public keys: whoever does, knows a new key well
    /// before it signs.
    pub fn max_age_secs(&self) -> i64 {
        (self.publish_before_secs / 2).clamp(1, MAX_AGE_SECS)
    }
}

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
    /// No daemon has been started on this database yet.
    #[error("there is no signing key yet: 'authd serve' makes the first when it starts")]
    NoneYet,
    /// Every key was retired and none put in its place.
    #[error("the database has no active signing key")]
    NoneActive,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The ring in use, and what is needed to load it again.
pub(super) struct Keys {
    rules: KeyRules,
    source: SecretKeySource,
    secrets: RwLock<Secrets>,
    ring: RwLock<Arc<KeyRing>>,
}

/// What the secret is used for.
#[derive(Clone)]
pub(super) struct Secrets {
    /// Seals the private halves of keys.
    pub(super) sealing: Arc<SealingKey>,
    /// Makes the successors of refresh tokens.
    pub(super) successors: Arc<SuccessorKey>,
    /// Marks places in lists.
    pub(super) cursors: Arc<CursorKey>,
}

impl Secrets {
    fn of(secret: &SecretKey) -> Result<Self, KeysError> {
        let sealing = SealingKey::new(secret).map_err(KeysError::WrongSecret)?;
        Ok(Self {
            sealing: Arc::new(sealing),
            successors: Arc::new(SuccessorKey::new(secret)),
            cursors: Arc::new(CursorKey::new(secret)),
        })
    }
}

impl Keys {
    /// Loads the keys; makes secret and first key where there are none yet.
    pub(super) fn open(
        store: &Store,
        source: &SecretKeySource,
        rules: KeyRules,
        sources: &Sources,
    ) -> Result<Self, KeysError> {
        let fresh = store.read(keys::all)?.is_empty();
        let secrets = if fresh {
            let secrets = Secrets::of(&source.load_or_create(&*sources.random)?)?;
            add_first(store, &secrets.sealing, rules, sources)?;
            secrets
        } else {
            Secrets::of(&opening(store, source)?)?
        };
        let ring = load(store, &secrets.sealing, sources.clock.now())?;
        let (signs, wanted) = (ring.signing().algorithm(), rules.algorithm);
        if signs != wanted {
            let (signs, wanted) = (signs.name(), wanted.name());
            tracing::warn!(
                signs,
                wanted,
                "the signing key is of another algorithm than tokens.algorithm: run 'authctl key rotate'"
            );
        }
        source.warn_of_readers();
        Ok(Self {
            rules,
            source: source.clone(),
            secrets: RwLock::new(secrets),
            ring: RwLock::new(Arc::new(ring)),
        })
    }

    /// How keys follow each other.
    pub(super) fn rules(&self) -> KeyRules {
        self.rules
    }

    /// The secret as last read.
    pub(super) fn secrets(&self) -> Secrets {
        let secrets = self.secrets.read();
        secrets.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the secret again, which somebody has changed.
    pub(super) fn renew(&self, store: &Store) -> Result<Secrets, KeysError> {
        let secrets = Secrets::of(&opening(store, &self.source)?)?;
        let mut known = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        known.clone_from(&secrets);
        Ok(secrets)
    }

    /// The keys as last loaded.
    pub(super) fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The ring with the key `kid`, loaded anew if another process has added it meanwhile.
    pub(super) fn ring_with(
        &self,
        store: &Store,
        kid: &str,
        now: Timestamp,
    ) -> Result<Arc<KeyRing>, KeysError> {
        let ring = self.ring();
        if ring.find(kid).is_some()
            || !store.read(|connection| keys::verifies(connection, kid, now))?
        {
            return Ok(ring);
        }
        self.reload(store, now)
    }

    /// The ring that signs with `active`, the key that the database named at this moment.
    pub(super) fn ring_signing(
        &self,
        store: &Store,
        active: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<KeyRing>, KeysError> {
        let kid = active.ok_or(KeysError::NoneActive)?;
        let ring = self.ring();
        if ring.signing().verifying().kid() == kid {
            return Ok(ring);
        }
        self.reload(store, now)
    }

    fn reload(&self, store: &Store, now: Timestamp) -> Result<Arc<KeyRing>, KeysError> {
        let loaded = match load(store, &self.secrets().sealing, now) {
            Err(KeysError::WrongSecret(_)) => load(store, &self.renew(store)?.sealing, now),
            loaded => loaded,
        };
        let fresh = Arc::new(loaded?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }
}

/// Whether the database answers, can be written and still has an active key.
pub(super) fn check(store: &Store) -> Result<(), KeysError> {
    store.check()?;
    store
        .read(keys::active_kid)?
        .map(drop)
        .ok_or(KeysError::NoneActive)
}

/// The public keys that tokens are good under, as the database has them at this moment, oldest
/// first (RFC 7517, section 5). Shared secrets are left out.
pub fn public_jwks(store: &Store, now: Timestamp) -> Result<JwkSet, KeysError> {
    let mut set = JwkSet { keys: Vec::new() };
    for row in store.read_recent(keys::all, |_| true)? {
        if row.verifies(now) && !is_shared_secret(&row) {
            set.keys.extend(verifying_key(&row)?.public_jwk().cloned());
        }
    }
    Ok(set)
}

/// What the keys in the database open with: for those who make new ones.
pub fn unsealing(store: &Store, source: &SecretKeySource) -> Result<Arc<SealingKey>, KeysError> {
    Ok(Secrets::of(&opening(store, source)?)?.sealing)
}

/// The secret that opens the keys in the database. A change of secret that was interrupted is
/// brought to its end.
pub(super) fn opening(store: &Store, source: &SecretKeySource) -> Result<SecretKey, KeysError> {
    let rows = store.read(keys::all)?;
    if rows.is_empty() {
        return Err(KeysError::NoneYet);
    }
    let active = rows.iter().find(|row| row.state == KeyState::Active);
    let active = active.ok_or(KeysError::NoneActive)?;
    let opens = |secret: &SecretKey| signing_key(active, &Secrets::of(secret)?.sealing);
    let secret = source.load()?;
    let Err(error) = opens(&secret) else {
        return Ok(secret);
    };
    match source.load_next()? {
        Some(next) if opens(&next).is_ok() => {
            source.finish()?;
            tracing::warn!("a change of the secret key that was interrupted is at its end");
            Ok(next)
        }
        _ => Err(error),
    }
}

fn add_first(
    store: &Store,
    sealing: &SealingKey,
    rules: KeyRules,
    sources: &Sources,
) -> Result<(), KeysError> {
    let now = sources.clock.now();
    let key = generate(rules.algorithm)?;
    let row = KeyRow {
        state: KeyState::Active,
        ..next_row(&key, sealing, now.as_second(), now)?
    };
    // Of two daemons that start at once, one key wins; both load that one.
    let scribe = Scribe::of(By::DAEMON, sources);
    store.write(move |tx| {
        if keys::insert(tx, &row)? {
            scribe.write(tx, &Entry::new(Action::KeyAdded).key(&row.kid), now)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// A new key.
fn generate(algorithm: KeyAlgorithm) -> Result<SigningKey, KeysError> {
    SigningKey::generate(algorithm).map_err(KeysError::Generate)
}

/// A key that signs from that moment on (Unix seconds).
fn next_row(
    key: &SigningKey,
    sealing: &SealingKey,
    signs_from: i64,
    now: Timestamp,
) -> Result<KeyRow, KeysError> {
    let kid = key.verifying().kid().to_owned();
    let public_jwk = serde_json::to_string(&key.verifying().public_jwk())
        .map_err(|_| KeysError::Generate(KeyError::Malformed))?;
    let sealed_private = sealing
        .seal(&kid, key.private())
        .map_err(KeysError::WrongSecret)?;
    Ok(KeyRow {
        kid,
        algorithm: key.algorithm().name().to_owned(),
        public_jwk,
        sealed_private,
        state: KeyState::Next,
        created_at: now.as_second(),
        signs_from: Some(signs_from),
        verifies_until: None,
    })
}

fn load(store: &Store, sealing: &SealingKey, now: Timestamp) -> Result<KeyRing, KeysError> {
    let rows = store.read(keys::all)?;
    let active = rows.iter().find(|row| row.state == KeyState::Active);
    let active = active.ok_or(KeysError::NoneActive)?;
    let signing = signing_key(active, sealing)?;
    // Of one kind: a set holds shared secrets or public keys.
    let others = rows
        .iter()
        .filter(|row| row.verifies(now) && is_shared_secret(row) == is_shared_secret(active));
    let verifying = others.map(|row| {
        if is_shared_secret(row) {
            Ok(signing_key(row, sealing)?.verifying().clone())
        } else {
            verifying_key(row)
        }
    });
    let verifying = verifying.collect::<Result<Vec<_>, KeysError>>()?;
    KeyRing::new(signing, verifying).map_err(|cause| KeysError::Damaged {
        kid: "of the whole ring".into(),
        cause,
    })
}

/// Whether whoever can check tokens of the key can make them.
fn is_shared_secret(row: &KeyRow) -> bool {
    row.algorithm == KeyAlgorithm::Hs256.name()
}

fn signing_key(row: &KeyRow, sealing: &SealingKey) -> Result<SigningKey, KeysError> {
    let damaged = |cause| KeysError::Damaged {
        kid: row.kid.clone(),
        cause,
    };
    let private = sealing
        .open(&row.kid, &row.sealed_private)
        .map_err(KeysError::WrongSecret)?;
    let algorithm: KeyAlgorithm = row
        .algorithm
        .parse()
        .map_err(|_| damaged(KeyError::Algorithm))?;
    let key = SigningKey::from_private(algorithm, private).map_err(damaged)?;
    if key.verifying().kid() == row.kid {
        Ok(key)
    } else {
        Err(damaged(KeyError::Malformed))
    }
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

#[cfg(test)]
mod tests;
