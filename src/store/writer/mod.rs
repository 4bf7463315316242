//! Writing: one transaction a command, or many writes in one commit for the daemon (ADR 4).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};
use oneshot::RecvTimeoutError;

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
            Self::Grouped(writer) => writer.begin(work)?.wait(),
        }
    }

    /// Writes, and goes on with what came of it `meanwhile`, if another thread is the one that
    /// commits.
    pub(super) fn write_while<T: Send + 'static, M>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        meanwhile: impl FnOnce(T) -> M,
    ) -> Result<M, StoreError> {
        let Self::Grouped(writer) = self else {
            return self.write(work).map(meanwhile);
        };
        let (tell, told) = oneshot::channel();
        let pending = writer.begin(move |tx| {
            // Whoever asked may be gone.
            let _ = tell.send(work(tx)?);
            Ok(())
        })?;
        let Ok(value) = told.recv_deadline(pending.until) else {
            pending.wait()?;
            return Err(Reason::OutcomeUnknown.into());
        };
        let done = meanwhile(value);
        pending.wait()?;
        Ok(done)
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

/// A write that is under way.
struct Pending<T> {
    outcome: oneshot::Receiver<Result<T, StoreError>>,
    /// Whoever says so first: the writer that it begins, or the asker that it waits no longer.
    taken: Arc<AtomicBool>,
    until: Instant,
}

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

    fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Pending<T>, StoreError> {
        let (sender, outcome) = oneshot::channel();
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
        Ok(Pending {
            outcome,
            taken,
            until,
        })
    }
}

impl<T> Pending<T> {
    fn wait(self) -> Result<T, StoreError> {
        let outcome = self.outcome.recv_deadline(self.until);
        outcome.map_err(|error| match error {
            RecvTimeoutError::Timeout if self.taken.swap(true, Ordering::AcqRel) => {
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
mod tests;
