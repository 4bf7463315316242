//! What verification holds to, with a clock that is moved.

use serde_json::Value;

use super::*;
use crate::domain::scope::Scope;
use crate::service::accounts::LastSuperuser;
use crate::service::login::LoginError;
use crate::service::trial::{LEEWAY_SECS, PASSWORD, TTL_SECS, Trial};
use crate::tokens::claims::{Holder, NewToken};

/// A token of a login, read.
fn verified(trial: &Trial) -> jws::Verified {
    let ring = trial.services.keys.ring();
    jws::verify(&trial.token(), |kid| ring.find(kid?)).expect("is good")
}

/// A token of now with this claim beside the usual ones, or in their place.
fn token_with(trial: &Trial, name: &str, value: impl Into<Value>) -> String {
    let services = &trial.services;
    let now = services.sources.clock.now();
    let jti = services.sources.random.uuid_v7(now);
    let held = Claims::parse(&verified(trial)).expect("is a token");
    let Subject::User {
        session: Some(session),
        ..
    } = held.subject
    else {
        panic!("is a user's");
    };
    let new = NewToken {
        holder: Holder::User {
            user: &trial.user,
            session,
        },
        client: None,
        audience: None,
        scope: &Scope::default(),
        ends_by_secs: i64::MAX,
    };
    let mut claims = services.rules.claims_for(new, now, jti);
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
