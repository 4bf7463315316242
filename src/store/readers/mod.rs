//! Connections for reading.

mod files;
mod sessions;

use std::time::{Duration, Instant};

use super::engine::{Conn, DatabaseUrl};
use super::error::StoreError;

use files::Files;
use sessions::Sessions;

/// Where queries get their connection from.
pub(super) enum Readers {
    /// Opening one costs little, and nobody counts them.
    Files(Box<Files>),
    /// Opening one costs round trips, and the server has only so many.
    Sessions(Sessions),
}

impl Readers {
    /// With `most` connections at a time, if they are counted.
    pub(super) fn new(url: DatabaseUrl, most: u32, timeout: Duration) -> Result<Self, StoreError> {
        Ok(match url {
            DatabaseUrl::Sqlite(_) => Self::Files(Box::new(Files::new(url, timeout)?)),
            DatabaseUrl::Postgres(_) => Self::Sessions(Sessions::new(url, most, timeout)),
        })
    }

    /// Runs a query, for which there is time until then on a server. One whose query failed may be the reason, and is not used again.
    pub(super) fn with<T>(
        &self,
        until: Instant,
        query: impl Fn(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Files(files) => files.with(query),
            Self::Sessions(sessions) => sessions.with(until, query),
        }
    }
}
