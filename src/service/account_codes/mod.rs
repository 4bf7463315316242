//! What people do with codes: choose a password, confirm an address, get an account.
//!
//! A code is 256 random bits, of which the database has a hash. It is good for one purpose and one
//! account, once, for a time; not after another password, another address, or a while disabled.
//! [`managed`] makes codes for somebody who manages accounts; [`passwords`], [`addresses`] and
//! [`registration`] are for whoever holds one, or asks for one.

pub mod addresses;
pub(super) mod asking;
pub mod managed;
pub mod passwords;
pub mod registration;

use jiff::{SignedDuration, Timestamp};

use super::accounts::AccountError;
use super::management::MayBeDenied;
use super::own_account::WrongToken;
use super::post::PostError;
use crate::domain::account_code::Purpose;
use crate::domain::authority::Denied;
use crate::domain::email::Email;
use crate::domain::secret::Secret;
use crate::domain::sources::Random;
use crate::passwords::{PolicyError, PoolError};
use crate::store::account_codes::{self, NewCode, Subject};
use crate::store::{Fault, StoreError, Tx};
use crate::tokens::{OpaqueKind, OpaqueToken};

/// Where the code goes in a link.
pub const PLACE: &str = "{token}";

/// Who may have an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Whom somebody gives one.
    Closed,
    /// Everybody with an address.
    Open,
}

/// For how long codes are good, and where they lead.
#[derive(Clone, Debug)]
pub struct AccountRules {
    /// Who may have an account.
    pub registration: Registration,
    /// Seconds of a code for another password.
    pub reset_secs: i64,
    /// Seconds of a code for a first password.
    pub invitation_secs: i64,
    /// Seconds of a code that confirms an address.
    pub confirmation_secs: i64,
    /// The page for another password, with [`PLACE`] in it.
    pub reset_url: String,
    /// The page for a first password.
    pub invitation_url: String,
    /// The page that confirms an address.
    pub confirmation_url: String,
    /// The page that ends a registration.
    pub registration_url: String,
    /// How many letters to others are asked for from one address in ten minutes.
    pub letters_per_address: u32,
    /// What letters call the service, as auth.example.com.
    pub service: String,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// Unknown, used, over, or for something else: nobody is told which.
    #[error("the code is not good, or not any more: ask for another")]
    Dead,
    /// Nobody registers here by themselves.
    #[error("nobody can register here: accounts are made by administrators")]
    Closed,
    /// The token is not for this.
    #[error(transparent)]
    Token(#[from] WrongToken),
    /// The password is not the account's.
    #[error("the password is not the account's")]
    WrongPassword,
    /// Too many passwords were wrong: this one was not looked at, and is after so many seconds.
    #[error("too many wrong passwords: try again in {0} seconds")]
    TooMany(u32),
    /// Too many letters were asked for from one address: the next one may be after so many seconds.
    #[error("too many letters were asked for from your address: try again in {0} seconds")]
    TooManyLetters(u32),
    /// An account that has a password needs no first one.
    #[error("'{0}' has a password already: see 'authctl user reset-link'")]
    HasPassword(Email),
    /// An account without a password is invited.
    #[error("'{0}' has no password yet: see 'authctl user invite'")]
    NoPassword(Email),
    /// The account may not log in.
    #[error("'{0}' is disabled: enable it first")]
    Inactive(Email),
    /// Nothing is mailed here.
    #[error("mail is off: set mail.transport, or pass the link on yourself")]
    NoMail,
    /// Too much waits to be mailed.
    #[error(transparent)]
    Post(PostError),
    /// The account was not found, made or changed.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl AccountRules {
    /// How many letters a link may have before its code.
    pub const MAX_URL_BYTES: usize = 500;

    fn life(&self, purpose: Purpose) -> SignedDuration {
        SignedDuration::from_secs(match purpose {
            Purpose::PasswordReset => self.reset_secs,
            Purpose::Invitation => self.invitation_secs,
            Purpose::EmailConfirmation | Purpose::EmailChange | Purpose::Registration => {
                self.confirmation_secs
            }
        })
    }

    fn page(&self, purpose: Purpose) -> &str {
        match purpose {
            Purpose::PasswordReset => &self.reset_url,
            Purpose::Invitation => &self.invitation_url,
            Purpose::EmailConfirmation | Purpose::EmailChange => &self.confirmation_url,
            Purpose::Registration => &self.registration_url,
        }
    }
}

/// A code that was made just now, in the page that it leads to. Nobody can tell it again.
pub(super) struct Fresh {
    pub(super) link: Secret<String>,
    /// For how long it is good, as "3 days".
    pub(super) lasts: String,
    pub(super) expires_at: Timestamp,
}

/// Makes a code for this address.
pub(super) fn issue(
    tx: &Tx<'_>,
    (rules, random): (&AccountRules, &dyn Random),
    purpose: Purpose,
    subject: Subject<'_>,
    email: &Email,
    now: Timestamp,
) -> Result<Fresh, StoreError> {
    let token = OpaqueToken::generate(OpaqueKind::Code(purpose), random);
    let life = rules.life(purpose);
    let end = now.checked_add(life);
    let end = end.and_then(|end| Timestamp::from_second(end.as_second()));
    let new = NewCode {
        id: random.uuid_v7(now),
        hash: &token.hash(),
        purpose,
        subject,
        email,
        expires_at: end.unwrap_or(now),
    };
    account_codes::insert(tx, &new, now)?;
    Ok(Fresh {
        link: Secret::new(rules.page(purpose).replace(PLACE, token.expose())),
        lasts: in_words(life),
        expires_at: new.expires_at,
    })
}

/// What a text is a code for, if it is of these purposes. Whether it is good, the database knows.
fn read(text: &str, purposes: &[Purpose]) -> Result<(Purpose, OpaqueToken), CodeError> {
    let mut codes = purposes.iter().filter_map(|purpose| {
        let code = OpaqueToken::parse(OpaqueKind::Code(*purpose), text)?;
        Some((*purpose, code))
    });
    codes.next().ok_or(CodeError::Dead)
}

/// As people say it: "1 hour", "3 days", "90 minutes".
fn in_words(life: SignedDuration) -> String {
    let minutes = life.as_mins().max(1);
    let (count, unit) = match minutes {
        _ if minutes % (24 * 60) == 0 => (minutes / (24 * 60), "day"),
        _ if minutes % 60 == 0 => (minutes / 60, "hour"),
        _ => (minutes, "minute"),
    };
    let more = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{more}")
}

fn refused(error: impl Into<CodeError>) -> Fault<CodeError> {
    Fault::Refused(error.into())
}

/// The same for work that shares a transaction with that of [`super::accounts`].
fn of_account(fault: Fault<AccountError>) -> Fault<CodeError> {
    match fault {
        Fault::Store(error) => Fault::Store(error),
        Fault::Refused(error) => Fault::Refused(error.into()),
    }
}

impl MayBeDenied for CodeError {
    fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Account(error) => error.denied(),
            _ => None,
        }
    }
}

impl From<StoreError> for CodeError {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

impl From<Denied> for CodeError {
    fn from(denied: Denied) -> Self {
        Self::Account(denied.into())
    }
}

impl From<PolicyError> for CodeError {
    fn from(error: PolicyError) -> Self {
        Self::Account(error.into())
    }
}

impl From<PoolError> for CodeError {
    fn from(error: PoolError) -> Self {
        Self::Account(error.into())
    }
}

impl From<PostError> for CodeError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => error.into(),
            error => Self::Post(error),
        }
    }
}

impl From<PostError> for Fault<CodeError> {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => Self::Store(error),
            error => Self::Refused(CodeError::Post(error)),
        }
    }
}

#[cfg(test)]
mod tests;
