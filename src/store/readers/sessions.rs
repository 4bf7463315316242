//! Sessions on a server, of which there are so many at most.

use std::sync::{Mutex, PoisonError};
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
    /// When a session last broke: the others are asked before they are used again.
    broke_at: Mutex<Option<Instant>>,
}

impl Sessions {
    pub(super) fn new(url: DatabaseUrl, most: u32, timeout: Duration) -> Self {
        let opener = Opener { url, timeout };
        let pool = Pool::builder()
            .max_size(most)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .idle_timeout(Some(IDLE))
            .max_lifetime(Some(LIFE))
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(opener);
        Self {
            pool,
            broke_at: Mutex::default(),
        }
    }

    /// Runs a query, once more if its session broke under it. All is over at `until`.
    pub(super) fn with<T>(
        &self,
        until: Instant,
        query: impl Fn(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut may_repeat = true;
        loop {
            match self.attempt(until, &query) {
                Attempt::Done(outcome) => return outcome,
                // It is gone now; the next may be one that was opened since.
                Attempt::Stale if Instant::now() < until => {}
                Attempt::Stale => return Err(Reason::TimedOut.into()),
                Attempt::Broke(_) if may_repeat && Instant::now() < until => may_repeat = false,
                Attempt::Broke(error) => return Err(error),
            }
        }
    }

    fn attempt<T>(
        &self,
        until: Instant,
        query: &impl Fn(&Conn) -> Result<T, StoreError>,
    ) -> Attempt<T> {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(place) = self.pool.get_timeout(left) else {
            return Attempt::Done(Err(Reason::NoConnection.into()));
        };
        let connection = match &*place {
            Ok(connection) => connection,
            Err(failure) if failure.at.elapsed() < FRESH => {
                return Attempt::Done(Err(failure.reason.clone().into()));
            }
            Err(_) => return Attempt::Stale,
        };
        connection.bound(until);
        if !connection.is_usable(self.broke_at()) {
            return Attempt::Stale;
        }
        match query(connection) {
            Err(error) if connection.is_broken() => {
                *self.broke_at.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Instant::now());
                Attempt::Broke(error)
            }
            outcome => Attempt::Done(outcome),
        }
    }

    fn broke_at(&self) -> Option<Instant> {
        *self.broke_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a query.
enum Attempt<T> {
    /// It was answered, or there is no session to ask it on.
    Done(Result<T, StoreError>),
    /// The session had ended before; nothing was asked.
    Stale,
    /// The session ended under it.
    Broke(StoreError),
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

    /// Never called: whoever takes a session asks it, within the time there is.
    fn is_valid(&self, _: &mut Self::Connection) -> Result<(), Unusable> {
        Ok(())
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
