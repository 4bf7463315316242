//! Connections to a file, each with its prepared statements and its page cache, handed from query to
//! query.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::store::engine::{self, Conn, DatabaseUrl};
use crate::store::error::StoreError;

/// Places where idle connections are kept; threads share them evenly.
const PLACES: usize = 8;
/// Idle connections kept at a place; more readers at once than there is room for open and close
/// their own.
const IDLE_A_PLACE: usize = 4;

static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Which place is this thread's own.
    static OWN_PLACE: usize = NEXT_THREAD.fetch_add(1, Ordering::Relaxed) % PLACES;
}

/// Idle connections. A thread is handed the one that it gave back last: what it read is still in
/// its core's memory. Each lock is held for a push or a pop.
pub(in crate::store) struct Files {
    url: DatabaseUrl,
    timeout: Duration,
    idle: [Mutex<Vec<Conn>>; PLACES],
}

impl Files {
    pub(super) fn new(url: DatabaseUrl, timeout: Duration) -> Self {
        let idle = Default::default();
        Self { url, timeout, idle }
    }

    pub(super) fn with<T>(
        &self,
        query: impl FnOnce(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let own = OWN_PLACE.with(|own| *own);
        let connection = match self.take(own) {
            Some(connection) => connection,
            None => engine::open(&self.url, self.timeout)?,
        };
        let outcome = query(&connection);
        // One whose query failed is closed: it may be the reason.
        if outcome.is_ok() {
            self.give_back(connection, own);
        }
        outcome
    }

    /// One of the thread's own place, or else of any.
    fn take(&self, own: usize) -> Option<Conn> {
        let places = self.idle[own..].iter().chain(&self.idle[..own]);
        places
            .map(|place| place.lock().unwrap_or_else(PoisonError::into_inner))
            .find_map(|mut idle| idle.pop())
    }

    fn give_back(&self, connection: Conn, own: usize) {
        let place = &self.idle[own];
        let mut idle = place.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_A_PLACE {
            idle.push(connection);
        }
    }
}
