//! The superuser that an installation begins with, made at most once however many nodes start at a time.

use super::Services;
use super::accounts::{AccountError, PasswordChecks};
use crate::domain::actor::Actor;
use crate::domain::password::Password;
use crate::domain::user::{NewUser, User};
use crate::store::{StoreError, Tx, users};

/// Whether there is a superuser, active or not.
pub fn exists(services: &Services) -> Result<bool, StoreError> {
    services.store.read(users::any_superuser)
}

/// Adds one if there is none, active or not; `None`: there is one.
pub fn create(
    services: &Services,
    by: Actor,
    new: NewUser,
    password: &Password,
) -> Result<Option<User>, AccountError> {
    let new = NewUser {
        is_superuser: true,
        ..new
    };
    let is_first = |tx: &Tx<'_>| Ok(!users::any_superuser(tx)?);
    let accounts = services.accounts(by);
    accounts.create_if(is_first, new, Some(password), PasswordChecks::Enforce)
}
