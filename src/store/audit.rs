//! The table `audit_events`: what an operator wants to know afterwards.

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

use super::engine::Tx;
use super::error::StoreError;
use crate::domain::client::ClientId;
use crate::domain::session::SessionId;
use crate::domain::user::UserId;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Version 7, of its time.
    pub id: Uuid,
    /// What happened.
    pub kind: EventKind,
    /// To which account.
    pub user_id: Option<UserId>,
    /// Through which client.
    pub client_id: Option<ClientId>,
    /// To which session.
    pub session_id: Option<SessionId>,
    /// To which signing key.
    pub key_id: Option<String>,
    /// From where.
    pub address: Option<IpAddr>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A refresh token came back after it was exchanged, and its session was ended: somebody else
    /// has it, or had it.
    RefreshTokenReused,
    /// A signing key was made, to sign from some time on.
    KeyAdded,
    /// A signing key took the place of the one before.
    KeyPromoted,
    /// A signing key verifies no longer.
    KeyRetired,
    /// A signing key may have leaked: it verifies no longer, and never again.
    KeyRevoked,
    /// A signing key was sealed anew, under another secret.
    KeyResealed,
}

impl EventKind {
    fn name(self) -> &'static str {
        match self {
            Self::RefreshTokenReused => "refresh_token.reused",
            Self::KeyAdded => "key.added",
            Self::KeyPromoted => "key.promoted",
            Self::KeyRetired => "key.retired",
            Self::KeyRevoked => "key.revoked",
            Self::KeyResealed => "key.resealed",
        }
    }
}

/// Writes an event down.
pub fn record(tx: &Tx<'_>, event: &Event, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO audit_events (id, created_at, event, user_id, client_id, session_id, key_id,
            address)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let id = event.id.to_string();
    let user = event.user_id.map(|id| id.to_string());
    let session = event.session_id.map(|id| id.to_string());
    let address = event.address.map(|address| address.to_string());
    let values = [
        (&id).into(),
        now.as_millisecond().into(),
        event.kind.name().into(),
        user.as_deref().into(),
        event.client_id.as_ref().map(ClientId::as_str).into(),
        session.as_deref().into(),
        event.key_id.as_deref().into(),
        address.as_deref().into(),
    ];
    tx.execute(SQL, &values).map(drop)
}
