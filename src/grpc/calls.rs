//! The calls under way on one connection, and when the connection has had its time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The calls under way on one connection.
pub(super) struct Calls(Mutex<State>);

struct State {
    begun: u64,
    /// By when each must be over, its answer taken by the client; `None` for a stream, which may
    /// last.
    open: BTreeMap<u64, Option<Instant>>,
    /// When the last one was over.
    quiet_since: Instant,
}

/// One call, under way until this is dropped.
pub(super) struct Call {
    calls: Arc<Calls>,
    number: u64,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on.
    Busy,
    /// It has had no call for its time of rest.
    Resting,
    /// A call's time is over, and its client does not take the answer.
    Stuck,
}

impl Calls {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            begun: 0,
            open: BTreeMap::new(),
            quiet_since: Instant::now(),
        })))
    }

    /// Counts a call that must be over by then.
    pub(super) fn begin(self: &Arc<Self>, by: Option<Instant>) -> Call {
        let mut state = self.state();
        state.begun += 1;
        let number = state.begun;
        state.open.insert(number, by);
        Call {
            calls: Arc::clone(self),
            number,
        }
    }

    /// What becomes of the connection now, if it may rest so long.
    pub(super) fn verdict(&self, now: Instant, rest: Duration) -> Verdict {
        let state = self.state();
        if state.open.values().flatten().any(|by| *by <= now) {
            Verdict::Stuck
        } else if state.open.is_empty() && state.quiet_since + rest <= now {
            Verdict::Resting
        } else {
            Verdict::Busy
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut state = self.calls.state();
        state.open.remove(&self.number);
        state.quiet_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_rests_stands_or_goes_on() {
        let calls = Calls::new();
        let rest = Duration::from_secs(75);
        let later = |secs| Instant::now() + Duration::from_secs(secs);
        assert_eq!(calls.verdict(later(0), rest), Verdict::Busy);
        assert_eq!(calls.verdict(later(76), rest), Verdict::Resting);

        let stream = calls.begin(None);
        assert_eq!(calls.verdict(later(1000), rest), Verdict::Busy);
        let call = calls.begin(Some(later(40)));
        assert_eq!(calls.verdict(later(39), rest), Verdict::Busy);
        assert_eq!(calls.verdict(later(41), rest), Verdict::Stuck);
        drop(call);
        assert_eq!(calls.verdict(later(41), rest), Verdict::Busy);
        drop(stream);
        assert_eq!(calls.verdict(later(74), rest), Verdict::Busy);
        assert_eq!(calls.verdict(later(76), rest), Verdict::Resting);
    }
}
