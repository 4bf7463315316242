//! What a client may know of a token (RFC 7662).

use std::sync::Arc;

use super::Services;
use super::keys::KeysError;
use super::refresh;
use super::verification::{self, Principal, VerifyError};
use crate::domain::audience::Audience;
use crate::domain::client::{Client, ClientId};
use crate::domain::scope::Scope;
use crate::domain::session::SessionId;
use crate::domain::user::User;
use crate::store::StoreError;
use crate::tokens::{Claims, RefreshToken};

/// A good token, as of this moment.
#[derive(Debug)]
pub enum Active {
    /// An access token or an API token.
    Access {
        /// Who is behind it.
        principal: Principal,
        /// What it says.
        claims: Arc<Claims>,
    },
    /// A refresh token that was not used yet.
    Refresh(Box<ActiveRefresh>),
}

/// A refresh token that would be exchanged now.
#[derive(Debug)]
pub struct ActiveRefresh {
    /// Whose session it is.
    pub user: User,
    /// The session.
    pub session: SessionId,
    /// The client it was made through.
    pub client: ClientId,
    /// What its tokens may be used for.
    pub scope: Scope,
    /// When it was given out, in Unix seconds.
    pub given_at_secs: i64,
    /// When it ends if nobody uses it, in Unix seconds.
    pub expires_at_secs: i64,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectError {
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks at a token for a client, which was authenticated. `None`: it is not good, for whatever
/// reason, or none of the client's business. That are tokens for one of its audiences, and refresh
/// tokens of sessions that were made through it.
///
/// Writes nothing. With a token seen before it costs a hash and one query.
pub fn introspect(
    services: &Services,
    caller: &Client,
    token: &str,
) -> Result<Option<Active>, IntrospectError> {
    if let Some(token) = RefreshToken::parse(token) {
        let found = refresh::look_at(services, &token, &caller.id)?;
        return Ok(found.map(|found| Active::Refresh(Box::new(found))));
    }
    let is_ours = |claims: &Claims| {
        let mut audiences = caller.audiences.iter().map(Audience::as_str);
        audiences.any(|audience| claims.is_for(audience))
    };
    match verification::verify_for(services, token, is_ours) {
        Ok(verification) => Ok(Some(Active::Access {
            principal: verification.principal,
            claims: verification.claims,
        })),
        Err(VerifyError::Refused(reason)) => {
            tracing::debug!(%reason, "an introspected token is not active");
            Ok(None)
        }
        Err(VerifyError::Keys(error)) => Err(error.into()),
        Err(VerifyError::Store(error)) => Err(error.into()),
    }
}
