//! What is handed out: an access token, and what gets the next one.

use jiff::Timestamp;

use super::Services;
use super::keys::KeysError;
use crate::domain::client::ClientId;
use crate::domain::scope::Scope;
use crate::domain::session::SessionId;
use crate::domain::user::User;
use crate::tokens::claims::{Holder, NewToken};
use crate::tokens::{KeyError, RefreshToken};

/// What a good login or refresh is answered with.
#[derive(Debug)]
pub struct Grant {
    /// A signed access token (RFC 9068).
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// Gets the next pair, once.
    pub refresh_token: RefreshToken,
    /// What the access token may be used for.
    pub scope: Scope,
    /// Who logged in.
    pub user: User,
}

/// What a session is given tokens for.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) user: User,
    pub(super) session: SessionId,
    pub(super) client: Option<ClientId>,
    pub(super) scope: Scope,
    /// When the session began, in Unix milliseconds.
    pub(super) began_at_ms: i64,
    /// What gets the next pair.
    pub(super) refresh_token: RefreshToken,
}

/// Why nothing was handed out.
#[derive(Debug)]
pub(super) enum GrantError {
    Signing(KeyError),
    Keys(KeysError),
}

/// Signs a session's next access token with the key `active`, the one that the database named.
pub(super) fn for_session(
    services: &Services,
    lease: Lease,
    active: Option<&str>,
    now: Timestamp,
) -> Result<Grant, GrantError> {
    let ring = services
        .keys
        .ring_signing(&services.store, active, now)
        .map_err(GrantError::Keys)?;
    let ends_by_ms = lease
        .began_at_ms
        .saturating_add(services.session_rules.absolute_ms);
    let new = NewToken {
        holder: Holder::User {
            user: &lease.user,
            session: lease.session,
        },
        client: lease.client.as_ref(),
        audience: None,
        scope: &lease.scope,
        ends_by_secs: ends_by_ms / 1000,
    };
    let jti = services.sources.random.uuid_v7(now);
    let claims = services.rules.claims_for(new, now, jti);
    let access_token = ring.signing().sign(&claims).map_err(GrantError::Signing)?;
    Ok(Grant {
        access_token,
        expires_in: services.rules.expiry_of(&new, now) - now.as_second(),
        refresh_token: lease.refresh_token,
        scope: lease.scope,
        user: lease.user,
    })
}
