//! Windows of time, medians and percentiles.

use std::time::Duration;

use crate::Failure;
use crate::home::Home;

/// What happened between two looks at the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Requests answered, hashes made, or changes written.
    pub(crate) done: u64,
    pub(crate) elapsed: Duration,
    /// CPU time of the process that did it, all threads.
    pub(crate) cpu: Duration,
    /// CPU time of the database's own processes, if it has any.
    pub(crate) database_cpu: Option<Duration>,
}

impl Window {
    /// Itself, unless nothing was done in it.
    pub(crate) fn or_nothing_done(self) -> Result<Self, Failure> {
        if self.done == 0 {
            return Err("nothing was answered".into());
        }
        Ok(self)
    }

    pub(crate) fn per_second(&self) -> f64 {
        real(self.done) / self.elapsed.as_secs_f64()
    }

    /// CPU time for each thing done, in microseconds.
    pub(crate) fn cpu_micros_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / real(self.done)
    }

    /// The same of the database's own processes.
    pub(crate) fn database_cpu_micros_each(&self) -> f64 {
        let cpu = self.database_cpu.unwrap_or_default();
        cpu.as_secs_f64() * 1e6 / real(self.done)
    }
}

/// CPU time of the processes of this home's database, if it has any.
pub(crate) fn database_cpu(home: Option<&Home>) -> Result<Option<Duration>, Failure> {
    home.map_or(Ok(None), |home| home.database.cpu())
}

/// What was used between two looks.
pub(crate) fn since(before: Option<Duration>, after: Option<Duration>) -> Option<Duration> {
    Some(after?.saturating_sub(before?))
}

/// `value` of each round over that of the other's same round.
pub(crate) fn ratios<T>(rounds: &[T], others: &[T], value: impl Fn(&T) -> f64) -> Vec<f64> {
    rounds
        .iter()
        .zip(others)
        .map(|(one, other)| value(one) / value(other))
        .collect()
}

/// `value` of each round.
pub(crate) fn each<T>(rounds: &[T], value: impl Fn(&T) -> f64) -> Vec<f64> {
    rounds.iter().map(value).collect()
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
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
