//! What refreshing holds to, with a clock that is moved.

use super::*;
use crate::passwords::HashParams;
use crate::service::accounts::LastSuperuser;
use crate::service::trial::{PASSWORD, SESSIONS, TTL_SECS, Trial};
use crate::service::verification::Refusal;

const NEW: &str = "violet lantern orbits quartz";

fn exchange(token: &str) -> Exchange<'_> {
    Exchange {
        token,
        client: None,
        scope: None,
        origin: Origin::default(),
    }
}

fn try_next(trial: &Trial, token: &str) -> Result<Grant, RefreshError> {
    refresh(&trial.services, exchange(token))
}

/// The next refresh token.
#[track_caller]
fn next(trial: &Trial, token: &str) -> String {
    let grant = try_next(trial, token).expect("is refreshed");
    assert_eq!(trial.refusal(&grant.access_token), None);
    grant.refresh_token.expose().to_owned()
}

#[track_caller]
fn is_refused(trial: &Trial, token: &str) {
    let outcome = try_next(trial, token);
    assert!(
        matches!(outcome, Err(RefreshError::InvalidGrant)),
        "{outcome:?}"
    );
}

fn log_in(trial: &Trial) -> (String, String) {
    let grant = trial.login(PASSWORD).expect("logs in");
    (grant.refresh_token.expose().to_owned(), grant.access_token)
}

fn reuses(trial: &Trial) -> i64 {
    trial.count("SELECT count(*) FROM audit_events WHERE event = 'refresh_token.reused'")
}

/// Security statement 44.
#[test]
fn a_token_gives_another_and_is_then_of_no_more_use() {
    let trial = Trial::new();
    let (first, _) = log_in(&trial);
    let second = next(&trial, &first);
    assert_ne!(first, second);
    let third = next(&trial, &second);
    // The window is still open, but what came of it is used.
    is_refused(&trial, &first);
    let fourth = next(&trial, &third);
    assert_eq!(reuses(&trial), 0);
    next(&trial, &fourth);
}

/// Security statement 46, as the window of grace has it: one successor for all, one new row.
#[test]
fn within_the_window_everybody_is_given_the_same_successor() {
    let trial = Trial::new();
    let (first, _) = log_in(&trial);
    let second = next(&trial, &first);
    trial.clock.advance_millis(SESSIONS.grace_ms);
    assert_eq!(next(&trial, &first), second);
    assert_eq!(next(&trial, &first), second);
    assert_eq!(trial.count("SELECT count(*) FROM refresh_tokens"), 2);
    assert_eq!(reuses(&trial), 0);
}

/// Security statement 45.
#[test]
fn after_the_window_a_used_token_ends_the_session_and_is_written_down() {
    let trial = Trial::new();
    let (first, access) = log_in(&trial);
    let second = next(&trial, &first);
    trial.clock.advance_millis(SESSIONS.grace_ms + 1);
    assert_eq!(trial.refusal(&access), None);
    is_refused(&trial, &first);
    is_refused(&trial, &second);
    assert_eq!(trial.refusal(&access), Some(Refusal::SessionEnded));
    assert_eq!(reuses(&trial), 1);
    // It was ended once.
    is_refused(&trial, &first);
    assert_eq!(reuses(&trial), 1);
    assert_eq!(trial.count("SELECT count(*) FROM refresh_tokens"), 0);
    let revoked = "SELECT count(*) FROM revocations WHERE kind = 'session'";
    assert_eq!(trial.count(revoked), 1);
}

/// Security statement 48.
///
/// Keycloak #50999: they were compared by `iat`, which has whole seconds.
#[test]
fn rotations_within_one_second_are_told_apart() {
    let trial = Trial::new();
    let (first, _) = log_in(&trial);
    let second = next(&trial, &first);
    let third = next(&trial, &second);
    is_refused(&trial, &first);
    // Of the last one used the successor is known, and unused.
    assert_eq!(next(&trial, &second), third);
    trial.clock.advance_millis(SESSIONS.grace_ms + 1);
    is_refused(&trial, &second);
    is_refused(&trial, &third);
    assert_eq!(reuses(&trial), 1);
}

/// Used tokens are known for long, and no session's chain grows for ever.
#[test]
fn of_a_long_chain_only_the_oldest_tokens_are_forgotten() {
    let trial = Trial::new();
    let (first, _) = log_in(&trial);
    let (mut token, mut chain) = (first.clone(), Vec::new());
    for _ in 0..=1280 {
        let grant = try_next(&trial, &token).expect("is refreshed");
        chain.push(std::mem::replace(
            &mut token,
            grant.refresh_token.expose().to_owned(),
        ));
    }
    assert_eq!(trial.count("SELECT count(*) FROM refresh_tokens"), 1026);
    trial.clock.advance_millis(SESSIONS.grace_ms + 1);
    is_refused(&trial, &first);
    assert_eq!(reuses(&trial), 0);
    token = next(&trial, &token);
    // 1,024 exchanges ago, and still a thief's.
    is_refused(&trial, &chain[1280 - 1024]);
    assert_eq!(reuses(&trial), 1);
    is_refused(&trial, &token);
}

/// Security statement 49.
#[test]
fn a_clock_that_jumps_makes_no_used_or_ended_token_good_again() {
    const HOUR: i64 = 3600;
    const YEAR: i64 = 365 * 24 * HOUR;
    let trial = Trial::new();
    let (first, _) = log_in(&trial);
    let second = next(&trial, &first);
    trial.clock.advance_secs(-HOUR);
    // Used an hour from now: not just now.
    is_refused(&trial, &first);
    is_refused(&trial, &second);
    trial.clock.advance_secs(HOUR);
    is_refused(&trial, &second);

    let (third, access) = log_in(&trial);
    trial.clock.advance_secs(YEAR);
    is_refused(&trial, &third);
    trial.clock.advance_secs(-YEAR);
    is_refused(&trial, &third);
    assert_eq!(trial.refusal(&access), Some(Refusal::SessionEnded));
}

/// Security statement 50.
#[test]
fn a_session_nobody_uses_ends_and_so_does_one_that_is_used_all_the_time() {
    let trial = Trial::new();
    let (idle, _) = log_in(&trial);
    let (mut busy, _) = log_in(&trial);
    let step = SESSIONS.idle_ms - 1;
    let mut age = 0;
    while age + step < SESSIONS.absolute_ms {
        trial.clock.advance_millis(step);
        age += step;
        busy = next(&trial, &busy);
    }
    assert!(age > SESSIONS.idle_ms);
    is_refused(&trial, &idle);
    trial.clock.advance_millis(SESSIONS.absolute_ms - age);
    is_refused(&trial, &busy);
    assert_eq!(reuses(&trial), 0);
    assert_eq!(trial.count("SELECT count(*) FROM sessions"), 0);
}

#[test]
fn no_access_token_outlives_its_session() {
    let trial = Trial::new();
    let (mut token, _) = log_in(&trial);
    let step = SESSIONS.idle_ms - 1;
    let mut age = 0;
    while age + step < SESSIONS.absolute_ms {
        trial.clock.advance_millis(step);
        age += step;
        token = next(&trial, &token);
    }
    trial
        .clock
        .advance_millis(SESSIONS.absolute_ms - age - 60_000);
    let grant = try_next(&trial, &token).expect("is refreshed");
    assert_eq!(grant.expires_in, 60);
    assert!(grant.expires_in < TTL_SECS);
}

/// Security statement 51: for the other client's token it is as if it were none.
#[test]
fn a_token_of_nobody_in_particular_is_none_for_a_client_and_stays_good() {
    let trial = Trial::new();
    let (token, _) = log_in(&trial);
    let client = "billing".parse().expect("is an id");
    let as_client = Exchange {
        client: Some(&client),
        ..exchange(&token)
    };
    let outcome = refresh(&trial.services, as_client);
    assert!(matches!(outcome, Err(RefreshError::InvalidGrant)));
    let wider = Exchange {
        scope: Some("admin".parse().expect("is a scope")),
        ..exchange(&token)
    };
    let outcome = refresh(&trial.services, wider);
    assert!(matches!(outcome, Err(RefreshError::InvalidScope)));
    next(&trial, &token);
}

/// Security statements 8 and 53.
#[test]
fn what_is_no_refresh_token_is_refused_without_a_look() {
    let trial = Trial::new();
    let (token, access) = log_in(&trial);
    for other in [
        &access[..],
        "",
        "authd_rt_",
        "null",
        &token[1..],
        &token.replace("_rt_", "_pat_"),
    ] {
        is_refused(&trial, other);
    }
    let session = RefreshToken::parse(&token).expect("is one").session;
    let fresh = RefreshToken::first(session, &*trial.services.sources.random);
    is_refused(&trial, fresh.expose());
    assert_eq!(
        trial.refusal(&token),
        Some(Refusal::Token(crate::tokens::TokenError::Malformed))
    );
    next(&trial, &token);
}

/// Security statements 56 and 57.
#[test]
fn what_ends_sessions_ends_their_refresh_tokens_at_once() {
    let trial = Trial::new();
    let (token, access) = log_in(&trial);
    trial.set_password(NEW);
    is_refused(&trial, &token);
    assert!(trial.refusal(&access).is_some());

    let token = trial.login(NEW).expect("logs in").refresh_token;
    let disabled = trial.accounts.disable(&trial.ada(), LastSuperuser::Keep);
    disabled.expect("is disabled");
    is_refused(&trial, token.expose());
    trial.accounts.enable(&trial.ada()).expect("is enabled");
    is_refused(&trial, token.expose());

    trial.clock.advance_millis(1);
    let token = trial.login(NEW).expect("logs in").refresh_token;
    let deleted = trial.accounts.delete(&trial.ada(), LastSuperuser::Keep);
    deleted.expect("is deleted");
    is_refused(&trial, token.expose());
    assert_eq!(trial.count("SELECT count(*) FROM refresh_tokens"), 0);
    assert_eq!(reuses(&trial), 0);
}

/// Security statement 47, but for the kill: nothing of this is in memory.
#[test]
fn a_restart_forgets_no_used_token() {
    let mut trial = Trial::new();
    let (first, _) = log_in(&trial);
    let second = next(&trial, &first);
    trial.restart(HashParams::FLOOR);
    assert_eq!(next(&trial, &first), second);
    trial.clock.advance_millis(SESSIONS.grace_ms + 1);
    trial.restart(HashParams::FLOOR);
    is_refused(&trial, &first);
    is_refused(&trial, &second);
    assert_eq!(reuses(&trial), 1);
}

/// Security statement 59.
#[test]
fn each_login_begins_a_session_of_its_own_and_too_many_end_the_oldest() {
    let trial = Trial::new();
    let mut tokens = Vec::new();
    for _ in 0..=SESSIONS.per_user {
        trial.clock.advance_millis(1);
        tokens.push(log_in(&trial));
    }
    let (oldest, rest) = tokens.split_first().expect("are some");
    assert_eq!(trial.refusal(&oldest.1), Some(Refusal::SessionEnded));
    is_refused(&trial, &oldest.0);
    for (token, access) in rest {
        assert_eq!(trial.refusal(access), None);
        next(&trial, token);
    }
}
