//! Is this token good, and who is behind it right now?

use std::sync::Arc;

use super::Services;
use super::keys::KeysError;
use crate::domain::user::User;
use crate::store::StoreError;
use crate::store::keys::KeyState;
use crate::store::users;
use crate::tokens::jws;
use crate::tokens::{CheckedToken, CheckedTokens, Claims, TokenError};

/// A good token, and its account as it is at this moment.
#[derive(Debug)]
pub struct Verification {
    /// The account.
    pub user: User,
    /// The token.
    pub token: Arc<CheckedToken>,
    /// For how many seconds the caller may keep this answer.
    pub max_age_secs: u32,
}

/// Why a token is refused. Callers answer all of them alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The token itself is not good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Its account was deleted.
    #[error("the token's account does not exist")]
    NoAccount,
    /// Its account was disabled.
    #[error("the token's account is disabled")]
    Inactive,
    /// Its account's tokens were ended after it was issued.
    #[error("the token was ended by a change of password or of standing")]
    Ended,
    /// Its key was retired or revoked.
    #[error("the token's key is no longer in use")]
    KeyRetired,
}

/// Why there is no verification.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token is not good.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TokenError> for VerifyError {
    fn from(error: TokenError) -> Self {
        Self::Refused(error.into())
    }
}

/// Checks a token: signature, algorithm and type once; claims, key and account each time.
///
/// Writes nothing. With a token seen before it costs a hash and one query.
pub fn verify(services: &Services, token: &str) -> Result<Verification, VerifyError> {
    let token = checked(services, token)?;
    services
        .rules
        .check(&token.claims, services.sources.clock.now())?;
    let standing = services
        .store
        .read(|connection| users::standing(connection, token.claims.subject, &token.kid))?
        .ok_or(Refusal::NoAccount)?;
    if !standing.key_state.is_some_and(KeyState::verifies) {
        return Err(Refusal::KeyRetired.into());
    }
    if !standing.user.is_active {
        return Err(Refusal::Inactive.into());
    }
    let ended = |after| token.claims.issued_at_ms <= after;
    if standing.tokens_valid_after_ms.is_some_and(ended) {
        return Err(Refusal::Ended.into());
    }
    let max_age_secs = services.max_age_secs;
    Ok(Verification {
        user: standing.user,
        token,
        max_age_secs,
    })
}

/// The token with its signature checked, now or before (D2: that fact never changes).
fn checked(services: &Services, token: &str) -> Result<Arc<CheckedToken>, VerifyError> {
    if token.len() > jws::MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong.into());
    }
    let fingerprint = CheckedTokens::fingerprint(token);
    if let Some(known) = services.checked.find(&fingerprint) {
        return Ok(known);
    }
    let kid = jws::claimed_kid(token)?.ok_or(TokenError::UnknownKey)?;
    let ring = services.keys.ring_with(&services.store, &kid)?;
    let verified = jws::verify(token, |kid| ring.find(kid?))?;
    let claims = Claims::parse(&verified)?;
    Ok(services
        .checked
        .insert(fingerprint, CheckedToken { kid, claims }))
}
