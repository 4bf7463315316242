//! The service over HTTP.
//!
//! `wire` and what it uses (`patience`, `unparsed`, `gate`, `cors`, `exchange`) hold the connections; `routes` is
//! the table of everything there is; each resource has a file of its own.

mod account;
mod answer;
mod audit;
mod bearer;
mod body;
mod caller;
mod cors;
mod django;
mod docs;
mod exchange;
mod fields;
mod forward;
mod gate;
mod graphql;
mod groups;
mod health;
mod idempotency;
mod jwks;
mod login;
mod logout;
mod me;
mod oauth;
mod origin;
mod own_fields;
mod pages;
mod password;
mod patience;
mod permissions;
mod preconditions;
pub mod probe;
mod problem;
mod refresh;
mod revocations;
mod routes;
mod schema;
mod sessions;
mod unparsed;
mod users;
mod verify;
mod waiting;
mod wire;

pub use schema::openapi_yaml;

use std::sync::Arc;

use crate::config::ServerConfig;
use crate::graphql::Graphql;
use crate::service::Services;
use crate::sockets::Protocol;
use schema::TypedDocument;

/// Everything a handler works with.
pub struct App {
    /// What can be done.
    pub services: Arc<Services>,
    /// Where the service is found, and what it bears.
    pub server: ServerConfig,
    /// What answers at `/graphql`, if anything does.
    pub graphql: Option<Graphql>,
    /// The API's document for whoever has a token.
    document: TypedDocument,
}

impl App {
    /// What a configuration wants of these services.
    pub fn new(services: Arc<Services>, server: ServerConfig) -> Self {
        let graphql = server
            .graphql
            .map(|introspection| Graphql::new(Arc::clone(&services), introspection));
        Self {
            services,
            server,
            graphql,
            document: TypedDocument::default(),
        }
    }
}

/// HTTP, to be spoken at a socket.
pub fn protocol(app: App) -> Arc<dyn Protocol> {
    Arc::new(wire::Wire::new(app))
}

#[cfg(test)]
mod tests {
    //! What the tests of this folder share.

    use std::io::Write;
    use std::sync::{Arc, Mutex, PoisonError};

    use cluster::Database;

    use super::App;
    use crate::config::{Config, Environment, Flags};
    use crate::domain::sources::Clock;
    use crate::service::system::{SystemClock, SystemRandom};
    use crate::service::{Services, Sources};
    use crate::store::{self, Store, WriteMode};

    /// Everything a handler works with, on this database.
    pub(super) fn app(database: &Database) -> App {
        app_with(database, "")
    }

    /// The same, with more in its configuration.
    pub(super) fn app_with(database: &Database, more: &str) -> App {
        let file = database.folder().join("authd.toml");
        let key = database.folder().join("authd.key");
        let text = format!("secret_key_file = \"{}\"\n{more}", key.display());
        std::fs::write(&file, text).expect("writes a file");
        let flags = Flags {
            config: Some(file),
            database: Some(database.url()),
            listen: vec![],
        };
        let config = Config::load(&flags, &Environment::default()).expect("is sound");
        let url = &config.database.url;
        store::create(url, config.database.timeout, SystemClock.now()).expect("makes a database");
        let store = Store::open(&config.database, WriteMode::Grouped);
        let sources = Sources {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        };
        let store = store.expect("opens the database");
        let services = Services::start(store, config.service_settings(), sources);
        App::new(Arc::new(services.expect("starts")), config.server)
    }

    /// Every `(METHOD) ["/path"` of a table's source, in order.
    pub(super) fn routes_of(source: &str) -> Vec<(String, String)> {
        let lines = source.lines().map(str::trim);
        let mut routes: Vec<(String, String)> = lines
            .filter_map(|line| line.strip_prefix('(')?.split_once(')'))
            .filter_map(|(method, rest)| {
                let path = rest.trim().strip_prefix("[\"")?.split_once('"')?.0;
                Some((method.to_lowercase(), path.to_owned()))
            })
            .collect();
        assert!(routes.len() >= 10, "{routes:?}");
        routes.sort();
        routes
    }

    /// Every method and path of a document, in order.
    pub(super) fn documented(document: &utoipa::openapi::OpenApi) -> Vec<(String, String)> {
        let document = serde_json::to_value(document).expect("serialises");
        let paths = document["paths"].as_object().expect("has paths");
        let mut routes: Vec<(String, String)> = paths
            .iter()
            .flat_map(|(path, item)| {
                let methods = item.as_object().expect("has methods").keys();
                methods.map(move |method| (method.clone(), path.clone()))
            })
            .collect();
        routes.sort();
        routes
    }

    /// Runs something; also gives what it logged on this thread.
    pub(super) fn log_of<T>(run: impl FnOnce() -> T) -> (T, String) {
        // Somebody listens on every thread, or else a line that is written on one where nobody does
        // may be switched off for this one too, by what `tracing` remembers of it.
        let everybody = tracing_subscriber::fmt()
            .with_writer(std::io::sink)
            .finish();
        let _ = tracing::subscriber::set_global_default(everybody);
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let outcome = tracing::subscriber::with_default(subscriber, run);
        let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner);
        (outcome, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            log.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
