//! How often somebody did something of late: counted in memory, on each node by itself, and forgiven with time.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use quick_cache::sync::Cache;

/// Counters of many, each known by a hash. Bounded: who was not seen for longest is forgotten first.
pub(super) struct Counters(Cache<u64, Arc<Mutex<Counter>>>);

/// How many are remembered at most; about 100 bytes each.
pub(super) const CAPACITY: usize = 65_536;

/// When one is too many, and when it is forgiven.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) most: u32,
    pub(super) forgiven_after_ms: i64,
    pub(super) longest_wait_ms: i64,
}

/// How many there were so far; one is forgiven from time to time.
#[derive(Clone, Copy, Default)]
struct Counter {
    count: u32,
    /// Unix milliseconds of the last one, or of the last that was forgiven.
    at_ms: i64,
}

/// What counts as one address: of IPv6 a /64, and IPv4 in its clothes is IPv4.
#[derive(Clone, Copy, Hash)]
pub(super) struct Network(IpAddr);

impl Counters {
    pub(super) fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    /// Whether this one has to wait first, and for how many seconds.
    pub(super) fn wait(&self, key: u64, limit: Limit, now: Timestamp) -> Option<u32> {
        let counter = self.0.get(&key)?;
        let counter = *counter.lock().unwrap_or_else(PoisonError::into_inner);
        counter.wait(limit, now.as_millisecond())
    }

    /// It happened.
    pub(super) fn count(&self, key: u64, limit: Limit, now: Timestamp) {
        let counter = self.of(key);
        let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
        counter.count(limit, now.as_millisecond());
    }

    /// Counts it, unless it has to wait for so many seconds first; of many at once, those that are too many do.
    pub(super) fn take(&self, key: u64, limit: Limit, now: Timestamp) -> Result<(), u32> {
        let counter = self.of(key);
        let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secs) = counter.wait(limit, now.as_millisecond()) {
            return Err(secs);
        }
        counter.count(limit, now.as_millisecond());
        Ok(())
    }

    /// Forgives all.
    pub(super) fn forget(&self, key: u64) {
        self.0.remove(&key);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn of(&self, key: u64) -> Arc<Mutex<Counter>> {
        let fresh = || Ok::<_, std::convert::Infallible>(Arc::default());
        let Ok(counter) = self.0.get_or_insert_with(&key, fresh);
        counter
    }
}

impl Counter {
    /// How many are not forgiven, and since when.
    fn remaining(self, limit: Limit, now_ms: i64) -> Self {
        // A clock that goes back forgives nothing.
        let passed_ms = (now_ms - self.at_ms).max(0);
        let forgiven = passed_ms / limit.forgiven_after_ms.max(1);
        match u32::try_from(i64::from(self.count) - forgiven) {
            Ok(count) if count > 0 => Self {
                count,
                at_ms: self.at_ms + forgiven * limit.forgiven_after_ms,
            },
            _ => Self {
                count: 0,
                at_ms: now_ms,
            },
        }
    }

    fn count(&mut self, limit: Limit, now_ms: i64) {
        let remaining = self.remaining(limit, now_ms);
        *self = Self {
            count: remaining.count.saturating_add(1),
            at_ms: now_ms,
        };
    }

    /// Seconds left of one after the last that is borne, of two after the next, four, and so on.
    fn wait(self, limit: Limit, now_ms: i64) -> Option<u32> {
        let over = self.count.checked_sub(limit.most)?;
        let wait_ms = 1000_i64.saturating_mul(1_i64 << over.min(40));
        let wait_ms = wait_ms.min(limit.longest_wait_ms);
        // However far the clock went back, nobody waits longer than the longest.
        let left_ms = (self.at_ms + wait_ms - now_ms).min(wait_ms);
        let secs = u32::try_from((left_ms + 999).div_euclid(1000)).ok()?;
        (left_ms > 0).then_some(secs)
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << 64);
                Ipv6Addr::from(network).into()
            }
        })
    }
}
