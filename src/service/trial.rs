//! For tests: the services over a database of their own, at a time that stands until it is moved.

use std::sync::Arc;
use std::time::Duration;

use cluster::Database;

use super::account_codes::{AccountRules, PLACE, Registration};
use super::accounts::{Accounts, PasswordChecks};
use super::grant::Grant;
use super::guesses::GuessRules;
use super::keys::KeyRules;
use super::login::{self, Attempt, LoginError};
use super::management::Management;
use super::secret_key::SecretKeySource;
use super::system::SystemRandom;
use super::verification::{self, Refusal, VerifyError};
use super::webhooks::WebhookRules;
use super::{PasswordSettings, ServiceSettings, Services, Sources};
use crate::domain::actor::Actor;
use crate::domain::password::Password;
use crate::domain::scope::Scope;
use crate::domain::session::{Origin, SessionRules};
use crate::domain::sources::fixed::FixedClock;
use crate::domain::user::{NewUser, User, UserRef};
use crate::mail::{MailSettings, Way};
use crate::passwords::{HashParams, Policy, PoolSize};
use crate::store::{self, DatabaseSettings, Store, WriteMode};
use crate::tokens::{KeyAlgorithm, TokenRules};

pub(super) const PASSWORD: &str = "correct horse battery staple";
/// Life of a token.
pub(super) const TTL_SECS: i64 = 900;
/// How far clocks may differ.
pub(super) const LEEWAY_SECS: i64 = 30;
/// How long sessions last.
pub(super) const SESSIONS: SessionRules = SessionRules {
    idle_ms: 30 * 24 * 3_600_000,
    absolute_ms: 80 * 24 * 3_600_000,
    grace_ms: 10_000,
    per_user: 5,
};
/// How signing keys follow each other.
pub(super) const KEYS: KeyRules = KeyRules {
    algorithm: KeyAlgorithm::EdDsa,
    publish_before_secs: 600,
    verify_after_secs: TTL_SECS + 2 * LEEWAY_SECS + 60,
    rotate_every_secs: None,
};
/// How many wrong passwords are too many.
pub(super) const GUESSES: GuessRules = GuessRules {
    per_account_and_address: 5,
    per_account: 20,
    per_address: 100,
    longest_wait_secs: 900,
};
/// 2026-01-01.
const START_SECS: i64 = 1_767_225_600;

/// Codes as they are by default, and everybody may register.
pub(super) fn account_rules() -> AccountRules {
    let page = |name: &str| format!("https://app.example.com/{name}#{PLACE}");
    AccountRules {
        registration: Registration::Open,
        reset_secs: 3600,
        invitation_secs: 7 * 24 * 3600,
        confirmation_secs: 3 * 24 * 3600,
        reset_url: page("reset"),
        invitation_url: page("invitation"),
        confirmation_url: page("confirmation"),
        registration_url: page("registration"),
        letters_per_address: 20,
        service: "app.example.com".into(),
    }
}

/// Nothing leaves the house.
pub(super) fn no_mail() -> MailSettings {
    MailSettings {
        way: Way::Off,
        from: "authd@example.com".parse().expect("is a sender"),
        templates: None,
    }
}

/// One account, and what can be done with it.
pub(super) struct Trial {
    pub(super) services: Services,
    pub(super) accounts: Accounts,
    pub(super) clock: Arc<FixedClock>,
    pub(super) user: User,
    database: Database,
}

impl Trial {
    pub(super) fn new() -> Self {
        let database = Database::new();
        let clock = Arc::new(FixedClock::at_second(START_SECS));
        let settings = passwords(HashParams::FLOOR);
        let url = database.url().parse().expect("names a database");
        store::create(&url, Duration::from_secs(5), jiff::Timestamp::UNIX_EPOCH)
            .expect("creates a database");
        let accounts = Accounts::new(
            Management::new(
                Arc::new(open(&database)),
                sources(&clock),
                Actor::operator("root"),
            ),
            settings,
        );
        let new = NewUser {
            email: "ada@example.com".parse().expect("is an address"),
            first_name: "Ada".parse().expect("is a name"),
            last_name: "Lovelace".parse().expect("is a name"),
            phone_number: None,
            external_id: None,
            is_active: true,
            is_staff: false,
            is_superuser: false,
            groups: std::collections::BTreeSet::new(),
            fields: std::collections::BTreeMap::new(),
        };
        let password = Password::new(PASSWORD);
        let user = accounts.create(new, Some(&password), PasswordChecks::Enforce);
        Self {
            services: services(&database, &clock, settings, KEYS),
            accounts,
            user: user.expect("is created"),
            clock,
            database,
        }
    }

    /// The daemon started anew with this cost of a hash.
    pub(super) fn restart(&mut self, params: HashParams) {
        self.services = services(&self.database, &self.clock, passwords(params), KEYS);
    }

    /// Another daemon on the same database, with these rules for keys.
    pub(super) fn beside(&self, keys: KeyRules) -> Services {
        let passwords = passwords(HashParams::FLOOR);
        services(&self.database, &self.clock, passwords, keys)
    }

    /// The account's name for commands.
    pub(super) fn ada(&self) -> UserRef {
        UserRef::Id(self.user.id)
    }

    pub(super) fn login(&self, password: &str) -> Result<Grant, LoginError> {
        login::login(&self.services, self.attempt(password))
    }

    /// Ada, from nowhere in particular.
    #[expect(clippy::unused_self, reason = "reads as what the trial's account does")]
    pub(super) fn attempt<'a>(&self, password: &'a str) -> Attempt<'a> {
        Attempt {
            email: "ada@example.com",
            password,
            origin: Origin::default(),
            client: None,
            scope: Scope::default(),
        }
    }

    /// A token of a login that must succeed.
    pub(super) fn token(&self) -> String {
        self.login(PASSWORD).expect("logs in").access_token
    }

    pub(super) fn set_password(&self, password: &str) {
        let password = Password::new(password);
        self.accounts
            .set_password(&self.ada(), &password, PasswordChecks::Enforce)
            .expect("is set");
    }

    /// Where the secret is kept.
    pub(super) fn secret_file(&self) -> std::path::PathBuf {
        self.database.folder().join("authd.key")
    }

    pub(super) fn is_on_sqlite(&self) -> bool {
        self.database.url().starts_with("sqlite:")
    }

    /// What these statements give, past the services.
    pub(super) fn sql(&self, sql: &str) -> String {
        self.database.sql(sql)
    }

    /// The one number that a query gives.
    pub(super) fn count(&self, sql: &str) -> i64 {
        self.database.sql(sql).parse().expect("is a number")
    }

    /// Why the token is refused; `None` if it is good.
    pub(super) fn refusal(&self, token: &str) -> Option<Refusal> {
        match verification::verify(&self.services, token) {
            Ok(found) => {
                assert_eq!(
                    found.principal.user().map(|user| user.id),
                    Some(self.user.id)
                );
                None
            }
            Err(VerifyError::Refused(reason)) => Some(reason),
            Err(error) => panic!("{error}"),
        }
    }
}

/// How messages are sent.
pub(super) fn webhooks() -> WebhookRules {
    WebhookRules {
        allow_private: false,
        retries_secs: vec![5],
    }
}

fn passwords(params: HashParams) -> PasswordSettings {
    PasswordSettings {
        policy: Policy {
            min_chars: 15,
            max_chars: 256,
        },
        params,
        pool: PoolSize {
            threads: 1,
            queue: 4,
        },
    }
}

fn sources(clock: &Arc<FixedClock>) -> Sources {
    Sources {
        clock: Arc::clone(clock) as _,
        random: Arc::new(SystemRandom),
    }
}

fn open(database: &Database) -> Store {
    let url = database.url().parse().expect("names a database");
    Store::open(
        &DatabaseSettings::new(url, Duration::from_secs(5)),
        WriteMode::Direct,
    )
    .expect("opens it")
}

fn services(
    database: &Database,
    clock: &Arc<FixedClock>,
    passwords: PasswordSettings,
    keys: KeyRules,
) -> Services {
    let settings = ServiceSettings {
        passwords,
        guesses: GUESSES,
        tokens: TokenRules {
            issuer: "https://auth.example.com".into(),
            audience: "https://api.example.com".into(),
            ttl_secs: TTL_SECS,
            leeway_secs: LEEWAY_SECS,
            user_claims: vec![],
        },
        sessions: SESSIONS,
        max_age_secs: 5,
        webhooks: webhooks(),
        keys,
        secret_key: SecretKeySource::File(database.folder().join("authd.key")),
        accounts: account_rules(),
        mail: no_mail(),
    };
    Services::start(open(database), settings, sources(clock)).expect("starts")
}
