//! Making an account: what `createsuperuser` and `user add` have in common.

use super::context::{Context, IfMissing};
use super::error::CliError;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::user::{NewUser, User, UserRef};
use crate::service::accounts::{self, AccountError, PasswordChecks};
use crate::store::{self, StoreError};

/// The account of that address. Where there is no database there is none, and none is made.
pub(super) fn existing(email: &Email, ctx: &Context) -> Result<Option<User>, CliError> {
    if !store::exists(&ctx.config.database.url, ctx.config.database.timeout)? {
        return Ok(None);
    }
    let found = ctx
        .accounts(IfMissing::Fail)?
        .find(&UserRef::Email(email.clone()));
    match found {
        Ok(user) => Ok(Some(user)),
        Err(AccountError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What to make of a refusal because the address is in use, where an account that exists is as good
/// as a new one: that account. Another command may have been faster.
pub(super) fn made_meanwhile(
    created: Result<User, CliError>,
    email: &Email,
    ctx: &Context,
) -> Result<(User, bool), CliError> {
    match created {
        Err(CliError::Account(AccountError::Store(StoreError::EmailTaken(_)))) => {
            let found = existing(email, ctx)?;
            found
                .map(|user| (user, false))
                .ok_or_else(|| taken(email.clone()))
        }
        created => created.map(|user| (user, true)),
    }
}

/// The error for an address that is in use.
pub(super) fn taken(email: Email) -> CliError {
    StoreError::EmailTaken(email).into()
}

/// Adds the account, and the database if there is none: the last step, when nothing is left to
/// ask and nothing is wrong with what was given.
pub(super) fn create(
    new: NewUser,
    password: Option<&Password>,
    checks: PasswordChecks,
    ctx: &Context,
) -> Result<User, CliError> {
    if let (Some(password), PasswordChecks::Enforce) = (password, checks) {
        accounts::check_password(&ctx.config.passwords, password, &new)
            .map_err(AccountError::from)?;
    }
    let accounts = ctx.accounts(IfMissing::Create)?;
    Ok(accounts.create(new, password, checks)?)
}
