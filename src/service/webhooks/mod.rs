//! Webhooks: other services are told what becomes of accounts. This manages them; [`messenger`] is what
//! tells.

pub mod messenger;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::keys::KeysError;
use super::management::{Management, MayBeDenied, Work};
use crate::courier::{Courier, DeliveryError, Message, SigningSecret, SigningSecretError};
use crate::domain::audit::Action;
use crate::domain::authority::Denied;
use crate::domain::secret::Secret;
use crate::domain::webhook::{Webhook, WebhookEvent, WebhookId, WebhookUrl};
use crate::store::webhooks::{self, DeadLetter, StoredWebhook};
use crate::store::{Fault, StoreError, changes};
use crate::tokens::{SealError, SealingKey};

/// How many there may be: each is told by a thread of its own.
pub const MAX_WEBHOOKS: usize = 20;

/// Dead letters that are shown at most.
const MOST_SHOWN: u32 = 100;

/// How messages are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRules {
    /// Whether they go into private networks, and in plain text.
    pub allow_private: bool,
    /// How long to wait after a message has failed once, twice and so on; after as many failures and one
    /// more it is given up. At least one.
    pub retries_secs: Vec<u32>,
}

/// A webhook with its new secret.
#[derive(Debug)]
pub struct WithSecret {
    /// The webhook.
    pub webhook: Webhook,
    /// The secret, as receivers get it.
    pub secret: Secret<String>,
}

/// A webhook and what was given up of it.
#[derive(Debug)]
pub struct Shown {
    /// The webhook.
    pub webhook: Webhook,
    /// The first hundred.
    pub dead_letters: Vec<DeadLetter>,
}

/// Why a webhook was not added, found or told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// There is no such webhook.
    #[error("there is no webhook '{0}'")]
    NotFound(WebhookId),
    /// There is no room for another.
    #[error("there are {MAX_WEBHOOKS} webhooks already, and no more can be")]
    TooMany,
    /// Anybody on the way could read what is sent there.
    #[error("a webhook is told over https; webhooks.allow_private allows others")]
    Plain,
    /// The message did not arrive.
    #[error("the message did not arrive: {0}")]
    NotDelivered(#[source] DeliveryError),
    /// The secret cannot be sealed or opened.
    #[error("the webhook's secret does not open with this secret key")]
    Sealed(#[from] SealError),
    /// What was sealed is no such secret.
    #[error(transparent)]
    Secret(#[from] SigningSecretError),
    /// The secret over it cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a webhook, which is told what happens from now on.
pub fn add(
    desk: &Management,
    sealing: &SealingKey,
    rules: &WebhookRules,
    url: WebhookUrl,
    events: Vec<WebhookEvent>,
) -> Result<WithSecret, WebhookError> {
    desk.authority().require_superuser()?;
    if url.is_plain_http() && !rules.allow_private {
        return Err(WebhookError::Plain);
    }
    let random = Arc::clone(&desk.sources.random);
    let secret = SigningSecret::generate(&*random);
    let id = WebhookId(random.uuid_v7(desk.sources.clock.now()));
    let sealed = sealing.seal(&webhooks::seal_label(id), secret.bytes())?;
    let webhook = desk.attempt(Action::WebhookAdded, move |work| {
        let tx = work.tx;
        superuser(work, id)?;
        if webhooks::all(tx)?.len() >= MAX_WEBHOOKS {
            return Err(Fault::Refused(WebhookError::TooMany));
        }
        let webhook = Webhook {
            id,
            url,
            events,
            created_at: work.now,
            cursor: changes::extent(tx)?.latest,
            failures: 0,
            retry_at: None,
            last_error: None,
            delivered_at: None,
            dead_letters: 0,
        };
        webhooks::insert(tx, &webhook, &sealed)?;
        found(tx, id).map(|stored| stored.webhook)
    })?;
    Ok(WithSecret {
        webhook,
        secret: secret.text(),
    })
}

/// Every webhook: there are [`MAX_WEBHOOKS`] at most.
pub fn list(desk: &Management) -> Result<Vec<Webhook>, WebhookError> {
    desk.authority().require_superuser()?;
    let all = desk.store.read(webhooks::all)?;
    Ok(all.into_iter().map(|stored| stored.webhook).collect())
}

/// A webhook, and what was given up of it.
pub fn find(desk: &Management, id: WebhookId) -> Result<Shown, WebhookError> {
    desk.authority().require_superuser()?;
    let (stored, dead_letters) = desk.store.read(|connection| {
        let stored = webhooks::find(connection, id)?;
        let dead = webhooks::dead_letters(connection, id, false, MOST_SHOWN)?;
        Ok((stored, dead))
    })?;
    let stored = stored.ok_or(WebhookError::NotFound(id))?;
    Ok(Shown {
        webhook: stored.webhook,
        dead_letters,
    })
}

/// Lets a running daemon tell a webhook at once what has failed, and what was given up.
pub fn retry(desk: &Management, id: WebhookId) -> Result<Webhook, WebhookError> {
    desk.attempt(Action::WebhookRetried, move |work| {
        superuser(work, id)?;
        found(work.tx, id)?;
        webhooks::retry(work.tx, id)?;
        found(work.tx, id).map(|stored| stored.webhook)
    })
}

/// Removes a webhook with what was given up of it, and returns what it was.
pub fn delete(desk: &Management, id: WebhookId) -> Result<Webhook, WebhookError> {
    desk.attempt(Action::WebhookDeleted, move |work| {
        superuser(work, id)?;
        let stored = found(work.tx, id)?;
        webhooks::delete(work.tx, id)?;
        Ok(stored.webhook)
    })
}

/// Sends a webhook a message about nothing, now and from here.
pub fn test(
    desk: &Management,
    sealing: &SealingKey,
    rules: &WebhookRules,
    id: WebhookId,
) -> Result<Webhook, WebhookError> {
    desk.authority().require_superuser()?;
    let stored = desk
        .store
        .read(|connection| webhooks::find(connection, id))?;
    let stored = stored.ok_or(WebhookError::NotFound(id))?;
    let now = desk.sources.clock.now();
    let name = format!("msg_{}", desk.sources.random.uuid_v7(now).simple());
    let body = json!({"type": "test", "timestamp": sent_at(now), "data": {}}).to_string();
    let message = Message {
        url: &stored.webhook.url,
        id: &name,
        body: &body,
        secret: &opened(sealing, &stored)?,
        now,
    };
    Courier::new(rules.allow_private)
        .deliver(&message)
        .map_err(WebhookError::NotDelivered)?;
    Ok(stored.webhook)
}

/// When a message is sent, as it says it: in whole seconds, as everywhere.
fn sent_at(now: Timestamp) -> String {
    let seconds = Timestamp::from_second(now.as_second());
    seconds.unwrap_or(now).to_string()
}

/// What both ends know.
fn opened(sealing: &SealingKey, stored: &StoredWebhook) -> Result<SigningSecret, WebhookError> {
    let label = webhooks::seal_label(stored.webhook.id);
    let bytes = sealing.open(&label, &stored.sealed_secret)?;
    Ok(SigningSecret::from_bytes(bytes)?)
}

/// Fails unless whoever works may manage webhooks; notes which.
fn superuser(work: &mut Work<'_>, id: WebhookId) -> Result<(), Fault<WebhookError>> {
    work.entry.note("webhook", id.to_string());
    let allowed = work.by.require_superuser();
    allowed.map_err(|denied| Fault::Refused(denied.into()))
}

fn found(
    connection: &crate::store::Conn,
    id: WebhookId,
) -> Result<StoredWebhook, Fault<WebhookError>> {
    let stored = webhooks::find(connection, id)?;
    stored.ok_or(Fault::Refused(WebhookError::NotFound(id)))
}

impl MayBeDenied for WebhookError {
    fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Denied(denied) => Some(denied),
            _ => None,
        }
    }
}
