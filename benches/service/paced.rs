//! Open-loop load: requests leave by the clock, whether or not the last was answered in time.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::Failure;
use crate::client::{self, Connection, Request};

/// Connections, each on a thread of its own: a moderate number of separate callers.
const CALLERS: u32 = 8;

/// Requests a second, all callers together.
pub(crate) const RATE: u32 = 500;

/// How late an answer may be before the server counts as one that cannot keep up.
const BEHIND: Duration = Duration::from_secs(5);

/// What the callers saw, in no particular order.
#[derive(Default)]
pub(crate) struct Seen {
    /// From the moment a request was due until its body had arrived.
    pub(crate) latencies: Vec<Duration>,
    /// How late the caller itself woke up: the part of the latency that is not the server's.
    pub(crate) wake_ups: Vec<Duration>,
}

/// Sends `requests` in turn at [`RATE`] for `length`; any failure ends it.
pub(crate) fn run(
    address: SocketAddr,
    requests: &Arc<[Request]>,
    length: Duration,
) -> Result<Seen, Failure> {
    // Every caller is connected before the first request is due.
    let start = Instant::now() + Duration::from_millis(100);
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let requests = Arc::clone(requests);
            thread::spawn(move || call(number, address, &requests, start, length))
        })
        .collect();
    let mut all = Seen::default();
    for caller in callers {
        let seen = caller.join().map_err(|_| "a caller panicked")??;
        all.latencies.extend(seen.latencies);
        all.wake_ups.extend(seen.wake_ups);
    }
    Ok(all)
}

/// One caller: its requests are due `CALLERS / RATE` apart.
fn call(
    number: u32,
    address: SocketAddr,
    requests: &[Request],
    start: Instant,
    length: Duration,
) -> Result<Seen, Failure> {
    // Wake when asked to, not up to 50 microseconds later.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
    let runtime = client::runtime()?;
    let mut connection = runtime.block_on(Connection::open(address))?;
    let turns = (number..).step_by(CALLERS as usize);
    let mut seen = Seen::default();
    for (turn, request) in turns.zip(requests.iter().cycle().skip(number as usize * 37)) {
        let due = start + Duration::from_secs(1) * turn / RATE;
        if due >= start + length {
            break;
        }
        let early = due.saturating_duration_since(Instant::now());
        if !early.is_zero() {
            thread::sleep(early);
            seen.wake_ups.push(due.elapsed());
        }
        runtime.block_on(async { timeout(BEHIND, connection.exchange(request.clone())).await? })?;
        let latency = due.elapsed();
        if latency > BEHIND {
            return Err(format!("the answers came over {} s late", BEHIND.as_secs()).into());
        }
        seen.latencies.push(latency);
    }
    Ok(seen)
}
