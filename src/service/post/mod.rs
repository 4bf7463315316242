//! The post: what is to be mailed waits in the database, sealed, until it has left the house.
//!
//! Whoever asks for a letter to somebody else writes down what is wanted, and nothing more. The
//! [`postman`] finds out after the answer what comes of it, so that the answer tells nothing.

pub mod postman;
mod wanted;

use std::net::IpAddr;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Services;
use super::account_codes::CodeError;
use crate::domain::secret::Secret;
use crate::domain::sources::Random;
use crate::mail::Letter;
use crate::store::{Conn, Fault, StoreError, Tx, outgoing_mail};
use crate::tokens::{Fingerprint, SealError, SealingKey};

/// So many errands wait at most.
const ROOM: u32 = 10_000;

/// For so long a letter is tried, if what is in it is good for that long.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// Why nothing was put into the post.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// Nothing leaves the house, or too little.
    #[error("too many letters wait to be sent: see in authd's log why")]
    Full,
    /// It could not be sealed.
    #[error("a letter could not be sealed")]
    Seal(#[source] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What somebody wants who may not be told what comes of it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "wanted", rename_all = "snake_case")]
pub(super) enum Wanted {
    /// Another password for the account with this address.
    PasswordReset {
        email: String,
        address: Option<IpAddr>,
    },
    /// An account with this address.
    Registration {
        email: String,
        address: Option<IpAddr>,
    },
    /// This address for an account.
    EmailChange {
        user: String,
        email: String,
        /// Of the hash against which the password was found right. Whoever has another by now has
        /// ended what was wanted with the old one.
        #[serde(default)]
        checked: Option<Fingerprint>,
    },
}

/// What the postman does.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Errand {
    /// Sends a letter.
    Letter(Letter),
    /// Sees to what is wanted.
    Wanted(Wanted),
}

impl From<Letter> for Errand {
    fn from(letter: Letter) -> Self {
        Self::Letter(letter)
    }
}

/// Puts errands into the post.
#[derive(Clone)]
pub struct Outbox {
    sealing: Arc<SealingKey>,
    random: Arc<dyn Random>,
}

impl Outbox {
    /// One that seals with the installation's secret.
    pub fn new(sealing: Arc<SealingKey>, random: Arc<dyn Random>) -> Self {
        Self { sealing, random }
    }

    /// Writes an errand down, to be done once this is committed; not after `useless_at`.
    pub(super) fn put(
        &self,
        tx: &Tx<'_>,
        errand: &Errand,
        useless_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), PostError> {
        let id = self.random.uuid_v7(now);
        let written = serde_json::to_vec(errand).map_err(|_| PostError::Seal(SealError))?;
        let sealed = self.sealing.seal(&label(id), &Secret::new(written));
        let sealed = sealed.map_err(PostError::Seal)?;
        let end = useless_at.min(end_of_patience(now));
        Ok(outgoing_mail::insert(tx, id, &sealed, end, now)?)
    }
}

/// Fails if too much waits already.
pub(super) fn check_room(connection: &Conn) -> Result<(), PostError> {
    if outgoing_mail::is_full(connection, ROOM)? {
        return Err(PostError::Full);
    }
    Ok(())
}

/// When nobody tries any longer.
pub(super) fn end_of_patience(now: Timestamp) -> Timestamp {
    now.checked_add(PATIENCE).unwrap_or(now)
}

/// What an errand is sealed for: none opens in the place of another.
pub(super) fn label(id: Uuid) -> String {
    format!("outgoing_mail {id}")
}

/// Wakes the postman of this process.
pub(super) struct Bell {
    rope: Sender<()>,
    rings: Receiver<()>,
}

impl Default for Bell {
    fn default() -> Self {
        let (rope, rings) = bounded(1);
        Self { rope, rings }
    }
}

impl Services {
    /// Puts letters into the post; `None`: nothing is mailed.
    pub(super) fn outbox(&self) -> Option<Outbox> {
        self.mailer.as_ref().map(|_| self.outbox_for_wants())
    }

    /// What is wanted is seen to, whether anything is mailed or not.
    fn outbox_for_wants(&self) -> Outbox {
        let random = Arc::clone(&self.sources.random);
        Outbox::new(self.keys.secrets().sealing, random)
    }

    /// Wakes the postman.
    pub(super) fn ring(&self) {
        // It has been rung already: one round is enough.
        let _ = self.bell.rope.try_send(());
    }

    /// Writes down what is wanted.
    pub(super) fn want(&self, wanted: Wanted) -> Result<(), CodeError> {
        self.want_with(wanted, |_, _| Ok(()))
    }

    /// The same together with something else.
    pub(super) fn want_with(
        &self,
        wanted: Wanted,
        also: impl FnOnce(&Tx<'_>, Timestamp) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), CodeError> {
        let (outbox, clock) = (self.outbox_for_wants(), Arc::clone(&self.sources.clock));
        self.store.attempt(move |tx| {
            let now = clock.now();
            check_room(tx)?;
            also(tx, now)?;
            outbox.put(tx, &Errand::Wanted(wanted), end_of_patience(now), now)?;
            Ok::<(), Fault<CodeError>>(())
        })?;
        self.ring();
        Ok(())
    }
}
