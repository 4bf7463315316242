//! Accounts as they change, for whoever keeps a copy of them: other services' own tables of users.

use std::thread;
use std::time::{Duration, Instant};

use super::Services;
use super::feed::PAUSE;
use super::listeners::{TooMany, Who};
use super::management::Management;
use crate::domain::audit::Action;
use crate::domain::authority::{Authority, Denied};
use crate::domain::permission::Builtin;
use crate::store::users::{self, AccountChange};
use crate::store::{Store, StoreError, changes};

/// Some changes, and where to go on.
#[derive(Debug, PartialEq)]
pub struct Page {
    /// In their order; of an account its latest alone.
    pub changes: Vec<AccountChange>,
    /// Ask for what is after this next time.
    pub cursor: i64,
    /// Whether there is more already.
    pub more: bool,
}

/// Why there are no changes to give.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountFeedError {
    /// The cursor is of another history: whoever keeps a copy reads everything anew, from 0.
    #[error("the cursor is from the future")]
    FromTheFuture,
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Too many wait on behalf of the caller.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What changed after a cursor: from 0 on, every account there is. Where there is nothing yet, waits
/// for it, for `patience` at most.
pub fn after(
    services: &Services,
    desk: &Management,
    cursor: i64,
    limit: u32,
    patience: Duration,
) -> Result<Page, AccountFeedError> {
    desk.check_view(Builtin::UsersView, Action::UserViewed)?;
    let page = now(&services.store, cursor, limit)?;
    if patience.is_zero() || !page.changes.is_empty() {
        return Ok(page);
    }
    let _place = match desk.authority() {
        Authority::User(bearer) => Some(services.listeners.enter(Who::User(bearer.user.id))?),
        Authority::Client(client, _) => {
            Some(services.listeners.enter(Who::Client(client.clone()))?)
        }
        Authority::Operator(_) => None,
    };
    let until = Instant::now() + patience;
    loop {
        let page = now(&services.store, cursor, limit)?;
        let is_over = Instant::now() >= until || services.closing.is_begun();
        if is_over || !page.changes.is_empty() {
            return Ok(page);
        }
        thread::sleep(PAUSE.min(until.saturating_duration_since(Instant::now())));
    }
}

fn now(store: &Store, cursor: i64, limit: u32) -> Result<Page, AccountFeedError> {
    let (found, extent) = store.read(|connection| {
        let found = users::changed_since(connection, cursor, limit)?;
        Ok((found, changes::extent(connection)?))
    })?;
    if !(0..=extent.latest).contains(&cursor) {
        return Err(AccountFeedError::FromTheFuture);
    }
    Ok(Page {
        cursor: found.last().map_or(cursor, AccountChange::version),
        more: found.len() == limit as usize,
        changes: found,
    })
}
