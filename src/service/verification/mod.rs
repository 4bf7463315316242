//! Is this token good, and who is behind it right now?

mod api_token;

use std::sync::Arc;

use jiff::Timestamp;

use super::Services;
use super::keys::KeysError;
use crate::domain::authority::{Authority, Bearer};
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::store::{Conn, StoreError, clients, users};
use crate::tokens::claims::Subject;
use crate::tokens::jws;
use crate::tokens::{CheckedToken, CheckedTokens, Claims, OpaqueToken, TokenError};

/// Who is behind a token, as of this moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Principal {
    /// A user.
    User(Arc<User>),
    /// Another service, on its own behalf.
    Client(Arc<Client>),
}

/// A good token, and who is behind it at this moment.
#[derive(Debug)]
pub struct Verification {
    /// Who is behind it.
    pub principal: Principal,
    /// What it says.
    pub claims: Arc<Claims>,
    /// For how many seconds the caller may keep this answer.
    pub max_age_secs: i64,
}

impl Verification {
    /// What the token allows.
    pub fn authority(&self) -> Authority {
        let scope = self.claims.scope.clone();
        match &self.principal {
            Principal::User(user) => Authority::User(Box::new(Bearer {
                user: user.as_ref().clone(),
                scope,
            })),
            Principal::Client(client) => Authority::Client(client.id.clone(), scope),
        }
    }
}

impl Principal {
    /// Position of their latest change in the sequence of all changes (ADR 9).
    pub fn version(&self) -> i64 {
        match self {
            Self::User(user) => user.version,
            Self::Client(client) => client.version,
        }
    }

    /// The account, if it is a user.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::Client(_) => None,
        }
    }
}

/// Why a token is refused. Callers answer all of them alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The token itself is not good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Its account or client was deleted.
    #[error("the token's account does not exist")]
    NoAccount,
    /// Its account or client was disabled.
    #[error("the token's account is disabled")]
    Inactive,
    /// Its account's tokens were ended after it was issued.
    #[error("the token was ended by a change of password or of standing")]
    Ended,
    /// Its session has ended.
    #[error("the token's session has ended")]
    SessionEnded,
    /// It was revoked by itself.
    #[error("the token was revoked")]
    Revoked,
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

/// Checks a token for the audience of all tokens: signature, algorithm and type once; claims, key,
/// session and account each time.
///
/// Writes nothing. With a token seen before it costs a hash and one query.
pub fn verify(services: &Services, token: &str) -> Result<Verification, VerifyError> {
    verify_for(services, token, |claims| {
        claims.is_for(&services.rules.audience)
    })
}

/// The same for other audiences: `is_ours` says whether a token's are among them.
pub fn verify_for(
    services: &Services,
    token: &str,
    is_ours: impl Fn(&Claims) -> bool,
) -> Result<Verification, VerifyError> {
    let now = services.sources.clock.now();
    let token = plausible(services, token, now, &is_ours)?;
    // Nobody is refused by a replica: it may not know yet what makes the token good.
    let judged = services.store.read_recent(
        |connection| judge(services, connection, &token, now, &is_ours),
        Result::is_ok,
    )?;
    Ok(verification(services, judged?, now))
}

/// The same for many tokens, judged on one connection.
pub fn verify_all(
    services: &Services,
    tokens: &[String],
) -> Result<Vec<Result<Verification, Refusal>>, VerifyError> {
    let now = services.sources.clock.now();
    let is_ours = |claims: &Claims| claims.is_for(&services.rules.audience);
    let tokens = tokens
        .iter()
        .map(|token| match plausible(services, token, now, &is_ours) {
            Ok(token) => Ok(Ok(token)),
            Err(VerifyError::Refused(refusal)) => Ok(Err(refusal)),
            Err(error) => Err(error),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let judged = services.store.read_recent(
        |connection| {
            let judge = |token: &Result<Plausible, Refusal>| match token {
                Ok(token) => judge(services, connection, token, now, &is_ours),
                Err(refusal) => Ok(Err(*refusal)),
            };
            tokens.iter().map(judge).collect::<Result<Vec<_>, _>>()
        },
        |judged| {
            judged
                .iter()
                .zip(&tokens)
                .all(|(judged, token)| judged.is_ok() || token.is_err())
        },
    )?;
    let verdicts = judged
        .into_iter()
        .map(|judged| Ok(verification(services, judged?, now)));
    Ok(verdicts.collect())
}

/// What a signed token says, if it is from here and of this hour, whoever it is for and however things
/// stand by now.
pub(super) fn claims_of(services: &Services, token: &str) -> Result<Arc<Claims>, VerifyError> {
    let now = services.sources.clock.now();
    let token = checked(services, token, now)?;
    services.rules.check(&token.claims, now)?;
    Ok(Arc::clone(&token.claims))
}

/// The token, if nothing about it alone is wrong.
fn plausible(
    services: &Services,
    token: &str,
    now: Timestamp,
    is_ours: &impl Fn(&Claims) -> bool,
) -> Result<Plausible, VerifyError> {
    if let Some(token) = api_token::parse(token) {
        return Ok(Plausible::Api(token?));
    }
    let token = checked(services, token, now)?;
    services.rules.check(&token.claims, now)?;
    if is_ours(&token.claims) {
        Ok(Plausible::Signed(token))
    } else {
        Err(TokenError::WrongAudience.into())
    }
}

/// A token that nothing alone is wrong with.
enum Plausible {
    /// Its signature is good, and so is what it says.
    Signed(Arc<CheckedToken>),
    /// It has the form of an API token.
    Api(OpaqueToken),
}

fn verification(
    services: &Services,
    (principal, claims): (Principal, Arc<Claims>),
    now: Timestamp,
) -> Verification {
    let rest = claims.expires_at_secs.saturating_sub(now.as_second());
    Verification {
        principal,
        claims,
        max_age_secs: rest.clamp(0, services.max_age_secs.into()),
    }
}

/// Who is behind a token and what it says, if it is good where things stand.
fn judge(
    services: &Services,
    connection: &Conn,
    token: &Plausible,
    now: Timestamp,
    is_ours: &impl Fn(&Claims) -> bool,
) -> Result<Result<(Principal, Arc<Claims>), Refusal>, StoreError> {
    match token {
        Plausible::Signed(token) => {
            let judged = judge_signed(connection, token, now)?;
            Ok(judged.map(|principal| (principal, Arc::clone(&token.claims))))
        }
        Plausible::Api(token) => {
            let judged = api_token::judge(services, connection, token, now)?;
            Ok(judged.and_then(|(principal, claims)| {
                if is_ours(&claims) {
                    Ok((principal, Arc::new(claims)))
                } else {
                    Err(TokenError::WrongAudience.into())
                }
            }))
        }
    }
}

/// Who is behind a signed token, if it is good where things stand.
fn judge_signed(
    connection: &Conn,
    token: &CheckedToken,
    now: Timestamp,
) -> Result<Result<Principal, Refusal>, StoreError> {
    let claims = &token.claims;
    let question = &token.fingerprint;
    let token_id = (claims.jti, claims.expires_at_secs);
    Ok(match &claims.subject {
        // None is signed without.
        Subject::User { session: None, .. } => Err(Refusal::SessionEnded),
        Subject::User {
            id,
            session: Some(session),
        } => users::standing(connection, question, *id, &token.kid, *session, token_id)?
            .as_ref()
            .as_ref()
            .ok_or(Refusal::NoAccount)
            .and_then(|standing| judge_user(claims, standing, now)),
        Subject::Client(id) => clients::standing(connection, question, id, &token.kid, token_id)?
            .as_ref()
            .as_ref()
            .ok_or(Refusal::NoAccount)
            .and_then(|standing| judge_client(standing, now)),
    })
}

fn judge_user(
    claims: &Claims,
    standing: &users::Standing,
    now: Timestamp,
) -> Result<Principal, Refusal> {
    judge_key(standing.key_verifies_until, now)?;
    if !standing.user.is_active {
        return Err(Refusal::Inactive);
    }
    let ended = |after| claims.issued_at_ms <= after;
    if standing.tokens_valid_after_ms.is_some_and(ended) {
        return Err(Refusal::Ended);
    }
    if !standing.session_lasts {
        return Err(Refusal::SessionEnded);
    }
    if standing.is_revoked {
        return Err(Refusal::Revoked);
    }
    Ok(Principal::User(Arc::clone(&standing.user)))
}

fn judge_client(standing: &clients::Standing, now: Timestamp) -> Result<Principal, Refusal> {
    judge_key(standing.key_verifies_until, now)?;
    if !standing.client.is_active {
        return Err(Refusal::Inactive);
    }
    if standing.is_revoked {
        return Err(Refusal::Revoked);
    }
    Ok(Principal::Client(Arc::clone(&standing.client)))
}

fn judge_key(verifies_until: Option<i64>, now: Timestamp) -> Result<(), Refusal> {
    if verifies_until.is_some_and(|end| end > now.as_second()) {
        Ok(())
    } else {
        Err(Refusal::KeyRetired)
    }
}

/// The token with its signature checked, now or before (ADR 2: that fact never changes).
fn checked(
    services: &Services,
    token: &str,
    now: Timestamp,
) -> Result<Arc<CheckedToken>, VerifyError> {
    if token.len() > jws::MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong.into());
    }
    let fingerprint = CheckedTokens::fingerprint(token);
    if let Some(known) = services.checked.find(&fingerprint) {
        return Ok(known);
    }
    let kid = jws::claimed_kid(token)?.ok_or(TokenError::UnknownKey)?;
    let ring = services.keys.ring_with(&services.store, &kid, now)?;
    let verified = jws::verify(token, |kid| ring.find(kid?))?;
    let claims = Claims::parse(&verified)?;
    let claims = Arc::new(claims);
    Ok(services.checked.insert(CheckedToken {
        fingerprint,
        kid,
        claims,
    }))
}

#[cfg(test)]
mod tests;
