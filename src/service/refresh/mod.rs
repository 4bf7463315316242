//! Exchanging a refresh token for the next pair (RFC 6749, section 6; RFC 9700, section 4.14).
//!
//! A token is exchanged once. Whoever presents it again within the window of grace, because answers
//! get lost and clients run in several tabs, is given the same successor, until that is used itself.
//! After the window, a used token is a stolen one: its session ends.

use jiff::Timestamp;

use super::Services;
use super::grant::{self, Grant, GrantError, Lease};
use super::introspection::ActiveRefresh;
use super::keys::KeysError;
use super::scribe::Scribe;
use crate::domain::audit::{Action, Entry, Outcome, Who};
use crate::domain::client::ClientId;
use crate::domain::scope::Scope;
use crate::domain::session::{Origin, SessionId};
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
    /// It was not used yet.
    Unused,
    /// It was used just now; this is its successor.
    JustUsed(RefreshToken),
    /// Nothing, and nothing is wrong with that.
    Nothing,
    /// Nothing any more: its session's time is up.
    Over,
    /// It was used long ago, by somebody who is not the one who presents it now.
    Stolen,
}

/// Exchanges a refresh token for the next pair.
///
/// Reads first; the write that decides is a single statement ([`refresh_tokens::rotate`]).
pub fn refresh(services: &Services, exchange: Exchange<'_>) -> Result<Grant, RefreshError> {
    let token = RefreshToken::parse(exchange.token).ok_or(RefreshError::InvalidGrant)?;
    // Twice at most: whoever is overtaken between reading and writing finds a used token.
    for _ in 0..2 {
        let presented = find(services, &token, &exchange)?;
        let scope = narrowed(exchange.scope.as_ref(), &presented.scope)?;
        let now = services.sources.clock.now();
        return match worth(services, &token, &presented, now) {
            Worth::Nothing => Err(RefreshError::InvalidGrant),
            Worth::Over => {
                end(services, presented.session_id, None)?;
                Err(RefreshError::InvalidGrant)
            }
            Worth::Stolen => {
                report(services, &presented, &exchange.origin)?;
                Err(RefreshError::InvalidGrant)
            }
            Worth::JustUsed(next) => hand_out(services, presented, scope, next, now),
            Worth::Unused => {
                let next = services.keys.secrets().successors.successor(&token);
                let next = next.ok_or(RefreshError::InvalidGrant)?;
                let rotate = rotation(services, &token, &next);
                // Signing takes as long as a commit to a fast disk.
                let (rotated, grant) = services
                    .store
                    .write_while(rotate, || hand_out(services, presented, scope, next, now));
                if !rotated? {
                    continue;
                }
                grant
            }
        };
    }
    Err(RefreshError::InvalidGrant)
}

/// Where the database has a token.
pub(super) fn key_of(token: &RefreshToken) -> TokenKey {
    TokenKey {
        session: token.session,
        generation: token.generation,
        hash: token.hash(),
    }
}

fn find(
    services: &Services,
    token: &RefreshToken,
    exchange: &Exchange<'_>,
) -> Result<Presented, RefreshError> {
    let key = key_of(token);
    let found = services
        .store
        .read(|connection| refresh_tokens::find(connection, key))?;
    // Another client's token stays good for that one (RFC 6749, section 10.4).
    found
        .filter(|found| found.client_id.as_ref() == exchange.client && found.user.is_active)
        .ok_or(RefreshError::InvalidGrant)
}

/// A token of a session that was made through this client, if it would be exchanged now.
pub(super) fn look_at(
    services: &Services,
    token: &RefreshToken,
    client: &ClientId,
) -> Result<Option<ActiveRefresh>, StoreError> {
    let key = key_of(token);
    let found = services
        .store
        .read(|connection| refresh_tokens::find(connection, key))?;
    let own = found.filter(|found| found.client_id.as_ref() == Some(client));
    let Some(found) = own.filter(|found| found.user.is_active) else {
        return Ok(None);
    };
    let now = services.sources.clock.now();
    if !matches!(worth(services, token, &found, now), Worth::Unused) {
        return Ok(None);
    }
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

fn narrowed(asked: Option<&Scope>, whole: &Scope) -> Result<Scope, RefreshError> {
    match asked {
        None => Ok(whole.clone()),
        Some(asked) if asked.is_within(whole) => Ok(asked.clone()),
        Some(_) => Err(RefreshError::InvalidScope),
    }
}

fn worth(
    services: &Services,
    token: &RefreshToken,
    presented: &Presented,
    now: Timestamp,
) -> Worth {
    let (rules, now) = (services.session_rules, now.as_millisecond());
    let age = |since: i64| now.saturating_sub(since);
    match &presented.successor {
        // Clocks of several machines differ, to either side.
        Some(Successor { given_at_ms, .. }) if age(*given_at_ms).abs() > rules.grace_ms => {
            Worth::Stolen
        }
        // Whoever used the successor has it: nobody else needs it.
        Some(Successor { is_used: true, .. }) => Worth::Nothing,
        Some(successor) => {
            let next = services.keys.secrets().successors.successor(token);
            // Under another secret it was another one, which cannot be told any more.
            next.filter(|next| next.hash().as_slice() == successor.hash)
                .map_or(Worth::Nothing, Worth::JustUsed)
        }
        None if age(presented.began_at_ms) >= rules.absolute_ms => Worth::Over,
        None if age(presented.given_at_ms) >= rules.idle_ms => Worth::Over,
        None => Worth::Unused,
    }
}

/// The write that exchanges a token.
fn rotation(
    services: &Services,
    token: &RefreshToken,
    next: &RefreshToken,
) -> impl FnOnce(&Tx<'_>) -> Result<bool, StoreError> + Send + 'static {
    let (key, next, clock) = (key_of(token), next.hash(), services.sources.clock.clone());
    move |tx| refresh_tokens::rotate(tx, key, &next, clock.now())
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

/// Ends the session of a token that was used before, and writes down that somebody has it who
/// should not.
fn report(services: &Services, presented: &Presented, origin: &Origin) -> Result<(), StoreError> {
    let (user, session) = (presented.user.id, presented.session_id);
    let entry = Entry {
        client: presented.client_id.clone(),
        ..Entry::new(Action::RefreshTokenReused)
            .ended(Outcome::Failed)
            .user(user)
            .session(session)
    };
    let scribe = Scribe::at(Who::Anonymous, origin.address, &services.sources);
    end(services, session, Some((scribe, entry)))?;
    tracing::warn!(%user, %session, "a used refresh token came back; its session was ended");
    Ok(())
}

/// Ends a session; for good, whatever the clock says later.
fn end(
    services: &Services,
    session: SessionId,
    event: Option<(Scribe, Entry)>,
) -> Result<(), StoreError> {
    let clock = services.sources.clock.clone();
    services.store.write(move |tx| {
        let now = clock.now();
        let ended = sessions::end(tx, session, now)?;
        match event.filter(|_| ended) {
            Some((scribe, entry)) => scribe.write(tx, &entry, now),
            None => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests;
