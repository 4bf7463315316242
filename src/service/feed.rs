//! What changed, in its order (ADR 9): for whoever keeps verdicts and must drop them in time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Services;
use super::listeners::{Listener, TooMany, Who};
use crate::domain::client::ClientId;
use crate::store::changes::{self, Change};
use crate::store::{Store, StoreError};

/// Changes in one answer at most.
pub const PAGE: u32 = 1000;

/// How often the database is asked while somebody waits: what another program commits, nobody
/// announces.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// Some changes, and where to go on.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// In their order; of an account its latest alone.
    pub changes: Vec<Change>,
    /// Ask for what is after this next time.
    pub cursor: i64,
    /// Whether there is more already.
    pub more: bool,
}

/// Why there are no changes to give.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// What came after the cursor was forgotten, or the cursor is of another history: whoever asks
    /// must drop all verdicts and go on from here.
    #[error("the cursor is too old, or from the future")]
    Gone {
        /// Where to go on.
        cursor: i64,
    },
    /// Too many wait on behalf of the caller.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lets whoever waits go home when the program ends.
#[derive(Debug, Default)]
pub(super) struct Closing(AtomicBool);

impl Closing {
    /// Whether nobody is to wait any longer.
    pub(super) fn is_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Services {
    /// Nobody waits any longer from now on.
    pub fn stop_waiting(&self) {
        self.closing.0.store(true, Ordering::Relaxed);
    }
}

/// Where the changes stand: a cursor that leaves out all there was so far.
pub fn start(store: &Store) -> Result<Page, FeedError> {
    let extent = store.read(changes::extent)?;
    Ok(Page {
        changes: Vec::new(),
        cursor: extent.latest,
        more: false,
    })
}

/// A place among those who wait for changes; there are so many on behalf of each client.
pub fn listen(services: &Services, client: ClientId) -> Result<Listener, TooMany> {
    services.listeners.enter(Who::Client(client))
}

/// What changed after a cursor.
pub fn after(services: &Services, cursor: i64) -> Result<Page, FeedError> {
    now(&services.store, cursor)
}

/// The same for a client who, where there is nothing yet, waits for it, for `patience` at most.
pub fn wait(
    services: &Services,
    client: ClientId,
    cursor: i64,
    patience: Duration,
) -> Result<Page, FeedError> {
    let page = now(&services.store, cursor)?;
    if patience.is_zero() || !page.changes.is_empty() {
        return Ok(page);
    }
    let _place = listen(services, client)?;
    let until = Instant::now() + patience;
    loop {
        let page = now(&services.store, cursor)?;
        let is_over = Instant::now() >= until || services.closing.is_begun();
        if is_over || !page.changes.is_empty() {
            return Ok(page);
        }
        thread::sleep(PAUSE.min(until.saturating_duration_since(Instant::now())));
    }
}

fn now(store: &Store, cursor: i64) -> Result<Page, FeedError> {
    let (found, extent) = store.read(|connection| {
        let found = changes::since(connection, cursor, PAGE)?;
        // Asked last: what was pruned before this was read is told of.
        Ok((found, changes::extent(connection)?))
    })?;
    if cursor < extent.pruned || cursor > extent.latest {
        return Err(FeedError::Gone {
            cursor: extent.latest,
        });
    }
    Ok(Page {
        cursor: found.last().map_or(cursor, |change| change.version),
        more: found.len() == PAGE as usize,
        changes: found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::trial::{PASSWORD, Trial};
    use crate::store::changes::Kind;

    fn billing() -> ClientId {
        "billing".parse().expect("is a name")
    }

    fn kinds(page: &Page) -> Vec<Kind> {
        page.changes.iter().map(|change| change.kind).collect()
    }

    #[test]
    fn whoever_follows_is_told_what_ended_and_whose_answer_changed_in_their_order() {
        let trial = Trial::new();
        let start = start(&trial.services.store).expect("reads");
        assert_eq!(start.changes, []);
        let first = after(&trial.services, start.cursor).expect("reads");
        assert_eq!(first, start);
        trial.token();
        let login = after(&trial.services, start.cursor).expect("reads");
        assert_eq!(kinds(&login), [Kind::User]);
        assert_eq!(login.changes[0].id, trial.user.id.to_string());
        trial.set_password("violet lantern orbits quartz");
        let ended = after(&trial.services, login.cursor).expect("reads");
        assert_eq!(kinds(&ended), [Kind::Session, Kind::User]);
        assert_eq!(ended.cursor, login.cursor + 2);
        // Of an account the latest change alone; nothing is told twice.
        let all = after(&trial.services, start.cursor).expect("reads");
        assert_eq!(kinds(&all), [Kind::Session, Kind::User]);
        let rest = after(&trial.services, ended.cursor).expect("reads");
        assert_eq!((rest.changes.len(), rest.cursor), (0, ended.cursor));
    }

    #[test]
    fn a_long_list_comes_in_pages_and_none_is_left_out() {
        let trial = Trial::new();
        let start = start(&trial.services.store).expect("reads").cursor;
        let last = start + 2_500;
        trial.sql(&format!("UPDATE change_sequence SET value = {last}"));
        for version in start + 1..=last {
            trial.sql(&format!(
                "INSERT INTO revocations VALUES ({version}, 'token', 't{version}', 0)"
            ));
        }
        let (mut cursor, mut seen, mut more) = (start, 0, true);
        while more {
            let page = after(&trial.services, cursor).expect("reads");
            seen += page.changes.len();
            (cursor, more) = (page.cursor, page.more);
        }
        assert_eq!((seen, cursor), (2_500, last));
    }

    #[test]
    fn a_cursor_that_is_too_old_or_from_the_future_is_told_where_to_start() {
        let trial = Trial::new();
        let latest = start(&trial.services.store).expect("reads").cursor;
        trial.sql("UPDATE change_sequence SET pruned = 1, value = value + 1");
        for bad in [0, -1, i64::MIN, latest + 2, i64::MAX] {
            let outcome = after(&trial.services, bad);
            assert!(
                matches!(outcome, Err(FeedError::Gone { cursor }) if cursor == latest + 1),
                "{bad}: {outcome:?}"
            );
        }
        assert!(after(&trial.services, 1).is_ok());
    }

    #[test]
    fn whoever_waits_is_told_soon_and_sent_home_at_the_end() {
        let trial = Trial::new();
        let cursor = start(&trial.services.store).expect("reads").cursor;
        let minute = Duration::from_mins(1);
        let began = Instant::now();
        let page = thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&trial.services, billing(), cursor, minute));
            thread::sleep(Duration::from_millis(50));
            trial.login(PASSWORD).expect("logs in");
            waiting.join().expect("joins").expect("reads")
        });
        assert_eq!(kinds(&page), [Kind::User]);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&trial.services, billing(), page.cursor, minute));
            trial.services.stop_waiting();
            let page = waiting.join().expect("joins").expect("reads");
            assert_eq!(page.changes, []);
        });
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}
