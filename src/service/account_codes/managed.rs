//! Codes made by somebody who manages accounts: to be passed on, or mailed.

use std::sync::Arc;

use jiff::Timestamp;

use super::{AccountRules, CodeError, issue, refused};
use crate::domain::account_code::Purpose;
use crate::domain::audit::Action;
use crate::domain::authority::Deed;
use crate::domain::permission::Builtin;
use crate::domain::secret::Secret;
use crate::domain::user::{User, UserRef};
use crate::mail::{Facts, Letter, Subject as LetterSubject};
use crate::service::accounts::AccountError;
use crate::service::management::{Management, Work};
use crate::service::post::{self, Outbox};
use crate::store::StoreError;
use crate::store::account_codes::Subject;
use crate::store::users::{self, Credentials};

/// Codes for the accounts of one database, and somebody who makes them.
pub struct AccountCodes {
    desk: Management,
    rules: Arc<AccountRules>,
    /// `None`: nothing is mailed.
    outbox: Option<Outbox>,
}

/// How a code gets to whom it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Whoever asked for it passes it on.
    Link,
    /// By mail; whoever asked for it never sees it.
    Mail,
}

/// A code that was made just now.
#[derive(Debug)]
pub struct Issued {
    /// For whom.
    pub user: User,
    /// When it ends; whole seconds.
    pub expires_at: Timestamp,
    /// The page to open; `None`: it is mailed.
    pub link: Option<Secret<String>>,
}

impl AccountCodes {
    /// Somebody at work on the accounts of a database.
    pub fn new(desk: Management, rules: Arc<AccountRules>, outbox: Option<Outbox>) -> Self {
        Self {
            desk,
            rules,
            outbox,
        }
    }

    /// Lets the owner of an account that has no password choose one.
    pub fn invite(&self, name: &UserRef, delivery: Delivery) -> Result<Issued, CodeError> {
        let check = |found: &Credentials| match &found.password_hash {
            Some(_) => Err(CodeError::HasPassword(found.user.email.clone())),
            None => Ok(()),
        };
        self.make(name, delivery, Purpose::Invitation, check)
    }

    /// Lets the owner of an account choose another password. The present one is good until then.
    pub fn reset(&self, name: &UserRef, delivery: Delivery) -> Result<Issued, CodeError> {
        let check = |found: &Credentials| match &found.password_hash {
            Some(_) => Ok(()),
            None => Err(CodeError::NoPassword(found.user.email.clone())),
        };
        self.make(name, delivery, Purpose::PasswordReset, check)
    }

    /// Lets whoever reads the account's mail confirm its address.
    pub fn confirm_email(&self, name: &UserRef, delivery: Delivery) -> Result<Issued, CodeError> {
        self.make(name, delivery, Purpose::EmailConfirmation, |_| Ok(()))
    }

    fn make(
        &self,
        name: &UserRef,
        delivery: Delivery,
        purpose: Purpose,
        check: impl FnOnce(&Credentials) -> Result<(), CodeError> + Send + 'static,
    ) -> Result<Issued, CodeError> {
        let (action, letter) = match purpose {
            Purpose::Invitation => (Action::UserInvited, LetterSubject::Invitation),
            Purpose::PasswordReset => (Action::UserResetStarted, LetterSubject::PasswordReset),
            _ => (
                Action::UserConfirmationStarted,
                LetterSubject::EmailConfirmation,
            ),
        };
        let outbox = self.outbox.clone();
        let (name, rules) = (name.clone(), Arc::clone(&self.rules));
        let random = Arc::clone(&self.desk.sources.random);
        self.desk.attempt(action, move |work| {
            let found = credentials(work, &name)?;
            work.entry.user = found.as_ref().map(|found| found.user.id);
            work.by.require(Builtin::UsersChange).map_err(refused)?;
            let found = found.ok_or_else(|| refused(AccountError::NotFound(name)))?;
            let user = &found.user;
            work.by.check(Deed::Profile, user).map_err(refused)?;
            if !user.is_active {
                return Err(refused(CodeError::Inactive(user.email.clone())));
            }
            check(&found).map_err(refused)?;
            let outbox = match (delivery, outbox) {
                (Delivery::Link, _) => None,
                (Delivery::Mail, None) => return Err(refused(CodeError::NoMail)),
                (Delivery::Mail, outbox) => outbox,
            };
            work.entry.note("mailed", outbox.is_some());
            let subject = Subject::Account(user);
            let how = (&*rules, &*random);
            let code = issue(work.tx, how, purpose, subject, &user.email, work.now)?;
            let mut link = Some(code.link);
            if let Some(outbox) = outbox {
                post::check_room(work.tx)?;
                let facts = Facts {
                    service: rules.service.clone(),
                    link: link
                        .take()
                        .map(|link| link.expose().clone())
                        .unwrap_or_default(),
                    lasts: code.lasts,
                    ..Facts::default()
                };
                let letter = Letter::to_user(letter, user, facts);
                outbox.put(work.tx, &letter.into(), code.expires_at, work.now)?;
            }
            Ok(Issued {
                user: found.user,
                expires_at: code.expires_at,
                link,
            })
        })
    }
}

fn credentials(work: &Work<'_>, name: &UserRef) -> Result<Option<Credentials>, StoreError> {
    match users::find(work.tx, name)? {
        Some(user) => users::credentials(work.tx, &user.email),
        None => Ok(None),
    }
}
