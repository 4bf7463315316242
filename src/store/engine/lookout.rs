//! Whether a server is still there while it works on what may take long.
//!
//! A statement without a bound of its own cannot be told from one on a server that is frozen or gone.
//! But a server that works also answers others: so somebody else asks.

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::postgres;
use super::server::Server;
use super::wire::Deadline;
use crate::store::error::{Reason, StoreError};

/// A session's answer may be late by so many time-outs if nobody is answered: two for others to ask.
const TIMEOUTS: u32 = 3;

/// Puts a session's deadline off for as long as the server takes new connections. Ends when dropped.
pub(super) struct Lookout {
    timeout: Duration,
    _stop: Sender<()>,
}

impl Lookout {
    pub(super) fn start(
        server: Server,
        timeout: Duration,
        deadline: Deadline,
    ) -> Result<Self, StoreError> {
        let (stop, stopped) = bounded::<()>(0);
        let goes_on = move |wait| stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout);
        let look = move || {
            while goes_on(timeout / 2) {
                // Only while an answer takes long; and not after the session has set its last deadline.
                let is_late = deadline.is_within(timeout * (TIMEOUTS - 1));
                if is_late && is_there(&server, timeout) && goes_on(Duration::ZERO) {
                    deadline.set(Some(Instant::now() + timeout * TIMEOUTS));
                }
            }
        };
        let thread = thread::Builder::new().name("lookout".into());
        thread
            .spawn(look)
            .map_err(|error| Reason::Failed(error.to_string()))?;
        Ok(Self {
            timeout,
            _stop: stop,
        })
    }

    /// For how long an answer may take if the server answers nobody.
    pub(super) fn patience(&self) -> Duration {
        self.timeout * TIMEOUTS
    }
}

/// Whether it says anything, be it that it is full.
fn is_there(server: &Server, timeout: Duration) -> bool {
    match postgres::connect(server, timeout) {
        Ok(_) => true,
        Err(StoreError::Unavailable(unavailable)) => !matches!(
            unavailable.reason,
            Reason::TimedOut | Reason::Unreachable(_) | Reason::Lost
        ),
        Err(_) => false,
    }
}
