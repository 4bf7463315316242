//! A token for a client by itself (RFC 6749, section 4.4).

use super::Services;
use super::keys::KeysError;
use crate::domain::audience::Audience;
use crate::domain::client::Client;
use crate::domain::scope::Scope;
use crate::store::{StoreError, keys as stored_keys};
use crate::tokens::KeyError;
use crate::tokens::claims::{Holder, NewToken};

/// What a client is given. It has its secret: there is no refresh token (section 4.4.3).
#[derive(Debug)]
pub struct ClientGrant {
    /// A signed access token (RFC 9068).
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// What it may be used for.
    pub scope: Scope,
}

/// What a client asks for.
#[derive(Debug, Default)]
pub struct Wish<'a> {
    /// What the token is to be used for; `None`: all that the client may ask for.
    pub scope: Option<Scope>,
    /// For whom it is to be; `None`: the first of the client's audiences.
    pub audience: Option<&'a str>,
}

/// Why a client is given nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientGrantError {
    /// More was asked for than the client may have.
    #[error("the scope is wider than the client's")]
    InvalidScope,
    /// The token was to be for somebody who is none of the client's business.
    #[error("the audience is none of the client's")]
    InvalidTarget,
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

/// Gives a client, which was authenticated, a token of its own.
pub fn issue(
    services: &Services,
    client: &Client,
    wish: Wish<'_>,
) -> Result<ClientGrant, ClientGrantError> {
    let scope = allowed(client, wish.scope).ok_or(ClientGrantError::InvalidScope)?;
    let mut own = client.audiences.iter().map(Audience::as_str);
    let audience = match wish.audience {
        None => own.next(),
        Some(wanted) => Some(
            own.find(|audience| *audience == wanted)
                .ok_or(ClientGrantError::InvalidTarget)?,
        ),
    };
    let active = services.store.read(stored_keys::active_kid)?;
    let now = services.sources.clock.now();
    let ring = services
        .keys
        .ring_signing(&services.store, active.as_deref(), now)?;
    let new = NewToken {
        holder: Holder::Client(&client.id),
        client: Some(&client.id),
        audience,
        scope: &scope,
        ends_by_secs: i64::MAX,
    };
    let jti = services.sources.random.uuid_v7(now);
    let claims = services.rules.claims_for(new, now, jti);
    Ok(ClientGrant {
        access_token: ring.signing().sign(&claims)?,
        expires_in: services.rules.expiry_of(&new, now) - now.as_second(),
        scope,
    })
}

/// What of its scopes a client gets that asks for these; `None`: it asks for more than it has.
pub fn allowed(client: &Client, wanted: Option<Scope>) -> Option<Scope> {
    match wanted {
        None => Some(client.scopes.clone()),
        Some(wanted) => Some(wanted).filter(|wanted| wanted.is_within(&client.scopes)),
    }
}
