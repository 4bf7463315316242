//! Logging in.

use super::Services;
use super::keys::{self, KeysError};
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::user::User;
use crate::passwords::argon::Verdict;
use crate::passwords::{HashError, PhcString, PoolError};
use crate::store::users::{self, Credentials};
use crate::store::{StoreError, keys as key_rows};
use crate::tokens::KeyError;

/// What a good login is answered with.
#[derive(Debug)]
pub struct Grant {
    /// A signed access token (RFC 9068).
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// Who logged in.
    pub user: User,
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// Unknown address, wrong password, no password, or a disabled account: nobody is told which.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// The hashing pool did not take or finish the work.
    #[error(transparent)]
    Hashing(#[from] PoolError),
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Signing(#[from] KeyError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Exchanges an e-mail address and a password for a token.
///
/// Every failure does the work of one password check, so that its time tells nothing.
pub fn login(services: &Services, email: &str, password: &str) -> Result<Grant, LoginError> {
    let password = Password::new(password);
    let credentials = match email.parse::<Email>() {
        Ok(email) => services
            .store
            .read(|connection| users::credentials(connection, &email))?,
        Err(_) => None,
    };
    let checked = check(services, &password, credentials)?;
    record(services, checked)
}

/// An account whose password was just found right.
struct Checked {
    user: User,
    hash: PhcString,
    /// The same password under the present parameters, if the stored hash has others.
    fresh_hash: Option<PhcString>,
}

fn check(
    services: &Services,
    password: &Password,
    credentials: Option<Credentials>,
) -> Result<Checked, LoginError> {
    let usable = credentials
        .filter(|found| found.user.is_active)
        .and_then(|found| {
            let hash = found.password_hash?.expose().clone();
            Some((found.user, PhcString::from_stored(hash)))
        });
    let stored = usable.as_ref().map(|(_, hash)| hash);
    let verdict = match services.hasher.verify(password, stored) {
        Err(PoolError::Hash(error @ HashError::Damaged)) => {
            let id = usable
                .as_ref()
                .map(|(user, _)| tracing::field::display(user.id));
            tracing::error!(user = id, %error, "a login was refused");
            Verdict::Mismatch
        }
        verdict => verdict?,
    };
    let (user, hash) = usable.ok_or(LoginError::InvalidCredentials)?;
    let fresh_hash = match verdict {
        Verdict::Mismatch => return Err(LoginError::InvalidCredentials),
        Verdict::Match => None,
        Verdict::MatchOutdated => Some(services.hasher.hash(password)?),
    };
    Ok(Checked {
        user,
        hash,
        fresh_hash,
    })
}

/// Writes the login down and signs its token. The time is taken inside the transaction, so that
/// tokens and the changes that end them are ordered as they are committed.
fn record(services: &Services, checked: Checked) -> Result<Grant, LoginError> {
    let (id, clock) = (checked.user.id, services.sources.clock.clone());
    let recorded = services.store.write(move |tx| {
        let now = clock.now();
        let user = users::record_login(tx, id, checked.hash.as_str(), now)?;
        if let Some(fresh) = checked.fresh_hash {
            users::replace_hash(tx, id, checked.hash.as_str(), fresh.as_str())?;
        }
        let active = key_rows::active_kid(tx, keys::signing_algorithm())?;
        Ok(user.map(|user| (user, active, now)))
    })?;
    let (user, active, now) = recorded.ok_or(LoginError::InvalidCredentials)?;
    let ring = services
        .keys
        .ring_signing(&services.store, active.as_deref())?;
    let claims = services
        .rules
        .claims_for(&user, now, services.sources.random.uuid_v7(now));
    let access_token = ring.signing().sign(&claims)?;
    Ok(Grant {
        access_token,
        expires_in: services.rules.ttl_secs,
        user,
    })
}
