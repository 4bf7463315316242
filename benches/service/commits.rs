//! Somebody who commits beside the load, so that nothing read before is as it was.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use crate::Failure;

/// Commits a second.
pub(crate) const RATE: u32 = 20;

/// A thread that commits to a file until it is stopped.
pub(crate) struct Commits {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<rusqlite::Result<()>>,
}

impl Commits {
    pub(crate) fn to(database: &Path) -> Result<Self, Failure> {
        let connection = Connection::open(database)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                connection.execute("UPDATE change_sequence SET value = value + 1", [])?;
                thread::sleep(Duration::from_secs(1) / RATE);
            }
            Ok(())
        });
        Ok(Self { stop, thread })
    }

    /// Ends it, and says whether every commit went well.
    pub(crate) fn stop(self) -> Result<(), Failure> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| "the committing thread panicked")??;
        Ok(())
    }
}
