//! Ending a token before its time (RFC 7009).

use std::sync::Arc;

use super::Services;
use super::keys::KeysError;
use super::refresh;
use super::verification::{self, VerifyError};
use crate::domain::client::{Client, ClientId};
use crate::store::{StoreError, api_tokens, refresh_tokens, revoked_tokens, sessions};
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
pub fn revoke(services: &Services, caller: &Client, token: &str) -> Result<(), RevokeError> {
    if OpaqueToken::parse(OpaqueKind::ClientSecret, token).is_some() {
        return Err(RevokeError::UnsupportedType);
    }
    if let Some(token) = RefreshToken::parse(token) {
        return Ok(end_session(services, &caller.id, &token)?);
    }
    if let Some(token) = OpaqueToken::parse(OpaqueKind::Api, token) {
        return Ok(end_api_token(services, &caller.id, &token)?);
    }
    end_access_token(services, &caller.id, token)
}

fn end_session(
    services: &Services,
    caller: &ClientId,
    token: &RefreshToken,
) -> Result<(), StoreError> {
    let (key, caller) = (refresh::key_of(token), caller.clone());
    let clock = Arc::clone(&services.sources.clock);
    services.store.write(move |tx| {
        let session = refresh_tokens::session_of(tx, key, &caller)?;
        session.map_or(Ok(()), |id| sessions::end(tx, id, clock.now()).map(drop))
    })
}

fn end_api_token(
    services: &Services,
    caller: &ClientId,
    token: &OpaqueToken,
) -> Result<(), StoreError> {
    let (hash, caller) = (token.hash(), caller.clone());
    let clock = Arc::clone(&services.sources.clock);
    services.store.write(move |tx| {
        let id = api_tokens::id_of(tx, &hash, &caller)?;
        id.map_or(Ok(()), |id| {
            api_tokens::delete(tx, id, clock.now()).map(drop)
        })
    })
}

fn end_access_token(
    services: &Services,
    caller: &ClientId,
    token: &str,
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
    let revoked = services
        .store
        .write(move |tx| revoked_tokens::insert(tx, jti, until, clock.now()))?;
    if revoked {
        tracing::info!(client = %caller, %jti, "a token was revoked");
    }
    Ok(())
}
