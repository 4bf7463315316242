//! Connections to a file, each with its prepared statements and its page cache, handed from query to
//! query.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::engine::{self, Conn, DatabaseUrl, Place};
use crate::store::error::StoreError;

/// Places where idle connections are kept; threads share them evenly.
const PLACES: usize = 8;
/// Idle connections kept at a place; more readers at once than there is room for open and close
/// their own.
const IDLE_A_PLACE: usize = 4;

/// A file that was moved away is read for so long at most.
const LOOK_EVERY_MS: u64 = 500;

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
    place: Option<Place>,
    since: Instant,
    /// When the file was last seen in its place, in milliseconds of [`Self::since`].
    seen_ms: AtomicU64,
    idle: [Mutex<Vec<Conn>>; PLACES],
}

impl Files {
    pub(super) fn new(url: DatabaseUrl, timeout: Duration) -> Result<Self, StoreError> {
        Ok(Self {
            place: engine::place(&url)?,
            url,
            timeout,
            since: Instant::now(),
            seen_ms: AtomicU64::new(0),
            idle: Default::default(),
        })
    }

    pub(super) fn with<T>(
        &self,
        query: impl FnOnce(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.look_for_the_file()?;
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

    /// Looks once in a while whether others would find the file that is read here: each time would
    /// cost a system call a query.
    fn look_for_the_file(&self) -> Result<(), StoreError> {
        let now_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let seen_ms = self.seen_ms.load(Ordering::Relaxed);
        if now_ms.saturating_sub(seen_ms) >= LOOK_EVERY_MS {
            self.place.as_ref().map_or(Ok(()), Place::check)?;
            self.seen_ms.store(now_ms, Ordering::Relaxed);
        }
        Ok(())
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
