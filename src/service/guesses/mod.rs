//! Wrong passwords, and how long whoever gave them has to wait.
//!
//! Every way in that takes a password asks here. What is counted is kept in memory, on each node by itself;
//! SECURITY.md says what that means.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use quick_cache::sync::Cache;

use crate::domain::email::Email;
use crate::domain::sources::Clock;
use crate::passwords::Turn;

/// How many wrong passwords are too many.
#[derive(Clone, Copy, Debug)]
pub struct GuessRules {
    /// Of one account from one address, in a row.
    pub per_account_and_address: u32,
    /// Of one account, wherever they come from, in a row.
    pub per_account: u32,
    /// From one address in ten minutes, whatever the accounts.
    pub per_address: u32,
    /// The longest that anybody waits.
    pub longest_wait_secs: u32,
}

/// Wrong passwords of late, by account, by address and by both. Bounded: who was not seen for longest is
/// forgotten first.
pub(super) struct Guesses {
    rules: GuessRules,
    names: RandomState,
    pairs: Counters,
    accounts: Counters,
    addresses: Counters,
}

type Counters = Cache<u64, Arc<Mutex<Counter>>>;

/// Wrong passwords so far; one is forgiven from time to time.
#[derive(Clone, Copy, Default)]
struct Counter {
    wrong: u32,
    /// Unix milliseconds of the last one, or of the last that was forgiven.
    at_ms: i64,
}

/// When one is too many, and when it is forgiven.
#[derive(Clone, Copy)]
struct Limit {
    most: u32,
    forgiven_after_ms: i64,
    longest_wait_ms: i64,
}

/// Somebody who says a password for an account: which, and from where. Known by hashes with a key of this
/// process, so that nobody outside can make two meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guess {
    account: u64,
    pair: u64,
    /// `None`: at a Unix socket.
    address: Option<u64>,
    /// Whether the account is at home there: then guesses from elsewhere do not count against it.
    is_at_home: bool,
}

/// How long there is to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// So many seconds, for this one.
    Own(u32),
    /// So many seconds, for all who are not known to be at home: others guess at this account.
    Strangers(u32),
}

/// Accounts, addresses, and pairs of them, remembered at most; about 100 bytes each.
const CAPACITY: usize = 65_536;

/// In which [`GuessRules::per_address`] are borne.
const ADDRESS_WINDOW_MS: i64 = 10 * 60 * 1000;

/// No address is longer, in bytes.
const MOST_OF_A_NAME: usize = 320;

impl Guesses {
    pub(super) fn new(rules: GuessRules) -> Self {
        Self {
            rules,
            names: RandomState::new(),
            pairs: Cache::new(CAPACITY),
            accounts: Cache::new(CAPACITY),
            addresses: Cache::new(CAPACITY),
        }
    }

    /// Somebody who says a password for the account of this name, as typed, whether there is one or not.
    pub(super) fn at(&self, name: &str, address: Option<IpAddr>) -> Guess {
        let account = if let Ok(email) = name.parse::<Email>() {
            self.names.hash_one(email.key())
        } else {
            let start: String = name.trim().chars().take(MOST_OF_A_NAME).collect();
            self.names.hash_one(start.to_lowercase())
        };
        let network = address.map(network);
        Guess {
            account,
            pair: self.names.hash_one((account, network)),
            address: network.map(|network| self.names.hash_one(network)),
            is_at_home: false,
        }
    }

    /// Whether this one has to wait first.
    pub(super) fn wait(&self, guess: &Guess, now: Timestamp) -> Option<Wait> {
        let now_ms = now.as_millisecond();
        let wait = |counters: &Counters, key: u64, limit: Limit| {
            let counter = counters.get(&key)?;
            let counter = *counter.lock().unwrap_or_else(PoisonError::into_inner);
            counter.wait(limit, now_ms)
        };
        let own = [
            wait(&self.pairs, guess.pair, self.of_pair()),
            guess
                .address
                .and_then(|address| wait(&self.addresses, address, self.of_address())),
        ];
        if let Some(secs) = own.into_iter().flatten().max() {
            return Some(Wait::Own(secs));
        }
        if guess.is_at_home {
            return None;
        }
        wait(&self.accounts, guess.account, self.of_account()).map(Wait::Strangers)
    }

    /// A password was wrong.
    pub(super) fn wrong(&self, guess: &Guess, now: Timestamp) {
        let now_ms = now.as_millisecond();
        let count = |counters: &Counters, key: u64, limit: Limit| {
            let fresh = || Ok::<_, std::convert::Infallible>(Arc::default());
            let Ok(counter) = counters.get_or_insert_with(&key, fresh);
            let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
            counter.count(limit, now_ms);
        };
        count(&self.pairs, guess.pair, self.of_pair());
        if !guess.is_at_home {
            count(&self.accounts, guess.account, self.of_account());
        }
        if let Some(address) = guess.address {
            count(&self.addresses, address, self.of_address());
        }
    }

    /// A password was right: none is wrong in a row any more. From its address others may have been.
    pub(super) fn right(&self, guess: &Guess) {
        self.pairs.remove(&guess.pair);
        self.accounts.remove(&guess.account);
    }

    fn longest_wait_ms(&self) -> i64 {
        i64::from(self.rules.longest_wait_secs) * 1000
    }

    fn of_pair(&self) -> Limit {
        Limit {
            most: self.rules.per_account_and_address,
            forgiven_after_ms: self.longest_wait_ms(),
            longest_wait_ms: self.longest_wait_ms(),
        }
    }

    fn of_account(&self) -> Limit {
        Limit {
            most: self.rules.per_account,
            ..self.of_pair()
        }
    }

    fn of_address(&self) -> Limit {
        Limit {
            most: self.rules.per_address,
            forgiven_after_ms: ADDRESS_WINDOW_MS / i64::from(self.rules.per_address.max(1)),
            ..self.of_pair()
        }
    }
}

impl Guess {
    /// The same, from where the account is at home.
    pub(super) fn at_home(self) -> Self {
        Self {
            is_at_home: true,
            ..self
        }
    }
}

impl Counter {
    /// How many are not forgiven, and since when.
    fn remaining(self, limit: Limit, now_ms: i64) -> Self {
        // A clock that goes back forgives nothing.
        let passed_ms = (now_ms - self.at_ms).max(0);
        let forgiven = passed_ms / limit.forgiven_after_ms.max(1);
        let wrong = i64::from(self.wrong) - forgiven;
        match u32::try_from(wrong) {
            Ok(wrong) if wrong > 0 => Self {
                wrong,
                at_ms: self.at_ms + forgiven * limit.forgiven_after_ms,
            },
            _ => Self {
                wrong: 0,
                at_ms: now_ms,
            },
        }
    }

    fn count(&mut self, limit: Limit, now_ms: i64) {
        let remaining = self.remaining(limit, now_ms);
        *self = Self {
            wrong: remaining.wrong.saturating_add(1),
            at_ms: now_ms,
        };
    }

    /// Seconds left of one after the last that is borne, of two after the next, four, and so on.
    fn wait(self, limit: Limit, now_ms: i64) -> Option<u32> {
        let over = self.wrong.checked_sub(limit.most)?;
        let wait_ms = 1000_i64.saturating_mul(1_i64 << over.min(40));
        let wait_ms = wait_ms.min(limit.longest_wait_ms);
        // However far the clock went back, nobody waits longer than the longest.
        let left_ms = (self.at_ms + wait_ms - now_ms).min(wait_ms);
        let secs = u32::try_from((left_ms + 999).div_euclid(1000)).ok()?;
        (left_ms > 0).then_some(secs)
    }
}

/// What counts as one address: of IPv6 a /64, and IPv4 in its clothes is IPv4.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            Ipv6Addr::from(network).into()
        }
    }
}

/// One guess at a password, when its turn comes among all that are hashed: those before it have been
/// counted by then, so that many at once are no more than the limit and those under way.
pub(super) struct GuessTurn {
    pub(super) guesses: Arc<Guesses>,
    pub(super) guess: Guess,
    pub(super) clock: Arc<dyn Clock>,
}

impl Turn for GuessTurn {
    fn may_try(&self) -> bool {
        self.guesses.wait(&self.guess, self.clock.now()).is_none()
    }

    fn tried(&self, is_right: bool) {
        if is_right {
            self.guesses.right(&self.guess);
        } else {
            self.guesses.wrong(&self.guess, self.clock.now());
        }
    }
}

#[cfg(test)]
mod tests;
