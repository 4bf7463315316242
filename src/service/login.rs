//! Logging in: what begins a session.

use super::Services;
use super::grant::{self, Grant, GrantError, Lease};
use super::keys::KeysError;
use super::password_check::{self, Checked, NotRight};
use super::refresh;
use super::scribe::Scribe;
use crate::domain::audit::{Action, Entry, Outcome, Who};
use crate::domain::client::ClientId;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::scope::Scope;
use crate::domain::session::{Method, Origin, SessionId};
use crate::domain::user::UserId;
use crate::passwords::{PhcString, PoolError};
use crate::store::sessions::{self, NewSession};
use crate::store::users::{self, RecordedLogin};
use crate::store::{StoreError, clients, refresh_tokens};
use crate::tokens::{KeyError, RefreshToken};

/// Who wants to log in.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// An e-mail address, if it is one.
    pub email: &'a str,
    /// The password as typed.
    pub password: &'a str,
    /// Where the attempt comes from.
    pub origin: Origin,
    /// The client that the session is made through; it was authenticated, and may have this scope.
    pub client: Option<ClientId>,
    /// What the session's tokens may be used for.
    pub scope: Scope,
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// Unknown address, wrong password, no password, or a disabled account: nobody is told which.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// Too many passwords were wrong: this one was not looked at, and is after so many seconds.
    #[error("too many wrong passwords: try again in {0} seconds")]
    TooMany(u32),
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
/// Every refusal does the work of one password check and is written down the same way, so that its
/// time tells nothing. Who was wrong too often is refused without any work, whether there is such an
/// account or not.
pub fn login(services: &Services, attempt: Attempt<'_>) -> Result<Grant, LoginError> {
    let password = Password::new(attempt.password);
    let credentials = match attempt.email.parse::<Email>() {
        Ok(email) => services
            .store
            .read(|connection| users::credentials(connection, &email))?,
        Err(_) => None,
    };
    let known = credentials.as_ref().map(|found| found.user.id);
    let address = attempt.origin.address;
    let guess = password_check::admit(services, attempt.email, known, address)??;
    match password_check::check(services, &password, credentials, guess) {
        Ok(checked) => {
            let rehash = |()| services.hasher.hash(&password);
            let fresh_hash = checked.is_outdated.then_some(()).map(rehash).transpose()?;
            record(services, checked, fresh_hash, attempt)
        }
        Err(refused) => {
            if matches!(refused, NotRight::Wrong) {
                let wait = password_check::wait_after(services, &guess);
                note_refusal(services, known, &attempt, wait)?;
            }
            Err(refused.into())
        }
    }
}

/// Writes a refused login down: from where, and to which account if there is one of that address.
/// What was typed is not: it may be a password. With how long the next one has to wait.
fn note_refusal(
    services: &Services,
    known: Option<UserId>,
    attempt: &Attempt<'_>,
    wait_secs: Option<u32>,
) -> Result<(), StoreError> {
    let scribe = Scribe::at(Who::Anonymous, attempt.origin.address, &services.sources);
    let mut entry = Entry {
        user: known,
        client: attempt.client.clone(),
        ..Entry::new(Action::Login).ended(Outcome::Failed)
    };
    if let Some(secs) = wait_secs {
        entry.note("wait_secs", secs);
    }
    let clock = services.sources.clock.clone();
    services
        .store
        .write(move |tx| scribe.write(tx, &entry, clock.now()))
}

/// Writes the login down, begins its session and signs its first token. The time is taken inside
/// the transaction, so that tokens and the changes that end them are ordered as they are committed.
fn record(
    services: &Services,
    checked: Checked,
    fresh_hash: Option<PhcString>,
    attempt: Attempt<'_>,
) -> Result<Grant, LoginError> {
    let id = checked.user.id;
    let (clock, random) = (
        services.sources.clock.clone(),
        services.sources.random.clone(),
    );
    let limit = services.session_rules.per_user;
    let Attempt {
        client,
        scope,
        origin,
        ..
    } = attempt;
    let (of_client, of_scope) = (client.clone(), scope.clone());
    let scribe = Scribe::at(Who::User(id), origin.address, &services.sources);
    let overtaken = Scribe::at(Who::Anonymous, origin.address, &services.sources);
    let recorded = services.store.write(move |tx| {
        let now = clock.now();
        let entry = Entry {
            client: of_client.clone(),
            ..Entry::new(Action::Login).user(id)
        };
        let client_lasts = match &of_client {
            Some(id) => clients::find(tx, id)?.is_some_and(|client| client.is_active),
            None => true,
        };
        let login = if client_lasts {
            users::record_login(tx, id, checked.hash.as_str(), now)?
        } else {
            None
        };
        let Some(login) = login else {
            overtaken.write(tx, &entry.ended(Outcome::Failed), now)?;
            return Ok(None);
        };
        if let Some(fresh) = fresh_hash {
            users::replace_hash(tx, id, checked.hash.as_str(), fresh.as_str())?;
        }
        let session = NewSession {
            id: SessionId(random.uuid_v7(now)),
            user_id: id,
            client_id: of_client,
            method: Method::Password,
            scope: of_scope,
            origin,
        };
        sessions::insert(tx, &session, limit, now)?;
        let refresh_token = RefreshToken::first(session.id, &*random);
        refresh_tokens::insert_first(tx, refresh::key_of(&refresh_token), now)?;
        scribe.write(tx, &entry.session(session.id), now)?;
        Ok(Some((login, refresh_token, now)))
    })?;
    let (login, refresh_token, now) = recorded.ok_or(LoginError::InvalidCredentials)?;
    let RecordedLogin { user, active_kid } = login;
    let lease = Lease {
        user,
        session: refresh_token.session,
        client,
        scope,
        began_at_ms: now.as_millisecond(),
        refresh_token,
    };
    Ok(grant::for_session(
        services,
        lease,
        active_kid.as_deref(),
        now,
    )?)
}

impl From<NotRight> for LoginError {
    fn from(refused: NotRight) -> Self {
        match refused {
            NotRight::Wrong => Self::InvalidCredentials,
            NotRight::TooMany(secs) => Self::TooMany(secs),
            NotRight::Hashing(error) => Self::Hashing(error),
            NotRight::Store(error) => Self::Store(error),
        }
    }
}

impl From<GrantError> for LoginError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Signing(error) => Self::Signing(error),
            GrantError::Keys(error) => Self::Keys(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::Actor;
    use crate::domain::client::NewClient;
    use crate::domain::label::Label;
    use crate::passwords::HashParams;
    use crate::service::accounts::LastSuperuser;
    use crate::service::clients;
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
        let guess = trial.services.guesses.at("ada@example.com", None);
        let checked =
            password_check::check(&trial.services, &Password::new(PASSWORD), found, guess);
        checked.unwrap_or_else(|_| panic!("is not right"))
    }

    fn go_on(trial: &Trial, checked: Checked, attempt: Attempt<'_>) -> Result<Grant, LoginError> {
        record(&trial.services, checked, None, attempt)
    }

    fn stored_hash(trial: &Trial) -> String {
        halfway(trial).hash.as_str().to_owned()
    }

    #[test]
    fn a_login_that_a_password_change_overtakes_fails() {
        let trial = Trial::new();
        let checked = halfway(&trial);
        trial.set_password(NEW);
        let outcome = go_on(&trial, checked, trial.attempt(PASSWORD));
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
        let outcome = go_on(&trial, one, trial.attempt(PASSWORD));
        assert!(matches!(outcome, Err(LoginError::InvalidCredentials)));
        let deleted = trial.accounts.delete(&trial.ada(), LastSuperuser::Keep);
        deleted.expect("is deleted");
        let outcome = go_on(&trial, two, trial.attempt(PASSWORD));
        assert!(matches!(outcome, Err(LoginError::InvalidCredentials)));
    }

    #[test]
    fn a_login_whose_client_is_disabled_or_deleted_meanwhile_fails() {
        let trial = Trial::new();
        let desk = trial.services.managed_by(Actor::operator("root"));
        let new = NewClient {
            id: "billing".parse().expect("is an id"),
            name: Label::default(),
            scopes: Scope::default(),
            audiences: vec![],
        };
        let made = clients::add(&desk, new).expect("is added");
        let id = made.client.id;
        let attempt = || Attempt {
            client: Some(id.clone()),
            ..trial.attempt(PASSWORD)
        };
        assert!(go_on(&trial, halfway(&trial), attempt()).is_ok());
        for change in [clients::disable, clients::delete] {
            let checked = halfway(&trial);
            change(&desk, &id).expect("is changed");
            let outcome = go_on(&trial, checked, attempt());
            assert!(matches!(outcome, Err(LoginError::InvalidCredentials)));
        }
        assert_eq!(trial.count("SELECT count(*) FROM sessions"), 0);
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
        assert!(!halfway(&trial).is_outdated);
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
        assert!(checked.is_outdated);
        let fresh = trial.services.hasher.hash(&Password::new(PASSWORD));
        let fresh = Some(fresh.expect("is hashed"));
        trial.set_password(NEW);
        let attempt = trial.attempt(PASSWORD);
        assert!(record(&trial.services, checked, fresh, attempt).is_err());
        let outcome = trial.login(PASSWORD);
        assert!(matches!(outcome, Err(LoginError::InvalidCredentials)));
        assert!(trial.login(NEW).is_ok());
    }
}
