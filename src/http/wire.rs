//! The wire (ADR 1): accepts connections, bounds them, and hands each request on.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::exchange::{Answer, Exchange};
use super::listen::{Arrival, Bound, Stream, accept_any, origin_of};
use super::patience::{Limits, Patient, Phase};
use super::threads::IoThreads;
use crate::config::ServerConfig;

/// A pause after the kernel refused a connection, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is done; then lets requests under way finish, for a bounded time.
///
/// Not an asynchronous task itself: the database behind `app` is dropped here, which may block.
pub fn serve(
    runtime: &Runtime,
    app: super::App,
    bound: Vec<Bound>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let threads = Arc::new(IoThreads::start(&app.on_idle)?);
    let (stopping, stopped) = watch::channel(false);
    let config = app.server.clone();
    let wire = Arc::new(Wire {
        places: Arc::new(Semaphore::new(config.max_connections)),
        origins: Origins::new(config.max_connections_per_address),
        exchange: Exchange::new(app),
        stopped,
        config,
    });
    runtime.block_on(async {
        let acceptor = tokio::spawn(Arc::clone(&wire).accept(bound, Arc::clone(&threads)));
        stop.await;
        // Nobody is left to tell if every connection is gone already.
        let _ = stopping.send(true);
        // The acceptor ends when told to; if it died instead, there is nothing to wait for.
        let _ = acceptor.await;
        wire.finish().await;
    });
    // Here, and not wherever the last connection ends: a thread cannot wait for itself.
    drop(threads);
    Ok(())
}

/// What every connection shares.
struct Wire {
    config: ServerConfig,
    places: Arc<Semaphore>,
    origins: Arc<Origins>,
    exchange: Exchange,
    stopped: watch::Receiver<bool>,
}

impl Wire {
    /// Accepts until told to stop. A connection is accepted only when there is a place for it;
    /// until then it waits in the kernel. One loop has all sockets: each with a loop of its own
    /// would hold a place while it waits, and starve the others when places are few.
    async fn accept(self: Arc<Self>, bound: Vec<Bound>, threads: Arc<IoThreads>) {
        let mut stopped = self.stopped.clone();
        let mut was_refused = false;
        let mut turn = 0;
        loop {
            let place = Arc::clone(&self.places).acquire_owned();
            let next = async { (place.await, accept_any(&bound, &mut turn).await) };
            let (place, accepted) = tokio::select! {
                () = told_to_stop(&mut stopped) => return,
                next = next => next,
            };
            let Ok(place) = place else { return };
            match accepted {
                Ok((arrival, peer)) => {
                    was_refused = false;
                    Arc::clone(&self).begin(arrival, peer, place, &threads);
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
        self: Arc<Self>,
        arrival: Arrival,
        peer: Option<SocketAddr>,
        place: OwnedSemaphorePermit,
        threads: &IoThreads,
    ) {
        let Ok(counted) = peer
            .map(|peer| self.origins.enter(origin_of(peer)))
            .transpose()
        else {
            if !self.origins.said.swap(true, Ordering::Relaxed) {
                let limit = self.config.max_connections_per_address;
                tracing::warn!(
                    limit,
                    "an address has all its connections; closing further ones"
                );
            }
            return;
        };
        threads.spawn(async move {
            match arrival.into_stream() {
                Ok(stream) => self.converse(stream, peer).await,
                Err(error) => tracing::warn!(%error, "a connection could not be served"),
            }
            drop((counted, place));
        });
    }

    async fn converse(&self, stream: Box<dyn Stream>, peer: Option<SocketAddr>) {
        let phase = Phase::new();
        let limits = Limits {
            rest: self.config.keep_alive,
            header: self.config.header_timeout,
            write: self.config.write_timeout,
        };
        let refuse = |status| self.exchange.refuse_unparsed(status);
        let stream = Patient::new(TokioIo::new(stream), limits, phase.clone(), refuse);
        let service = service_fn(|request| {
            phase.answering();
            let answer = self.exchange.answer(request, peer);
            async {
                let answer = answer.await;
                phase.answered(is_last(&answer));
                Ok::<_, std::convert::Infallible>(answer)
            }
        });
        let mut connection = pin!(
            http1::Builder::new()
                // `Patient` does it.
                .header_read_timeout(None)
                .max_headers(self.config.max_headers)
                .max_header_size(self.config.max_header_bytes)
                .max_buf_size(self.config.max_header_bytes.max(MIN_BUFFER))
                .half_close(false)
                .serve_connection(stream, service)
        );
        let mut stopped = self.stopped.clone();
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = told_to_stop(&mut stopped) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// Waits until every connection is done, for a bounded time.
    async fn finish(&self) {
        let all = u32::try_from(self.config.max_connections).unwrap_or(u32::MAX);
        let done = self.places.acquire_many(all);
        if tokio::time::timeout(self.config.shutdown_timeout, done)
            .await
            .is_err()
        {
            tracing::warn!("stopped with requests still under way");
        }
    }
}

async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // If the sender is gone, so is whoever could say otherwise.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Whether the connection ends with this answer.
fn is_last(answer: &Answer) -> bool {
    answer.headers().contains_key(CONNECTION)
}

/// hyper's read buffer is never smaller.
const MIN_BUFFER: usize = 8 * 1024;

/// Connections under way, by where they come from.
struct Origins {
    limit: usize,
    /// Whether the log has said already that an address had too many.
    said: AtomicBool,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place among those of its origin, until dropped.
struct Counted {
    origins: Arc<Origins>,
    origin: IpAddr,
}

/// The origin has as many connections as it may.
struct TooMany;

impl Origins {
    fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            said: AtomicBool::new(false),
            counts: Mutex::default(),
        })
    }

    fn enter(self: &Arc<Self>, origin: IpAddr) -> Result<Counted, TooMany> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(origin).or_default();
        if *count >= self.limit {
            return Err(TooMany);
        }
        *count += 1;
        Ok(Counted {
            origins: Arc::clone(self),
            origin,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self
            .origins
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.origin);
            }
        }
    }
}
