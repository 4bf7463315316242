//! Connections for reading, each with its prepared statements and its page cache, handed from query
//! to query.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::engine::{self, Conn, DatabaseUrl};
use super::error::StoreError;

/// Idle connections kept; more than that many readers at once open and close their own.
const MAX_IDLE: usize = 32;

/// Idle connections. The one given back last, whose cache is warmest, is handed out first; the
/// lock is held for a push or a pop.
pub(super) struct ReaderPool {
    url: DatabaseUrl,
    timeout: Duration,
    idle: Mutex<Vec<Conn>>,
}

impl ReaderPool {
    pub(super) fn new(url: DatabaseUrl, timeout: Duration) -> Self {
        let idle = Mutex::new(Vec::with_capacity(MAX_IDLE));
        Self { url, timeout, idle }
    }

    pub(super) fn with<T>(
        &self,
        query: impl FnOnce(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = match self.take() {
            Some(connection) => connection,
            None => engine::open(&self.url, self.timeout)?,
        };
        let outcome = query(&connection);
        // One whose query failed is closed: it may be the reason.
        if outcome.is_ok() {
            self.give_back(connection);
        }
        outcome
    }

    fn take(&self) -> Option<Conn> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    fn give_back(&self, connection: Conn) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }
}
