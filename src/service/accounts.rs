//! Managing accounts: what `authctl user` and the management API do.

use std::sync::Arc;

use super::PasswordSettings;
use super::account_change::{self, Arrival, guard_last_superuser, set_active};
use super::account_fields::{self, FieldErrors};
use super::management::{Management, MayBeDenied, Work};
use crate::domain::audit::Action;
use crate::domain::authority::{Authority, Deed, Denied};
use crate::domain::email::Email;
use crate::domain::field::Input;
use crate::domain::group::GroupName;
use crate::domain::password::Password;
use crate::domain::permission::Builtin;
use crate::domain::user::{NewUser, User, UserChange, UserId, UserRef};
use crate::passwords::argon::{self, Memory};
use crate::passwords::policy::Owner;
use crate::passwords::{HashError, Hasher, PhcString, Policy, PolicyError, PoolError};
use crate::store::users::{self, FieldMatch, Since, UserFilter};
use crate::store::{Fault, StoreError, Tx, fields};

/// The accounts of one database, and somebody who manages them.
pub struct Accounts {
    desk: Management,
    policy: Policy,
    hashing: Hashing,
}

/// Where passwords are hashed.
enum Hashing {
    /// On the caller's thread, by a command that does one.
    Here(PasswordSettings),
    /// In the daemon's bounded pool.
    Pool(Arc<Hasher>),
}

/// Why an account was not made, found or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// There is no such account.
    #[error("there is no account '{0}'")]
    NotFound(UserRef),
    /// There is no such group.
    #[error("there is no group '{0}'")]
    NoGroup(GroupName),
    /// Values of own fields break rules: what is wrong, by the names of the fields.
    #[error("{}", account_fields::sentence(.0))]
    Fields(FieldErrors),
    /// The account is not as the caller has seen it.
    #[error("the account has changed: its version is {0} now")]
    Changed(i64),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The password breaks a rule.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The hashing pool did not take or finish the work.
    #[error(transparent)]
    Hashing(#[from] PoolError),
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

/// Which account is meant.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: UserRef,
    /// Only if this is its version; `None`: whatever it is.
    pub version: Option<i64>,
}

impl From<&UserRef> for Target {
    fn from(name: &UserRef) -> Self {
        Self {
            name: name.clone(),
            version: None,
        }
    }
}

/// Some accounts in their order.
#[derive(Debug)]
pub struct Page {
    /// The accounts.
    pub users: Vec<User>,
    /// Give this as [`UserFilter::after`] for the next page; `None`: this is the last.
    pub next: Option<String>,
}

impl Accounts {
    /// Managed by a command, which hashes here.
    pub fn new(desk: Management, passwords: PasswordSettings) -> Self {
        Self {
            desk,
            policy: passwords.policy,
            hashing: Hashing::Here(passwords),
        }
    }

    /// Managed through the daemon, which hashes in its pool.
    pub(super) fn pooled(desk: Management, policy: Policy, hasher: Arc<Hasher>) -> Self {
        Self {
            desk,
            policy,
            hashing: Hashing::Pool(hasher),
        }
    }

    /// Adds an account. Without a password it cannot log in.
    pub fn create(
        &self,
        new: NewUser,
        password: Option<&Password>,
        checks: PasswordChecks,
    ) -> Result<User, AccountError> {
        let added = self.create_if(|_| Ok(true), new, password, checks)?;
        Ok(added.expect("nothing is in its way"))
    }

    /// The same if it is `wanted` when its turn comes; `None`: it was not.
    pub(super) fn create_if(
        &self,
        wanted: impl FnOnce(&Tx<'_>) -> Result<bool, StoreError> + Send + 'static,
        new: NewUser,
        password: Option<&Password>,
        checks: PasswordChecks,
    ) -> Result<Option<User>, AccountError> {
        let allowed = self.by().check_new(new.is_staff, new.is_superuser);
        self.desk.check(allowed, Action::UserAdded)?;
        if let (Some(password), PasswordChecks::Enforce) = (password, checks) {
            self.policy.check(password, owner_of_new(&new))?;
        }
        let hash = password.map(|password| self.hash(password)).transpose()?;
        let random = Arc::clone(&self.desk.sources.random);
        self.desk.attempt(Action::UserAdded, move |work| {
            work.is_change = wanted(work.tx)?;
            if !work.is_change {
                return Ok(None);
            }
            let arrival = Arrival {
                id: UserId(random.uuid_v7(work.now)),
                since: Since {
                    date_joined: work.now,
                    last_login: None,
                },
            };
            let hash = hash.as_ref().map(PhcString::as_str);
            account_change::add(work, &fields::all(work.tx)?, &new, hash, arrival).map(Some)
        })
    }

    /// The account of that name.
    pub fn find(&self, name: &UserRef) -> Result<User, AccountError> {
        self.desk
            .check_view(Builtin::UsersView, Action::UserViewed)?;
        self.desk
            .store
            .read(|connection| users::find(connection, name))?
            .ok_or_else(|| not_found(name))
    }

    /// Whether an account has this address: who adds one finds that out anyway.
    pub fn is_taken(&self, email: &Email) -> Result<bool, AccountError> {
        let allowed = self.by().require(Builtin::UsersAdd);
        self.desk.check(allowed, Action::UserAdded)?;
        let (store, name) = (&self.desk.store, UserRef::Email(email.clone()));
        let found = store.read(|connection| users::find(connection, &name))?;
        Ok(found.is_some())
    }

    /// One page of accounts.
    pub fn list(&self, filter: &UserFilter, limit: u32) -> Result<Page, AccountError> {
        self.desk
            .check_view(Builtin::UsersView, Action::UserViewed)?;
        let mut users = self
            .desk
            .store
            .read(|connection| users::list(connection, filter, limit.saturating_add(1)))?;
        let more = users.len() > limit as usize;
        users.truncate(limit as usize);
        let last = users.last().filter(|_| more);
        let next = last.map(|user| filter.order.place(user));
        Ok(Page { users, next })
    }

    /// Which accounts have this value of an own field, for [`UserFilter::field`].
    pub fn matching(&self, field: &str, value: &Input) -> Result<FieldMatch, AccountError> {
        self.desk
            .check_view(Builtin::UsersView, Action::UserViewed)?;
        account_fields::matching(&self.desk.store, field, value)
    }

    /// Whether there is no account yet.
    pub fn is_empty(&self) -> Result<bool, AccountError> {
        Ok(!self.desk.store.read(users::any)?)
    }

    /// Changes what `change` names, all of it or nothing.
    pub fn change(
        &self,
        target: impl Into<Target>,
        change: UserChange,
        guard: LastSuperuser,
    ) -> Result<User, AccountError> {
        let needs = Builtin::UsersChange;
        self.modify(
            target.into(),
            needs,
            Action::UserChanged,
            move |work, user| {
                let fields = if change.fields.is_empty() {
                    Vec::new()
                } else {
                    fields::all(work.tx)?
                };
                account_change::change(work, &fields, user, &change, guard)
            },
        )
    }

    /// Sets a new password; every session and every token issued so far ends.
    pub fn set_password(
        &self,
        target: impl Into<Target>,
        password: &Password,
        checks: PasswordChecks,
    ) -> Result<User, AccountError> {
        let target = target.into();
        let allowed = self.by().require(Builtin::UsersChange);
        self.desk.check(allowed, Action::UserPasswordChanged)?;
        if checks == PasswordChecks::Enforce {
            let user = self.look_up(&target.name)?;
            self.policy.check(password, owner(&user))?;
        }
        let hash = self.hash(password)?;
        let (needs, action) = (Builtin::UsersChange, Action::UserPasswordChanged);
        self.modify(target, needs, action, move |work, user| {
            account_change::set_password(work, user, hash.as_str())
        })
    }

    /// Lets an account log in again. Its old tokens stay ended.
    pub fn enable(&self, target: impl Into<Target>) -> Result<User, AccountError> {
        let needs = Builtin::UsersChange;
        self.modify(target.into(), needs, Action::UserEnabled, |work, user| {
            work.by.check(Deed::Activity, user).map_err(refused)?;
            Ok(set_active(work.tx, user.id, true, work.now)?)
        })
    }

    /// Stops an account from logging in; every session and every token issued so far ends.
    pub fn disable(
        &self,
        target: impl Into<Target>,
        guard: LastSuperuser,
    ) -> Result<User, AccountError> {
        let needs = Builtin::UsersChange;
        self.modify(
            target.into(),
            needs,
            Action::UserDisabled,
            move |work, user| {
                work.by.check(Deed::Activity, user).map_err(refused)?;
                guard_last_superuser(work.tx, user, guard)?;
                Ok(set_active(work.tx, user.id, false, work.now)?)
            },
        )
    }

    /// Removes an account for good and returns what it was.
    pub fn delete(
        &self,
        target: impl Into<Target>,
        guard: LastSuperuser,
    ) -> Result<User, AccountError> {
        let needs = Builtin::UsersDelete;
        self.modify(
            target.into(),
            needs,
            Action::UserDeleted,
            move |work, user| account_change::delete(work, user, guard),
        )
    }

    fn by(&self) -> &Authority {
        self.desk.authority()
    }

    /// The account, for whoever may change it: that they may see it, too, is another permission.
    fn look_up(&self, name: &UserRef) -> Result<User, AccountError> {
        let found = self
            .desk
            .store
            .read(|connection| users::find(connection, name))?;
        found.ok_or_else(|| not_found(name))
    }

    /// Finds the account and changes it in one transaction, at the time of that transaction. Whoever does
    /// not have what that needs is not told whether there is such an account, nor its version.
    fn modify(
        &self,
        target: Target,
        needs: Builtin,
        action: Action,
        change: impl FnOnce(&mut Work<'_>, &User) -> Result<Option<User>, Fault<AccountError>>
        + Send
        + 'static,
    ) -> Result<User, AccountError> {
        self.desk.attempt(action, move |work| {
            let Target { name, version } = target;
            let found = users::find(work.tx, &name)?;
            work.entry.user = found.as_ref().map(|user| user.id);
            work.by.require(needs).map_err(refused)?;
            let user = found.ok_or_else(|| refused(not_found(&name)))?;
            if version.is_some_and(|version| version != user.version) {
                return Err(refused(AccountError::Changed(user.version)));
            }
            change(work, &user)?.ok_or_else(|| refused(not_found(&name)))
        })
    }

    fn hash(&self, password: &Password) -> Result<PhcString, AccountError> {
        Ok(match &self.hashing {
            Hashing::Here(settings) => {
                let random = &*self.desk.sources.random;
                argon::hash(password, settings.params, random, &mut Memory::default())?
            }
            Hashing::Pool(hasher) => hasher.hash(password)?,
        })
    }
}

/// Says whether a new account could have this password. Needs no database.
pub fn check_password(
    settings: &PasswordSettings,
    password: &Password,
    new: &NewUser,
) -> Result<(), PolicyError> {
    settings.policy.check(password, owner_of_new(new))
}

fn owner_of_new(new: &NewUser) -> Owner<'_> {
    Owner {
        email: new.email.as_str(),
        first_name: new.first_name.as_str(),
        last_name: new.last_name.as_str(),
    }
}

fn owner(user: &User) -> Owner<'_> {
    Owner {
        email: user.email.as_str(),
        first_name: user.first_name.as_str(),
        last_name: user.last_name.as_str(),
    }
}

fn not_found(name: &UserRef) -> AccountError {
    AccountError::NotFound(name.clone())
}

pub(super) fn refused(error: impl Into<AccountError>) -> Fault<AccountError> {
    Fault::Refused(error.into())
}

impl MayBeDenied for AccountError {
    fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Denied(denied) => Some(denied),
            _ => None,
        }
    }
}
