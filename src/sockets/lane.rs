//! The lane for what may wait (ADR 3): a bounded number of threads, and a bounded time for whoever
//! waits for them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Requests at a time in the lane for what hashes, writes or reads from afar.
pub const PLACES: usize = 256;

/// Requests at a time in the lane for those who wait for something to happen.
pub const WAITING_PLACES: usize = 64;

/// Threads for both lanes. Each I/O thread may have as many.
pub(super) const THREADS: usize = PLACES + WAITING_PLACES;

/// Places under way and waiting together.
pub struct BlockingLane {
    places: Arc<Semaphore>,
    patience: Option<Duration>,
}

/// Why there is no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneError {
    /// There was no place; nothing was begun.
    Full,
    /// It took too long. It goes on, and keeps its place.
    TooLate,
    /// It panicked.
    Panicked,
}

/// What is said of [`LaneError::Full`].
pub const FULL: &str = "Too much at once; try again later.";

/// What is said of [`LaneError::TooLate`]: what writes may be in the middle of it.
pub const TOO_LATE: &str =
    "The database did not answer in time: what was asked for may have been done or not.";

impl BlockingLane {
    /// A lane for so many, whose users wait so long at most.
    pub fn new(places: usize, patience: Option<Duration>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            patience,
        }
    }

    /// Runs `work` on a thread that may wait.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LaneError> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(LaneError::Full);
        };
        let work = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(place);
            outcome
        });
        let done = match self.patience {
            None => work.await,
            Some(patience) => tokio::time::timeout(patience, work)
                .await
                .map_err(|_| LaneError::TooLate)?,
        };
        done.map_err(|_| LaneError::Panicked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T: Send + 'static>(
        lane: &BlockingLane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LaneError> {
        let runtime = tokio::runtime::Runtime::new().expect("starts");
        runtime.block_on(lane.run(work))
    }

    #[test]
    fn what_panics_gives_its_place_back() {
        let lane = BlockingLane::new(PLACES, None);
        let panicked = run(&lane, || panic!("for the test"));
        assert_eq!(panicked, Err::<(), _>(LaneError::Panicked));
        assert_eq!(lane.places.available_permits(), PLACES);
        assert_eq!(run(&lane, || 7), Ok(7));
    }

    #[test]
    fn a_full_lane_begins_nothing() {
        let lane = BlockingLane::new(PLACES, None);
        let all = u32::try_from(PLACES).expect("is small");
        let places = lane.places.try_acquire_many(all).expect("are free");
        assert_eq!(
            run(&lane, || unreachable!("there is no place")),
            Err::<(), _>(LaneError::Full)
        );
        drop(places);
        assert_eq!(run(&lane, || 7), Ok(7));
    }

    #[test]
    fn nobody_waits_longer_than_the_lane_has_patience() {
        let lane = BlockingLane::new(PLACES, Some(Duration::from_millis(20)));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let runtime = tokio::runtime::Runtime::new().expect("starts");
        let outcome = runtime.block_on(lane.run(move || wait.recv().is_ok()));
        assert_eq!(outcome, Err(LaneError::TooLate));
        assert_eq!(lane.places.available_permits(), PLACES - 1);
        go.send(()).expect("still waits");
        drop(runtime);
        assert_eq!(lane.places.available_permits(), PLACES);
    }
}
