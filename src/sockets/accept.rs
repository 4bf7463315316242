//! Accepts connections at every socket, bounds them, and hands each to the protocol of its socket.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::listen::{Arrival, Bound, Stream, accept_any, origin_of};
use super::origins::Origins;
use super::threads::IoThreads;
use crate::config::ServerConfig;

/// A pause after the kernel refused a connection, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A conversation over one connection, until it ends.
pub type Talk = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is spoken at a socket.
pub trait Protocol: Send + Sync {
    /// Talks over one connection until it ends. Told to stop, it lets what is under way finish.
    fn converse(
        self: Arc<Self>,
        stream: Box<dyn Stream>,
        peer: Option<SocketAddr>,
        stop: Stop,
    ) -> Talk;
}

/// A socket, and what is spoken there.
pub struct Door {
    /// The socket.
    pub bound: Bound,
    /// The protocol.
    pub protocol: Arc<dyn Protocol>,
}

/// Whether the daemon was told to stop.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Done when it is told to.
    pub async fn told(&mut self) {
        // If the sender is gone, so is whoever could say otherwise.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

/// Serves until `stop` is done; then lets requests under way finish, for a bounded time. Each I/O
/// thread calls `on_idle` whenever it has nothing to do.
///
/// Not an asynchronous task itself: the database behind the protocols may be dropped here, which
/// may block.
pub fn serve(
    runtime: &Runtime,
    config: &ServerConfig,
    doors: Vec<Door>,
    on_idle: &Arc<dyn Fn() + Send + Sync>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let threads = Arc::new(IoThreads::start(on_idle)?);
    let (stopping, stopped) = watch::channel(false);
    let (sockets, protocols): (Vec<_>, Vec<_>) = doors
        .into_iter()
        .map(|door| (door.bound, door.protocol))
        .unzip();
    let reception = Arc::new(Reception {
        places: Arc::new(Semaphore::new(config.max_connections)),
        max_connections: config.max_connections,
        origins: Origins::new(config.max_connections_per_address),
        max_per_address: config.max_connections_per_address,
        said_too_many: AtomicBool::new(false),
        protocols,
        stop: Stop(stopped),
    });
    runtime.block_on(async {
        let acceptor = Arc::clone(&reception).accept(sockets, Arc::clone(&threads));
        let acceptor = tokio::spawn(acceptor);
        stop.await;
        // Nobody is left to tell if every connection is gone already.
        let _ = stopping.send(true);
        // The acceptor ends when told to; if it died instead, there is nothing to wait for.
        let _ = acceptor.await;
        reception.finish(config.shutdown_timeout).await;
    });
    // Here, and not wherever the last connection ends: a thread cannot wait for itself.
    drop(threads);
    Ok(())
}

/// Where connections come in.
struct Reception {
    places: Arc<Semaphore>,
    max_connections: usize,
    origins: Arc<Origins>,
    max_per_address: usize,
    /// Whether the log has said already that an address had too many.
    said_too_many: AtomicBool,
    /// In the order of the sockets.
    protocols: Vec<Arc<dyn Protocol>>,
    stop: Stop,
}

impl Reception {
    /// Accepts until told to stop. A connection is accepted only when there is a place for it;
    /// until then it waits in the kernel. One loop has all sockets: each with a loop of its own
    /// would hold a place while it waits, and starve the others when places are few.
    async fn accept(self: Arc<Self>, sockets: Vec<Bound>, threads: Arc<IoThreads>) {
        let mut stop = self.stop.clone();
        let mut was_refused = false;
        let mut turn = 0;
        loop {
            let place = Arc::clone(&self.places).acquire_owned();
            let next = async { (place.await, accept_any(&sockets, &mut turn).await) };
            let (place, accepted) = tokio::select! {
                () = stop.told() => return,
                next = next => next,
            };
            let Ok(place) = place else { return };
            match accepted {
                Ok((socket, arrival, peer)) => {
                    was_refused = false;
                    let protocol = Arc::clone(&self.protocols[socket]);
                    self.begin(protocol, arrival, peer, place, &threads);
                }
                // The client went away before its turn: nothing of ours is short.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !std::mem::replace(&mut was_refused, true) {
                        tracing::warn!(%error, "a connection could not be accepted; pausing");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection on one of the I/O threads, unless its origin has too many.
    fn begin(
        &self,
        protocol: Arc<dyn Protocol>,
        arrival: Arrival,
        peer: Option<SocketAddr>,
        place: OwnedSemaphorePermit,
        threads: &IoThreads,
    ) {
        let Ok(counted) = peer
            .map(|peer| self.origins.enter(origin_of(peer)))
            .transpose()
        else {
            if !self.said_too_many.swap(true, Ordering::Relaxed) {
                let limit = self.max_per_address;
                tracing::warn!(
                    limit,
                    "an address has all its connections; closing further ones"
                );
            }
            return;
        };
        let stop = self.stop.clone();
        threads.spawn(async move {
            match arrival.into_stream() {
                Ok(stream) => protocol.converse(stream, peer, stop).await,
                Err(error) => tracing::warn!(%error, "a connection could not be served"),
            }
            drop((counted, place));
        });
    }

    /// Waits until every connection is done, for a bounded time.
    async fn finish(&self, shutdown_timeout: Duration) {
        let all = u32::try_from(self.max_connections).unwrap_or(u32::MAX);
        let done = self.places.acquire_many(all);
        if tokio::time::timeout(shutdown_timeout, done).await.is_err() {
            tracing::warn!("stopped with requests still under way");
        }
    }
}
