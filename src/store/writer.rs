//! Writing: one transaction a command, or many writes in one commit for the daemon (D4).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};

use super::engine::{self, Conn, Tx};
use super::error::{Reason, StoreError};

/// Writes that may wait for the writer.
const QUEUE: usize = 1024;
/// Writes that share one commit at most, so that the first does not wait for long.
const BATCH: usize = 256;

pub(super) enum Writer {
    Direct(Mutex<Conn>),
    Grouped(GroupWriter),
}

impl Writer {
    pub(super) fn direct(connection: Conn) -> Self {
        Self::Direct(Mutex::new(connection))
    }

    pub(super) fn grouped(connection: Conn, timeout: Duration) -> Result<Self, StoreError> {
        GroupWriter::start(connection, timeout).map(Self::Grouped)
    }

    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Self::Direct(connection) => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                engine::transaction(&connection, work)
            }
            Self::Grouped(writer) => writer.write(work),
        }
    }
}

/// The thread that commits for everybody. Dropping it finishes what is queued and closes the
/// connection, which writes the log back into the file.
pub(super) struct GroupWriter {
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    timeout: Duration,
}

/// Does its work in a savepoint, and says how to answer once the commit's fate is known.
type Job = Box<dyn FnOnce(&Tx<'_>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), Reason>) + Send>;

impl GroupWriter {
    fn start(connection: Conn, timeout: Duration) -> Result<Self, StoreError> {
        let (queue, jobs) = bounded(QUEUE);
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || commit_all(&connection, &jobs))
            .map_err(|error| Reason::Failed(error.to_string()))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            timeout,
        })
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, outcome) = bounded(1);
        let job: Job = Box::new(move |tx| {
            let result = engine::savepoint(tx, |tx| {
                catch_unwind(AssertUnwindSafe(|| work(tx)))
                    .unwrap_or_else(|_| Err(writer_gave_up().into()))
            });
            Box::new(move |commit| {
                // Whoever asked may be gone; then nobody misses the answer.
                let _ = sender.send(commit.map_err(StoreError::from).and(result));
            })
        });
        let queue = self.queue.as_ref().ok_or(Reason::Overloaded)?;
        queue
            .send_timeout(job, self.timeout)
            .map_err(|error| match error {
                SendTimeoutError::Timeout(_) => Reason::Overloaded,
                SendTimeoutError::Disconnected(_) => writer_gave_up(),
            })?;
        outcome.recv().map_err(|_| writer_gave_up())?
    }
}

impl Drop for GroupWriter {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the database writer ended with a panic");
        }
    }
}

fn writer_gave_up() -> Reason {
    Reason::Failed("a write was given up".into())
}

/// The writer thread's life.
fn commit_all(connection: &Conn, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let batch = std::iter::once(first).chain(jobs.try_iter().take(BATCH - 1));
        let mut answers = Vec::new();
        let committed = engine::transaction(connection, |tx| {
            for job in batch {
                answers.push(job(tx));
                if !engine::in_transaction(tx) {
                    return Err(Reason::Failed("the transaction was lost".into()).into());
                }
            }
            Ok(())
        });
        let fate = committed.map_err(reason);
        for answer in answers {
            answer(fate.clone());
        }
    }
}

fn reason(error: StoreError) -> Reason {
    match error {
        StoreError::Engine(error) => Reason::of(&error),
        StoreError::Unavailable(unavailable) => unavailable.reason,
        other => Reason::Failed(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use crate::store::tests::new_store;
    use crate::store::{Reason, StoreError, Tx, Unavailable, WriteMode};

    fn bump(tx: &Tx<'_>) -> Result<i64, StoreError> {
        const SQL: &str = "UPDATE change_sequence SET value = value + 1 RETURNING value";
        Ok(tx.query_row(SQL, [], |row| row.get(0))?)
    }

    #[test]
    fn concurrent_writes_all_happen_once() {
        let (_folder, store) = new_store(WriteMode::Grouped);
        let store = Arc::new(store);
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let store = Arc::clone(&store);
                thread::spawn(move || {
                    (0..50)
                        .map(|_| store.write(bump).expect("writes"))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let mut seen: Vec<i64> = threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("joins"))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (1..=400).collect::<Vec<_>>());
    }

    #[test]
    fn a_failed_write_leaves_nothing_and_spares_its_neighbours() {
        let (_folder, store) = new_store(WriteMode::Grouped);
        let failed = store.write(|tx| {
            bump(tx)?;
            Err::<(), _>(Reason::Full.into())
        });
        assert!(matches!(
            failed,
            Err(StoreError::Unavailable(Unavailable {
                reason: Reason::Full,
                ..
            }))
        ));
        assert_eq!(store.write(bump).expect("writes"), 1);
    }

    #[test]
    fn a_panicking_write_is_reported_and_leaves_nothing() {
        let (_folder, store) = new_store(WriteMode::Grouped);
        let failed = store.write(|tx| -> Result<(), StoreError> {
            bump(tx)?;
            panic!("on purpose")
        });
        assert!(failed.is_err());
        assert_eq!(store.write(bump).expect("writes"), 1);
    }
}
