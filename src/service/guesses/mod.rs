//! Wrong passwords, and how long whoever gave them has to wait.
//!
//! Every way in that takes a password asks here. What is counted is kept in memory, on each node by itself;
//! SECURITY.md says what that means.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::counter::{Counters, Limit, Network};
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

/// Wrong passwords of late, by account, by address and by both.
pub(super) struct Guesses {
    rules: GuessRules,
    names: RandomState,
    pairs: Counters,
    accounts: Counters,
    addresses: Counters,
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

/// In which [`GuessRules::per_address`] are borne.
const ADDRESS_WINDOW_MS: i64 = 10 * 60 * 1000;

/// No address is longer, in bytes.
const MOST_OF_A_NAME: usize = 320;

impl Guesses {
    pub(super) fn new(rules: GuessRules) -> Self {
        Self {
            rules,
            names: RandomState::new(),
            pairs: Counters::new(),
            accounts: Counters::new(),
            addresses: Counters::new(),
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
        let network = address.map(Network::from);
        Guess {
            account,
            pair: self.names.hash_one((account, network)),
            address: network.map(|network| self.names.hash_one(network)),
            is_at_home: false,
        }
    }

    /// Whether this one has to wait first.
    pub(super) fn wait(&self, guess: &Guess, now: Timestamp) -> Option<Wait> {
        let wait = |counters: &Counters, key, limit| counters.wait(key, limit, now);
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
        let count = |counters: &Counters, key, limit| counters.count(key, limit, now);
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
        self.pairs.forget(guess.pair);
        self.accounts.forget(guess.account);
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
