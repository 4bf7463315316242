//! Sessions on a server, of which there are so many at most.

use std::sync::{Arc, Mutex, PoisonError};
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
    broke_at: BrokeAt,
}

/// When a session was last found broken: the others are asked before they are used again.
type BrokeAt = Arc<Mutex<Option<Instant>>>;

impl Sessions {
    pub(super) fn new(url: DatabaseUrl, most: u32, timeout: Duration) -> Self {
        let broke_at = BrokeAt::default();
        let opener = Opener {
            url,
            timeout,
            broke_at: Arc::clone(&broke_at),
        };
        let pool = Pool::builder()
            .max_size(most)
            .min_idle(Some(0))
            .connection_timeout(timeout)
            .idle_timeout(Some(IDLE))
            .max_lifetime(Some(LIFE))
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(opener);
        Self {
            pool,
            timeout,
            broke_at,
        }
    }

    /// Runs a query, once more if its session broke: a server that has restarted is noticed so.
    pub(super) fn with<T>(
        &self,
        query: impl Fn(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let until = Instant::now() + self.timeout;
        match self.attempt(until, &query) {
            (Err(_), Session::Broken) if Instant::now() < until => self.attempt(until, &query).0,
            (outcome, _) => outcome,
        }
    }

    fn attempt<T>(
        &self,
        until: Instant,
        query: &impl Fn(&Conn) -> Result<T, StoreError>,
    ) -> (Result<T, StoreError>, Session) {
        let Ok(place) = self.pool.get() else {
            return (Err(Reason::NoConnection.into()), Session::Whole);
        };
        let connection = match &*place {
            Ok(connection) => connection,
            Err(failure) => return (Err(failure.reason.clone().into()), Session::Whole),
        };
        connection.bound(until);
        let outcome = query(connection);
        if !connection.is_broken() {
            return (outcome, Session::Whole);
        }
        *self.broke_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        (outcome, Session::Broken)
    }
}

/// What became of a session.
enum Session {
    Whole,
    Broken,
}

/// Opens sessions for the pool.
struct Opener {
    url: DatabaseUrl,
    timeout: Duration,
    broke_at: BrokeAt,
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
            Ok(connection) if connection.is_usable(self.broke_at()) => Ok(()),
            Err(failure) if failure.at.elapsed() < FRESH => Ok(()),
            _ => Err(Unusable),
        }
    }

    fn has_broken(&self, place: &mut Self::Connection) -> bool {
        place.as_ref().map_or(true, Conn::is_broken)
    }
}

impl Opener {
    fn broke_at(&self) -> Option<Instant> {
        *self.broke_at.lock().unwrap_or_else(PoisonError::into_inner)
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
