//! Sends what waits in the post, by a thread of the daemon.
//!
//! Any number of daemons do so at once: whoever takes an errand keeps the others from it for a while.
//! One that ends in the middle of a letter may have sent it, and it is sent again: at least once.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select};
use jiff::{SignedDuration, Timestamp};

use super::{Errand, PostError, label, wanted};
use crate::domain::audit::{Action, By, Entry, Outcome};
use crate::mail::{Letter, Mailer, SendError};
use crate::service::Services;
use crate::service::keys::KeysError;
use crate::service::scribe::Scribe;
use crate::store::StoreError;
use crate::store::outgoing_mail::{self, Waiting};

/// How often it looks whether anything is due, that nobody of this process has put there.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// For how long an errand is kept from others: longer than any conversation with a mail server.
const LEASE: SignedDuration = SignedDuration::from_mins(10);

/// Before the second try; then twice as long each time.
const FIRST_PAUSE_SECS: i64 = 2;

/// Between two tries at most, and at least if the server says that it will never take it.
const LONGEST_PAUSE_SECS: i64 = 3600;

/// At the daemon's end, for the letter under way.
const GOODBYE: Duration = Duration::from_secs(5);

/// Sends letters until it is dropped.
pub struct Postman {
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Why a round did not end well. The next is another try.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Post(#[from] PostError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Postman {
    /// Begins at once.
    pub fn start(services: Arc<Services>) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let (end, ended) = bounded(1);
        let thread = thread::Builder::new()
            .name("postman".into())
            .spawn(move || {
                rounds(&services, &stopped);
                let _ = end.send(());
            })?;
        Ok(Self {
            stop: Some(stop),
            ended,
            thread: Some(thread),
        })
    }
}

impl Drop for Postman {
    fn drop(&mut self) {
        self.stop = None;
        if self
            .ended
            .recv_timeout(GOODBYE)
            .is_err_and(|error| error.is_timeout())
        {
            tracing::warn!("a letter is still under way: it will be sent again");
            return;
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the postman ended with a panic");
        }
    }
}

fn rounds(services: &Services, stopped: &Receiver<()>) {
    let mut wait = Duration::ZERO;
    let mut is_in_trouble = false;
    loop {
        select! {
            recv(stopped) -> _ => return,
            recv(services.bell.rings) -> _ => {}
            default(wait) => {}
        }
        let outcome = round(services);
        match &outcome {
            Err(error) if !is_in_trouble => tracing::warn!(%error, "the post is put off"),
            Ok(_) if is_in_trouble => tracing::info!("the post goes on"),
            _ => {}
        }
        is_in_trouble = outcome.is_err();
        wait = match outcome {
            Ok(true) => Duration::ZERO,
            _ => LOOK_EVERY,
        };
    }
}

/// Does one errand; says whether there was one.
fn round(services: &Services) -> Result<bool, Trouble> {
    let now = services.sources.clock.now();
    if !services
        .store
        .read(|connection| outgoing_mail::is_due(connection, now))?
    {
        return Ok(false);
    }
    let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
    let taken = services
        .store
        .write(move |tx| outgoing_mail::claim(tx, until, now))?;
    let Some(waiting) = taken else {
        return Ok(false);
    };
    let errand = open(services, &waiting)?;
    let is_late = waiting.expires_at_ms <= now.as_millisecond();
    match errand {
        None => give_up(
            services,
            &waiting,
            None,
            "it does not open with this secret key",
        )?,
        Some(Errand::Letter(letter)) if is_late => {
            give_up(services, &waiting, Some(&letter), "its time is over")?;
        }
        Some(Errand::Letter(letter)) => match &services.mailer {
            Some(mailer) => deliver(services, mailer, &waiting, &letter)?,
            None => put_off(services, &waiting, LONGEST_PAUSE_SECS)?,
        },
        Some(Errand::Wanted(wanted)) => wanted::see_to(services, waiting.id, wanted)?,
    }
    Ok(true)
}

/// What it is; `None`: nobody can say any more. Somebody may have changed the secret.
fn open(services: &Services, waiting: &Waiting) -> Result<Option<Errand>, Trouble> {
    let label = label(waiting.id);
    let opened = services
        .keys
        .secrets()
        .sealing
        .open(&label, &waiting.sealed);
    let opened = if let Ok(opened) = opened {
        Some(opened)
    } else {
        let renewed = services.keys.renew(&services.store)?;
        renewed.sealing.open(&label, &waiting.sealed).ok()
    };
    Ok(opened.and_then(|opened| serde_json::from_slice(opened.expose()).ok()))
}

fn deliver(
    services: &Services,
    mailer: &Mailer,
    waiting: &Waiting,
    letter: &Letter,
) -> Result<(), Trouble> {
    let id = waiting.id;
    let sent = mailer.send(letter, id, services.sources.clock.now());
    match sent {
        Ok(()) => {
            services
                .store
                .write(move |tx| outgoing_mail::delete(tx, id))?;
            let letter = letter.subject.name();
            tracing::info!(%id, letter, "a letter was sent");
        }
        Err(error) => {
            let letter = letter.subject.name();
            let pause = pause_secs(waiting.attempts, &error);
            tracing::warn!(%id, letter, %error, pause, "a letter could not be sent; it will be tried again");
            put_off(services, waiting, pause)?;
        }
    }
    Ok(())
}

/// Until the next try.
fn pause_secs(attempts: i64, error: &SendError) -> i64 {
    if error.is_lasting() {
        return LONGEST_PAUSE_SECS;
    }
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or_default();
    (FIRST_PAUSE_SECS << doublings).min(LONGEST_PAUSE_SECS)
}

fn put_off(services: &Services, waiting: &Waiting, secs: i64) -> Result<(), StoreError> {
    let (id, clock) = (waiting.id, Arc::clone(&services.sources.clock));
    services.store.write(move |tx| {
        let until = clock.now().checked_add(SignedDuration::from_secs(secs));
        outgoing_mail::put_off(tx, id, until.unwrap_or(Timestamp::MAX))
    })
}

/// Forgets an errand that came to nothing, and writes that down.
fn give_up(
    services: &Services,
    waiting: &Waiting,
    letter: Option<&Letter>,
    reason: &'static str,
) -> Result<(), StoreError> {
    let (id, attempts) = (waiting.id, waiting.attempts);
    let subject = letter.map(|letter| letter.subject.name());
    tracing::error!(%id, letter = subject, attempts, reason, "a letter was given up");
    let mut entry = Entry::new(Action::LetterGivenUp).ended(Outcome::Failed);
    entry.note("reason", reason);
    if let Some(subject) = subject {
        entry.note("letter", subject);
    }
    let scribe = Scribe::of(By::DAEMON, &services.sources);
    let clock = Arc::clone(&services.sources.clock);
    services.store.write(move |tx| {
        if outgoing_mail::delete(tx, id)? {
            scribe.write(tx, &entry, clock.now())?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_tried_ever_more_rarely_and_once_an_hour_at_least() {
        let away = || SendError::File("mails".into(), std::io::ErrorKind::NotFound.into());
        let pauses: Vec<i64> = [1, 2, 3, 11, 12, 1000]
            .map(|attempts| pause_secs(attempts, &away()))
            .into();
        assert_eq!(pauses, [2, 4, 8, 2048, 3600, 3600]);
        // What will never be taken is not offered every other second.
        assert_eq!(pause_secs(1, &SendError::Form(String::new())), 3600);
    }
}
