//! Windows of time, medians and percentiles.

use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::load::{Load, Shape};
use crate::plan::Plan;
use crate::server::Server;

/// What happened between two looks at the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Requests answered, or hashes made.
    pub(crate) done: u64,
    pub(crate) elapsed: Duration,
    /// CPU time of the process that did it, all threads.
    pub(crate) cpu: Duration,
}

impl Window {
    pub(crate) fn per_second(&self) -> f64 {
        real(self.done) / self.elapsed.as_secs_f64()
    }

    /// CPU time for each request or hash, in microseconds.
    pub(crate) fn cpu_micros_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / real(self.done)
    }
}

/// Puts `shape` on `server` and counts one round of it.
pub(crate) fn measure(server: &Server, shape: &Shape, plan: &Plan) -> Result<Window, Failure> {
    let load = Load::start(shape);
    thread::sleep(plan.warm_up);
    let (from, cpu, done) = (Instant::now(), server.cpu()?, load.done());
    thread::sleep(plan.round);
    let window = Window {
        done: load.done() - done,
        elapsed: from.elapsed(),
        cpu: server.cpu()?.saturating_sub(cpu),
    };
    load.stop()?;
    if window.done == 0 {
        return Err("nothing was answered".into());
    }
    Ok(window)
}

/// The median of `value` over the rounds.
pub(crate) fn median_of<T>(rounds: &[T], value: impl Fn(&T) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

/// The least and the greatest of `values`.
pub(crate) fn range(values: &[f64]) -> (f64, f64) {
    let fold = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).unwrap_or(f64::NAN);
    (fold(f64::min), fold(f64::max))
}

/// The value that `percent` of all values do not exceed; `values` gets sorted.
pub(crate) fn percentile(values: &mut [Duration], percent: usize) -> Duration {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100);
    values
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// A count as a number to divide.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts here stay far below 2^52"
)]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}
