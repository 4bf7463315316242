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
mod me;
mod patience;
pub mod probe;
mod problem;
mod routes;
mod schema;
mod unparsed;
mod verify;
mod wire;

pub use listen::{BindError, Bound};
pub use schema::openapi_yaml;
pub use wire::serve;

use crate::config::ServerConfig;
use crate::service::Services;

/// Everything a handler works with.
pub struct App {
    /// What can be done.
    pub services: Services,
    /// Where the service is found, and what it bears.
    pub server: ServerConfig,
}

/// The threads that serve: as many for I/O as there are cores, and some that may wait (D3).
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name("io")
        .max_blocking_threads(exchange::BLOCKING_PLACES)
        .enable_all()
        .build()
}
