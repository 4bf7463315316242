//! What can be done: one function each, the same for the command line and for HTTP.
//!
//! [`accounts`] manages users, [`mod@login`] and [`mod@refresh`] give them tokens, [`sessions`]
//! lists and ends what a login began, [`fields`] are the installation's own, [`clients`] are other
//! services, [`account_codes`] and [`post`] let people help themselves, [`verification`] says who is behind a token, [`keys`] keeps the
//! keys for all of them.

mod account_change;
pub mod account_codes;
pub mod account_feed;
pub mod account_fields;
pub mod accounts;
pub mod admission;
pub mod api_tokens;
pub mod apply;
pub mod audit;
pub mod caretaker;
pub mod client_grant;
pub mod clients;
mod counter;
pub mod export;
pub mod feed;
pub mod fields;
pub mod first_superuser;
pub mod grant;
pub mod groups;
pub mod guesses;
pub mod idempotency;
pub mod identity;
pub mod import;
pub mod introspection;
pub mod keys;
pub mod listeners;
pub mod login;
pub mod made_of_fields;
pub mod management;
pub mod own_account;
pub mod own_deletion;
pub mod own_password;
mod password_check;
pub mod permissions;
pub mod post;
pub mod pruning;
pub mod refresh;
pub mod revocation;
mod scribe;
pub mod secret_key;
pub mod secret_rotation;
pub mod sessions;
pub mod system;
#[cfg(test)]
mod trial;
pub mod verification;
pub mod webhooks;

use std::sync::Arc;

use crate::domain::actor::Actor;
use crate::domain::audit::By;
use crate::domain::session::SessionRules;
use crate::domain::sources::{Clock, Random};
use crate::mail::{MailError, MailSettings, Mailer};
use crate::passwords::{HashParams, Hasher, Policy, PoolSize};
use crate::store::Store;
use crate::tokens::{CheckedTokens, CursorKey, JwkSet, TokenRules};

use account_codes::AccountRules;
use account_codes::asking::Asked;
use account_codes::managed::AccountCodes;
use accounts::Accounts;
use feed::Closing;
use guesses::{GuessRules, Guesses};
use keys::lifecycle::Lifecycle;
use keys::{KeyRules, Keys, KeysError};
use listeners::Listeners;
use management::Management;
use post::Bell;
use secret_key::SecretKeySource;
use webhooks::WebhookRules;

/// Time and randomness of the running program (ADR 10).
#[derive(Clone)]
pub struct Sources {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives unpredictable bytes.
    pub random: Arc<dyn Random>,
}

/// How passwords are judged and kept.
#[derive(Clone, Copy, Debug)]
pub struct PasswordSettings {
    /// What a new password must be.
    pub policy: Policy,
    /// What a hash costs.
    pub params: HashParams,
    /// How many hashes at a time.
    pub pool: PoolSize,
}

/// Everything the daemon's handlers work with.
pub struct Services {
    /// The database.
    pub store: Arc<Store>,
    keys: Keys,
    hasher: Arc<Hasher>,
    guesses: Arc<Guesses>,
    asked: Asked,
    policy: Policy,
    rules: TokenRules,
    session_rules: SessionRules,
    checked: CheckedTokens,
    closing: Closing,
    listeners: Listeners,
    account_rules: Arc<AccountRules>,
    /// `None`: nothing is mailed.
    mailer: Option<Mailer>,
    bell: Bell,
    max_age_secs: u32,
    webhook_rules: WebhookRules,
    sources: Sources,
}

/// What the daemon is configured to do.
#[derive(Debug)]
pub struct ServiceSettings {
    /// How passwords are kept.
    pub passwords: PasswordSettings,
    /// How many wrong passwords are too many.
    pub guesses: GuessRules,
    /// What tokens say.
    pub tokens: TokenRules,
    /// How long sessions last.
    pub sessions: SessionRules,
    /// For how many seconds a caller may keep a verify answer.
    pub max_age_secs: u32,
    /// How messages to other services are sent.
    pub webhooks: WebhookRules,
    /// How signing keys follow each other.
    pub keys: KeyRules,
    /// Where the secret over the signing keys is.
    pub secret_key: SecretKeySource,
    /// What people do with codes.
    pub accounts: AccountRules,
    /// How letters leave the house.
    pub mail: MailSettings,
}

/// Why the services did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// No letter can be sent.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The operating system gives no more threads.
    #[error("the hashing threads could not be started")]
    Threads(#[source] std::io::Error),
}

impl Services {
    /// Loads the keys (and makes the first one), and starts the hashing threads.
    pub fn start(
        store: Store,
        settings: ServiceSettings,
        sources: Sources,
    ) -> Result<Self, StartError> {
        let mailer = Mailer::open(&settings.mail)?;
        let keys = Keys::open(&store, &settings.secret_key, settings.keys, &sources)?;
        let PasswordSettings {
            pool,
            params,
            policy,
        } = settings.passwords;
        let hasher = Hasher::start(pool, params, Arc::clone(&sources.random))
            .map_err(StartError::Threads)?;
        Ok(Self {
            store: Arc::new(store),
            keys,
            hasher: Arc::new(hasher),
            guesses: Arc::new(Guesses::new(settings.guesses)),
            asked: Asked::new(settings.accounts.letters_per_address),
            policy,
            rules: settings.tokens,
            session_rules: settings.sessions,
            checked: CheckedTokens::default(),
            closing: Closing::default(),
            listeners: Listeners::default(),
            account_rules: Arc::new(settings.accounts),
            mailer,
            bell: Bell::default(),
            max_age_secs: settings.max_age_secs,
            webhook_rules: settings.webhooks,
            sources,
        })
    }

    /// The public keys, for other services to verify offline (RFC 7517, section 5).
    pub fn public_jwks(&self) -> Result<JwkSet, KeysError> {
        keys::public_jwks(&self.store, self.sources.clock.now())
    }

    /// How signing keys follow each other.
    pub fn key_rules(&self) -> KeyRules {
        self.keys.rules()
    }

    /// What moves signing keys on, by itself.
    pub fn lifecycle(&self) -> Lifecycle<'_> {
        Lifecycle {
            store: &self.store,
            sealing: self.keys.secrets().sealing,
            rules: self.keys.rules(),
            sources: &self.sources,
            by: By::DAEMON,
        }
    }

    /// Whoever manages something, at work.
    pub fn managed_by(&self, by: Actor) -> Management {
        Management::new(Arc::clone(&self.store), self.sources.clone(), by)
    }

    /// What marks places in lists.
    pub fn cursors(&self) -> Arc<CursorKey> {
        self.keys.secrets().cursors
    }

    /// The accounts, managed by somebody.
    pub fn accounts(&self, by: Actor) -> Accounts {
        Accounts::pooled(self.managed_by(by), self.policy, Arc::clone(&self.hasher))
    }

    /// Codes for accounts, made by somebody who manages them.
    pub fn account_codes(&self, by: Actor) -> AccountCodes {
        let rules = Arc::clone(&self.account_rules);
        AccountCodes::new(self.managed_by(by), rules, self.outbox())
    }

    /// Time and randomness.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What this service writes into tokens, and asks of them.
    pub fn token_rules(&self) -> &TokenRules {
        &self.rules
    }

    /// How long sessions last.
    pub fn session_rules(&self) -> SessionRules {
        self.session_rules
    }

    /// Unpredictable bytes, for what an edge needs to be unique.
    pub fn random(&self) -> &dyn Random {
        &*self.sources.random
    }

    /// Whether the database answers, can be written, and holds the keys in use.
    pub fn check_ready(&self) -> Result<(), KeysError> {
        keys::check(&self.store)
    }
}

#[cfg(test)]
mod tests;
