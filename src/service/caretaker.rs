//! What the daemon does by itself, whoever asks or not: moves keys on, sees whether it can write, ends
//! what time has ended, and forgets what nobody needs to know any more.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::Services;
use super::keys::KeysError;
use super::keys::lifecycle::LifecycleError;
use super::pruning::Pruner;
use crate::store::StoreError;

/// How often it looks whether anything is due.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often it looks for what time has ended: whatever that is counts for nothing by then.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// Between two batches, so that others may write.
const BETWEEN_BATCHES: Duration = Duration::from_millis(50);

/// Tends to a database until it is dropped.
pub struct Caretaker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why a round did not end well. The next is another try.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Caretaker {
    /// Begins at once.
    pub fn start(services: Arc<Services>) -> std::io::Result<Self> {
        let (stop, told) = bounded(0);
        let thread = thread::Builder::new()
            .name("caretaker".into())
            .spawn(move || {
                let mut rounds = Rounds::new(&services);
                let mut wait = Duration::ZERO;
                while told.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                    wait = rounds.go(&services);
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the caretaker ended with a panic");
        }
    }
}

/// What the caretaker knows from one round to the next.
struct Rounds {
    pruner: Pruner,
    /// Until it prunes again.
    rest: Duration,
    is_in_trouble: bool,
}

impl Rounds {
    fn new(services: &Services) -> Self {
        Self {
            pruner: Pruner::new(services.session_rules, services.sources.clone()),
            rest: Duration::ZERO,
            is_in_trouble: false,
        }
    }

    /// Does what is due; says when to come again.
    fn go(&mut self, services: &Services) -> Duration {
        let outcome = self.round(services);
        match &outcome {
            Err(error) if !self.is_in_trouble => {
                tracing::warn!(%error, "housekeeping is put off");
            }
            Ok(_) if self.is_in_trouble => tracing::info!("housekeeping goes on"),
            _ => {}
        }
        self.is_in_trouble = outcome.is_err();
        outcome.unwrap_or(LOOK_EVERY)
    }

    fn round(&mut self, services: &Services) -> Result<Duration, Trouble> {
        match services.lifecycle().tend() {
            // Somebody has changed the secret.
            Err(LifecycleError::Keys(KeysError::WrongSecret(_))) => {
                services.keys.renew(&services.store)?;
                services.lifecycle().tend()?;
            }
            outcome => outcome?,
        }
        services.store.try_lock(LOOK_EVERY)?;
        if self.rest > Duration::ZERO {
            self.rest = self.rest.saturating_sub(LOOK_EVERY);
            return Ok(LOOK_EVERY);
        }
        let pruned = self.pruner.step(&services.store)?;
        if self.pruner.has_seen_all() && pruned.is_nothing() {
            self.rest = PRUNE_EVERY;
            return Ok(LOOK_EVERY);
        }
        Ok(BETWEEN_BATCHES)
    }
}
