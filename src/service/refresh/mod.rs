//! Exchanging a refresh token for the next pair (RFC 6749, section 6; RFC 9700, section 4.14).
//!
//! A token is exchanged once. Whoever presents it again within the window of grace, because answers
//! get lost and clients run in several tabs, is given the same successor, until that is used itself.
//! After the window, a used token is a stolen one: its session ends.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::Services;
use super::grant::{self, Grant, GrantError, Lease};
use super::introspection::ActiveRefresh;
use super::keys::KeysError;
use super::scribe::Scribe;
use crate::domain::audit::{Action, Entry, Outcome, Who};
use crate::domain::client::ClientId;
use crate::domain::scope::Scope;
use crate::domain::session::{Origin, SessionRules};
use crate::domain::sources::Clock;
use crate::store::refresh_tokens::{self, Presented, Successor, TokenKey};
use crate::store::{StoreError, Tx, sessions};
use crate::tokens::{KeyError, RefreshToken};

/// Who wants the next pair.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The refresh token.
    pub token: &'a str,
    /// The client that asks, authenticated; `None`: nobody in particular.
    pub client: Option<&'a ClientId>,
    /// What the access token is to be used for, if for less than the session's.
    pub scope: Option<Scope>,
    /// Where the request comes from.
    pub origin: Origin,
}

/// Why there is no next pair.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The token was never given out, is used up, over, or another client's: nobody is told which.
    #[error("the refresh token is not good")]
    InvalidGrant,
    /// More was asked for than the session has. The token stays as it is.
    #[error("the scope is wider than the session's")]
    InvalidScope,
    /// The access token could not be signed.
    #[error("the token could not be signed")]
    Signing(#[source] KeyError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a token is worth.
enum Worth {
    /// The next pair: it was not used yet.
    Unused,
    /// The next pair once more: it was used just now.
    JustUsed,
    /// Nothing, and nothing is wrong with that.
    Nothing,
    /// Nothing any more: its session's time is up.
    Over,
    /// It was used long ago, by somebody who is not the one who presents it now.
    Stolen,
}

/// What is decided, and written, in one transaction.
struct Decision {
    token: TokenKey,
    /// Of the one successor that the token can have.
    next: [u8; 32],
    client: Option<ClientId>,
    scope: Option<Scope>,
    rules: SessionRules,
    clock: Arc<dyn Clock>,
    scribe: Scribe,
}

enum Verdict {
    /// The next pair may be signed, for this scope.
    Granted(Presented, Scope, Timestamp),
    Refused(RefreshError),
    /// The session was ended.
    Stolen(Presented),
}

/// Exchanges a refresh token for the next pair.
///
/// All of it is decided where it is written, so that nobody comes between; the statement that does
/// write ([`refresh_tokens::rotate`]) looks once more itself.
pub fn refresh(services: &Services, exchange: Exchange<'_>) -> Result<Grant, RefreshError> {
    let token = RefreshToken::parse(exchange.token).ok_or(RefreshError::InvalidGrant)?;
    let next = successor(services, &token).ok_or(RefreshError::InvalidGrant)?;
    let decision = Decision {
        token: key_of(&token),
        next: next.hash(),
        client: exchange.client.cloned(),
        scope: exchange.scope,
        rules: services.session_rules,
        clock: Arc::clone(&services.sources.clock),
        scribe: Scribe::at(Who::Anonymous, exchange.origin.address, &services.sources),
    };
    let mut stolen = None;
    // Signing takes as long as a commit to a fast disk.
    let answer = services.store.write_while(
        move |tx| decision.make(tx),
        |verdict| match verdict {
            Verdict::Granted(presented, scope, now) => {
                hand_out(services, presented, scope, next, now)
            }
            Verdict::Refused(error) => Err(error),
            Verdict::Stolen(presented) => {
                stolen = Some(presented);
                Err(RefreshError::InvalidGrant)
            }
        },
    )?;
    if let Some(presented) = stolen {
        let (user, session) = (presented.user.id, presented.session_id);
        tracing::warn!(%user, %session, "a used refresh token came back; its session was ended");
    }
    answer
}

impl Decision {
    fn make(self, tx: &Tx<'_>) -> Result<Verdict, StoreError> {
        let invalid_grant = Ok(Verdict::Refused(RefreshError::InvalidGrant));
        let found = refresh_tokens::find(tx, self.token)?;
        // Another client's token stays good for that one (RFC 6749, section 10.4).
        let own = found.filter(|found| found.client_id == self.client && found.user.is_active);
        let Some(presented) = own else {
            return invalid_grant;
        };
        let Some(scope) = narrowed(self.scope.as_ref(), &presented.scope) else {
            return Ok(Verdict::Refused(RefreshError::InvalidScope));
        };
        let now = self.clock.now();
        match worth(&presented, &self.next, self.rules, now) {
            Worth::Nothing => invalid_grant,
            Worth::Over => {
                // For good, whatever the clock says later.
                sessions::end(tx, presented.session_id, now)?;
                invalid_grant
            }
            Worth::Stolen => {
                sessions::end(tx, presented.session_id, now)?;
                self.scribe.write(tx, &reused(&presented), now)?;
                Ok(Verdict::Stolen(presented))
            }
            Worth::JustUsed => Ok(Verdict::Granted(presented, scope, now)),
            Worth::Unused if refresh_tokens::rotate(tx, self.token, &self.next, now)? => {
                Ok(Verdict::Granted(presented, scope, now))
            }
            Worth::Unused => invalid_grant,
        }
    }
}

/// That somebody has a token who should not.
fn reused(presented: &Presented) -> Entry {
    Entry {
        client: presented.client_id.clone(),
        ..Entry::new(Action::RefreshTokenReused)
            .ended(Outcome::Failed)
            .user(presented.user.id)
            .session(presented.session_id)
    }
}

/// Where the database has a token.
pub(super) fn key_of(token: &RefreshToken) -> TokenKey {
    TokenKey {
        session: token.session,
        generation: token.generation,
        hash: token.hash(),
    }
}

/// A token of a session that was made through this client, if it would be exchanged now.
pub(super) fn look_at(
    services: &Services,
    token: &RefreshToken,
    client: &ClientId,
) -> Result<Option<ActiveRefresh>, StoreError> {
    let Some(found) = unused(services, token, Some(client))? else {
        return Ok(None);
    };
    let rules = services.session_rules;
    let idle_ends = found.given_at_ms.saturating_add(rules.idle_ms);
    let session_ends = found.began_at_ms.saturating_add(rules.absolute_ms);
    Ok(Some(ActiveRefresh {
        session: found.session_id,
        client: client.clone(),
        scope: found.scope,
        given_at_secs: found.given_at_ms.div_euclid(1000),
        expires_at_secs: idle_ends.min(session_ends).div_euclid(1000),
        user: found.user,
    }))
}

/// Whether a text is a token of a session that was made through no client, and would be exchanged now.
pub fn is_good(services: &Services, text: &str) -> Result<bool, StoreError> {
    match RefreshToken::parse(text) {
        Some(token) => Ok(unused(services, &token, None)?.is_some()),
        None => Ok(false),
    }
}

/// Ends the session of such a token, used or not, for whoever holds it. `false`: there is no such session
/// any more.
pub fn end(services: &Services, text: &str, address: Option<IpAddr>) -> Result<bool, StoreError> {
    let Some(token) = RefreshToken::parse(text) else {
        return Ok(false);
    };
    let (key, sources) = (key_of(&token), services.sources.clone());
    services.store.write(move |tx| {
        let found = refresh_tokens::find(tx, key)?;
        let Some(found) = found.filter(|found| found.client_id.is_none()) else {
            return Ok(false);
        };
        let (user, now) = (found.user.id, sources.clock.now());
        let ended = sessions::end(tx, found.session_id, now)?;
        if ended {
            let entry = Entry::new(Action::SessionEnded).user(user);
            let scribe = Scribe::at(Who::User(user), address, &sources);
            scribe.write(tx, &entry.session(found.session_id), now)?;
        }
        Ok(ended)
    })
}

/// A token of a session that was made through this client, or none, if it would be exchanged now.
fn unused(
    services: &Services,
    token: &RefreshToken,
    client: Option<&ClientId>,
) -> Result<Option<Presented>, StoreError> {
    let key = key_of(token);
    let found = services
        .store
        .read(|connection| refresh_tokens::find(connection, key))?;
    let own = found.filter(|found| found.client_id.as_ref() == client);
    let Some(found) = own.filter(|found| found.user.is_active) else {
        return Ok(None);
    };
    let (now, rules) = (services.sources.clock.now(), services.session_rules);
    let Some(next) = successor(services, token) else {
        return Ok(None);
    };
    let worth = worth(&found, &next.hash(), rules, now);
    Ok(Some(found).filter(|_| matches!(worth, Worth::Unused)))
}

fn successor(services: &Services, token: &RefreshToken) -> Option<RefreshToken> {
    services.keys.secrets().successors.successor(token)
}

/// What is asked for, if it is no more than there is.
fn narrowed(asked: Option<&Scope>, whole: &Scope) -> Option<Scope> {
    match asked {
        None => Some(whole.clone()),
        Some(asked) => asked.is_within(whole).then(|| asked.clone()),
    }
}

/// `next`: the hash of the one successor that it can have.
fn worth(presented: &Presented, next: &[u8; 32], rules: SessionRules, now: Timestamp) -> Worth {
    let now = now.as_millisecond();
    let age = |since: i64| now.saturating_sub(since);
    match &presented.successor {
        // Clocks of several machines differ, to either side.
        Some(Successor { given_at_ms, .. }) if age(*given_at_ms).abs() > rules.grace_ms => {
            Worth::Stolen
        }
        // Whoever used the successor has it: nobody else needs it.
        Some(Successor { is_used: true, .. }) => Worth::Nothing,
        Some(successor) if successor.hash == next => Worth::JustUsed,
        // Under another secret it was another one, which cannot be told any more.
        Some(_) => Worth::Nothing,
        None if age(presented.began_at_ms) >= rules.absolute_ms => Worth::Over,
        None if age(presented.given_at_ms) >= rules.idle_ms => Worth::Over,
        None => Worth::Unused,
    }
}

fn hand_out(
    services: &Services,
    presented: Presented,
    scope: Scope,
    refresh_token: RefreshToken,
    now: Timestamp,
) -> Result<Grant, RefreshError> {
    let lease = Lease {
        user: presented.user,
        session: presented.session_id,
        client: presented.client_id,
        scope,
        began_at_ms: presented.began_at_ms,
        refresh_token,
    };
    grant::for_session(services, lease, presented.active_kid.as_deref(), now).map_err(|error| {
        match error {
            GrantError::Signing(error) => RefreshError::Signing(error),
            GrantError::Keys(error) => RefreshError::Keys(error),
        }
    })
}

#[cfg(test)]
mod tests;
