//! Sessions on a server, of which there are so many at most.

use std::time::{Duration, Instant};

use r2d2::{ManageConnection, NopErrorHandler, Pool};

use crate::store::engine::{self, Conn, DatabaseUrl};
use crate::store::error::{Reason, StoreError};

/// A session without work for so long is closed.
const IDLE: Duration = Duration::from_secs(10 * 60);
/// A session is replaced after so long, so that none stays with a server that was given up.
const LIFE: Duration = Duration::from_secs(30 * 60);

/// A failure to open a session is told to whoever waited for it, and not to those who come later:
/// the server may be back.
const FRESH: Duration = Duration::from_millis(50);

/// The sessions. Whoever finds them all in use waits, for the time-out at most.
pub(in crate::store) struct Sessions {
    pool: Pool<Opener>,
    timeout: Duration,
}

impl Sessions {
    pub(super) fn new(url: DatabaseUrl, most: u32, timeout: Duration) -> Self {
        let pool = Pool::builder()
            .max_size(most)
            .min_idle(Some(0))
            .connection_timeout(timeout)
            .idle_timeout(Some(IDLE))
            .max_lifetime(Some(LIFE))
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(Opener { url, timeout });
        Self { pool, timeout }
    }

    pub(super) fn with<T>(
        &self,
        query: impl FnOnce(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let until = Instant::now() + self.timeout;
        let place = self.pool.get().map_err(|_| Reason::NoConnection)?;
        match &*place {
            Ok(connection) => {
                connection.bound(until);
                query(connection)
            }
            Err(failure) => Err(failure.reason.clone().into()),
        }
    }
}

/// Opens sessions for the pool.
struct Opener {
    url: DatabaseUrl,
    timeout: Duration,
}

impl ManageConnection for Opener {
    /// A session, or why there is none: the pool would keep that for itself, and go on trying
    /// until whoever waits has waited in vain for the whole time-out.
    type Connection = Result<Conn, Failure>;
    type Error = Unusable;

    fn connect(&self) -> Result<Self::Connection, Unusable> {
        Ok(
            engine::open(&self.url, self.timeout).map_err(|error| Failure {
                reason: engine::reason_of(&error),
                at: Instant::now(),
            }),
        )
    }

    fn is_valid(&self, place: &mut Self::Connection) -> Result<(), Unusable> {
        match place {
            Ok(connection) if connection.is_usable() => Ok(()),
            Err(failure) if failure.at.elapsed() < FRESH => Ok(()),
            _ => Err(Unusable),
        }
    }

    fn has_broken(&self, place: &mut Self::Connection) -> bool {
        place.as_ref().map_or(true, Conn::is_broken)
    }
}

/// Why a session could not be opened just now.
struct Failure {
    reason: Reason,
    at: Instant,
}

/// The session has ended while nobody used it.
#[derive(Debug, thiserror::Error)]
#[error("the session has ended")]
struct Unusable;
