//! An end to waiting for a server where nothing else has one: names that are being looked up.

use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::engine::DatabaseUrl;
use super::error::{Reason, StoreError};

/// Runs `work`, which asks this database, and gives up waiting for it after `limit`. What it does
/// then, nobody sees; it must change nothing.
///
/// A file answers by itself.
pub(super) fn within<T: Send + 'static>(
    url: &DatabaseUrl,
    limit: Duration,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    if matches!(url, DatabaseUrl::Sqlite(_)) {
        return work();
    }
    let (sender, outcome) = bounded(1);
    let worker = thread::Builder::new().name("connect".into());
    let started = worker.spawn(move || {
        // Whoever asked may have gone.
        let _ = sender.send(work());
    });
    started.map_err(|error| Reason::Failed(error.to_string()))?;
    outcome.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => Reason::TimedOut,
        RecvTimeoutError::Disconnected => Reason::Failed("connecting was given up".into()),
    })?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::reason;

    #[test]
    fn nobody_waits_longer_for_a_server_than_is_allowed() {
        let url: DatabaseUrl = "postgres://ada@db/auth".parse().expect("is a URL");
        let limit = Duration::from_millis(20);
        let (go, wait) = bounded::<()>(0);
        let late = within(&url, limit, move || {
            let _ = wait.recv();
            Ok(())
        });
        assert_eq!(reason(late), Reason::TimedOut);
        drop(go);
        let long = Duration::from_secs(60);
        assert!(within(&url, long, || Ok(())).is_ok());
        let refused = within(&url, long, || Err::<(), _>(Reason::Locked.into()));
        assert_eq!(reason(refused), Reason::Locked);
    }
}
