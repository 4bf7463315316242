//! The service over HTTP.
//!
//! `wire` and what it uses (`listen`, `patience`, `unparsed`, `gate`, `exchange`) hold the sockets; `routes` is
//! the table of everything there is; each resource has a file of its own.

mod answer;
mod bearer;
mod body;
mod docs;
mod exchange;
mod gate;
mod health;
mod jwks;
mod listen;
mod login;
mod logout;
mod me;
mod origin;
mod patience;
pub mod probe;
mod problem;
mod refresh;
mod routes;
mod schema;
mod sessions;
mod threads;
mod unparsed;
mod verify;
mod wire;

pub use listen::{BindError, Bound};
pub use schema::openapi_yaml;
pub use wire::serve;

use std::sync::Arc;

use crate::config::ServerConfig;
use crate::service::Services;

/// Everything a handler works with.
pub struct App {
    /// What can be done.
    pub services: Services,
    /// Where the service is found, and what it bears.
    pub server: ServerConfig,
    /// Called on an I/O thread each time it has nothing to do.
    pub on_idle: Arc<dyn Fn() + Send + Sync>,
}

/// The runtime that accepts connections and hears signals. [`serve`] starts the I/O threads.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("accept")
        .enable_all()
        .build()
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
        let file = database.folder().join("authd.toml");
        let key = database.folder().join("authd.key");
        let text = format!("secret_key_file = \"{}\"\n", key.display());
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
        App {
            services: Services::start(store, config.service_settings(), sources).expect("starts"),
            server: config.server,
            on_idle: Arc::new(|| {}),
        }
    }

    /// Runs something; also gives what it logged on this thread.
    pub(super) fn log_of<T>(run: impl FnOnce() -> T) -> (T, String) {
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
