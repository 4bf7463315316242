//! From one signing key to the next (ADR 7): made and published, promoted when everybody knows it,
//! retired when the last token of it is over; or revoked.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::{KeyRules, KeysError, generate, is_shared_secret, next_row};
use crate::domain::actor::Actor;
use crate::domain::audit::{Action, By, Entry};
use crate::service::Sources;
use crate::service::scribe::Scribe;
use crate::store::keys::{self, KeyRow, KeyState};
use crate::store::{Store, StoreError, Tx};
use crate::tokens::{SealError, SealingKey, SigningKey};

/// A key as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Its id: the header `kid` of its tokens.
    pub kid: String,
    /// The header `alg` of its tokens.
    pub algorithm: String,
    /// `next`, `active`, `retired` or `revoked`.
    pub state: &'static str,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it begins to sign, or began.
    pub signs_from: Option<Timestamp>,
    /// Until when it verifies, once that is known.
    pub verifies_until: Option<Timestamp>,
}

/// Why a key's life does not go on as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// There is no key of that id.
    #[error("there is no key '{0}': see 'authctl key list'")]
    NotFound(String),
    /// A new key waits for its time already.
    #[error(
        "the key '{0}' waits for its time already, and takes over by itself: see 'authctl key list', or promote it with 'authctl key rotate --now'"
    )]
    Waiting(String),
    /// The key is there already.
    #[error("the key '{0}' is there already: see 'authctl key list'")]
    Exists(String),
    /// The key signs: another must do so first.
    #[error(
        "the key '{0}' signs: put another in its place first with 'authctl key rotate --now', or revoke it"
    )]
    Signs(String),
    /// The keys cannot be used, or none could be made.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What moves keys on.
pub struct Lifecycle<'a> {
    /// The database.
    pub store: &'a Store,
    /// Seals new keys.
    pub sealing: Arc<SealingKey>,
    /// How keys follow each other.
    pub rules: KeyRules,
    /// Time and randomness.
    pub sources: &'a Sources,
    /// Who does it.
    pub by: By,
}

impl Lifecycle<'_> {
    /// Makes and publishes the next key, which takes over when its time has come
    /// ([`Self::tend`]).
    pub fn rotate(&self) -> Result<Key, LifecycleError> {
        self.add(&generate(self.rules.algorithm)?)
    }

    /// The same for a key that was made elsewhere.
    pub fn add(&self, key: &SigningKey) -> Result<Key, LifecycleError> {
        let (row, now, scribe) = self.prepared(key, self.rules.publish_before_secs)?;
        let key = Key::from(&row);
        let kid = key.kid.clone();
        let (exists, waiting) = self.write(move |tx| {
            if keys::insert(tx, &row)? {
                scribe.write(tx, &Entry::new(Action::KeyAdded).key(&row.kid), now)?;
                return Ok((false, None));
            }
            let exists = keys::all(tx)?.iter().any(|other| other.kid == row.kid);
            Ok((exists, waiting(tx)?))
        })?;
        match waiting {
            _ if exists => Err(LifecycleError::Exists(kid)),
            Some(kid) => Err(LifecycleError::Waiting(kid)),
            None => Ok(key),
        }
    }

    /// Puts the next key, or else a new one, in the place of the active one at once. Those who have
    /// kept the public keys do not know a new one yet.
    pub fn rotate_now(&self) -> Result<Key, LifecycleError> {
        let (row, now, scribe) = self.prepared(&generate(self.rules.algorithm)?, 0)?;
        let until = self.verifies_until(now);
        let kid = self.write(move |tx| promote_next(tx, row, until, now, &scribe))?;
        find(self.store, &kid)
    }

    /// Ends a key because it may have leaked: its tokens are refused from now on, by everybody who
    /// asks. If it signed, another takes its place, and is returned.
    pub fn revoke(&self, kid: &str) -> Result<Option<Key>, LifecycleError> {
        let was = find(self.store, kid)?;
        let (row, now, scribe) = self.prepared(&generate(self.rules.algorithm)?, 0)?;
        let (until, kid) = (self.verifies_until(now), was.kid);
        let successor = self.write(move |tx| {
            let rows = keys::all(tx)?;
            let state = rows.iter().find(|row| row.kid == kid).map(|row| row.state);
            if state == Some(KeyState::Revoked) {
                return Ok(None);
            }
            keys::end(tx, &kid, KeyState::Revoked, now)?;
            scribe.write(tx, &Entry::new(Action::KeyRevoked).key(&kid), now)?;
            if state == Some(KeyState::Active) {
                promote_next(tx, row, until, now, &scribe).map(Some)
            } else {
                Ok(None)
            }
        })?;
        successor.map(|kid| find(self.store, &kid)).transpose()
    }

    /// Does what is due by itself: promotes the next key when its time has come, and makes one when
    /// the active one is old enough. Any number of daemons may do so at once. Fails where somebody has
    /// changed the secret.
    pub fn tend(&self) -> Result<(), LifecycleError> {
        let now = self.sources.clock.now();
        let rows = self.store.read(keys::all)?;
        let of = |state: KeyState| rows.iter().find(move |row| row.state == state);
        if let Some(active) = of(KeyState::Active) {
            // Also where nothing is due: refresh tokens hang on the same secret.
            let opened = self.sealing.open(&active.kid, &active.sealed_private);
            opened.map_err(KeysError::WrongSecret)?;
        }
        if let Some(next) = of(KeyState::Next) {
            if next.signs_from.is_none_or(|from| from <= now.as_second()) {
                self.promote(next.kid.clone(), now)?;
            }
        } else if let Some(active) = of(KeyState::Active)
            && self.is_due(active, now)
        {
            match self.rotate() {
                // Another daemon was faster.
                Ok(_) | Err(LifecycleError::Waiting(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn promote(&self, kid: String, now: Timestamp) -> Result<(), LifecycleError> {
        let (until, scribe) = (self.verifies_until(now), self.scribe());
        let logged = kid.clone();
        let promoted = self
            .store
            .write(move |tx| take_over(tx, &kid, until, now, &scribe))?;
        if promoted {
            tracing::info!(kid = logged, "another key signs from now on");
        }
        Ok(())
    }

    fn is_due(&self, active: &KeyRow, now: Timestamp) -> bool {
        let began = active.signs_from.unwrap_or(active.created_at);
        let is_old = |every: i64| {
            let next = began
                .saturating_add(every)
                .saturating_sub(self.rules.publish_before_secs);
            next <= now.as_second()
        };
        self.rules.rotate_every_secs.is_some_and(is_old)
    }

    /// A key that signs after so many whole seconds, and what to write it down with.
    fn prepared(
        &self,
        key: &SigningKey,
        after_secs: i64,
    ) -> Result<(KeyRow, Timestamp, Scribe), KeysError> {
        let now = self.sources.clock.now();
        let begun_secs = now.as_second() + i64::from(now.subsec_nanosecond() > 0);
        let signs_from = begun_secs.saturating_add(after_secs);
        let row = next_row(key, &self.sealing, signs_from, now)?;
        Ok((row, now, self.scribe()))
    }

    /// Writes a new key, unless its seal has been changed for another meanwhile.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, LifecycleError> {
        let sealing = Arc::clone(&self.sealing);
        let written = self.store.write(move |tx| {
            keys::lock(tx)?;
            let rows = keys::all(tx)?;
            let mut active = rows.iter().filter(|row| row.state == KeyState::Active);
            if active.all(|row| sealing.open(&row.kid, &row.sealed_private).is_ok()) {
                work(tx).map(Some)
            } else {
                Ok(None)
            }
        })?;
        written.ok_or_else(|| KeysError::WrongSecret(SealError).into())
    }

    fn scribe(&self) -> Scribe {
        Scribe::of(self.by.clone(), self.sources)
    }

    fn verifies_until(&self, now: Timestamp) -> i64 {
        now.as_second().saturating_add(self.rules.verify_after_secs)
    }
}

/// Every key, oldest first.
pub fn list(store: &Store) -> Result<Vec<Key>, StoreError> {
    Ok(store.read(keys::all)?.iter().map(Key::from).collect())
}

/// Ends a key that does not sign: its tokens are refused from now on.
pub fn retire(
    store: &Store,
    sources: &Sources,
    by: &Actor,
    kid: &str,
) -> Result<Key, LifecycleError> {
    let was = find(store, kid)?;
    let now = sources.clock.now();
    let scribe = Scribe::of(by, sources);
    let kid = was.kid.clone();
    let signs = store.write(move |tx| {
        let row = keys::all(tx)?.into_iter().find(|row| row.kid == kid);
        match row.filter(|row| row.verifies(now)) {
            Some(row) if row.state == KeyState::Active => Ok(true),
            Some(_) => {
                keys::end(tx, &kid, KeyState::Retired, now)?;
                scribe.write(tx, &Entry::new(Action::KeyRetired).key(&kid), now)?;
                Ok(false)
            }
            // It verifies no longer.
            None => Ok(false),
        }
    })?;
    if signs {
        return Err(LifecycleError::Signs(was.kid));
    }
    find(store, &was.kid)
}

fn find(store: &Store, kid: &str) -> Result<Key, LifecycleError> {
    let found = list(store)?.into_iter().find(|key| key.kid == kid);
    found.ok_or_else(|| LifecycleError::NotFound(kid.to_owned()))
}

/// The next key takes over, or this new one; says which.
fn promote_next(
    tx: &Tx<'_>,
    new: KeyRow,
    verifies_until: i64,
    now: Timestamp,
    scribe: &Scribe,
) -> Result<String, StoreError> {
    let kid = if let Some(kid) = waiting(tx)? {
        kid
    } else {
        keys::insert(tx, &new)?;
        scribe.write(tx, &Entry::new(Action::KeyAdded).key(&new.kid), now)?;
        new.kid
    };
    take_over(tx, &kid, verifies_until, now, scribe)?;
    Ok(kid)
}

/// The waiting key signs from now on, unless it does not wait any more; says whether it does.
///
/// Shared secrets and public keys never verify side by side: what is of the other kind ends.
fn take_over(
    tx: &Tx<'_>,
    kid: &str,
    verifies_until: i64,
    now: Timestamp,
    scribe: &Scribe,
) -> Result<bool, StoreError> {
    if !keys::promote(tx, kid, verifies_until, now)? {
        return Ok(false);
    }
    scribe.write(tx, &Entry::new(Action::KeyPromoted).key(kid), now)?;
    let rows = keys::all(tx)?;
    let kind = rows.iter().find(|row| row.kid == kid).map(is_shared_secret);
    for row in rows.iter().filter(|row| row.verifies(now)) {
        if Some(is_shared_secret(row)) != kind {
            keys::end(tx, &row.kid, KeyState::Retired, now)?;
            scribe.write(tx, &Entry::new(Action::KeyRetired).key(&row.kid), now)?;
        }
    }
    Ok(true)
}

fn waiting(tx: &Tx<'_>) -> Result<Option<String>, StoreError> {
    let next = keys::all(tx)?
        .into_iter()
        .find(|row| row.state == KeyState::Next);
    Ok(next.map(|row| row.kid))
}

impl From<&KeyRow> for Key {
    fn from(row: &KeyRow) -> Self {
        let time = |second: i64| Timestamp::from_second(second).ok();
        Self {
            kid: row.kid.clone(),
            algorithm: row.algorithm.clone(),
            state: row.state.name(),
            created_at: time(row.created_at).unwrap_or_default(),
            signs_from: row.signs_from.and_then(time),
            verifies_until: row.verifies_until.and_then(time),
        }
    }
}
