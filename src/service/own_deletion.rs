//! A user deletes their account.

use super::Services;
use super::account_change::guard_last_superuser;
use super::accounts::{AccountError, LastSuperuser, refused};
use super::own_account::{Owner, WrongToken};
use super::password_check::{self, NotRight};
use super::scribe::Scribe;
use crate::domain::audit::{Action, Entry, Outcome, Who};
use crate::domain::password::Password;
use crate::domain::user::UserRef;
use crate::store::{StoreError, users};

/// Why the account stayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OwnDeletionError {
    /// The token is not for this.
    #[error(transparent)]
    Token(#[from] WrongToken),
    /// The password is another, or the account is gone, disabled, or has another one by now.
    #[error("this is not the current password")]
    WrongPassword,
    /// Too many passwords were wrong: this one was not looked at, and is after so many seconds.
    #[error("too many wrong passwords: try again in {0} seconds")]
    TooMany(u32),
    /// It is the last superuser's, or the database or the hashing pool failed.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<StoreError> for OwnDeletionError {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

/// Deletes the account of whoever asks in a session of it, and knows its password. The last active
/// superuser stays.
pub fn delete(
    services: &Services,
    by: &Owner<'_>,
    password: &Password,
) -> Result<(), OwnDeletionError> {
    let session = by.session()?;
    let id = by.user.id;
    let entry = Entry::new(Action::UserDeleted).user(id).session(session);
    let scribe = Scribe::at(Who::User(id), by.address, &services.sources);
    let clock = services.sources.clock.clone();
    let hash = match password_check::of_owner(services, by.user, password, by.address) {
        Ok(checked) => checked.hash,
        Err(NotRight::Wrong) => {
            let entry = entry.ended(Outcome::Failed);
            services
                .store
                .write(move |tx| scribe.write(tx, &entry, clock.now()))?;
            return Err(OwnDeletionError::WrongPassword);
        }
        Err(NotRight::TooMany(secs)) => return Err(OwnDeletionError::TooMany(secs)),
        Err(NotRight::Hashing(error)) => return Err(AccountError::from(error).into()),
        Err(NotRight::Store(error)) => return Err(error.into()),
    };
    let was_there = services.store.attempt(move |tx| {
        let found = users::find(tx, &UserRef::Id(id))?.filter(|user| user.is_active);
        let Some(user) = found else {
            return Ok(false);
        };
        // What was checked may have been changed since.
        let stored = users::credentials(tx, &user.email)?.and_then(|found| found.password_hash);
        if stored.is_none_or(|stored| stored.expose().as_str() != hash.as_str()) {
            return Ok(false);
        }
        guard_last_superuser(tx, &user, LastSuperuser::Keep)
            .map_err(|error| refused(AccountError::from(error)))?;
        let now = clock.now();
        users::delete(tx, id, now)?;
        scribe.write(tx, &entry, now)?;
        Ok(true)
    })?;
    if was_there {
        Ok(())
    } else {
        Err(OwnDeletionError::WrongPassword)
    }
}
