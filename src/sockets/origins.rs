//! Connections under way, by where they come from.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections under way, by where they come from.
pub(super) struct Origins {
    limit: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place among those of its origin, until dropped.
pub(super) struct Counted {
    origins: Arc<Origins>,
    origin: IpAddr,
}

/// The origin has as many connections as it may.
pub(super) struct TooMany;

impl Origins {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            counts: Mutex::default(),
        })
    }

    pub(super) fn enter(self: &Arc<Self>, origin: IpAddr) -> Result<Counted, TooMany> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(origin).or_default();
        if *count >= self.limit {
            return Err(TooMany);
        }
        *count += 1;
        Ok(Counted {
            origins: Arc::clone(self),
            origin,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self
            .origins
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.origin);
            }
        }
    }
}
