//! Whether the database takes writes, as far as the last one told.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::engine;
use super::error::{Reason, StoreError};

/// How the last write ended. A probe asks here, so that probes write nothing themselves.
pub(super) struct Condition(Mutex<Heard>);

struct Heard {
    at: Instant,
    trouble: Option<Reason>,
}

impl Condition {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Heard {
            at: Instant::now(),
            trouble: None,
        }))
    }

    /// Takes note of how a write ended.
    pub(super) fn note<T>(&self, outcome: &Result<T, StoreError>) {
        let trouble = match outcome {
            Err(error @ (StoreError::Engine(_) | StoreError::Unavailable(_))) => {
                match engine::reason_of(error) {
                    reason if keeps_all_from_writing(&reason) => Some(reason),
                    // It says nothing about the next.
                    _ => return,
                }
            }
            // It had the database, whatever it made of that.
            Ok(_) | Err(_) => None,
        };
        *self.lock() = Heard {
            at: Instant::now(),
            trouble,
        };
    }

    /// Whether a write has ended within the last `span`.
    pub(super) fn is_known_for(&self, span: Duration) -> bool {
        self.lock().at.elapsed() < span
    }

    /// Fails as the last write did, if it could not have the database.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.lock().trouble.clone() {
            Some(reason) => Err(reason.into()),
            None => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the next write is likely to end so, too, and another node might do better. A full disk is
/// none of these: verification goes on there, and is worth more than it would be to turn everybody away.
/// Nor is a file that moved: whether it is back is seen by looking.
fn keeps_all_from_writing(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Locked
            | Reason::TimedOut
            | Reason::Unreachable(_)
            | Reason::Lost
            | Reason::Restarting(_)
            | Reason::Standby
            | Reason::ServerFull
            | Reason::LoginRefused(_)
            | Reason::NoPassword
            | Reason::Tls(_)
            | Reason::NoSuchDatabase
            | Reason::Forbidden(_)
            | Reason::Altered(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::reason;

    #[test]
    fn what_the_last_write_met_stands_until_one_succeeds() {
        let condition = Condition::new();
        let note = |outcome: Result<(), StoreError>| condition.note(&outcome);
        condition.check().expect("nothing is known against it");
        note(Err(Reason::Locked.into()));
        assert_eq!(reason(condition.check()), Reason::Locked);
        // These say nothing about whether another one would succeed.
        note(Err(Reason::Full.into()));
        note(Err(Reason::Failed("a bug".into()).into()));
        assert_eq!(reason(condition.check()), Reason::Locked);
        note(Err(StoreError::Refused));
        condition.check().expect("a write had the database");
        note(Err(Reason::TimedOut.into()));
        note(Ok(()));
        condition.check().expect("a write succeeded");
    }
}
