//! The I/O threads (ADR 3): one a core, each with a runtime of its own, so that a connection stays
//! on its thread and no request wakes another core.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::lane::THREADS;

/// For handlers that still wait for the database when everything else is done.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// The running threads. Dropping them ends them, with what is left of their connections.
pub(super) struct IoThreads {
    threads: Vec<IoThread>,
    next: AtomicUsize,
}

struct IoThread {
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl IoThreads {
    /// Starts one thread for each core. Each calls `on_idle` whenever it has nothing to do.
    pub(super) fn start(on_idle: &Arc<dyn Fn() + Send + Sync>) -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..cores)
            .map(|_| IoThread::start(Arc::clone(on_idle)))
            .collect::<io::Result<_>>()?;
        let next = AtomicUsize::new(0);
        Ok(Self { threads, next })
    }

    /// Runs a connection on the thread whose turn it is.
    pub(super) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len();
        self.threads[turn].runtime.spawn(connection);
    }
}

impl IoThread {
    fn start(on_idle: Arc<dyn Fn() + Send + Sync>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .thread_name("blocking")
            .max_blocking_threads(THREADS)
            .on_thread_park(move || on_idle())
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("io".into())
            .spawn(move || {
                // Told to stop, or nobody is left to tell.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_timeout(LAST_MOMENT);
            })?;
        Ok(Self {
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for IoThreads {
    fn drop(&mut self) {
        for thread in &mut self.threads {
            // One that died already needs no telling.
            let _ = thread.stop.take().map(|stop| stop.send(()));
        }
        for thread in &mut self.threads {
            // A panic on an I/O thread was logged when it happened.
            let _ = thread.thread.take().map(JoinHandle::join);
        }
    }
}
