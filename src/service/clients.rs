//! Clients: other services, which prove who they are by a secret.

use std::sync::Arc;

use super::Services;
use super::management::{Management, MayBeDenied, Work};
use super::verification::{self, Principal, VerifyError};
use crate::domain::audit::Action;
use crate::domain::authority::Denied;
use crate::domain::client::{Client, ClientId, NewClient};
use crate::store::clients;
use crate::store::{Conn, Fault, Store, StoreError, Tx};
use crate::tokens::{OpaqueKind, OpaqueToken, opaque};

/// Why a client was not made, found or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no such client.
    #[error("there is no client '{0}'")]
    NotFound(ClientId),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A client and the secret that was made for it just now. Nobody can tell it again.
#[derive(Debug)]
pub struct WithSecret {
    /// The client.
    pub client: Client,
    /// Its secret.
    pub secret: OpaqueToken,
}

/// Some clients by their ids.
#[derive(Debug)]
pub struct Page {
    /// The clients.
    pub clients: Vec<Client>,
    /// Where the next page begins; `None`: this is the last.
    pub next: Option<ClientId>,
}

/// The active client of that id, if the secret is its own.
///
/// An unknown client, a disabled one and a wrong secret cost the same work; the secret is compared
/// in constant time. Many can ask at once: SHA-256 is enough for 256 random bits.
///
/// What is given to the client outlasts the question, so this asks the primary: a replica may not
/// know yet that the secret is another one.
pub fn authenticate(
    services: &Services,
    id: &str,
    secret: &str,
) -> Result<Option<Client>, StoreError> {
    let asked = Asked::new(id, secret);
    services.store.read(|connection| asked.answer(connection))
}

/// The same for a client that only asks: a replica's word is good enough for an answer that is no
/// fresher.
pub fn recognise(
    services: &Services,
    id: &str,
    secret: &str,
) -> Result<Option<Client>, StoreError> {
    let asked = Asked::new(id, secret);
    // Nobody is refused by a replica: it may not know the client or its new secret yet.
    services
        .store
        .read_recent(|connection| asked.answer(connection), Option::is_some)
}

/// Whether a client is who it says.
struct Asked<'a> {
    id: &'a str,
    secret: &'a str,
    /// What is no id is sought all the same.
    sought: ClientId,
}

impl<'a> Asked<'a> {
    fn new(id: &'a str, secret: &'a str) -> Self {
        let sought = id.parse().unwrap_or_else(|_| ClientId::nobodys());
        Self { id, secret, sought }
    }

    fn answer(&self, connection: &Conn) -> Result<Option<Client>, StoreError> {
        let found = clients::credentials(connection, &self.sought)?;
        let stored = found.as_ref().map(|found| found.secret_hash.as_slice());
        let is_own = opaque::is_stored(self.secret, stored);
        let client = found.map(|found| found.client);
        Ok(client.filter(|client| is_own && client.is_active && client.id.as_str() == self.id))
    }
}

/// The client whose own token this is, for the audience of all tokens; `None` if the token is not
/// good, or a user's.
pub fn of_token(services: &Services, token: &str) -> Result<Option<Client>, VerifyError> {
    match verification::verify(services, token) {
        Ok(verification) => Ok(match verification.principal {
            Principal::Client(client) => Some(Arc::unwrap_or_clone(client)),
            Principal::User(_) => None,
        }),
        Err(VerifyError::Refused(reason)) => {
            tracing::debug!(%reason, "a client's token was refused");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Adds a client.
pub fn add(desk: &Management, new: NewClient) -> Result<WithSecret, ClientError> {
    let secret = OpaqueToken::generate(OpaqueKind::ClientSecret, &*desk.sources.random);
    let hash = secret.hash();
    let client = desk.attempt(Action::ClientAdded, move |work| adding(work, &new, &hash))?;
    Ok(WithSecret { client, secret })
}

pub(super) fn adding(
    work: &mut Work<'_>,
    new: &NewClient,
    secret_hash: &[u8],
) -> Result<Client, Fault<ClientError>> {
    work.entry.client = Some(new.id.clone());
    work.entry.note("scope", new.scopes.to_string());
    work.by.require_superuser().map_err(refused)?;
    Ok(clients::insert(work.tx, new, secret_hash, work.now)?)
}

/// Gives a client another name, other scopes and audiences; `what` of it differs.
pub(super) fn describing(
    work: &mut Work<'_>,
    is: &NewClient,
    what: &[String],
) -> Result<Client, Fault<ClientError>> {
    work.entry.note_names("changed", what);
    work.entry.note("scope", is.scopes.to_string());
    changing(work, &is.id, |tx, _, now| clients::update(tx, is, now))
}

/// The client of that id.
pub fn find(store: &Store, id: &ClientId) -> Result<Client, ClientError> {
    store
        .read(|connection| clients::find(connection, id))?
        .ok_or_else(|| ClientError::NotFound(id.clone()))
}

/// One page of clients.
pub fn list(store: &Store, after: Option<&ClientId>, limit: u32) -> Result<Page, ClientError> {
    let ask = limit.saturating_add(1);
    let mut found = store.read(|connection| clients::list(connection, after, ask))?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Page {
        clients: found,
        next,
    })
}

/// Makes another secret; the old one is refused from now on. Tokens stay good.
pub fn rotate_secret(desk: &Management, id: &ClientId) -> Result<WithSecret, ClientError> {
    let secret = OpaqueToken::generate(OpaqueKind::ClientSecret, &*desk.sources.random);
    let hash = secret.hash();
    let client = change(desk, Action::ClientSecretRotated, id, move |tx, id, now| {
        clients::set_secret(tx, id, &hash, now)
    })?;
    Ok(WithSecret { client, secret })
}

/// Stops a client: its secret and its tokens are refused, and the sessions made through it end.
pub fn disable(desk: &Management, id: &ClientId) -> Result<Client, ClientError> {
    change(desk, Action::ClientDisabled, id, |tx, id, now| {
        clients::set_active(tx, id, false, now)
    })
}

/// Lets a client do what it may again.
pub fn enable(desk: &Management, id: &ClientId) -> Result<Client, ClientError> {
    change(desk, Action::ClientEnabled, id, |tx, id, now| {
        clients::set_active(tx, id, true, now)
    })
}

/// Removes a client for good, with its tokens and the sessions made through it.
pub fn delete(desk: &Management, id: &ClientId) -> Result<Client, ClientError> {
    change(desk, Action::ClientDeleted, id, clients::delete)
}

fn change(
    desk: &Management,
    action: Action,
    id: &ClientId,
    change: impl FnOnce(&Tx<'_>, &ClientId, jiff::Timestamp) -> Result<Option<Client>, StoreError>
    + Send
    + 'static,
) -> Result<Client, ClientError> {
    let id = id.clone();
    desk.attempt(action, move |work| changing(work, &id, change))
}

pub(super) fn changing(
    work: &mut Work<'_>,
    id: &ClientId,
    change: impl FnOnce(&Tx<'_>, &ClientId, jiff::Timestamp) -> Result<Option<Client>, StoreError>,
) -> Result<Client, Fault<ClientError>> {
    work.entry.client = Some(id.clone());
    work.by.require_superuser().map_err(refused)?;
    let changed = change(work.tx, id, work.now)?;
    changed.ok_or_else(|| Fault::Refused(ClientError::NotFound(id.clone())))
}

fn refused(denied: Denied) -> Fault<ClientError> {
    Fault::Refused(denied.into())
}

impl MayBeDenied for ClientError {
    fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Denied(denied) => Some(denied),
            _ => None,
        }
    }
}
