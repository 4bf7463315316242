//! The bounded hashing pool (ADR 6): a fixed number of low-priority threads, each with memory of its
//! own, behind a queue that refuses instead of growing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use thread_priority::unix::{set_thread_priority_and_policy, thread_native_id};
use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};

use super::argon::{self, HashError, HashParams, Memory, PhcString, Verdict};
use super::django::{self, Ballast};
use crate::domain::password::Password;
use crate::domain::sources::Random;

/// How large the pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSize {
    /// Hashes computed at a time. Memory is this many times [`HashParams::memory_kib`].
    pub threads: usize,
    /// Hashes that may wait for a thread.
    pub queue: usize,
}

/// Why the pool did not do the work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The queue is full: try again in a second or two.
    #[error("too many passwords are being checked")]
    Busy,
    /// The work itself failed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The thread that had the work died of it.
    #[error("a hashing thread failed")]
    Lost,
}

/// Hashes and checks passwords on its own threads. Dropping it ends them.
pub struct Hasher {
    queue: Sender<Job>,
    params: HashParams,
    random: Arc<dyn Random>,
}

/// Somebody who wants a password checked, asked when its turn comes.
pub trait Turn: Send + 'static {
    /// Whether it is to be checked now.
    fn may_try(&self) -> bool;
    /// It was checked.
    fn tried(&self, is_right: bool);
}

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// A thread without work for so long gives its memory back.
const IDLE: Duration = Duration::from_secs(30);

impl Hasher {
    /// Starts the threads. They take their memory with their first hash.
    pub fn start(
        size: PoolSize,
        params: HashParams,
        random: Arc<dyn Random>,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = bounded::<Job>(size.queue);
        for number in 0..size.threads {
            let jobs = jobs.clone();
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work(&jobs))?;
        }
        Ok(Self {
            queue,
            params,
            random,
        })
    }

    /// Checks a password; waits for the answer. `None` for "no such account, or no password":
    /// the same work, and never a match.
    pub fn verify(
        &self,
        password: &Password,
        stored: Option<&PhcString>,
    ) -> Result<Verdict, PoolError> {
        let (password, stored, params) = (password.clone(), stored.cloned(), self.params);
        let ballast = Ballast::default();
        let outcome =
            self.run(move |memory| check(&password, stored.as_ref(), params, &ballast, memory))?;
        Ok(outcome?)
    }

    /// The same in its turn: `None` if it was not to be checked when that came. Before the next one's turn
    /// on the same thread it is told what came of it. Every refusal carries the `ballast`.
    pub fn verify_in_turn(
        &self,
        password: &Password,
        stored: Option<&PhcString>,
        ballast: Ballast,
        turn: impl Turn,
    ) -> Result<Option<Verdict>, PoolError> {
        let (password, stored, params) = (password.clone(), stored.cloned(), self.params);
        let outcome = self.run(move |memory| {
            if !turn.may_try() {
                return Ok(None);
            }
            let outcome = check(&password, stored.as_ref(), params, &ballast, memory);
            turn.tried(matches!(
                outcome,
                Ok(Verdict::Match | Verdict::MatchOutdated)
            ));
            outcome.map(Some)
        })?;
        Ok(outcome?)
    }

    /// Hashes a new password; waits for the answer.
    pub fn hash(&self, password: &Password) -> Result<PhcString, PoolError> {
        let (password, params, random) = (password.clone(), self.params, Arc::clone(&self.random));
        Ok(self.run(move |memory| argon::hash(&password, params, &*random, memory))??)
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let (answer, outcome) = bounded(1);
        let job: Job = Box::new(move |memory| {
            // Whoever asked may be gone; then nobody misses the answer.
            let _ = answer.send(work(memory));
        });
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => PoolError::Busy,
            TrySendError::Disconnected(_) => PoolError::Lost,
        })?;
        outcome.recv().map_err(|_| PoolError::Lost)
    }
}

/// Whether a password has this hash: one check, without a pool and for nobody who measures its time.
pub fn is_right(password: &Password, stored: &PhcString) -> Result<bool, HashError> {
    let (params, mut memory) = (HashParams::FLOOR, Memory::default());
    let verdict = check(
        password,
        Some(stored),
        params,
        &Ballast::default(),
        &mut memory,
    )?;
    Ok(verdict != Verdict::Mismatch)
}

/// Checks a password. Every refusal does the same work: that of one hash of ours, and the ballast.
pub(super) fn check(
    password: &Password,
    stored: Option<&PhcString>,
    params: HashParams,
    ballast: &Ballast,
    memory: &mut Memory,
) -> Result<Verdict, HashError> {
    let foreign = stored.filter(|stored| stored.is_foreign());
    if let Some(foreign) = foreign {
        return django::verify(password, foreign, params, ballast, memory);
    }
    let outcome = match stored {
        Some(stored) => {
            let outcome = argon::verify(password, stored, params, memory);
            if outcome.is_err() {
                argon::burn(password, params, memory)?;
            }
            outcome
        }
        None => argon::burn(password, params, memory).map(|()| Verdict::Mismatch),
    };
    if !matches!(outcome, Ok(Verdict::Match | Verdict::MatchOutdated)) {
        ballast.burn(password, None, memory)?;
    }
    outcome
}

/// Lets every other thread go first, at once: with the lowest nice value alone, an I/O thread that
/// has something to do still waits for the end of a time slice (sched(7), `SCHED_IDLE`).
fn give_way() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let this = thread_native_id();
    if let Err(error) = set_thread_priority_and_policy(this, ThreadPriority::Min, policy) {
        tracing::warn!(?error, "hashing threads run at normal priority");
    }
}

/// A hashing thread's life: ends when the [`Hasher`] is dropped.
fn work(jobs: &Receiver<Job>) {
    give_way();
    let mut memory = Memory::default();
    loop {
        match jobs.recv_timeout(IDLE) {
            Ok(job) => {
                // A panic drops the answer's sender, which tells whoever waits.
                let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
            }
            Err(RecvTimeoutError::Timeout) => memory.release(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sources::fixed::CountingRandom;

    fn pool(threads: usize, queue: usize) -> Hasher {
        Hasher::start(
            PoolSize { threads, queue },
            HashParams::FLOOR,
            Arc::new(CountingRandom::default()),
        )
        .expect("threads start")
    }

    #[test]
    fn a_hashed_password_verifies_and_no_password_never_does() {
        let pool = pool(1, 4);
        let password = Password::new("correct horse");
        let stored = pool.hash(&password).expect("hashes");
        assert_eq!(
            pool.verify(&password, Some(&stored)).expect("checks"),
            Verdict::Match
        );
        assert_eq!(
            pool.verify(&password, None).expect("checks"),
            Verdict::Mismatch
        );
    }

    #[test]
    fn a_full_queue_refuses_at_once() {
        let pool = pool(1, 1);
        let (release, gate) = bounded::<()>(1);
        let (started, running) = bounded(1);
        pool.queue
            .try_send(Box::new(move |_| {
                started.send(()).expect("the test listens");
                gate.recv().expect("the test lets go");
            }))
            .expect("the thread takes it");
        running.recv().expect("the job starts");
        pool.queue
            .try_send(Box::new(|_| ()))
            .expect("the queue has one place");
        assert!(matches!(pool.run(|_| ()), Err(PoolError::Busy)));
        release.send(()).expect("the job waits");
    }

    #[test]
    fn a_panic_in_the_work_is_reported_and_the_thread_lives_on() {
        let pool = pool(1, 4);
        assert!(matches!(
            pool.run(|_| panic!("on purpose")),
            Err::<(), _>(PoolError::Lost)
        ));
        assert!(pool.run(|_| ()).is_ok());
    }
}
