//! Closed-loop load: each connection sends its next request when the last is answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hyper::Version;

use crate::Failure;
use crate::client::{self, Connection, Request};
use crate::report;

/// How long a connection waits before it tries again after a failure.
const PAUSE: Duration = Duration::from_millis(20);

/// What to send, and from how many places.
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) address: SocketAddr,
    /// Sent in turn: between them the connections reach every one.
    pub(crate) requests: Arc<[Request]>,
    pub(crate) connections: usize,
    /// Threads that share the connections evenly.
    pub(crate) threads: usize,
}

/// Load that runs until it is stopped.
pub(crate) struct Load {
    tally: Arc<Tally>,
    threads: Vec<JoinHandle<Result<(), Failure>>>,
}

/// Counters of one load, written by its threads.
#[derive(Default)]
struct Tally {
    stop: AtomicBool,
    done: AtomicU64,
    failed: AtomicU64,
    first_failure: Mutex<Option<String>>,
}

impl Load {
    /// Starts at once; `done` counts from zero.
    pub(crate) fn start(shape: &Shape) -> Self {
        let tally = Arc::new(Tally::default());
        let threads = (0..shape.threads)
            .map(|thread| {
                let (shape, tally) = (shape.clone(), Arc::clone(&tally));
                thread::spawn(move || run(thread, &shape, &tally))
            })
            .collect();
        Self { tally, threads }
    }

    /// Requests answered with 200 so far.
    pub(crate) fn done(&self) -> u64 {
        self.tally.done.load(Ordering::Relaxed)
    }

    /// Lets the requests in flight finish; fails if any request failed, now or before.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        self.tally.stop.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + client::PATIENCE;
        while self.threads.iter().any(|thread| !thread.is_finished()) {
            if Instant::now() > deadline {
                return Err("the last requests are not answered".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| "a load thread panicked")??;
        }
        self.tally.verdict()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.tally.stop.store(true, Ordering::Relaxed);
    }
}

impl Tally {
    fn count(&self, outcome: &Result<(), Failure>) {
        match outcome {
            Ok(()) => self.done.fetch_add(1, Ordering::Relaxed),
            Err(failure) => {
                let mut first = self
                    .first_failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| report::sentence(failure.as_ref()));
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }

    fn verdict(&self) -> Result<(), Failure> {
        let failed = self.failed.load(Ordering::Relaxed);
        if failed == 0 {
            return Ok(());
        }
        let all = failed + self.done.load(Ordering::Relaxed);
        let first = self
            .first_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let first = first.as_deref().unwrap_or("unknown");
        Err(format!("{failed} of {all} requests failed, the first because {first}").into())
    }
}

/// Drives this thread's share of the connections.
fn run(thread: usize, shape: &Shape, tally: &Arc<Tally>) -> Result<(), Failure> {
    client::runtime()?.block_on(async {
        let clients: Vec<_> = (thread..shape.connections)
            .step_by(shape.threads)
            .map(|number| tokio::spawn(drive(number, shape.clone(), Arc::clone(tally))))
            .collect();
        for client in clients {
            client.await?;
        }
        Ok(())
    })
}

/// Connects, and again after each failure, until the load is stopped.
async fn drive(number: usize, shape: Shape, tally: Arc<Tally>) {
    let mut next = number;
    while !tally.stop.load(Ordering::Relaxed) {
        if let Err(failure) = converse(&shape, &tally, &mut next).await {
            tally.count(&Err(failure));
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Sends over one connection until the load is stopped or a request fails.
async fn converse(shape: &Shape, tally: &Tally, next: &mut usize) -> Result<(), Failure> {
    let mut connection = match shape.requests.first().map(Request::version) {
        Some(Version::HTTP_2) => Connection::open_http2(shape.address).await?,
        _ => Connection::open(shape.address).await?,
    };
    while !tally.stop.load(Ordering::Relaxed) {
        let request = shape.requests[*next % shape.requests.len()].clone();
        *next += shape.connections;
        connection.exchange(request).await?;
        tally.count(&Ok(()));
    }
    Ok(())
}
