//! A copy of the database that follows it, and how far behind it is.
//!
//! Staleness is measured, with one clock: at a moment the primary is asked how far its log goes.
//! When the replica has replayed the same log as far, it shows everything that was committed at
//! that moment, and so it is stale by the time since then at most.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::engine::{self, Conn, DatabaseUrl};
use super::error::{Reason, StoreError};
use super::readers::Readers;
use super::{DatabaseSettings, ReplicaSettings};

/// How often the distance is measured while staleness is allowed: this part of it.
const PER_ALLOWED: u32 = 5;
const MOST_OFTEN: Duration = Duration::from_millis(20);
const LEAST_OFTEN: Duration = Duration::from_secs(1);
/// Moments that wait for the replica to reach them; if there are more, every other one is forgotten.
const MARKS: usize = 64;

/// Reads that may be a little stale go here.
pub(super) struct Replica {
    readers: Readers,
    allowed: Duration,
    freshness: Arc<Freshness>,
    /// Ends the thread that measures when dropped.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Up to which moment the replica shows everything.
struct Freshness {
    start: Instant,
    /// Milliseconds since `start`; 0: not known.
    shows_all_until: AtomicU64,
}

impl Freshness {
    fn forget(&self) {
        self.shows_all_until.store(0, Ordering::Relaxed);
    }
}

impl Replica {
    /// Connects when it is needed: a replica that is away stops nobody.
    pub(super) fn new(
        settings: &DatabaseSettings,
        replica: &ReplicaSettings,
    ) -> Result<Self, StoreError> {
        let url = replica.url.clone();
        let freshness = Arc::new(Freshness {
            start: Instant::now(),
            shows_all_until: AtomicU64::new(0),
        });
        let (stop, stopped) = bounded(0);
        let meter = Meter {
            primary: End::new(settings.url.clone(), settings.timeout),
            replica: End::new(url.clone(), settings.timeout),
            marks: VecDeque::with_capacity(MARKS),
            freshness: Arc::clone(&freshness),
        };
        let every = (replica.max_staleness / PER_ALLOWED).clamp(MOST_OFTEN, LEAST_OFTEN);
        let thread = thread::Builder::new()
            .name("replica".into())
            .spawn(move || measure(meter, every, &stopped))
            .map_err(|error| Reason::Failed(error.to_string()))?;
        Ok(Self {
            readers: Readers::new(url, settings.connections, settings.timeout)?,
            allowed: replica.max_staleness,
            freshness,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Whether it is known to be no staler than allowed at this moment.
    pub(super) fn is_fresh(&self) -> bool {
        let until = self.freshness.shows_all_until.load(Ordering::Relaxed);
        let now = millis(self.freshness.start.elapsed());
        until > 0 && now.saturating_sub(until) <= millis(self.allowed)
    }

    /// Runs a query. If it fails, nobody asks here again until the replica was measured anew.
    pub(super) fn read<T>(
        &self,
        until: Instant,
        query: impl Fn(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let answer = self.readers.with(until, query);
        if answer.is_err() {
            self.freshness.forget();
        }
        answer
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that measures the replica ended with a panic");
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The measuring thread's life.
fn measure(mut meter: Meter, every: Duration, stopped: &Receiver<()>) {
    let mut was_measured = true;
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(every) {
        let outcome = meter.measure();
        if let (Err(error), true) = (&outcome, was_measured) {
            tracing::warn!(%error, "the replica cannot be measured; reading from the primary");
        }
        was_measured = outcome.is_ok();
    }
}

struct Meter {
    primary: End,
    replica: End,
    /// Moments, and how far the primary's log went then; oldest first.
    marks: VecDeque<(u64, i64)>,
    freshness: Arc<Freshness>,
}

impl Meter {
    fn measure(&mut self) -> Result<(), StoreError> {
        let moment = millis(self.freshness.start.elapsed());
        let written = self.primary.ask(Conn::log_written)?;
        let replayed = self.replica.ask(Conn::log_replayed)?;
        // One that follows nobody, as after a promotion, or somebody else, shows another history.
        let (Some(written), Some(replayed)) = (written, replayed) else {
            self.marks.clear();
            self.freshness.forget();
            return Ok(());
        };
        if written.history != replayed.history {
            self.marks.clear();
            self.freshness.forget();
            return Err(StoreError::from(Reason::AnotherHistory).at(&self.replica.url));
        }
        if self.marks.len() == MARKS {
            let mut is_kept = false;
            self.marks.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
        }
        self.marks.push_back((moment, written.at));
        let reached = self.marks.partition_point(|(_, at)| *at <= replayed.at);
        if let Some((moment, _)) = self.marks.drain(..reached).next_back() {
            let shows_all_until = &self.freshness.shows_all_until;
            shows_all_until.store(moment, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A connection to one end of the replication, opened anew when it breaks.
struct End {
    url: DatabaseUrl,
    timeout: Duration,
    connection: Option<Conn>,
}

impl End {
    fn new(url: DatabaseUrl, timeout: Duration) -> Self {
        Self {
            url,
            timeout,
            connection: None,
        }
    }

    fn ask<T>(
        &mut self,
        question: impl FnOnce(&Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => engine::open(&self.url, self.timeout).map_err(|error| error.at(&self.url))?,
        };
        let answer = question(&connection).map_err(|error| error.at(&self.url))?;
        self.connection = Some(connection);
        Ok(answer)
    }
}
