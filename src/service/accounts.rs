//! Managing accounts: what `authctl user` and the management API do.

use std::sync::Arc;

use super::{PasswordSettings, Sources};
use crate::domain::password::Password;
use crate::domain::user::{NewUser, User, UserChange, UserId, UserRef};
use crate::passwords::argon::{self, Memory};
use crate::passwords::policy::Owner;
use crate::passwords::{HashError, PhcString, PolicyError};
use crate::store::sessions::{self, Which};
use crate::store::users::{self, UserFilter};
use crate::store::{Conn, Store, StoreError};

/// The accounts of one database.
pub struct Accounts {
    store: Store,
    passwords: PasswordSettings,
    sources: Sources,
}

/// Why an account was not made, found or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// There is no such account.
    #[error("there is no account '{0}'")]
    NotFound(UserRef),
    /// The password breaks a rule.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a password is held to the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordChecks {
    /// It is.
    Enforce,
    /// An administrator has decided otherwise.
    Skip,
}

/// Whether the last active superuser is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastSuperuser {
    /// It stays as it is.
    Keep,
    /// An administrator has decided otherwise.
    Force,
}

/// Some accounts in the order they were created.
#[derive(Debug)]
pub struct Page {
    /// The accounts.
    pub users: Vec<User>,
    /// Give this as [`UserFilter::after`] for the next page; `None`: this is the last.
    pub next: Option<UserId>,
}

impl Accounts {
    /// The accounts in `store`.
    pub fn new(store: Store, passwords: PasswordSettings, sources: Sources) -> Self {
        Self {
            store,
            passwords,
            sources,
        }
    }

    /// Adds an account. Without a password it cannot log in.
    pub fn create(
        &self,
        new: NewUser,
        password: Option<&Password>,
        checks: PasswordChecks,
    ) -> Result<User, AccountError> {
        if let (Some(password), PasswordChecks::Enforce) = (password, checks) {
            check_password(&self.passwords, password, &new)?;
        }
        let hash = password.map(|password| self.hash(password)).transpose()?;
        let (clock, random) = (
            Arc::clone(&self.sources.clock),
            Arc::clone(&self.sources.random),
        );
        Ok(self.store.write(move |tx| {
            let now = clock.now();
            let id = UserId(random.uuid_v7(now));
            users::insert(tx, id, &new, hash.as_ref().map(PhcString::as_str), now)
        })?)
    }

    /// The account of that name.
    pub fn find(&self, name: &UserRef) -> Result<User, AccountError> {
        self.store
            .read(|connection| users::find(connection, name))?
            .ok_or_else(|| not_found(name))
    }

    /// One page of accounts.
    pub fn list(&self, filter: &UserFilter, limit: u32) -> Result<Page, AccountError> {
        let mut users = self
            .store
            .read(|connection| users::list(connection, filter, limit.saturating_add(1)))?;
        let more = users.len() > limit as usize;
        users.truncate(limit as usize);
        let next = users.last().filter(|_| more).map(|user| user.id);
        Ok(Page { users, next })
    }

    /// Whether there is no account yet.
    pub fn is_empty(&self) -> Result<bool, AccountError> {
        Ok(!self.store.read(users::any)?)
    }

    /// Changes what `change` names.
    pub fn change(
        &self,
        name: &UserRef,
        change: UserChange,
        guard: LastSuperuser,
    ) -> Result<User, AccountError> {
        let demotes = change.is_superuser == Some(false);
        self.modify(name, move |tx, user, _| {
            if demotes {
                guard_last_superuser(tx, user, guard)?;
            }
            users::update(tx, user.id, &change)
        })
    }

    /// Sets a new password; every session and every token issued so far ends.
    pub fn set_password(
        &self,
        name: &UserRef,
        password: &Password,
        checks: PasswordChecks,
    ) -> Result<User, AccountError> {
        if checks == PasswordChecks::Enforce {
            let user = self.find(name)?;
            let owner = Owner {
                email: user.email.as_str(),
                first_name: user.first_name.as_str(),
                last_name: user.last_name.as_str(),
            };
            self.passwords.policy.check(password, owner)?;
        }
        let hash = self.hash(password)?;
        self.modify(name, move |tx, user, now| {
            sessions::end_of(tx, user.id, Which::All, now)?;
            users::set_password(tx, user.id, hash.as_str(), now)
        })
    }

    /// Lets an account log in again. Its old tokens stay ended.
    pub fn enable(&self, name: &UserRef) -> Result<User, AccountError> {
        self.modify(name, |tx, user, now| {
            users::set_active(tx, user.id, true, now)
        })
    }

    /// Stops an account from logging in; every session and every token issued so far ends.
    pub fn disable(&self, name: &UserRef, guard: LastSuperuser) -> Result<User, AccountError> {
        self.modify(name, move |tx, user, now| {
            guard_last_superuser(tx, user, guard)?;
            sessions::end_of(tx, user.id, Which::All, now)?;
            users::set_active(tx, user.id, false, now)
        })
    }

    /// Removes an account for good and returns what it was.
    pub fn delete(&self, name: &UserRef, guard: LastSuperuser) -> Result<User, AccountError> {
        self.modify(name, move |tx, user, now| {
            guard_last_superuser(tx, user, guard)?;
            users::delete(tx, user.id, now).map(|was_there| was_there.then(|| user.clone()))
        })
    }

    /// Finds the account and changes it in one transaction, at the time of that transaction.
    fn modify(
        &self,
        name: &UserRef,
        work: impl FnOnce(
            &crate::store::Tx<'_>,
            &User,
            jiff::Timestamp,
        ) -> Result<Option<User>, StoreError>
        + Send
        + 'static,
    ) -> Result<User, AccountError> {
        let (wanted, clock) = (name.clone(), Arc::clone(&self.sources.clock));
        let changed = self
            .store
            .write(move |tx| match users::find(tx, &wanted)? {
                Some(user) => work(tx, &user, clock.now()),
                None => Ok(None),
            })?;
        changed.ok_or_else(|| not_found(name))
    }

    fn hash(&self, password: &Password) -> Result<PhcString, HashError> {
        let random = &*self.sources.random;
        argon::hash(
            password,
            self.passwords.params,
            random,
            &mut Memory::default(),
        )
    }
}

/// Says whether a new account could have this password. Needs no database.
pub fn check_password(
    settings: &PasswordSettings,
    password: &Password,
    new: &NewUser,
) -> Result<(), PolicyError> {
    let owner = Owner {
        email: new.email.as_str(),
        first_name: new.first_name.as_str(),
        last_name: new.last_name.as_str(),
    };
    settings.policy.check(password, owner)
}

fn not_found(name: &UserRef) -> AccountError {
    AccountError::NotFound(name.clone())
}

fn guard_last_superuser(
    connection: &Conn,
    user: &User,
    guard: LastSuperuser,
) -> Result<(), StoreError> {
    let protected = guard == LastSuperuser::Keep && user.is_superuser && user.is_active;
    if protected && !users::other_active_superuser(connection, user.id)? {
        return Err(StoreError::LastSuperuser(user.email.clone()));
    }
    Ok(())
}
