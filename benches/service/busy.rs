//! Threads of the harness itself that do one thing over and over.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::Failure;
use crate::home::Home;
use crate::plan::Plan;
use crate::process;
use crate::stats::{self, Window};

/// Lets each of `threads` threads repeat its step for a round, and counts them all.
///
/// `prepare` makes the step of the thread of that number. The first failure of any is returned.
/// CPU time is the harness's own, and that of the database at `home`.
pub(crate) fn measure<Step>(
    threads: usize,
    plan: &Plan,
    home: Option<&Home>,
    prepare: impl Fn(usize) -> Result<Step, Failure> + Sync,
) -> Result<Window, Failure>
where
    Step: FnMut() -> Result<(), Failure>,
{
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let repeat = |number| -> Result<(), Failure> {
        let mut step = prepare(number)?;
        while !stop.load(Ordering::Relaxed) {
            step()?;
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let repeat = &repeat;
        let busy: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || repeat(number)))
            .collect();
        let window = watch(plan, home, &done);
        stop.store(true, Ordering::Relaxed);
        for thread in busy {
            thread.join().map_err(|_| "a busy thread panicked")??;
        }
        window
    })
}

fn watch(plan: &Plan, home: Option<&Home>, done: &AtomicU64) -> Result<Window, Failure> {
    thread::sleep(plan.warm_up);
    let own = std::process::id();
    let database = stats::database_cpu(home)?;
    let cpu = process::cpu(own)?;
    let (from, before) = (Instant::now(), done.load(Ordering::Relaxed));
    thread::sleep(plan.round);
    let window = Window {
        done: done.load(Ordering::Relaxed) - before,
        elapsed: from.elapsed(),
        cpu: process::cpu(own)?.saturating_sub(cpu),
        database_cpu: stats::since(database, stats::database_cpu(home)?),
    };
    window.or_nothing_done()
}
