//! Ending what time has ended, and forgetting what nobody needs to know any more: in small batches,
//! so that nobody waits for it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Sources;
use crate::domain::session::{SessionId, SessionRules};
use crate::store::sessions::{self, Candidates};
use crate::store::{
    Store, StoreError, account_codes, api_tokens, changes, idempotency, revoked_tokens,
};

/// Rows looked at, or removed, at a time.
const BATCH: u32 = 200;

/// For how long whoever follows the changes may have been away. Longer, and it must start anew.
const CHANGES_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What was ended and forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// Sessions whose time was up.
    pub sessions: u64,
    /// Revoked tokens that would be refused by now anyway.
    pub revoked_tokens: u64,
    /// API tokens that ended more than a day ago.
    pub api_tokens: u64,
    /// Codes of accounts that ended.
    pub account_codes: u64,
    /// Changes that were long ago.
    pub changes: u64,
    /// Answers that were kept for requests that came again.
    pub kept_answers: u64,
}

/// Prunes one database, a batch at a time.
pub struct Pruner {
    rules: SessionRules,
    sources: Sources,
    /// The sessions up to this one were looked at.
    after: Option<SessionId>,
}

impl Pruned {
    /// Whether there was nothing.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            sessions: self.sessions + other.sessions,
            revoked_tokens: self.revoked_tokens + other.revoked_tokens,
            api_tokens: self.api_tokens + other.api_tokens,
            account_codes: self.account_codes + other.account_codes,
            changes: self.changes + other.changes,
            kept_answers: self.kept_answers + other.kept_answers,
        }
    }
}

impl Pruner {
    /// One that begins with the oldest session.
    pub fn new(rules: SessionRules, sources: Sources) -> Self {
        Self {
            rules,
            sources,
            after: None,
        }
    }

    /// Prunes one batch of each kind. Writes nothing where there is nothing to do.
    pub fn step(&mut self, store: &Store) -> Result<Pruned, StoreError> {
        let now = self.sources.clock.now();
        Ok(Pruned {
            sessions: self.sessions(store, now)?,
            revoked_tokens: revoked_tokens(store, now)?,
            api_tokens: api_tokens(store, now)?,
            account_codes: account_codes(store, now)?,
            changes: changes(store, now)?,
            kept_answers: kept_answers(store, now)?,
        })
    }

    /// Whether the last batch of sessions was the last of all.
    pub fn has_seen_all(&self) -> bool {
        self.after.is_none()
    }

    fn sessions(&mut self, store: &Store, now: Timestamp) -> Result<u64, StoreError> {
        let before = |ms: i64| ago(now, SignedDuration::from_millis(ms));
        let (begun, used) = (before(self.rules.absolute_ms), before(self.rules.idle_ms));
        let after = self.after;
        let Candidates { over, next } =
            store.read(|connection| sessions::over(connection, after, begun, used, BATCH))?;
        self.after = next;
        if over.is_empty() {
            return Ok(0);
        }
        let clock = Arc::clone(&self.sources.clock);
        store.write(move |tx| {
            let mut ended = 0;
            for id in over {
                // It may have been used since it was looked at.
                if sessions::is_over(tx, id, begun, used)? {
                    ended += u64::from(sessions::end(tx, id, clock.now())?);
                }
            }
            Ok(ended)
        })
    }
}

fn revoked_tokens(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    // Leeway is a minute at most.
    let before = ago(now, SignedDuration::from_mins(5));
    if !store.read(|connection| revoked_tokens::is_prunable(connection, before))? {
        return Ok(0);
    }
    store.write(move |tx| revoked_tokens::prune(tx, before, BATCH))
}

fn api_tokens(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    // Until then they are listed, so that people see why they are refused.
    let before = ago(now, SignedDuration::from_hours(24));
    if !store.read(|connection| api_tokens::is_prunable(connection, before))? {
        return Ok(0);
    }
    store.write(move |tx| api_tokens::prune(tx, before, BATCH))
}

fn account_codes(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    // A clock that was ahead and is set back finds them as they were.
    let before = ago(now, SignedDuration::from_hours(24));
    if !store.read(|connection| account_codes::is_prunable(connection, before))? {
        return Ok(0);
    }
    store.write(move |tx| account_codes::prune(tx, before, BATCH))
}

fn changes(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    let before = ago(now, CHANGES_KEPT);
    if !store.read(|connection| changes::is_prunable(connection, before))? {
        return Ok(0);
    }
    store.write(move |tx| changes::prune(tx, before, BATCH))
}

fn kept_answers(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    let before = ago(now, idempotency::KEPT);
    if !store.read(|connection| idempotency::is_prunable(connection, before))? {
        return Ok(0);
    }
    store.write(move |tx| idempotency::prune(tx, before, BATCH))
}

fn ago(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.checked_sub(time).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::Origin;
    use crate::service::refresh::{self, Exchange};
    use crate::service::trial::{PASSWORD, SESSIONS, Trial};
    use crate::service::verification::Refusal;

    fn prune(trial: &Trial) -> Pruned {
        let services = &trial.services;
        let mut pruner = Pruner::new(SESSIONS, services.sources.clone());
        let mut pruned = Pruned::default();
        loop {
            pruned = pruned.and(pruner.step(&services.store).expect("prunes"));
            if pruner.has_seen_all() {
                return pruned;
            }
        }
    }

    fn refresh(trial: &Trial, token: &str) -> String {
        let exchange = Exchange {
            token,
            client: None,
            scope: None,
            origin: Origin::default(),
        };
        let grant = refresh::refresh(&trial.services, exchange).expect("is refreshed");
        grant.refresh_token.expose().to_owned()
    }

    #[test]
    fn sessions_whose_time_is_up_go_and_the_others_stay() {
        let trial = Trial::new();
        let log_in = || trial.login(PASSWORD).expect("logs in");
        let (idle, busy) = (log_in(), log_in());
        assert_eq!(prune(&trial), Pruned::default());
        trial.clock.advance_millis(SESSIONS.idle_ms - 1);
        let token = refresh(&trial, busy.refresh_token.expose());
        assert_eq!(prune(&trial), Pruned::default());
        trial.clock.advance_millis(1);
        assert_eq!(prune(&trial).sessions, 1);
        assert_eq!(trial.count("SELECT count(*) FROM sessions"), 1);
        assert_eq!(trial.count("SELECT count(*) FROM refresh_tokens"), 2);
        let of_idle = trial.refusal(&idle.access_token);
        assert!(of_idle.is_some());
        let token = refresh(&trial, &token);
        // By its age alone, however busy it is.
        trial.clock.advance_millis(SESSIONS.idle_ms - 1);
        let token = refresh(&trial, &token);
        trial
            .clock
            .advance_millis(SESSIONS.absolute_ms - 2 * SESSIONS.idle_ms);
        refresh(&trial, &token);
        assert_eq!(prune(&trial).sessions, 0);
        trial.clock.advance_millis(1);
        assert_eq!(prune(&trial).sessions, 1);
    }

    #[test]
    fn what_ended_long_ago_is_forgotten_and_whoever_missed_it_can_tell() {
        let trial = Trial::new();
        let extent = || trial.services.store.read(changes::extent).expect("reads");
        trial.token();
        trial.set_password(PASSWORD);
        assert_eq!(trial.count("SELECT count(*) FROM revocations"), 1);
        let ended = trial.count("SELECT version FROM revocations");
        trial.clock.advance_secs(CHANGES_KEPT.as_secs());
        assert_eq!(prune(&trial).changes, 0);
        assert_eq!(extent().pruned, 0);
        trial.clock.advance_secs(1);
        assert_eq!(prune(&trial).changes, 1);
        assert_eq!(trial.count("SELECT count(*) FROM revocations"), 0);
        assert_eq!(extent().pruned, ended);
        assert!(prune(&trial).is_nothing());
        assert_eq!(extent().pruned, ended);
    }

    #[test]
    fn a_revoked_token_is_remembered_until_it_would_be_refused_anyway() {
        let trial = Trial::new();
        let now = trial.services.sources.clock.now().as_second();
        trial.sql(&format!("INSERT INTO revoked_tokens VALUES ('a', {now})"));
        assert_eq!(prune(&trial).revoked_tokens, 0);
        trial.clock.advance_secs(301);
        assert_eq!(prune(&trial).revoked_tokens, 1);
        assert_eq!(trial.count("SELECT count(*) FROM revoked_tokens"), 0);
    }

    /// Security statement 49: nor does a clock that was ahead revive one when it is set right.
    #[test]
    fn a_clock_that_was_ahead_makes_no_revoked_token_good_again() {
        let trial = Trial::new();
        let (revoked, other) = (trial.token(), trial.token());
        let claims = |token: &str| {
            let found = crate::service::verification::verify(&trial.services, token);
            std::sync::Arc::clone(&found.expect("is good").claims)
        };
        let (jti, end) = (claims(&revoked).jti, claims(&revoked).expires_at_secs);
        trial.sql(&format!(
            "INSERT INTO revoked_tokens VALUES ('{jti}', {end})"
        ));
        assert_eq!(trial.refusal(&revoked), Some(Refusal::Revoked));
        assert_eq!(trial.refusal(&other), None);
        // Far enough to forget it, and not the session that it belongs to.
        let ahead = SESSIONS.idle_ms / 1000 - 1;
        trial.clock.advance_secs(ahead);
        assert_eq!(prune(&trial).revoked_tokens, 1);
        trial.clock.advance_secs(-ahead);
        assert_eq!(trial.refusal(&revoked), Some(Refusal::Revoked));
        // A later token is as good as before.
        trial.clock.advance_secs(1);
        assert_eq!(trial.refusal(&trial.token()), None);
    }

    #[test]
    fn an_api_token_that_has_ended_is_listed_for_a_day_and_goes() {
        let trial = Trial::new();
        let now = trial.services.sources.clock.now();
        let user = trial.user.id;
        let end = now.as_second();
        trial.sql(&format!(
            "INSERT INTO api_tokens (id, hash, user_id, name, scope, created_at, expires_at)
             VALUES ('{user}', {}, '{user}', '', '', 0, {end})",
            if trial.is_on_sqlite() {
                "x'00'"
            } else {
                "'\\x00'"
            }
        ));
        trial.clock.advance_secs(24 * 3600);
        assert_eq!(prune(&trial).api_tokens, 0);
        trial.clock.advance_secs(1);
        assert_eq!(prune(&trial).api_tokens, 1);
        assert_eq!(trial.count("SELECT count(*) FROM api_tokens"), 0);
    }
}
