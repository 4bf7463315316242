//! Is this token good, and who is behind it? One way of finding out for each mode, for threads and tasks alike.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::answers::{User, Verification, names_of};
use crate::asking::{Asker, NoAnswer};
use crate::clock::unix_now;
use crate::error::{Reason, StartError, Trouble, VerifyError};
use crate::feed::{Heard, Position, Pulse, patience};
use crate::io::Io;
use crate::keys::{Asking, KeySet, Need};
use crate::settings::{Mode, Settings, WhenDown};
use crate::startup;
use crate::token::{self, Digest};
use crate::verdicts::{MAX_LIFE, Verdict, Verdicts};

/// For how long a signature that was checked is remembered where nobody tells of keys that were revoked.
const OFFLINE_LIFE: Duration = Duration::from_secs(60);

/// What a verifier is, whichever way it asks.
pub(crate) struct Engine<I> {
    pub(crate) asker: Asker<I>,
    pub(crate) pulse: Pulse,
    keys: KeySet,
    verdicts: Verdicts,
}

impl<I: Io> Engine<I> {
    /// One for these settings, once authd has said that they are meant for it.
    pub(crate) async fn start(
        settings: Settings,
        io: impl FnOnce(&Settings) -> Result<I, StartError>,
    ) -> Result<Self, StartError> {
        let settings = settings.checked()?;
        let io = io(&settings)?;
        let engine = Self {
            pulse: Pulse::new(&settings),
            keys: KeySet::default(),
            verdicts: Verdicts::new(&settings),
            asker: Asker::new(settings, io),
        };
        if engine.settings().checks_at_start {
            startup::examine(&engine.asker).await?;
        }
        Ok(engine)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.asker.settings
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Arc<Verification>, VerifyError> {
        let key = token::fingerprint(token);
        let now = Instant::now();
        let hour = unix_now();
        let known = self.verdicts.find(&key, now, hour);
        if let Some(known) = &known
            && self.is_enough(known, now, hour)
        {
            return Ok(Arc::clone(&known.verification));
        }
        token::check_form(token).map_err(VerifyError::InvalidToken)?;
        match self.settings().mode {
            Mode::Online => self.asked(token, key, known).await,
            Mode::Cached => {
                // What is not even signed does not trouble authd.
                if known.is_none() && token::is_signed(token) {
                    self.claims(token).await?;
                }
                self.asked(token, key, known).await
            }
            Mode::Offline => self.read(token, key).await,
        }
    }

    /// Whether what is known may stand for an answer now.
    fn is_enough(&self, known: &Verdict, now: Instant, hour: u64) -> bool {
        match self.settings().mode {
            Mode::Online => {
                now < known
                    .usable_until
                    .min(known.asked_at + self.settings().max_age)
            }
            Mode::Cached => self.pulse.is_fresh(now, hour),
            Mode::Offline => now < known.usable_until,
        }
    }

    /// What authd says now, or has said if it is silent and that may serve.
    async fn asked(
        &self,
        token: &str,
        key: Digest,
        known: Option<Arc<Verdict>>,
    ) -> Result<Arc<Verification>, VerifyError> {
        let asked_at = Instant::now();
        let etag = known.as_ref().map_or("", |known| &known.verification.etag);
        let found = match (self.asker.verify(token, etag).await, known) {
            (Ok(Some(found)), _) => Arc::new(found),
            (Ok(None), Some(known)) => Arc::clone(&known.verification),
            (Ok(None) | Err(NoAnswer::Gone(_)), _) => {
                return Err(VerifyError::Unavailable(Trouble::Status(304)));
            }
            (Err(NoAnswer::Refused(_)), _) => {
                self.verdicts.drop(&key);
                return Err(VerifyError::InvalidToken(Reason::Refused));
            }
            (Err(NoAnswer::Trouble(trouble)), known) => {
                let may_serve = self.settings().when_down == WhenDown::Serve;
                let serves = known.filter(|known| may_serve && Instant::now() < known.usable_until);
                return serves
                    .map(|known| Arc::clone(&known.verification))
                    .ok_or(VerifyError::Unavailable(trouble));
            }
        };
        let usable = match self.settings().mode {
            Mode::Cached => MAX_LIFE,
            _ => Duration::from_secs(found.max_age),
        };
        let kid = token::key_id(token)
            .ok()
            .filter(|_| token::is_signed(token));
        let verdict = Verdict::new(Arc::clone(&found), kid, asked_at, usable);
        self.verdicts.keep(key, verdict);
        Ok(found)
    }

    /// What the token says by itself.
    async fn read(&self, token: &str, key: Digest) -> Result<Arc<Verification>, VerifyError> {
        if !token::is_signed(token) {
            return Err(VerifyError::InvalidToken(Reason::NotSigned));
        }
        let asked_at = Instant::now();
        let claims = self.claims(token).await?;
        let is_users = claims.contains_key("sid");
        let found = Arc::new(Verification {
            user: is_users.then(|| User::of_claims(&claims)),
            permissions: names_of(&claims, "permissions"),
            claims,
            max_age: 0,
            version: 0,
            etag: String::new(),
        });
        let verdict = Verdict::new(Arc::clone(&found), None, asked_at, OFFLINE_LIFE);
        self.verdicts.keep(key, verdict);
        Ok(found)
    }

    async fn claims(&self, token: &str) -> Result<crate::answers::Json, VerifyError> {
        let kid = token::key_id(token).map_err(VerifyError::InvalidToken)?;
        match self.keys.need(&kid, Instant::now()) {
            Need::Nothing => {}
            Need::Renewal => self.asker.io.alone_if_free(self.renew_keys(&kid)).await,
            Need::Wait => self.asker.io.alone(self.renew_keys(&kid)).await,
        }
        let key = self
            .keys
            .find(&kid, self.settings().when_down, Instant::now());
        let key = key.map_err(VerifyError::Unavailable)?;
        let key = key.ok_or(VerifyError::InvalidToken(Reason::UnknownKey))?;
        token::claims(token, &key, self.settings()).map_err(VerifyError::InvalidToken)
    }

    /// Fetches the keys, unless somebody has just done so.
    async fn renew_keys(&self, kid: &str) {
        let is_due = |now| self.keys.need(kid, now) != Need::Nothing && self.keys.may_ask(now);
        while is_due(Instant::now()) {
            let asking = Asking::of(&self.keys);
            let found = self.asker.jwks().await.ok();
            if asking.done(found, Instant::now()) {
                break;
            }
        }
    }

    /// Hears what ended, until it is stopped.
    pub(crate) async fn follow(&self) {
        let mut position = Position::default();
        while !self.pulse.is_stopped() {
            let pause = self.hear(&mut position).await;
            if !pause.is_zero() {
                self.asker.io.pause(pause).await;
            }
        }
    }

    /// Hears one page, and says for how long to pause.
    async fn hear(&self, position: &mut Position) -> Duration {
        let (asked_at, hour) = (Instant::now(), unix_now());
        let wait = patience(self.settings());
        match self.asker.revocations(position.cursor, wait).await {
            Ok(page) => {
                match position.take(page) {
                    Heard::Beginning => self.begin_again(),
                    Heard::Changes(changes, is_all) => {
                        let is_of_keys = changes.iter().any(|change| change.kind == "key");
                        self.verdicts.note(changes);
                        if is_of_keys {
                            self.keys.forget();
                        }
                        if !is_all {
                            return Duration::ZERO;
                        }
                    }
                }
                // authd has waited for news until it answered, so all until then is known.
                self.pulse.beat(Instant::now(), hour);
                Duration::ZERO
            }
            Err(NoAnswer::Gone(cursor)) => {
                position.begin_at(cursor);
                self.begin_again();
                self.pulse.beat(asked_at, hour);
                Duration::ZERO
            }
            Err(NoAnswer::Refused(_)) => {
                if position.is_first_refusal() {
                    tracing::error!(
                        "authd does not tell this client what ended: check its id and secret"
                    );
                }
                position.pause(spread())
            }
            Err(NoAnswer::Trouble(_)) => position.pause(spread()),
        }
    }

    fn begin_again(&self) {
        self.verdicts.begin_again();
        self.keys.forget();
    }
}

/// Some number from 0 to 1. No secret hangs on it.
fn spread() -> f64 {
    let drawn = RandomState::new().hash_one(Instant::now());
    f64::from(u32::try_from(drawn >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
