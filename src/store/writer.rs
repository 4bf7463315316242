//! Writing: one transaction a command, or many writes in one commit for the daemon (ADR 4).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};

use super::engine::{self, Tx};
use super::error::{Reason, StoreError};
use super::pen::Pen;

/// Writes that may wait for the writer.
const QUEUE: usize = 1024;
/// Writes that share one commit at most, so that the first does not wait for long.
const BATCH: usize = 256;
/// A writer that is never idle makes way for other processes this often, so that none of them
/// waits past its time-out.
const TURN: Duration = Duration::from_millis(50);
/// For how long it makes way: some polls of those who wait.
const PAUSE: Duration = Duration::from_millis(3);

/// Answers that a job's own end comes a moment before the time-out of whoever waits for it.
const MARGIN: Duration = Duration::from_millis(250);

pub(super) enum Writer {
    Direct(Mutex<Pen>),
    Grouped(GroupWriter),
}

impl Writer {
    pub(super) fn direct(pen: Pen) -> Self {
        Self::Direct(Mutex::new(pen))
    }

    pub(super) fn grouped(pen: Pen) -> Result<Self, StoreError> {
        GroupWriter::start(pen).map(Self::Grouped)
    }

    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Self::Direct(pen) => {
                let mut pen = pen.lock().unwrap_or_else(PoisonError::into_inner);
                pen.transaction(work)
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

/// Does its work in the transaction, if there is one, and says how to answer once the commit's fate
/// is known.
type Job = Box<dyn FnOnce(Option<(&Tx<'_>, Company)>) -> Done + Send>;

/// Whether other jobs are in the same transaction.
#[derive(Clone, Copy)]
enum Company {
    /// None: if the job fails, so does the transaction, and no savepoint is needed.
    Alone,
    /// Others, which one that fails must not take along.
    Others,
}

struct Done {
    answer: Answer,
    /// Why the whole transaction is gone, if it is.
    lost: Option<Reason>,
}

type Answer = Box<dyn FnOnce(Result<(), Reason>) + Send>;

impl GroupWriter {
    fn start(pen: Pen) -> Result<Self, StoreError> {
        let (queue, jobs) = bounded(QUEUE);
        let timeout = pen.timeout();
        let thread = thread::Builder::new()
            .name("writer".into())
            .spawn(move || commit_all(pen, &jobs))
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
        // Whoever says so first: the writer that it begins, or the asker that it waits no longer.
        let taken = Arc::new(AtomicBool::new(false));
        let take = Arc::clone(&taken);
        let job: Job = Box::new(move |place| {
            let work = |tx: &Tx<'_>| {
                catch_unwind(AssertUnwindSafe(|| work(tx)))
                    .unwrap_or_else(|_| Err(writer_gave_up().into()))
            };
            let (result, is_lost) = match place {
                Some((tx, company)) if !take.swap(true, Ordering::AcqRel) => {
                    let result = match company {
                        Company::Alone => work(tx),
                        Company::Others => engine::savepoint(tx, work),
                    };
                    let is_lost = match company {
                        Company::Alone => result.is_err() || !tx.in_transaction(),
                        Company::Others => !tx.in_transaction(),
                    };
                    (Some(result), is_lost)
                }
                _ => (None, false),
            };
            let error = result.as_ref().and_then(|result| result.as_ref().err());
            Done {
                lost: is_lost.then(|| error.map_or_else(writer_gave_up, engine::reason_of)),
                answer: Box::new(move |commit| {
                    let result = match (result, commit) {
                        (Some(Err(error)), _) => Err(error),
                        (_, Err(reason)) => Err(reason.into()),
                        (Some(done), Ok(())) => done,
                        (None, Ok(())) => Err(writer_gave_up().into()),
                    };
                    // Whoever asked may be gone; then nobody misses the answer.
                    let _ = sender.send(result);
                }),
            }
        });
        let until = Instant::now() + self.timeout + MARGIN;
        let queue = self.queue.as_ref().ok_or(Reason::Overloaded)?;
        queue
            .send_timeout(job, self.timeout)
            .map_err(|error| match error {
                SendTimeoutError::Timeout(_) => Reason::Overloaded,
                SendTimeoutError::Disconnected(_) => writer_gave_up(),
            })?;
        outcome.recv_deadline(until).map_err(|error| match error {
            RecvTimeoutError::Timeout if taken.swap(true, Ordering::AcqRel) => {
                Reason::OutcomeUnknown
            }
            RecvTimeoutError::Timeout => Reason::TimedOut,
            RecvTimeoutError::Disconnected => writer_gave_up(),
        })?
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
fn commit_all(mut pen: Pen, jobs: &Receiver<Job>) {
    let mut turn = Turn::begin();
    while let Ok(first) = jobs.recv() {
        turn.make_way();
        let mut batch = std::iter::once(first)
            .chain(jobs.try_iter().take(BATCH - 1))
            .collect::<Vec<_>>()
            .into_iter();
        let company = if batch.len() == 1 {
            Company::Alone
        } else {
            Company::Others
        };
        let mut answers = Vec::with_capacity(batch.len());
        let committed = pen.transaction(|tx| {
            for job in batch.by_ref() {
                let done = job(Some((tx, company)));
                answers.push(done.answer);
                if let Some(reason) = done.lost {
                    return Err(reason.into());
                }
            }
            Ok(())
        });
        turn.released();
        let fate = committed.map_err(|error| engine::reason_of(&error));
        // Those without a transaction share the fate of the others: there was none, or it is lost.
        answers.extend(batch.map(|job| job(None).answer));
        for answer in answers {
            answer(fate.clone());
        }
    }
}

/// For how long the lock has been taken again and again, without time for another process.
struct Turn {
    began: Instant,
    released: Instant,
}

impl Turn {
    fn begin() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            released: now,
        }
    }

    fn released(&mut self) {
        self.released = Instant::now();
    }

    /// Waits if others have had no chance for too long.
    fn make_way(&mut self) {
        let idle = self.released.elapsed();
        if idle < PAUSE {
            if self.began.elapsed() < TURN {
                return;
            }
            thread::sleep(PAUSE);
        }
        self.began = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::{Duration, Instant};

    use crossbeam_channel::bounded;

    use super::MARGIN;
    use crate::store::tests::{new_database, new_file_store, new_store, reason};
    use crate::store::{Conn, DatabaseSettings, Reason, Store, StoreError, Tx, WriteMode};

    fn bump(tx: &Tx<'_>) -> Result<i64, StoreError> {
        const SQL: &str = "UPDATE change_sequence SET value = value + 1 RETURNING value";
        tx.query_value(SQL, &[])
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
        assert_eq!(reason(failed), Reason::Full);
        assert_eq!(store.write(bump).expect("writes"), 1);
    }

    /// Security statement 96, within one process.
    #[test]
    fn a_full_disk_fails_writes_alone_and_they_go_on_when_there_is_room() {
        let (_folder, store) = new_file_store(WriteMode::Grouped);
        let fill = |tx: &Tx<'_>| -> Result<(), StoreError> {
            bump(tx)?;
            tx.batch(
                "CREATE TABLE IF NOT EXISTS filler (x BLOB);
                 INSERT INTO filler VALUES (zeroblob(100000))",
            )
        };
        let room = |pages: u32| {
            store.write(move |tx| tx.batch(&format!("PRAGMA max_page_count = {pages}")))
        };
        room(1).expect("no page more than there are");
        for _ in 0..3 {
            let full = store.write(fill);
            assert_eq!(reason(full), Reason::Full);
        }
        let value = |connection: &Conn| {
            connection.query_value::<i64>("SELECT value FROM change_sequence", &[])
        };
        assert_eq!(store.read(value).expect("reads go on"), 0);
        room(1000).expect("there is room again");
        store.write(fill).expect("writes");
        assert_eq!(store.read(value).expect("reads"), 1);
    }

    #[test]
    fn a_lock_held_past_the_time_out_fails_all_that_wait_in_time() {
        let (_folder, url) = new_database();
        let timeout = Duration::from_millis(300);
        let settings = DatabaseSettings::new(url.clone(), timeout);
        let store = Store::open(&settings, WriteMode::Grouped).expect("opens");
        // A server ends a change that does nothing for as long as its own time-out.
        let patient = DatabaseSettings::new(url, Duration::from_secs(60));
        let other = Store::open(&patient, WriteMode::Direct).expect("opens");
        let (locked, is_locked) = bounded(0);
        let (unlock, is_unlocked) = bounded::<()>(0);
        thread::scope(|scope| {
            let holder = scope.spawn(|| {
                other.write(move |_| {
                    locked.send(()).expect("is awaited");
                    // Nothing is ever sent: the other end is dropped.
                    let _ = is_unlocked.recv();
                    Ok(())
                })
            });
            is_locked.recv().expect("locks");
            let began = Instant::now();
            let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| store.write(bump))).collect();
            for write in waiting {
                // The first waits for the lock, the others for their turn.
                let reason = reason(write.join().expect("joins"));
                assert!(
                    matches!(reason, Reason::Locked | Reason::TimedOut),
                    "{reason}"
                );
            }
            assert!(
                began.elapsed() < timeout + 2 * MARGIN,
                "{:?}",
                began.elapsed()
            );
            drop(unlock);
            holder.join().expect("joins").expect("ends");
        });
        assert_eq!(store.write(bump).expect("writes"), 1);
    }

    #[test]
    fn a_write_that_loses_the_transaction_is_not_acknowledged_and_says_why() {
        let (_folder, store) = new_store(WriteMode::Grouped);
        let lost = store.write(|tx| -> Result<(), StoreError> {
            bump(tx)?;
            tx.batch("ROLLBACK")?;
            Err(Reason::Full.into())
        });
        assert_eq!(reason(lost), Reason::Full);
        let swallowed = store.write(|tx| {
            bump(tx)?;
            tx.batch("ROLLBACK")
        });
        assert!(matches!(reason(swallowed), Reason::Failed(_)));
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
