//! A user gives their account another password.

use super::Services;
use super::own_account::{Owner, WrongToken};
use super::password_check::{self, NotRight};
use super::scribe::Scribe;
use crate::domain::audit::{Action, Entry, Outcome, Who};
use crate::domain::password::Password;
use crate::domain::session::SessionId;
use crate::passwords::policy;
use crate::passwords::{PolicyError, PoolError};
use crate::store::sessions::{self, Which};
use crate::store::{StoreError, account_codes, users};

/// A user who wants another password.
#[derive(Debug)]
pub struct PasswordChange<'a> {
    /// Who; the session in which this is asked is the one that stays.
    pub by: Owner<'a>,
    /// The password so far.
    pub current: &'a Password,
    /// The password from now on.
    pub new: &'a Password,
}

/// Why the password stayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordChangeError {
    /// The token is not for this.
    #[error(transparent)]
    Token(#[from] WrongToken),
    /// The current one is another, or the account is gone or disabled by now.
    #[error("this is not the current password")]
    WrongPassword,
    /// Too many passwords were wrong: this one was not looked at, and is after so many seconds.
    #[error("too many wrong passwords: try again in {0} seconds")]
    TooMany(u32),
    /// The new one breaks a rule.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The hashing pool did not take or finish the work.
    #[error(transparent)]
    Hashing(#[from] PoolError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gives the account the new password if the current one is right. Every other session of it ends, and
/// this one goes on (statement 57). So does every code (statement 79): whoever asked for one may have
/// known the password so far. API tokens stay: an administrator has made them.
///
/// The current password is counted with those of logins (statements 67 and 74).
pub fn change(services: &Services, change: &PasswordChange<'_>) -> Result<(), PasswordChangeError> {
    let user = change.by.user;
    let session = change.by.session()?;
    let owner = policy::Owner {
        email: user.email.as_str(),
        first_name: user.first_name.as_str(),
        last_name: user.last_name.as_str(),
    };
    services.policy.check(change.new, owner)?;
    let name = user.email.as_str();
    let guess = password_check::admit(services, name, Some(user.id), change.by.address)??;
    let credentials = services
        .store
        .read(|connection| users::credentials(connection, &user.email))?
        .filter(|found| found.user.id == user.id);
    let checked = match password_check::check(services, change.current, credentials, guess) {
        Ok(checked) => checked,
        Err(refused) => {
            if matches!(refused, NotRight::Wrong) {
                let wait = password_check::wait_after(services, &guess);
                note_refusal(services, change, session, wait)?;
            }
            return Err(refused.into());
        }
    };
    let hash = services.hasher.hash(change.new)?;
    let id = user.id;
    let scribe = Scribe::at(Who::User(id), change.by.address, &services.sources);
    let clock = services.sources.clock.clone();
    let changed = services.store.write(move |tx| {
        let now = clock.now();
        if !users::change_password(tx, id, checked.hash.as_str(), hash.as_str())? {
            return Ok(false);
        }
        let ended = sessions::end_of(tx, id, Which::AllBut(session), now)?;
        account_codes::end_of(tx, id)?;
        let mut entry = Entry::new(Action::UserPasswordChanged)
            .user(id)
            .session(session);
        entry.note("sessions", ended);
        scribe.write(tx, &entry, now)?;
        Ok(true)
    })?;
    if changed {
        Ok(())
    } else {
        Err(PasswordChangeError::WrongPassword)
    }
}

/// Writes down that the current password was wrong.
fn note_refusal(
    services: &Services,
    change: &PasswordChange<'_>,
    session: SessionId,
    wait_secs: Option<u32>,
) -> Result<(), StoreError> {
    let id = change.by.user.id;
    let scribe = Scribe::at(Who::User(id), change.by.address, &services.sources);
    let entry = Entry::new(Action::UserPasswordChanged)
        .user(id)
        .session(session);
    let mut entry = entry.ended(Outcome::Failed);
    if let Some(secs) = wait_secs {
        entry.note("wait_secs", secs);
    }
    let clock = services.sources.clock.clone();
    services
        .store
        .write(move |tx| scribe.write(tx, &entry, clock.now()))
}

impl From<NotRight> for PasswordChangeError {
    fn from(refused: NotRight) -> Self {
        match refused {
            NotRight::Wrong => Self::WrongPassword,
            NotRight::TooMany(secs) => Self::TooMany(secs),
            NotRight::Hashing(error) => Self::Hashing(error),
            NotRight::Store(error) => Self::Store(error),
        }
    }
}
