//! Logging in.

use super::Services;
use super::keys::{self, KeysError};
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::user::User;
use crate::passwords::argon::Verdict;
use crate::passwords::{HashError, PhcString, PoolError};
use crate::store::StoreError;
use crate::store::users::{self, Credentials, RecordedLogin};
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
        let algorithm = keys::signing_algorithm();
        let login = users::record_login(tx, id, checked.hash.as_str(), algorithm, now)?;
        if let Some(fresh) = checked.fresh_hash {
            users::replace_hash(tx, id, checked.hash.as_str(), fresh.as_str())?;
        }
        Ok(login.map(|login| (login, now)))
    })?;
    let (login, now) = recorded.ok_or(LoginError::InvalidCredentials)?;
    let RecordedLogin { user, active_kid } = login;
    let ring = services
        .keys
        .ring_signing(&services.store, active_kid.as_deref())?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passwords::HashParams;
    use crate::service::accounts::LastSuperuser;
    use crate::service::trial::{PASSWORD, Trial};

    const NEW: &str = "violet lantern orbits quartz";

    /// A login that has found the password right and written nothing yet.
    fn halfway(trial: &Trial) -> Checked {
        let email = "ada@example.com".parse().expect("is an address");
        let credentials = trial
            .services
            .store
            .read(|connection| users::credentials(connection, &email));
        let found = credentials.expect("reads");
        check(&trial.services, &Password::new(PASSWORD), found).expect("is right")
    }

    fn stored_hash(trial: &Trial) -> String {
        halfway(trial).hash.as_str().to_owned()
    }

    #[test]
    fn a_login_that_a_password_change_overtakes_fails() {
        let trial = Trial::new();
        let checked = halfway(&trial);
        trial.set_password(NEW);
        let outcome = record(&trial.services, checked);
        assert!(matches!(outcome, Err(LoginError::InvalidCredentials)));
        let user = trial.accounts.find(&trial.ada()).expect("is there");
        assert_eq!(user.last_login, None);
    }

    #[test]
    fn a_login_that_disabling_or_deleting_overtakes_fails() {
        let trial = Trial::new();
        let (one, two) = (halfway(&trial), halfway(&trial));
        let disabled = trial.accounts.disable(&trial.ada(), LastSuperuser::Keep);
        disabled.expect("is disabled");
        let outcome = record(&trial.services, one);
        assert!(matches!(outcome, Err(LoginError::InvalidCredentials)));
        let deleted = trial.accounts.delete(&trial.ada(), LastSuperuser::Keep);
        deleted.expect("is deleted");
        let outcome = record(&trial.services, two);
        assert!(matches!(outcome, Err(LoginError::InvalidCredentials)));
    }

    /// Security statement 69.
    #[test]
    fn raised_parameters_rewrite_the_hash_at_the_next_login_and_end_nothing() {
        let mut trial = Trial::new();
        let (old, token) = (stored_hash(&trial), trial.token());
        trial.restart(HashParams {
            iterations: 3,
            ..HashParams::FLOOR
        });
        assert!(trial.login("wrong horse battery staple").is_err());
        assert_eq!(stored_hash(&trial), old);
        assert!(trial.login(PASSWORD).is_ok());
        let fresh = stored_hash(&trial);
        assert!(fresh.contains("m=19456,t=3,p=1"), "{fresh}");
        assert!(halfway(&trial).fresh_hash.is_none());
        assert_eq!(trial.refusal(&token), None);
    }

    /// Security statement 69: the rewriting of the old password's hash never undoes a change.
    #[test]
    fn a_rewritten_hash_does_not_overwrite_a_new_password() {
        let mut trial = Trial::new();
        trial.restart(HashParams {
            iterations: 3,
            ..HashParams::FLOOR
        });
        let checked = halfway(&trial);
        assert!(checked.fresh_hash.is_some());
        trial.set_password(NEW);
        assert!(record(&trial.services, checked).is_err());
        let outcome = trial.login(PASSWORD);
        assert!(matches!(outcome, Err(LoginError::InvalidCredentials)));
        assert!(trial.login(NEW).is_ok());
    }
}
