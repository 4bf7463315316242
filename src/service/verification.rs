//! Is this token good, and who is behind it right now?

use std::sync::Arc;

use super::Services;
use super::keys::KeysError;
use crate::domain::user::User;
use crate::store::StoreError;
use crate::store::keys::KeyState;
use crate::store::users::{self, Standing};
use crate::tokens::jws;
use crate::tokens::{CheckedToken, CheckedTokens, Claims, TokenError};

/// A good token, and its account as it is at this moment.
#[derive(Debug)]
pub struct Verification {
    /// The account.
    pub user: User,
    /// The token.
    pub token: Arc<CheckedToken>,
    /// For how many seconds the caller may keep this answer.
    pub max_age_secs: u32,
}

/// Why a token is refused. Callers answer all of them alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The token itself is not good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Its account was deleted.
    #[error("the token's account does not exist")]
    NoAccount,
    /// Its account was disabled.
    #[error("the token's account is disabled")]
    Inactive,
    /// Its account's tokens were ended after it was issued.
    #[error("the token was ended by a change of password or of standing")]
    Ended,
    /// Its key was retired or revoked.
    #[error("the token's key is no longer in use")]
    KeyRetired,
}

/// Why there is no verification.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token is not good.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TokenError> for VerifyError {
    fn from(error: TokenError) -> Self {
        Self::Refused(error.into())
    }
}

/// Checks a token: signature, algorithm and type once; claims, key and account each time.
///
/// Writes nothing. With a token seen before it costs a hash and one query.
pub fn verify(services: &Services, token: &str) -> Result<Verification, VerifyError> {
    let token = checked(services, token)?;
    services
        .rules
        .check(&token.claims, services.sources.clock.now())?;
    // Nobody is refused by a replica: it may not know yet what makes the token good.
    let judged = services.store.read_recent(
        |connection| {
            let standing = users::standing(connection, token.claims.subject, &token.kid)?;
            Ok(judge(&token, standing))
        },
        Result::is_ok,
    )?;
    Ok(Verification {
        user: judged?,
        token,
        max_age_secs: services.max_age_secs,
    })
}

/// The account behind a token, if the token is good where things stand.
fn judge(token: &CheckedToken, standing: Option<Standing>) -> Result<User, Refusal> {
    let standing = standing.ok_or(Refusal::NoAccount)?;
    if !standing.key_state.is_some_and(KeyState::verifies) {
        return Err(Refusal::KeyRetired);
    }
    if !standing.user.is_active {
        return Err(Refusal::Inactive);
    }
    let ended = |after| token.claims.issued_at_ms <= after;
    if standing.tokens_valid_after_ms.is_some_and(ended) {
        return Err(Refusal::Ended);
    }
    Ok(standing.user)
}

/// The token with its signature checked, now or before (ADR 2: that fact never changes).
fn checked(services: &Services, token: &str) -> Result<Arc<CheckedToken>, VerifyError> {
    if token.len() > jws::MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong.into());
    }
    let fingerprint = CheckedTokens::fingerprint(token);
    if let Some(known) = services.checked.find(&fingerprint) {
        return Ok(known);
    }
    let kid = jws::claimed_kid(token)?.ok_or(TokenError::UnknownKey)?;
    let ring = services.keys.ring_with(&services.store, &kid)?;
    let verified = jws::verify(token, |kid| ring.find(kid?))?;
    let claims = Claims::parse(&verified)?;
    Ok(services
        .checked
        .insert(fingerprint, CheckedToken { kid, claims }))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::service::accounts::LastSuperuser;
    use crate::service::sessions::LoginError;
    use crate::service::trial::{LEEWAY_SECS, PASSWORD, TTL_SECS, Trial};

    /// A token of now with this claim beside the usual ones, or in their place.
    fn token_with(trial: &Trial, name: &str, value: impl Into<Value>) -> String {
        let services = &trial.services;
        let now = services.sources.clock.now();
        let jti = services.sources.random.uuid_v7(now);
        let mut claims = services.rules.claims_for(&trial.user, now, jti);
        claims.insert(name.to_owned(), value.into());
        let ring = services.keys.ring();
        ring.signing().sign(&claims).expect("signs")
    }

    /// Security statement 13.
    #[test]
    fn a_token_lives_for_its_time_and_the_leeway_and_not_a_second_more() {
        let trial = Trial::new();
        let (known, unseen) = (trial.token(), trial.token());
        assert_eq!(trial.refusal(&known), None);
        trial.clock.advance_secs(TTL_SECS + LEEWAY_SECS);
        assert_eq!(trial.refusal(&known), None);
        trial.clock.advance_secs(1);
        // Whether its signature is remembered or not.
        for token in [&known, &unseen, &known] {
            assert_eq!(trial.refusal(token), Some(TokenError::Expired.into()));
        }
        // Time that goes back an hour revives nothing: the token is then of the future.
        trial.clock.advance_secs(-3600);
        assert_eq!(trial.refusal(&known), Some(TokenError::NotYet.into()));
    }

    /// Security statement 13.
    #[test]
    fn a_token_begins_no_earlier_than_the_leeway_allows() {
        let trial = Trial::new();
        let now = trial.services.sources.clock.now().as_second();
        for name in ["nbf", "iat"] {
            let soon = token_with(&trial, name, now + LEEWAY_SECS);
            assert_eq!(trial.refusal(&soon), None, "{name}");
            let later = token_with(&trial, name, now + LEEWAY_SECS + 1);
            let refusal = trial.refusal(&later);
            assert_eq!(refusal, Some(TokenError::NotYet.into()), "{name}");
        }
        let later = token_with(&trial, "nbf", now + LEEWAY_SECS + 1);
        assert_eq!(trial.refusal(&later), Some(TokenError::NotYet.into()));
        trial.clock.advance_secs(1);
        assert_eq!(trial.refusal(&later), None);
    }

    /// Security statement 12: numbers at the very ends do not wrap around.
    #[test]
    fn times_at_the_ends_of_the_range_neither_wrap_nor_crash() {
        let trial = Trial::new();
        let far = token_with(&trial, "exp", i64::MAX);
        assert_eq!(trial.refusal(&far), None);
        let expired = token_with(&trial, "exp", 0);
        assert_eq!(trial.refusal(&expired), Some(TokenError::Expired.into()));
        for name in ["nbf", "iat"] {
            let never = token_with(&trial, name, i64::MAX);
            let refusal = trial.refusal(&never);
            assert_eq!(refusal, Some(TokenError::NotYet.into()), "{name}");
        }
    }

    #[test]
    fn a_token_issued_up_to_the_moment_of_a_password_change_is_ended_by_it() {
        let trial = Trial::new();
        let before = trial.token();
        trial.clock.advance_millis(1);
        let same_moment = trial.token();
        trial.set_password("violet lantern orbits quartz");
        for token in [&before, &same_moment] {
            assert_eq!(trial.refusal(token), Some(Refusal::Ended));
        }
        // The very next millisecond counts as after, though `iat` has no room for it.
        trial.clock.advance_millis(1);
        let after = trial.login("violet lantern orbits quartz");
        let after = after.expect("logs in").access_token;
        assert_eq!(trial.refusal(&after), None);
        trial.clock.advance_secs(60);
        assert_eq!(trial.refusal(&after), None);
        assert_eq!(trial.refusal(&before), Some(Refusal::Ended));
    }

    /// Security statement 24.
    #[test]
    fn an_accounts_standing_decides_at_each_verify() {
        let trial = Trial::new();
        let token = trial.token();
        assert_eq!(trial.refusal(&token), None);
        let disabled = trial.accounts.disable(&trial.ada(), LastSuperuser::Keep);
        assert!(!disabled.expect("is disabled").is_active);
        assert_eq!(trial.refusal(&token), Some(Refusal::Inactive));
        trial.accounts.enable(&trial.ada()).expect("is enabled");
        assert_eq!(trial.refusal(&token), Some(Refusal::Ended));
        trial.clock.advance_millis(1);
        let token = trial.token();
        assert_eq!(trial.refusal(&token), None);
        let deleted = trial.accounts.delete(&trial.ada(), LastSuperuser::Keep);
        deleted.expect("is deleted");
        assert_eq!(trial.refusal(&token), Some(Refusal::NoAccount));
    }

    /// Security statement 65.
    #[test]
    fn a_password_does_not_expire() {
        let trial = Trial::new();
        trial.clock.advance_secs(10 * 366 * 24 * 3600);
        assert_eq!(trial.refusal(&trial.token()), None);
        let wrong = trial.login("wrong horse battery staple");
        assert!(matches!(wrong, Err(LoginError::InvalidCredentials)));
        assert!(trial.login(PASSWORD).is_ok());
    }
}
