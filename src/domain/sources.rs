//! Time and randomness, handed in (ADR 10): what needs them takes these, and tests move them.

use jiff::Timestamp;
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// Gives unpredictable bytes.
pub trait Random: Send + Sync {
    /// Fills the whole slice, or panics: an operating system without randomness serves nobody.
    fn fill(&self, bytes: &mut [u8]);

    /// A version 7 UUID (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits.
    fn uuid_v7(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
pub(crate) mod fixed {
    //! A clock that stands until it is moved, and randomness that is none.

    use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

    use super::{Clock, Random, Timestamp};

    /// Never the same bytes twice in 256 calls.
    #[derive(Debug, Default)]
    pub(crate) struct CountingRandom(AtomicU8);

    impl CountingRandom {
        pub(crate) const fn new() -> Self {
            Self(AtomicU8::new(0))
        }
    }

    impl Random for CountingRandom {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
        }
    }

    /// Unix milliseconds, set by the test.
    #[derive(Debug)]
    pub(crate) struct FixedClock(AtomicI64);

    impl FixedClock {
        pub(crate) fn at_second(second: i64) -> Self {
            Self(AtomicI64::new(second * 1000))
        }

        pub(crate) fn advance_secs(&self, seconds: i64) {
            self.advance_millis(seconds * 1000);
        }

        pub(crate) fn advance_millis(&self, millis: i64) {
            self.0.fetch_add(millis, Ordering::SeqCst);
        }
    }

    impl Clock for FixedClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).expect("within range")
        }
    }
}
