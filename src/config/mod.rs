//! The configuration as it is used: read once, checked once, handed on as values.
//!
//! A value comes from a flag, else the environment, else the file, else the default
//! ([`reference::KEYS`]).

mod compat;
mod cors;
mod edges;
mod environment;
mod error;
mod file;
mod kind;
mod layers;
mod people;
mod proxies;
pub mod reference;
mod values;
mod webhooks;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::Level;

use crate::domain::claim::UserClaim;
use crate::domain::secret::Secret;
use crate::domain::session::SessionRules;
use crate::mail::MailSettings;
use crate::passwords::{HashParams, Policy, PoolSize};
use crate::service::account_codes::AccountRules;
use crate::service::guesses::GuessRules;
use crate::service::keys::KeyRules;
use crate::service::secret_key::SecretKeySource;
use crate::service::webhooks::WebhookRules;
use crate::service::{PasswordSettings, ServiceSettings};
use crate::store::{DatabaseSettings, DatabaseUrl, ReplicaSettings};
use crate::tokens::TokenRules;

pub use compat::CompatConfig;
pub use cors::CorsOrigins;
pub use environment::Environment;
pub(crate) use environment::Held;
pub use error::ConfigError;
pub use layers::{Flags, Layers, Origin, Shown};
pub use proxies::{ForwardConfig, TrustedProxies};
pub use values::ListenAddress;

/// Added to the time for which a key that signs no longer verifies: a token may be signed a moment
/// after another key took over.
const MARGIN_SECS: i64 = 60;

/// The configuration, every value checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The wire.
    pub server: ServerConfig,
    /// The database.
    pub database: DatabaseSettings,
    /// What tokens say.
    pub tokens: TokenRules,
    /// How signing keys follow each other.
    pub keys: KeyRules,
    /// How long sessions last.
    pub sessions: SessionRules,
    /// For how many seconds a caller may keep a verify answer.
    pub verify_max_age_secs: u32,
    /// How passwords are judged and kept.
    pub passwords: PasswordSettings,
    /// How many wrong passwords are too many.
    pub guesses: GuessRules,
    /// How messages to other services are sent.
    pub webhooks: WebhookRules,
    /// Where the secret over the signing keys is.
    pub secret_key: SecretKeySource,
    /// What people do with codes.
    pub accounts: AccountRules,
    /// How letters leave the house.
    pub mail: MailSettings,
    /// The log.
    pub log: LogConfig,
}

/// Where `authd` listens, and what it bears.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// At least one.
    pub listen: Vec<ListenAddress>,
    /// For gRPC; perhaps none.
    pub grpc_listen: Vec<ListenAddress>,
    /// Where clients find the service, without a slash at the end.
    pub public_url: String,
    /// Whose pages may ask from a browser.
    pub cors_origins: CorsOrigins,
    /// Whose `X-Forwarded-...` are believed.
    pub trusted_proxies: TrustedProxies,
    /// What a proxy that asks is told.
    pub forward: ForwardConfig,
    /// Who is shown the schema of `/graphql`; `None`: there is nothing at that path.
    pub graphql: Option<Introspection>,
    /// Whose clients find here what they had.
    pub compat: CompatConfig,
    /// Connections served at a time.
    pub max_connections: usize,
    /// Of which from one address at most.
    pub max_connections_per_address: usize,
    /// Request line and header fields together.
    pub max_header_bytes: usize,
    /// Header fields.
    pub max_headers: usize,
    /// A request's body.
    pub max_body_bytes: usize,
    /// From the first byte of a request to the end of its header.
    pub header_timeout: Duration,
    /// From the end of the header to the end of the body.
    pub body_timeout: Duration,
    /// How long an answer may wait for the client to take some of it.
    pub write_timeout: Duration,
    /// Between two requests of a connection.
    pub keep_alive: Duration,
    /// For requests under way when the daemon is told to stop.
    pub shutdown_timeout: Duration,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug)]
pub struct LogConfig {
    /// This and what is worse.
    pub level: Level,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Who is shown the schema of `/graphql`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introspection {
    /// Whoever asks.
    On,
    /// Whoever has a good token.
    Authenticated,
    /// Nobody.
    Off,
}

impl Config {
    /// Reads file, environment and flags, and checks every value.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        Self::from_layers(&Layers::read(flags, environment)?)
    }

    /// Checks every value.
    pub fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        let server = ServerConfig::from_layers(layers)?;
        let database = database(layers)?;
        let issuer = layers
            .text("tokens.issuer")?
            .unwrap_or_else(|| server.public_url.clone());
        let tokens = TokenRules {
            audience: layers
                .text("tokens.audience")?
                .unwrap_or_else(|| issuer.clone()),
            issuer,
            ttl_secs: seconds(layers.duration("tokens.access_ttl")?),
            leeway_secs: seconds(layers.duration("tokens.leeway")?),
            user_claims: user_claims(layers, server.compat)?,
        };
        let keys = key_rules(layers, &tokens)?;
        let max_age = layers.duration("tokens.verify_max_age")?;
        Ok(Self {
            secret_key: secret_key(layers, &database.url)?,
            passwords: passwords(layers)?,
            guesses: guesses(layers)?,
            webhooks: webhooks::rules(layers)?,
            accounts: people::accounts(layers, &server.public_url)?,
            mail: people::mail(layers)?,
            sessions: SessionRules {
                idle_ms: millis(layers.duration("sessions.idle")?),
                absolute_ms: millis(layers.duration("sessions.absolute")?),
                grace_ms: millis(layers.duration("sessions.refresh_grace")?),
                per_user: u32::try_from(layers.count("sessions.max_per_user")?).unwrap_or(u32::MAX),
            },
            log: LogConfig {
                level: layers.parsed("log.level")?,
                format: layers.parsed("log.format")?,
            },
            verify_max_age_secs: u32::try_from(max_age.as_secs()).unwrap_or(u32::MAX),
            server,
            database,
            tokens,
            keys,
        })
    }

    /// The value of a key that follows from others when it is not given.
    pub fn follows(&self, key: &str) -> Option<String> {
        match (key, &self.secret_key) {
            ("tokens.issuer", _) => Some(self.tokens.issuer.clone()),
            ("tokens.audience", _) => Some(self.tokens.audience.clone()),
            ("accounts.reset_url", _) => Some(self.accounts.reset_url.clone()),
            ("accounts.invitation_url", _) => Some(self.accounts.invitation_url.clone()),
            ("accounts.confirmation_url", _) => Some(self.accounts.confirmation_url.clone()),
            ("accounts.registration_url", _) => Some(self.accounts.registration_url.clone()),
            ("secret_key_file", SecretKeySource::File(path)) => Some(path.display().to_string()),
            _ => None,
        }
    }

    /// What the services need of it.
    pub fn service_settings(&self) -> ServiceSettings {
        ServiceSettings {
            passwords: self.passwords,
            guesses: self.guesses,
            webhooks: self.webhooks.clone(),
            tokens: self.tokens.clone(),
            keys: self.keys,
            sessions: self.sessions,
            max_age_secs: self.verify_max_age_secs,
            secret_key: self.secret_key.clone(),
            accounts: self.accounts.clone(),
            mail: self.mail.clone(),
        }
    }
}

impl ServerConfig {
    fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: layers.listen("server.listen")?,
            grpc_listen: layers.parsed_list("server.grpc_listen")?,
            public_url: layers.public_url("server.public_url")?,
            cors_origins: CorsOrigins::from_layers(layers)?,
            trusted_proxies: TrustedProxies::from_layers(layers)?,
            forward: ForwardConfig::from_layers(layers)?,
            graphql: graphql(layers)?,
            compat: CompatConfig::from_layers(layers)?,
            max_connections: layers.count("server.max_connections")?,
            max_connections_per_address: layers.count("server.max_connections_per_address")?,
            max_header_bytes: layers.size("server.max_header_size")?,
            max_headers: layers.count("server.max_headers")?,
            max_body_bytes: layers.size("server.max_body_size")?,
            header_timeout: layers.duration("server.header_timeout")?,
            body_timeout: layers.duration("server.body_timeout")?,
            write_timeout: layers.duration("server.write_timeout")?,
            keep_alive: layers.duration("server.keep_alive")?,
            shutdown_timeout: layers.duration("server.shutdown_timeout")?,
        })
    }
}

fn user_claims(layers: &Layers, compat: CompatConfig) -> Result<Vec<UserClaim>, ConfigError> {
    let mut claims: Vec<UserClaim> = layers.parsed_list("tokens.claims")?;
    claims.extend_from_slice(compat.claims());
    Ok(claims)
}

fn graphql(layers: &Layers) -> Result<Option<Introspection>, ConfigError> {
    let introspection = layers.parsed("graphql.introspection")?;
    let is_enabled: bool = layers.parsed("graphql.enabled")?;
    Ok(is_enabled.then_some(introspection))
}

fn database(layers: &Layers) -> Result<DatabaseSettings, ConfigError> {
    let connections = layers.count("database.connections")?;
    let url: DatabaseUrl = layers.parsed("database.url")?;
    let max_staleness = layers.duration("database.max_staleness")?;
    let replica = match layers.text("database.read_url")? {
        None => None,
        Some(_) => Some(ReplicaSettings {
            url: layers.parsed("database.read_url")?,
            max_staleness,
        }),
    };
    let servers = [Some(&url), replica.as_ref().map(|replica| &replica.url)];
    if replica.is_some() && servers.iter().flatten().any(|url| !url.is_one_server()) {
        return Err(ConfigError::Value {
            origin: layers.find(layers::key("database.read_url")).1,
            key: "database.read_url",
            problem: "this names a PostgreSQL server that follows the one in database.url: \
                      both must be postgres://, and each name one host"
                .to_owned(),
        });
    }
    Ok(DatabaseSettings {
        url,
        timeout: layers.duration("database.timeout")?,
        connections: u32::try_from(connections).unwrap_or(u32::MAX),
        replica,
    })
}

fn key_rules(layers: &Layers, tokens: &TokenRules) -> Result<KeyRules, ConfigError> {
    let publish_before_secs = seconds(layers.duration("tokens.publish_before_sign")?);
    let every = seconds(layers.duration("tokens.rotate_every")?);
    if every != 0 && every <= publish_before_secs {
        return Err(ConfigError::Value {
            origin: layers.find(layers::key("tokens.rotate_every")).1,
            key: "tokens.rotate_every",
            problem: "this is not longer than tokens.publish_before_sign: \
                      a key could not be published before its time is over"
                .to_owned(),
        });
    }
    Ok(KeyRules {
        algorithm: layers.parsed("tokens.algorithm")?,
        publish_before_secs,
        verify_after_secs: tokens.ttl_secs + 2 * tokens.leeway_secs + MARGIN_SECS,
        rotate_every_secs: Some(every).filter(|every| *every != 0),
    })
}

fn guesses(layers: &Layers) -> Result<GuessRules, ConfigError> {
    Ok(GuessRules {
        per_account_and_address: small(layers, "login.attempts")?,
        per_account: small(layers, "login.account_attempts")?,
        per_address: small(layers, "login.address_attempts")?,
        longest_wait_secs: u32::try_from(layers.duration("login.longest_wait")?.as_secs())
            .unwrap_or(u32::MAX),
    })
}

fn small(layers: &Layers, key: &'static str) -> Result<u32, ConfigError> {
    let count = layers.count(key)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn passwords(layers: &Layers) -> Result<PasswordSettings, ConfigError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = match layers.count("passwords.threads")? {
        0 => cores,
        threads => threads,
    };
    let memory_kib = layers.size("passwords.memory")? / 1024;
    Ok(PasswordSettings {
        policy: Policy {
            min_chars: layers.count("passwords.min_length")?,
            max_chars: layers.count("passwords.max_length")?,
        },
        params: HashParams {
            memory_kib: u32::try_from(memory_kib).unwrap_or(u32::MAX),
            iterations: small(layers, "passwords.iterations")?,
            parallelism: small(layers, "passwords.parallelism")?,
        },
        pool: PoolSize {
            threads,
            queue: layers.count("passwords.queue")?,
        },
    })
}

/// By default `authd.key` beside the database's file, or else in the working directory.
fn secret_key(layers: &Layers, database: &DatabaseUrl) -> Result<SecretKeySource, ConfigError> {
    if let Some(given) = layers.text("secret_key")? {
        let given = Secret::new(given);
        return SecretKeySource::given(given.expose()).map_err(|error| ConfigError::Value {
            origin: layers.find(layers::key("secret_key")).1,
            key: "secret_key",
            problem: error.to_string(),
        });
    }
    let beside = database.file().unwrap_or(Path::new(""));
    Ok(SecretKeySource::File(
        match layers.text("secret_key_file")? {
            Some(file) => PathBuf::from(file),
            None => beside.with_file_name("authd.key"),
        },
    ))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
