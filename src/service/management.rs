//! What managing anything takes: the database, time and randomness, and somebody who does it.

use std::sync::Arc;

use crossbeam_channel::bounded;
use jiff::Timestamp;

use super::Sources;
use super::accounts::AccountError;
use super::scribe::Scribe;
use crate::domain::actor::Actor;
use crate::domain::audit::{Action, Entry, Outcome};
use crate::domain::authority::{Authority, Bearer, Denied};
use crate::domain::permission::Builtin;
use crate::domain::scope::Scope;
use crate::domain::user::UserRef;
use crate::store::{Fault, Store, StoreError, Tx, users};

/// Somebody at work on a database.
#[derive(Clone)]
pub struct Management {
    pub(super) store: Arc<Store>,
    pub(super) sources: Sources,
    pub(super) by: Actor,
}

/// An error that may be for want of a right.
pub(super) trait MayBeDenied: From<StoreError> + Send + 'static {
    /// Which right, if it is.
    fn denied(&self) -> Option<&Denied>;
}

/// A change under way.
pub(super) struct Work<'w> {
    /// The transaction.
    pub(super) tx: &'w Tx<'w>,
    /// What is allowed at this moment.
    pub(super) by: Authority,
    /// The time of the transaction.
    pub(super) now: Timestamp,
    /// What will be written down.
    pub(super) entry: Entry,
    /// Whether anything was changed: otherwise nothing is written down.
    pub(super) is_change: bool,
}

/// Some changes under way in one transaction, each written down by itself.
pub(super) struct Series<'s> {
    /// The transaction.
    pub(super) tx: &'s Tx<'s>,
    /// What is allowed at this moment.
    pub(super) by: Authority,
    /// The time of the transaction.
    pub(super) now: Timestamp,
    scribe: &'s Scribe,
    /// The first that was refused for want of a right, and which.
    denied: Option<(Entry, Denied)>,
}

impl Series<'_> {
    /// One of the changes.
    pub(super) fn step<T, E: MayBeDenied>(
        &mut self,
        action: Action,
        work: impl FnOnce(&mut Work<'_>) -> Result<T, Fault<E>>,
    ) -> Result<T, Fault<E>> {
        let mut change = Work {
            tx: self.tx,
            by: self.by.clone(),
            now: self.now,
            entry: Entry::new(action),
            is_change: true,
        };
        let done = work(&mut change).inspect_err(|fault| {
            if let Fault::Refused(error) = fault
                && let (Some(denied), None) = (error.denied(), &self.denied)
            {
                self.denied = Some((change.entry.clone(), denied.clone()));
            }
        })?;
        if change.is_change {
            self.scribe.write(self.tx, &change.entry, change.now)?;
        }
        Ok(done)
    }
}

/// Why a change was undone, and what it had come to.
enum Undone<E> {
    Refused(E, Box<Entry>),
    Store(StoreError),
}

impl<E> From<StoreError> for Undone<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Management {
    /// Somebody at work on this database.
    pub fn new(store: Arc<Store>, sources: Sources, by: Actor) -> Self {
        Self { store, sources, by }
    }

    /// The same with the rights of an account, and in its name.
    pub fn on_behalf_of(self, name: &UserRef) -> Result<Self, AccountError> {
        let found = self
            .store
            .read(|connection| users::find(connection, name))?;
        let user = found.filter(|user| user.is_active);
        let user = user.ok_or_else(|| AccountError::NotFound(name.clone()))?;
        let scope = Scope::default();
        let by = Actor {
            authority: Authority::User(Box::new(Bearer { user, scope })),
            ..self.by
        };
        Ok(Self { by, ..self })
    }

    /// The database, to look at what nobody is kept from seeing.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is allowed, as it was when the request came.
    pub(super) fn authority(&self) -> &Authority {
        &self.by.authority
    }

    /// What is allowed at the moment of a transaction: an account may have lost its rights, or be
    /// gone, since its token was verified.
    fn authority_now(&self, tx: &Tx<'_>) -> Result<Authority, StoreError> {
        let Authority::User(bearer) = &self.by.authority else {
            return Ok(self.by.authority.clone());
        };
        let mut bearer = bearer.clone();
        match users::find(tx, &UserRef::Id(bearer.user.id))? {
            Some(user) if user.is_active => bearer.user = user,
            _ => bearer.user.lose_rights(),
        }
        Ok(Authority::User(bearer))
    }

    /// Changes something and writes that down, in one transaction. What is refused is undone, and
    /// written down by itself if it was for want of a right.
    pub(super) fn attempt<T: Send + 'static, E: MayBeDenied>(
        &self,
        action: Action,
        work: impl FnOnce(&mut Work<'_>) -> Result<T, Fault<E>> + Send + 'static,
    ) -> Result<T, E> {
        let (desk, scribe) = (self.clone(), Scribe::of(&self.by, &self.sources));
        let attempted = self.store.attempt(move |tx| {
            let mut change = Work {
                tx,
                by: desk.authority_now(tx)?,
                now: desk.sources.clock.now(),
                entry: Entry::new(action),
                is_change: true,
            };
            let done = work(&mut change).map_err(|fault| match fault {
                Fault::Store(error) => Fault::Store(error),
                Fault::Refused(error) => {
                    Fault::Refused(Undone::Refused(error, Box::new(change.entry.clone())))
                }
            })?;
            if change.is_change {
                scribe.write(tx, &change.entry, change.now)?;
            }
            Ok(done)
        });
        attempted.map_err(|undone| match undone {
            Undone::Store(error) => error.into(),
            Undone::Refused(error, entry) => {
                if let Some(denied) = error.denied() {
                    self.note_denied(*entry, denied);
                }
                error
            }
        })
    }

    /// Makes some changes in one transaction, each of them written down. If one is refused and that
    /// is passed on, all are undone. The first that was for want of a right is written down by itself.
    pub(super) fn attempt_all<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        work: impl FnOnce(&mut Series<'_>) -> Result<T, Fault<E>> + Send + 'static,
    ) -> Result<T, E> {
        let (desk, scribe) = (self.clone(), Scribe::of(&self.by, &self.sources));
        let (tell, told) = bounded(1);
        let attempted = self.store.attempt(move |tx| {
            let mut series = Series {
                tx,
                by: desk.authority_now(tx)?,
                now: desk.sources.clock.now(),
                scribe: &scribe,
                denied: None,
            };
            let done = work(&mut series);
            if let Some(denied) = series.denied {
                // Whoever asked waits for it, or is gone.
                let _ = tell.send(denied);
            }
            done
        });
        if let Ok((entry, denied)) = told.try_recv() {
            self.note_denied(entry, &denied);
        }
        attempted
    }

    /// Fails if this is not allowed, which is written down then.
    pub(super) fn check(&self, allowed: Result<(), Denied>, action: Action) -> Result<(), Denied> {
        allowed.inspect_err(|denied| self.note_denied(Entry::new(action), denied))
    }

    /// Fails unless this permission to look at something is there. That it is not is written down,
    /// which takes a thread that may wait; looking itself is not.
    pub(super) fn check_view(&self, what: Builtin, action: Action) -> Result<(), Denied> {
        self.check(self.authority().require(what), action)
    }

    /// Whoever was denied something is told so, whether that can be written down or not.
    fn note_denied(&self, entry: Entry, denied: &Denied) {
        let mut entry = entry.ended(Outcome::Denied);
        entry.note("reason", denied.to_string());
        let (scribe, clock) = (
            Scribe::of(&self.by, &self.sources),
            Arc::clone(&self.sources.clock),
        );
        let action = entry.action.name();
        let written = self
            .store
            .write(move |tx| scribe.write(tx, &entry, clock.now()));
        if let Err(error) = written {
            tracing::error!(%error, action, "that somebody was denied something could not be written down");
        }
    }
}
