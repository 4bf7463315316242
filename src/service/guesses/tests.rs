//! Time is moved by hand here.

use super::*;
use crate::service::counter::CAPACITY;

const RULES: GuessRules = GuessRules {
    per_account_and_address: 3,
    per_account: 6,
    per_address: 10,
    longest_wait_secs: 60,
};

struct Hour {
    guesses: Guesses,
    now: Timestamp,
}

impl Hour {
    fn new() -> Self {
        Self {
            guesses: Guesses::new(RULES),
            now: Timestamp::from_second(1_800_000_000).expect("is a time"),
        }
    }

    fn guess(&self, name: &str, address: &str) -> Guess {
        let address = address.parse().expect("is an address");
        self.guesses.at(name, Some(address))
    }

    fn wrong(&self, guess: &Guess, times: usize) {
        for _ in 0..times {
            self.guesses.wrong(guess, self.now);
        }
    }

    fn wait(&self, guess: &Guess) -> Option<Wait> {
        self.guesses.wait(guess, self.now)
    }

    fn pass(&mut self, secs: i64) {
        self.now += jiff::SignedDuration::from_secs(secs);
    }
}

#[test]
fn who_is_wrong_too_often_waits_longer_each_time_but_never_longer_than_the_longest() {
    let mut hour = Hour::new();
    let ada = hour.guess("ada@example.com", "192.0.2.1");
    hour.wrong(&ada, 2);
    assert_eq!(hour.wait(&ada), None);
    for secs in [1, 2, 4, 8, 16, 32] {
        hour.wrong(&ada, 1);
        assert_eq!(hour.wait(&ada), Some(Wait::Own(secs)));
        hour.pass(i64::from(secs));
        assert_eq!(hour.wait(&ada), None);
    }
    hour.wrong(&ada, 2);
    let longest = Some(Wait::Own(60));
    assert_eq!(hour.wait(&ada), longest);
    // Statement 49: a clock that goes back frees nobody, and holds nobody longer.
    hour.pass(-3600);
    assert_eq!(hour.wait(&ada), longest);
}

#[test]
fn a_right_password_ends_the_row_and_time_forgives() {
    let mut hour = Hour::new();
    let ada = hour.guess("ada@example.com", "192.0.2.1");
    hour.wrong(&ada, 3);
    assert_eq!(hour.wait(&ada), Some(Wait::Own(1)));
    hour.guesses.right(&ada);
    hour.wrong(&ada, 2);
    assert_eq!(hour.wait(&ada), None);
    hour.pass(121);
    hour.wrong(&ada, 2);
    assert_eq!(hour.wait(&ada), None);
}

/// Security statement 73; CVE-2025-24806, CVE-2026-47203.
#[test]
fn spellings_of_one_name_are_one_account() {
    let hour = Hour::new();
    let ada = hour.guess("ada@example.com", "192.0.2.1");
    for spelling in ["ADA@example.com", "Ada@EXAMPLE.com"] {
        assert_eq!(hour.guess(spelling, "192.0.2.1"), ada, "{spelling}");
    }
    let composed = hour.guess("\u{e9}va@example.com", "192.0.2.1");
    let decomposed = hour.guess("E\u{301}va@example.com", "192.0.2.1");
    assert_eq!(composed, decomposed);
    let nobody = hour.guess("ada", "192.0.2.1");
    assert_eq!(hour.guess(" ADA ", "192.0.2.1"), nobody);
    assert_ne!(nobody, ada);
}

/// Security statement 75; GHSA-5847-rm3g-23mw.
#[test]
fn an_address_in_other_clothes_and_a_network_of_ipv6_are_one_client() {
    let hour = Hour::new();
    let at = |address: &str| hour.guess("ada@example.com", address);
    assert_eq!(at("::ffff:127.0.0.1"), at("127.0.0.1"));
    assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:0:0:1"));
    assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
    assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
}

/// Security statement 76.
#[test]
fn guesses_from_elsewhere_do_not_keep_the_owner_out() {
    let hour = Hour::new();
    let owner = hour.guess("ada@example.com", "192.0.2.1");
    hour.wrong(&hour.guess("ada@example.com", "192.0.2.66"), 5);
    assert_eq!(hour.wait(&owner), None);
    hour.wrong(&hour.guess("ada@example.com", "192.0.2.67"), 5);
    assert!(matches!(hour.wait(&owner), Some(Wait::Strangers(1..=60))));
    assert_eq!(hour.wait(&owner.at_home()), None);
}

#[test]
fn one_address_tries_many_accounts_only_so_fast() {
    let mut hour = Hour::new();
    for account in 0..10 {
        let guess = hour.guess(&format!("a{account}@example.com"), "192.0.2.1");
        assert_eq!(hour.wait(&guess), None);
        hour.wrong(&guess, 1);
    }
    let next = hour.guess("next@example.com", "192.0.2.1");
    assert_eq!(hour.wait(&next), Some(Wait::Own(1)));
    let right = hour.guess("a1@example.com", "192.0.2.1");
    hour.guesses.right(&right);
    assert_eq!(hour.wait(&next), Some(Wait::Own(1)));
    assert_eq!(
        hour.wait(&hour.guess("next@example.com", "192.0.2.2")),
        None
    );
    hour.pass(1);
    assert_eq!(hour.wait(&next), None);
}

#[test]
fn what_is_remembered_is_bounded() {
    let hour = Hour::new();
    for number in 0..CAPACITY + 5_000 {
        let guess = hour.guesses.at(&format!("a{number}@example.com"), None);
        hour.guesses.wrong(&guess, hour.now);
    }
    assert!(hour.guesses.accounts.len() <= CAPACITY);
    assert!(hour.guesses.pairs.len() <= CAPACITY);
    assert_eq!(hour.guesses.addresses.len(), 0);
}
