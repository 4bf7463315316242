//! Following what ended: where one is, for how long nothing was heard, and when to ask again.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::answers::Change;
use crate::answers::Page;
use crate::settings::Settings;

/// Between two tries at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);

/// What others ask of the feed.
pub(crate) struct Pulse {
    began: Instant,
    /// Milliseconds after the beginning when something was last heard; 0: never.
    heard_at: AtomicU64,
    /// Seconds since 1970 when that was asked for: they go on while a machine sleeps.
    asked_hour: AtomicU64,
    is_stopped: AtomicBool,
    max_silence: Duration,
    /// Seconds after `asked_hour` when somebody must have slept.
    longest: u64,
}

impl Pulse {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            began: Instant::now(),
            heard_at: AtomicU64::new(0),
            asked_hour: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
            max_silence: settings.max_silence,
            longest: (settings.max_silence + patience(settings)).as_secs() + 1,
        }
    }

    /// Whether what has ended is known by now, give or take the silence that is borne; `hour`: the seconds since 1970.
    pub(crate) fn is_fresh(&self, now: Instant, hour: u64) -> bool {
        let heard_at = self.heard_at.load(Ordering::Acquire);
        let asked_hour = self.asked_hour.load(Ordering::Relaxed);
        let until = self.began + Duration::from_millis(heard_at) + self.max_silence;
        heard_at > 0 && now < until && hour <= asked_hour + self.longest
    }

    /// What had ended at this time is known; it was asked for at that hour.
    pub(crate) fn beat(&self, known: Instant, asked_hour: u64) {
        self.asked_hour.store(asked_hour, Ordering::Relaxed);
        let since = known.saturating_duration_since(self.began).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX).max(1);
        self.heard_at.store(since, Ordering::Release);
    }

    #[cfg(feature = "blocking")]
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }
}

/// Where the feed is.
#[derive(Default)]
pub(crate) struct Position {
    pub(crate) cursor: Option<i64>,
    failures: u32,
    is_refusal_told: bool,
}

/// What a page asks for.
pub(crate) enum Heard {
    /// Nothing that was kept is trusted from here on.
    Beginning,
    /// These changed; whether that is all there is.
    Changes(Vec<Change>, bool),
}

impl Position {
    /// Moves on by a page.
    pub(crate) fn take(&mut self, page: Page<Change>) -> Heard {
        (self.failures, self.is_refusal_told) = (0, false);
        match self.cursor.replace(page.cursor) {
            None => Heard::Beginning,
            Some(_) => Heard::Changes(page.changes, !page.more),
        }
    }

    /// Goes to where authd says to begin again.
    pub(crate) fn begin_at(&mut self, cursor: i64) {
        (self.failures, self.is_refusal_told) = (0, false);
        self.cursor = Some(cursor);
    }

    /// For how long to wait after trouble. `spread`, from 0 to 1, keeps processes from asking together.
    pub(crate) fn pause(&mut self, spread: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let longest = SHORTEST_PAUSE * 2_u32.pow(self.failures.min(10));
        longest.min(LONGEST_PAUSE).mul_f64(0.5 + spread / 2.0)
    }

    /// Whether this is the first since something was heard, whatever other trouble there was.
    pub(crate) fn is_first_refusal(&mut self) -> bool {
        !mem::replace(&mut self.is_refusal_told, true)
    }
}

/// For how long authd is asked to wait: three answers could come in the time for which silence is borne.
pub(crate) fn patience(settings: &Settings) -> Duration {
    Duration::from_secs((settings.max_silence.as_secs() / 3).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(more: bool) -> Page<Change> {
        Page {
            changes: Vec::new(),
            cursor: 5,
            more,
        }
    }

    #[test]
    fn the_first_page_only_says_where_to_begin() {
        let mut position = Position::default();
        assert!(matches!(position.take(page(false)), Heard::Beginning));
        assert!(matches!(
            position.take(page(true)),
            Heard::Changes(_, false)
        ));
        assert!(matches!(
            position.take(page(false)),
            Heard::Changes(_, true)
        ));
    }

    #[test]
    fn pauses_grow_to_some_seconds_and_no_further() {
        let mut position = Position::default();
        assert_eq!(position.pause(1.0), Duration::from_millis(400));
        assert_eq!(position.pause(0.0), Duration::from_millis(400));
        for _ in 0..100 {
            assert!(position.pause(1.0) <= LONGEST_PAUSE);
        }
        position.begin_at(1);
        assert_eq!(position.pause(1.0), Duration::from_millis(400));
    }

    #[test]
    fn a_refusal_is_said_once_even_after_other_trouble() {
        let mut position = Position::default();
        position.pause(1.0);
        assert!(position.is_first_refusal() && !position.is_first_refusal());
        position.take(page(false));
        assert!(position.is_first_refusal());
    }

    #[test]
    fn silence_is_borne_for_a_while() {
        let settings = Settings::online("http://localhost").max_silence(Duration::from_secs(3));
        let pulse = Pulse::new(&settings);
        let now = Instant::now();
        assert!(!pulse.is_fresh(now, 100));
        pulse.beat(now, 100);
        assert!(pulse.is_fresh(now + Duration::from_millis(2900), 103));
        assert!(!pulse.is_fresh(now + Duration::from_secs(4), 104));
    }

    #[test]
    fn a_machine_that_slept_does_not_know_what_ended_meanwhile() {
        let settings = Settings::online("http://localhost").max_silence(Duration::from_secs(3));
        let pulse = Pulse::new(&settings);
        let now = Instant::now();
        pulse.beat(now, 100);
        // A clock that is set back is no sleep, and what lasts goes on.
        assert!(pulse.is_fresh(now, 100) && pulse.is_fresh(now, 50));
        assert!(!pulse.is_fresh(now, 106));
        pulse.beat(now, 106);
        assert!(pulse.is_fresh(now, 106));
    }
}
