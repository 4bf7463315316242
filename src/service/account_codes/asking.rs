//! Letters to strangers: how many one address may ask for.
//!
//! Whoever is asked for hears of it, whether they wanted to or not. One client must not be able to write to
//! everybody whose address it knows.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use jiff::Timestamp;

use super::CodeError;
use crate::service::Services;
use crate::service::counter::{Counters, Limit, Network};

/// In which [`super::AccountRules::letters_per_address`] are borne.
const WINDOW_MS: i64 = 10 * 60 * 1000;

/// Who asked for letters of late.
pub(in crate::service) struct Asked {
    networks: RandomState,
    counters: Counters,
    limit: Limit,
}

impl Asked {
    pub(in crate::service) fn new(letters_per_address: u32) -> Self {
        Self {
            networks: RandomState::new(),
            counters: Counters::new(),
            limit: Limit {
                most: letters_per_address,
                forgiven_after_ms: WINDOW_MS / i64::from(letters_per_address.max(1)),
                longest_wait_ms: WINDOW_MS,
            },
        }
    }

    fn take(&self, address: IpAddr, now: Timestamp) -> Result<(), u32> {
        let key = self.networks.hash_one(Network::from(address));
        self.counters.take(key, self.limit, now)
    }
}

/// Counts a letter that is asked for from this address, whether it will be written or not: what is too many
/// says nothing of who has an account. `None`, a Unix socket, is an operator's own.
pub(super) fn count(services: &Services, address: Option<IpAddr>) -> Result<(), CodeError> {
    let now = services.sources.clock.now();
    let taken = address.map_or(Ok(()), |address| services.asked.take(address, now));
    taken.map_err(CodeError::TooManyLetters)
}
