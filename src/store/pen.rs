//! The connection that writes.

use std::sync::Arc;
use std::time::Duration;

use super::condition::Condition;
use super::engine::{self, Conn, DatabaseUrl, Tx};
use super::error::StoreError;

/// The one connection that writes; opened anew when it breaks.
pub(super) struct Pen {
    url: DatabaseUrl,
    timeout: Duration,
    connection: Option<Conn>,
    condition: Arc<Condition>,
}

impl Pen {
    /// Tells `condition` how each transaction ends.
    pub(super) fn new(
        url: DatabaseUrl,
        timeout: Duration,
        connection: Conn,
        condition: Arc<Condition>,
    ) -> Self {
        Self {
            url,
            timeout,
            connection: Some(connection),
            condition,
        }
    }

    /// Bounds every wait for the database.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Runs `work` in a transaction.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let begun = self.begun();
        let outcome = begun.and_then(|connection| engine::finish(connection, work));
        self.condition.note(&outcome);
        outcome
    }

    /// The connection with a transaction begun. That is tried twice, because nothing was done yet:
    /// whether a connection has broken meanwhile is known only by its use.
    fn begun(&mut self) -> Result<&Conn, StoreError> {
        if let Some(connection) = self.connection.take().filter(|had| !had.is_broken()) {
            let begun = connection.begin();
            if begun.is_ok() || !connection.is_broken() {
                let connection = self.connection.insert(connection);
                return begun.map(|()| &*connection);
            }
        }
        let connection = engine::open(&self.url, self.timeout)?;
        let connection = self.connection.insert(connection);
        connection.begin()?;
        Ok(connection)
    }
}
