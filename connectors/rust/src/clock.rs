//! The hour, which tokens name. What lasts is measured by `Instant`.

use std::time::{SystemTime, UNIX_EPOCH};

/// Whole seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where this crate looks at the clock on the wall"
)]
pub(crate) fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
