//! What was done, for whoever may see it; and whether it is still as it was written down.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::management::Management;
use crate::domain::audit::{Action, Event};
use crate::domain::authority::Denied;
use crate::domain::permission::Builtin;
use crate::domain::user::{UserId, UserRef};
use crate::store::audit::{self, EventFilter, Place};
use crate::store::{StoreError, users};

/// Events that are followed between two looks at the database.
const STRIDE: u32 = 1000;

/// Why events are not shown, or not to be believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// There is no such account, and an address of former times is not known.
    #[error("there is no account '{0}': name one that was deleted by its id")]
    NoAccount(UserRef),
    /// An event is not there, or not as it was written.
    #[error(
        "event {0} is not as it was written, or is missing: what is from there on proves nothing"
    )]
    Broken(i64),
    /// The chain fits, and does not have the event that it had.
    #[error("there is no event with the hash {0}: events were cut off, or all were written anew")]
    Lost(EventHash),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only what was done to this account, or by it.
    pub user: Option<UserRef>,
    /// Only this.
    pub action: Option<Action>,
    /// Only from this time on.
    pub since: Option<Timestamp>,
}

/// Some events in their order.
#[derive(Debug)]
pub struct Page {
    /// The events.
    pub events: Vec<Event>,
    /// After which number the next page begins; `None`: there is nothing more by now.
    pub next: Option<i64>,
    /// Up to which number all events were looked at: whoever waits for new ones goes on from there.
    pub seen: i64,
}

/// The hash of an event; it stands for all events up to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventHash([u8; 32]);

/// Not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits, as 'authctl audit verify' prints them")]
pub struct EventHashError;

/// A chain in which every event is as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many events there are.
    pub events: i64,
    /// The hash of the last one; zeros if there is none.
    pub hash: EventHash,
}

/// The first events after a number.
pub fn list(
    desk: &Management,
    wanted: &Wanted,
    after: i64,
    limit: u32,
) -> Result<Page, AuditError> {
    let filter = filter(desk, wanted)?;
    let ask = limit.saturating_add(1);
    let (last, mut events) = desk.store.read(|connection| {
        // In this order: what comes between the two is not missed.
        let last = audit::last_number(connection)?;
        Ok((last, audit::list(connection, &filter, after, ask)?))
    })?;
    let more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let next = events.last().filter(|_| more).map(|last| last.number);
    Ok(Page {
        seen: next.unwrap_or_else(|| reached(&events, last.max(after))),
        events,
        next,
    })
}

/// The last events, in their order.
pub fn latest(desk: &Management, wanted: &Wanted, limit: u32) -> Result<Page, AuditError> {
    let filter = filter(desk, wanted)?;
    let (last, events) = desk.store.read(|connection| {
        let last = audit::last_number(connection)?;
        Ok((last, audit::latest(connection, &filter, limit)?))
    })?;
    Ok(Page {
        seen: reached(&events, last),
        events,
        next: None,
    })
}

fn reached(events: &[Event], last: i64) -> i64 {
    events.last().map_or(last, |event| event.number.max(last))
}

/// Follows the chain of hashes from the first event to the last; fails with the first that does not
/// fit, or if the event that had the hash `expected` is not among them.
pub fn verify(desk: &Management, expected: Option<EventHash>) -> Result<Verified, AuditError> {
    desk.check_view(Builtin::AuditView, Action::AuditViewed)?;
    let wanted = expected.map(|EventHash(hash)| hash);
    let mut at = Place::BEGINNING;
    // That of no events at all is in every chain.
    let mut is_met = wanted.is_none_or(|wanted| wanted == at.hash);
    loop {
        let step = desk
            .store
            .read(|connection| audit::follow(connection, at, STRIDE, wanted.as_ref()))?;
        if let Some(number) = step.broken {
            return Err(AuditError::Broken(number));
        }
        at = step.to;
        is_met |= step.met;
        if step.is_end {
            break;
        }
    }
    match expected.filter(|_| !is_met) {
        Some(expected) => Err(AuditError::Lost(expected)),
        None => Ok(Verified {
            events: at.number,
            hash: EventHash(at.hash),
        }),
    }
}

fn filter(desk: &Management, wanted: &Wanted) -> Result<EventFilter, AuditError> {
    desk.check_view(Builtin::AuditView, Action::AuditViewed)?;
    let user = wanted.user.as_ref().map(|name| account(desk, name));
    Ok(EventFilter {
        user: user.transpose()?,
        action: wanted.action,
        since: wanted.since,
    })
}

/// Whose account it is. An id may be that of one which is not there any more.
fn account(desk: &Management, name: &UserRef) -> Result<UserId, AuditError> {
    if let UserRef::Id(id) = name {
        return Ok(*id);
    }
    let found = desk
        .store
        .read(|connection| users::find(connection, name))?;
    found
        .map(|user| user.id)
        .ok_or_else(|| AuditError::NoAccount(name.clone()))
}

impl fmt::Display for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for EventHash {
    type Err = EventHashError;

    fn from_str(text: &str) -> Result<Self, EventHashError> {
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(EventHashError);
        }
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            let digits = &text[2 * at..2 * at + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| EventHashError)?;
        }
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests;
