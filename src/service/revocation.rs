//! Ending a token before its time (RFC 7009).

use std::net::IpAddr;
use std::sync::Arc;

use super::Services;
use super::api_tokens::note;
use super::keys::KeysError;
use super::refresh;
use super::scribe::Scribe;
use super::verification::{self, VerifyError};
use crate::domain::audit::{Action, Entry, Who};
use crate::domain::client::{Client, ClientId};
use crate::store::{StoreError, api_tokens, refresh_tokens, revoked_tokens, sessions};
use crate::tokens::claims::Subject;
use crate::tokens::{OpaqueKind, OpaqueToken, RefreshToken};

/// Why a token was not revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// It is one that only `authctl` ends: a client's secret.
    #[error("tokens of this kind are not revoked here")]
    UnsupportedType,
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Ends a token that was given to this client, which was authenticated: a refresh token with its
/// session and everything that hangs on it, any other by itself. Unknown tokens, and those of
/// others, change nothing and are no error (section 2.2).
pub fn revoke(
    services: &Services,
    caller: &Client,
    token: &str,
    address: Option<IpAddr>,
) -> Result<(), RevokeError> {
    let scribe = Scribe::at(Who::Client(caller.id.clone()), address, &services.sources);
    if OpaqueToken::parse(OpaqueKind::ClientSecret, token).is_some() {
        return Err(RevokeError::UnsupportedType);
    }
    if let Some(token) = RefreshToken::parse(token) {
        return Ok(end_session(services, &caller.id, &token, scribe)?);
    }
    if let Some(token) = OpaqueToken::parse(OpaqueKind::Api, token) {
        return Ok(end_api_token(services, &caller.id, &token, scribe)?);
    }
    end_access_token(services, &caller.id, token, scribe)
}

fn end_session(
    services: &Services,
    caller: &ClientId,
    token: &RefreshToken,
    scribe: Scribe,
) -> Result<(), StoreError> {
    let (key, caller) = (refresh::key_of(token), caller.clone());
    let clock = Arc::clone(&services.sources.clock);
    services.store.write(move |tx| {
        let Some(id) = refresh_tokens::session_of(tx, key, &caller)? else {
            return Ok(());
        };
        let now = clock.now();
        let entry = Entry {
            user: sessions::find(tx, id)?.map(|session| session.user_id),
            ..Entry::new(Action::SessionEnded).session(id).client(&caller)
        };
        if sessions::end(tx, id, now)? {
            scribe.write(tx, &entry, now)?;
        }
        Ok(())
    })
}

fn end_api_token(
    services: &Services,
    caller: &ClientId,
    token: &OpaqueToken,
    scribe: Scribe,
) -> Result<(), StoreError> {
    let (hash, caller) = (token.hash(), caller.clone());
    let clock = Arc::clone(&services.sources.clock);
    services.store.write(move |tx| {
        let Some(id) = api_tokens::id_of(tx, &hash, &caller)? else {
            return Ok(());
        };
        let now = clock.now();
        if let Some(token) = api_tokens::delete(tx, id, now)? {
            let mut entry = Entry::new(Action::ApiTokenRevoked);
            note(&mut entry, &token);
            scribe.write(tx, &entry, now)?;
        }
        Ok(())
    })
}

fn end_access_token(
    services: &Services,
    caller: &ClientId,
    token: &str,
    scribe: Scribe,
) -> Result<(), RevokeError> {
    let claims = match verification::claims_of(services, token) {
        Ok(claims) => claims,
        Err(VerifyError::Refused(reason)) => {
            tracing::debug!(%reason, "a token to be revoked is not good");
            return Ok(());
        }
        Err(VerifyError::Keys(error)) => return Err(error.into()),
        Err(VerifyError::Store(error)) => return Err(error.into()),
    };
    if claims.client.as_ref() != Some(caller) {
        return Ok(());
    }
    // Until nobody's clock takes it for good any more.
    let until = claims
        .expires_at_secs
        .saturating_add(services.rules.leeway_secs);
    let (jti, clock) = (claims.jti, Arc::clone(&services.sources.clock));
    let user = match claims.subject {
        Subject::User { id, .. } => Some(id),
        Subject::Client(_) => None,
    };
    let entry = Entry {
        token: Some(jti),
        user,
        ..Entry::new(Action::TokenRevoked).client(caller)
    };
    let revoked = services.store.write(move |tx| {
        let now = clock.now();
        let revoked = revoked_tokens::insert(tx, jti, until, now)?;
        if revoked {
            scribe.write(tx, &entry, now)?;
        }
        Ok(revoked)
    })?;
    if revoked {
        tracing::info!(client = %caller, %jti, "a token was revoked");
    }
    Ok(())
}
