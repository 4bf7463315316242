//! What every protocol of the daemon stands on: sockets, places for connections, I/O threads, the
//! lane for what may wait, and names for requests.

mod accept;
pub mod lane;
mod listen;
mod origins;
pub mod request_id;
mod threads;

pub use accept::{Door, Protocol, Stop, Talk, serve};
pub use listen::{BindError, Bound, Stream};

/// The runtime that accepts connections and hears signals. [`serve`] starts the I/O threads.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("accept")
        .enable_all()
        .build()
}
