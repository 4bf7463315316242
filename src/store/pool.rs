//! Connections for reading, each with its prepared statements, handed from query to query.

use std::time::Duration;

use crossbeam_queue::ArrayQueue;

use super::engine::{self, Conn, DatabaseUrl};
use super::error::StoreError;

/// Idle connections kept; more than that many readers at once open and close their own.
const MAX_IDLE: usize = 32;

/// Idle connections. Taking and giving back one takes no lock.
pub(super) struct ReaderPool {
    url: DatabaseUrl,
    timeout: Duration,
    idle: ArrayQueue<Conn>,
}

impl ReaderPool {
    pub(super) fn new(url: DatabaseUrl, timeout: Duration) -> Self {
        Self {
            url,
            timeout,
            idle: ArrayQueue::new(MAX_IDLE),
        }
    }

    pub(super) fn with<T>(
        &self,
        query: impl FnOnce(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = match self.idle.pop() {
            Some(connection) => connection,
            None => engine::open(&self.url, self.timeout)?,
        };
        let outcome = query(&connection);
        // One whose query failed is closed: it may be the reason.
        if outcome.is_ok() {
            // A full queue gives the connection back, and dropping it closes it.
            let _ = self.idle.push(connection);
        }
        outcome
    }
}
