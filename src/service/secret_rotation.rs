//! Another secret over the signing keys and the mails that wait: all are sealed anew in one
//! transaction, and no moment is without a secret on the disk that opens them.

use std::sync::Arc;

use super::Sources;
use super::keys::{self, KeysError};
use super::post;
use super::scribe::Scribe;
use super::secret_key::{self, SecretKey, SecretKeyError, SecretKeySource};
use crate::domain::actor::Actor;
use crate::domain::audit::{Action, Entry};
use crate::store::{Store, StoreError, Tx, keys as stored_keys, outgoing_mail, webhooks};
use crate::tokens::{SealError, SealingKey};

/// Why the secret was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretRotationError {
    /// Nobody but the operator can change what the configuration holds.
    #[error(
        "the secret key is given by the configuration: make the new one with 'openssl rand -hex 32 > FILE', and give --new-secret-file FILE"
    )]
    Given,
    /// It is the one in use.
    #[error("the new secret key is the one in use")]
    Same,
    /// Somebody else has changed it in this moment.
    #[error(
        "the secret key was changed by somebody else at the same time: nothing was changed here"
    )]
    Overtaken,
    /// The new secret cannot be read or written.
    #[error(transparent)]
    Secret(#[from] SecretKeyError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Seals every key, and every webhook's secret, under another secret: `new`, or a fresh one. Returns how many
/// keys there were.
///
/// Where the secret is in a file, the new one is beside it before the keys are sealed with it, and
/// takes its place after that. Whoever finds the change half way ends it (`keys::opening`).
pub fn rotate(
    store: &Store,
    source: &SecretKeySource,
    new: Option<SecretKey>,
    sources: &Sources,
    by: &Actor,
) -> Result<usize, SecretRotationError> {
    let new = match (new, source) {
        (Some(new), _) => new,
        (None, SecretKeySource::File(_)) => secret_key::generate(&*sources.random),
        (None, SecretKeySource::Given(_)) => return Err(SecretRotationError::Given),
    };
    let old = keys::opening(store, source)?;
    if old.expose() == new.expose() {
        return Err(SecretRotationError::Same);
    }
    let seal = |secret: &SecretKey| SealingKey::new(secret).map_err(KeysError::WrongSecret);
    let (old, sealing) = (seal(&old)?, seal(&new)?);
    let (file, scribe) = (source.clone(), Scribe::of(by, sources));
    let clock = Arc::clone(&sources.clock);
    let resealed = store.write(move |tx| {
        stored_keys::lock(tx)?;
        let rows = stored_keys::all(tx)?;
        let again = rows.iter().map(|row| {
            let private = old.open(&row.kid, &row.sealed_private)?;
            sealing.seal(&row.kid, &private)
        });
        let webhooks = webhooks::all(tx)?;
        let theirs = webhooks.iter().map(|stored| {
            let label = webhooks::seal_label(stored.webhook.id);
            sealing.seal(&label, &old.open(&label, &stored.sealed_secret)?)
        });
        let (Ok(again), Ok(theirs)) = (
            again.collect::<Result<Vec<_>, SealError>>(),
            theirs.collect::<Result<Vec<_>, SealError>>(),
        ) else {
            return Ok(Err(SecretRotationError::Overtaken));
        };
        if let Err(error) = file.write_next(&new) {
            return Ok(Err(error.into()));
        }
        let now = clock.now();
        for (row, sealed) in rows.iter().zip(&again) {
            stored_keys::reseal(tx, &row.kid, sealed)?;
            scribe.write(tx, &Entry::new(Action::KeyResealed).key(&row.kid), now)?;
        }
        for (stored, sealed) in webhooks.iter().zip(&theirs) {
            webhooks::reseal(tx, stored.webhook.id, sealed)?;
        }
        reseal_mail(tx, &old, &sealing)?;
        Ok(Ok(again.len()))
    })??;
    source.finish()?;
    Ok(resealed)
}

/// The same for what waits to be mailed. What does not open stays as it is: nobody could send it
/// before, either.
fn reseal_mail(tx: &Tx<'_>, old: &SealingKey, new: &SealingKey) -> Result<(), StoreError> {
    for waiting in outgoing_mail::all(tx)? {
        let label = post::label(waiting.id);
        let opened = old.open(&label, &waiting.sealed);
        let sealed = opened.and_then(|opened| new.seal(&label, &opened));
        if let Ok(sealed) = sealed {
            outgoing_mail::reseal(tx, waiting.id, &sealed)?;
        }
    }
    Ok(())
}
