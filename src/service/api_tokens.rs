//! API tokens: making, listing and revoking them. What they are worth, `verification` says.

use jiff::{SignedDuration, Timestamp};

use super::management::{Management, MayBeDenied};
use crate::domain::api_token::{ApiToken, ApiTokenId, Owner};
use crate::domain::audit::{Action, Entry};
use crate::domain::authority::Denied;
use crate::domain::client::ClientId;
use crate::domain::label::Label;
use crate::domain::scope::Scope;
use crate::domain::user::UserRef;
use crate::store::{Conn, Fault, Store, StoreError, api_tokens, clients, users};
use crate::tokens::{OpaqueKind, OpaqueToken};

/// Why a token was not made, found or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiTokenError {
    /// There is no such account.
    #[error("there is no account '{0}'")]
    NoAccount(UserRef),
    /// There is no such client.
    #[error("there is no client '{0}'")]
    NoClient(ClientId),
    /// There is no such token.
    #[error("there is no API token '{0}'")]
    NotFound(ApiTokenId),
    /// A client's tokens may do what the client may, or less.
    #[error("the client '{0}' may not ask for this scope: see 'authctl client show'")]
    ScopeTooWide(ClientId),
    /// It would end after the end of all times.
    #[error("the token would end too far in the future")]
    LastsTooLong,
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whom a token is to stand for.
#[derive(Clone, Debug)]
pub enum OwnerRef {
    /// A user.
    User(UserRef),
    /// A client.
    Client(ClientId),
}

/// A token about to be made.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// Whom it is to stand for.
    pub owner: OwnerRef,
    /// What people call it.
    pub name: Label,
    /// What it may be used for.
    pub scope: Scope,
    /// For how long; `None`: for ever.
    pub life: Option<SignedDuration>,
}

/// A token that was made just now. Nobody can tell it again.
#[derive(Debug)]
pub struct Made {
    /// What is known of it.
    pub token: ApiToken,
    /// The token itself.
    pub secret: OpaqueToken,
}

/// Some tokens in the order they were made.
#[derive(Debug)]
pub struct Page {
    /// The tokens.
    pub tokens: Vec<ApiToken>,
    /// Where the next page begins; `None`: this is the last.
    pub next: Option<ApiTokenId>,
}

/// Makes a token.
pub fn add(desk: &Management, new: NewApiToken) -> Result<Made, ApiTokenError> {
    let random = desk.sources.random.clone();
    let secret = OpaqueToken::generate(OpaqueKind::Api, &*random);
    let hash = secret.hash();
    let token = desk.attempt(Action::ApiTokenAdded, move |work| {
        let owner = owner(work.tx, &new.owner, Some(&new.scope))?.map_err(Fault::Refused)?;
        let token = ApiToken {
            id: ApiTokenId(random.uuid_v7(work.now)),
            owner,
            name: new.name,
            scope: new.scope,
            created_at: work.now,
            expires_at: end(work.now, new.life).map_err(Fault::Refused)?,
        };
        note(&mut work.entry, &token);
        work.entry.note("scope", token.scope.to_string());
        work.by.require_superuser().map_err(refused)?;
        Ok(api_tokens::insert(work.tx, &token, &hash)?)
    })?;
    Ok(Made { token, secret })
}

/// One page of the tokens of one owner, or of all.
pub fn list(
    store: &Store,
    of: Option<&OwnerRef>,
    after: Option<ApiTokenId>,
    limit: u32,
) -> Result<Page, ApiTokenError> {
    let of = of
        .map(|of| store.read(|connection| owner(connection, of, None))?)
        .transpose()?;
    let ask = limit.saturating_add(1);
    let mut found =
        store.read(|connection| api_tokens::list(connection, of.as_ref(), after, ask))?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| last.id);
    Ok(Page {
        tokens: found,
        next,
    })
}

/// Revokes a token, and returns what it was.
pub fn revoke(desk: &Management, id: ApiTokenId) -> Result<ApiToken, ApiTokenError> {
    desk.attempt(Action::ApiTokenRevoked, move |work| {
        work.entry.token = Some(id.0);
        work.by.require_superuser().map_err(refused)?;
        let token = api_tokens::delete(work.tx, id, work.now)?;
        let token = token.ok_or(Fault::Refused(ApiTokenError::NotFound(id)))?;
        note(&mut work.entry, &token);
        Ok(token)
    })
}

/// Which token, and whose.
pub(super) fn note(entry: &mut Entry, token: &ApiToken) {
    entry.token = Some(token.id.0);
    match &token.owner {
        Owner::User(id) => entry.user = Some(*id),
        Owner::Client(id) => entry.client = Some(id.clone()),
    }
}

fn refused(denied: Denied) -> Fault<ApiTokenError> {
    Fault::Refused(denied.into())
}

impl MayBeDenied for ApiTokenError {
    fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Denied(denied) => Some(denied),
            _ => None,
        }
    }
}

/// Who goes by that name, if a token of theirs may have this scope.
fn owner(
    connection: &Conn,
    name: &OwnerRef,
    scope: Option<&Scope>,
) -> Result<Result<Owner, ApiTokenError>, StoreError> {
    Ok(match name {
        OwnerRef::User(name) => match users::find(connection, name)? {
            Some(user) => Ok(Owner::User(user.id)),
            None => Err(ApiTokenError::NoAccount(name.clone())),
        },
        OwnerRef::Client(id) => match clients::find(connection, id)? {
            None => Err(ApiTokenError::NoClient(id.clone())),
            Some(client) if scope.is_some_and(|scope| !scope.is_within(&client.scopes)) => {
                Err(ApiTokenError::ScopeTooWide(client.id))
            }
            Some(client) => Ok(Owner::Client(client.id)),
        },
    })
}

/// When it ends, in whole seconds; `None`: never.
fn end(now: Timestamp, life: Option<SignedDuration>) -> Result<Option<Timestamp>, ApiTokenError> {
    let Some(life) = life else { return Ok(None) };
    let end = now
        .checked_add(life)
        .and_then(|end| Timestamp::from_second(end.as_second()));
    end.map(Some).map_err(|_| ApiTokenError::LastsTooLong)
}
