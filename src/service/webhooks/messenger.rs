//! The threads of the daemon that tell webhooks what has become of accounts: after it was committed, in the
//! order of the changes, at least once, and one node at a time.
//!
//! Nothing waits in a queue: how far a webhook was told is a place in the sequence of all changes (ADR 9), and
//! what comes after that is in the tables of accounts themselves.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{WebhookError, opened, sent_at};
use crate::courier::{Courier, DeliveryError, Message, SigningSecret};
use crate::domain::user::UserId;
use crate::domain::webhook::{Webhook, WebhookEvent, WebhookId};
use crate::service::Services;
use crate::store::users::{self, AccountChange};
use crate::store::webhooks::{self, DeadLetter, Progress};
use crate::store::{StoreError, changes};

/// How often it looks whether there is anything to tell.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Changes that are read at a time.
const PAGE: u32 = 50;

/// After so long a webhook is settled, and goes on with a new claim.
const SHIFT: Duration = Duration::from_secs(30);

/// A node that takes a webhook for itself has it for so long: a shift, the message that is under way at its
/// end, and some time to write that down.
const CLAIM: SignedDuration = SignedDuration::from_secs(120);

/// Tells webhooks until it is dropped.
pub struct Messenger {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Messenger {
    /// Begins at once.
    pub fn start(services: Arc<Services>) -> std::io::Result<Self> {
        let (stop, told) = bounded(0);
        let thread = thread::Builder::new()
            .name("messenger".into())
            .spawn(move || {
                let mut rounds = Rounds {
                    services,
                    courier: OnceCell::new(),
                    running: BTreeMap::new(),
                    is_in_trouble: false,
                };
                while told.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                    rounds.go();
                }
                for (_, running) in rounds.running {
                    let _ = running.join();
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Messenger {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the messenger ended with a panic");
        }
    }
}

/// What the messenger knows from one round to the next.
struct Rounds {
    services: Arc<Services>,
    /// Made when there is somebody to tell.
    courier: OnceCell<Courier>,
    /// One thread a webhook that is being told, so that a slow one keeps no other waiting.
    running: BTreeMap<WebhookId, JoinHandle<()>>,
    is_in_trouble: bool,
}

impl Rounds {
    fn go(&mut self) {
        self.running.retain(|_, running| !running.is_finished());
        let now = self.services.sources.clock.now();
        let due = self
            .services
            .store
            .read(|connection| webhooks::due(connection, now));
        match &due {
            Err(error) if !self.is_in_trouble => tracing::warn!(%error, "webhooks are put off"),
            Ok(_) if self.is_in_trouble => tracing::info!("webhooks go on"),
            _ => {}
        }
        self.is_in_trouble = due.is_err();
        for id in due.unwrap_or_default() {
            if self.running.contains_key(&id) {
                continue;
            }
            let services = Arc::clone(&self.services);
            let courier = || Courier::new(services.webhook_rules.allow_private);
            let courier = self.courier.get_or_init(courier).clone();
            let spawned = thread::Builder::new()
                .name("webhook".into())
                .spawn(move || {
                    if let Err(error) = tell(&services, &courier, id) {
                        tracing::warn!(webhook = %id, %error, "a webhook is put off");
                    }
                });
            match spawned {
                Ok(thread) => drop(self.running.insert(id, thread)),
                Err(error) => tracing::warn!(%error, "no thread for a webhook"),
            }
        }
    }
}

/// Tells one webhook what it has not been told yet, for a shift at most.
fn tell(services: &Services, courier: &Courier, id: WebhookId) -> Result<(), WebhookError> {
    let clock = Arc::clone(&services.sources.clock);
    let claimed = services.store.write(move |tx| {
        let now = clock.now();
        let until = now.checked_add(CLAIM).unwrap_or(Timestamp::MAX);
        let stored = webhooks::claim(tx, id, now, until)?;
        Ok(stored.map(|stored| (stored, until)))
    })?;
    // Another node was faster.
    let Some((stored, until)) = claimed else {
        return Ok(());
    };
    let secret = opened(&services.keys.secrets().sealing, &stored);
    let secret = match secret {
        // Somebody has changed the secret over all of them.
        Err(WebhookError::Sealed(_)) => {
            opened(&services.keys.renew(&services.store)?.sealing, &stored)
        }
        secret => secret,
    };
    let mut shift = Shift {
        services,
        courier,
        secret: secret?,
        progress: Progress {
            told_until: stored.webhook.cursor,
            failures: stored.webhook.failures,
            retry_at: None,
            last_error: stored.webhook.last_error.clone(),
            delivered_at: None,
        },
        webhook: stored.webhook,
        arrived: Vec::new(),
        buried: Vec::new(),
        claimed_until: until,
        end: Instant::now() + SHIFT,
    };
    let worked = shift.work();
    let Shift {
        progress,
        arrived,
        buried,
        ..
    } = shift;
    let clock = Arc::clone(&services.sources.clock);
    services.store.write(move |tx| {
        if !webhooks::settle(tx, id, until, &progress)? {
            return Ok(());
        }
        for (user, version) in &arrived {
            webhooks::revive(tx, id, *user, *version)?;
        }
        for letter in &buried {
            webhooks::bury(tx, id, letter, clock.now())?;
        }
        Ok(())
    })?;
    Ok(worked?)
}

/// What a thread has in its hands.
struct Shift<'s> {
    services: &'s Services,
    courier: &'s Courier,
    webhook: Webhook,
    secret: SigningSecret,
    progress: Progress,
    /// Messages that arrived: about which account, and which version of it.
    arrived: Vec<(UserId, i64)>,
    /// Messages that were given up.
    buried: Vec<DeadLetter>,
    claimed_until: Timestamp,
    end: Instant,
}

impl Shift<'_> {
    fn work(&mut self) -> Result<(), StoreError> {
        self.dead_letters()?;
        while !self.is_over() {
            let told_until = self.progress.told_until;
            // The end of the sequence first: what is before it is in the page, whose snapshot is a later one.
            let (extent, page) = self.services.store.read(|connection| {
                let extent = changes::extent(connection)?;
                Ok((extent, users::changed_since(connection, told_until, PAGE)?))
            })?;
            if page.is_empty() {
                // What else has changed is nothing to tell; nor is there anything if the database was
                // restored to an earlier state.
                self.progress.told_until = extent.latest;
                return Ok(());
            }
            for change in page {
                if self.is_over() || !self.is_ours()? {
                    return Ok(());
                }
                self.tell(&change);
            }
        }
        Ok(())
    }

    /// Those that somebody wants to be tried again. What fails stays what it is.
    fn dead_letters(&mut self) -> Result<(), StoreError> {
        let id = self.webhook.id;
        let due = self
            .services
            .store
            .read(|connection| webhooks::dead_letters(connection, id, true, PAGE))?;
        for letter in due {
            if self.is_over() || !self.is_ours()? {
                break;
            }
            let page = self
                .services
                .store
                .read(|connection| users::changed_since(connection, letter.version - 1, 1))?;
            let change = page
                .first()
                .filter(|change| change.version() == letter.version);
            // Of an account that has changed since, that is told in its turn.
            let Some(Err(error)) = change.map(|change| self.send(change)) else {
                self.arrived.push((letter.user, letter.version));
                continue;
            };
            self.buried.push(DeadLetter {
                error: error.to_string(),
                ..letter
            });
            self.put_off(&error, self.services.webhook_rules.retries_secs.first());
        }
        Ok(())
    }

    fn tell(&mut self, change: &AccountChange) {
        let (event, user) = about(change);
        if !self.webhook.events.contains(&event) {
            self.progress.told_until = change.version();
            return;
        }
        let now = self.services.sources.clock.now();
        let Err(error) = self.send(change) else {
            self.arrived.push((user, change.version()));
            self.progress.told_until = change.version();
            (self.progress.failures, self.progress.last_error) = (0, None);
            self.progress.delivered_at = Some(now);
            return;
        };
        let retries = &self.services.webhook_rules.retries_secs;
        let so_far = usize::try_from(self.progress.failures).unwrap_or(usize::MAX);
        let next = retries.get(so_far);
        if next.is_some() {
            self.progress.failures += 1;
        } else {
            // Given up. Until something arrives again, each that follows has one attempt.
            self.progress.told_until = change.version();
            self.buried.push(DeadLetter {
                user,
                version: change.version(),
                error: error.to_string(),
            });
        }
        self.put_off(&error, next.or(retries.last()));
    }

    fn put_off(&mut self, error: &DeliveryError, wait_secs: Option<&u32>) {
        let now = self.services.sources.clock.now();
        let wait = SignedDuration::from_secs(wait_secs.copied().unwrap_or(1).into());
        self.progress.retry_at = Some(now.checked_add(wait).unwrap_or(now));
        self.progress.last_error = Some(error.to_string());
        tracing::warn!(webhook = %self.webhook.id, %error, "a webhook was not told");
    }

    fn send(&self, change: &AccountChange) -> Result<(), DeliveryError> {
        let (event, _) = about(change);
        let now = self.services.sources.clock.now();
        let body = json!({
            "type": event.name(),
            "timestamp": sent_at(now),
            "data": data(change),
        });
        let id = format!("msg_{}_{}", self.webhook.id.0.simple(), change.version());
        self.courier.deliver(&Message {
            url: &self.webhook.url,
            id: &id,
            body: &body.to_string(),
            secret: &self.secret,
            now,
        })
    }

    /// Whether nobody has removed the webhook, or has it now: what `authctl` commits holds for the next message.
    fn is_ours(&self) -> Result<bool, StoreError> {
        let (id, until) = (self.webhook.id, self.claimed_until);
        self.services
            .store
            .read(|connection| webhooks::is_claimed(connection, id, until))
    }

    /// After a failure, at the end of the shift or of the daemon.
    fn is_over(&self) -> bool {
        self.progress.retry_at.is_some()
            || Instant::now() >= self.end
            || self.services.closing.is_begun()
    }
}

fn about(change: &AccountChange) -> (WebhookEvent, UserId) {
    match change {
        AccountChange::Is(user) => (WebhookEvent::UserChanged, user.id),
        AccountChange::Deleted { id, .. } => (WebhookEvent::UserDeleted, *id),
    }
}

/// As in `GET /users/changes`.
fn data(change: &AccountChange) -> Value {
    match change {
        AccountChange::Is(user) => json!({"version": user.version, "user": user}),
        AccountChange::Deleted { id, at, version } => json!({
            "version": version,
            "deleted": {"id": id, "deleted_at": at.to_string()},
        }),
    }
}
