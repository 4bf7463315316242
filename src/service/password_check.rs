//! Whether a password is an account's: for logging in, and for what asks for it again.

use std::net::IpAddr;
use std::sync::Arc;

use super::Services;
use super::guesses::{Guess, GuessTurn, Wait};
use crate::domain::password::Password;
use crate::domain::user::{User, UserId};
use crate::passwords::argon::Verdict;
use crate::passwords::{Ballast, HashError, PhcString, PoolError};
use crate::store::users::{self, Credentials};
use crate::store::{Conn, StoreError, sessions};

/// An account whose password was just found right.
pub(super) struct Checked {
    pub(super) user: User,
    pub(super) hash: PhcString,
    /// Whether the stored hash has other parameters than the present ones.
    pub(super) is_outdated: bool,
}

/// Why a password was not found right.
pub(super) enum NotRight {
    /// It is not the account's, or there is no such account that may log in: nobody is told which.
    Wrong,
    /// Too many were wrong: it was not looked at, and is after so many seconds.
    TooMany(u32),
    /// The hashing pool did not take or finish the work.
    Hashing(PoolError),
    /// The database failed.
    Store(StoreError),
}

/// Whoever says a password for this account, if they need not wait.
///
/// Where others guess at an account, whoever has a session of it from the same address is not kept out.
pub(super) fn admit(
    services: &Services,
    name: &str,
    known: Option<UserId>,
    address: Option<IpAddr>,
) -> Result<Result<Guess, NotRight>, StoreError> {
    let guess = services.guesses.at(name, address);
    let now = services.sources.clock.now();
    match (services.guesses.wait(&guess, now), known, address) {
        (None, ..) => Ok(Ok(guess)),
        (Some(Wait::Strangers(secs)), Some(user), Some(address)) => {
            let is_at_home = services
                .store
                .read(|connection| sessions::any_from(connection, user, address))?;
            Ok(is_at_home
                .then(|| guess.at_home())
                .ok_or(NotRight::TooMany(secs)))
        }
        (Some(Wait::Own(secs) | Wait::Strangers(secs)), ..) => Ok(Err(NotRight::TooMany(secs))),
    }
}

/// Checks a password; every refusal but that for too many does the work of one check.
pub(super) fn check(
    services: &Services,
    password: &Password,
    credentials: Option<Credentials>,
    guess: Guess,
) -> Result<Checked, NotRight> {
    let usable = credentials
        .filter(|found| found.user.is_active)
        .and_then(|found| {
            let hash = found.password_hash?.expose().clone();
            Some((found.user, PhcString::from_stored(hash)))
        });
    let turn = GuessTurn {
        guesses: Arc::clone(&services.guesses),
        guess,
        clock: Arc::clone(&services.sources.clock),
    };
    let stored = usable.as_ref().map(|(_, hash)| hash);
    let ballast = services.store.read(ballast).map_err(NotRight::Store)?;
    let verdict = match (services.hasher).verify_in_turn(password, stored, ballast, turn) {
        Err(PoolError::Hash(error @ HashError::Damaged)) => {
            let id = usable
                .as_ref()
                .map(|(user, _)| tracing::field::display(user.id));
            tracing::error!(user = id, %error, "a password was refused");
            Some(Verdict::Mismatch)
        }
        verdict => verdict.map_err(NotRight::Hashing)?,
    };
    let Some(verdict) = verdict else {
        let now = services.sources.clock.now();
        let wait = services.guesses.wait(&guess, now);
        let (Wait::Own(secs) | Wait::Strangers(secs)) = wait.unwrap_or(Wait::Own(1));
        return Err(NotRight::TooMany(secs));
    };
    let (user, hash) = usable.ok_or(NotRight::Wrong)?;
    match verdict {
        Verdict::Mismatch => Err(NotRight::Wrong),
        Verdict::Match | Verdict::MatchOutdated => Ok(Checked {
            user,
            hash,
            is_outdated: verdict == Verdict::MatchOutdated,
        }),
    }
}

/// Checks the password of an account that somebody has shown to be in; counted with those of logins
/// (statements 67 and 74).
pub(super) fn of_owner(
    services: &Services,
    user: &User,
    password: &Password,
    address: Option<IpAddr>,
) -> Result<Checked, NotRight> {
    let name = user.email.as_str();
    let guess = admit(services, name, Some(user.id), address).map_err(NotRight::Store)??;
    let found = services
        .store
        .read(|connection| users::credentials(connection, &user.email))
        .map_err(NotRight::Store)?
        .filter(|found| found.user.id == user.id);
    check(services, password, found, guess)
}

/// What hashes of Django's there still are.
fn ballast(connection: &Conn) -> Result<Ballast, StoreError> {
    /// More kinds of hashes than Django has ever made.
    const MAX_KINDS: usize = 64;
    let (mut ballast, mut after) = (Ballast::default(), String::new());
    for _ in 0..MAX_KINDS {
        let Some(hash) = users::foreign_hash_after(connection, &after)? else {
            break;
        };
        after = ballast.weigh(&PhcString::from_stored(hash.expose().clone()));
    }
    Ok(ballast)
}

/// After a wrong password: how many seconds the next one has to wait, if at all.
pub(super) fn wait_after(services: &Services, guess: &Guess) -> Option<u32> {
    let now = services.sources.clock.now();
    let (Wait::Own(secs) | Wait::Strangers(secs)) = services.guesses.wait(guess, now)?;
    Some(secs)
}
