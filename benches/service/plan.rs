//! How long and how often: one value for the whole run.

use std::time::Duration;

/// Connections kept alive by the wire and verify rows.
pub(crate) const CONNECTIONS: usize = 64;

/// Logins in flight at once.
pub(crate) const LOGINS: usize = 16;

/// Length, repetition and amount of everything measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Times each contender is measured; contenders alternate within a round. Many short rounds
    /// tell more than few long ones: what else the machine does comes and goes.
    pub(crate) rounds: usize,
    /// What one contender gets in one round, counted after `warm_up`.
    pub(crate) round: Duration,
    /// Load before counting begins.
    pub(crate) warm_up: Duration,
    /// Users in the database.
    pub(crate) users: u32,
    /// Different users whose tokens verify sees.
    pub(crate) tokens: u32,
    /// Users that are imported, exported and listed.
    pub(crate) bulk: u32,
    /// Starts timed by the start row.
    pub(crate) starts: usize,
    /// Wait before memory is read for the last time; `None` leaves that line out.
    pub(crate) settle: Option<Duration>,
}

impl Plan {
    /// What the published figures are made with: about five minutes.
    pub(crate) fn full() -> Self {
        Self {
            rounds: 9,
            round: Duration::from_secs(2),
            warm_up: Duration::from_millis(500),
            users: 100_000,
            tokens: 1_000,
            bulk: 1_000_000,
            starts: 20,
            settle: Some(Duration::from_secs(60)),
        }
    }

    /// Shows that every row works, in under a minute.
    pub(crate) fn quick() -> Self {
        Self {
            rounds: 2,
            round: Duration::from_secs(1),
            warm_up: Duration::from_millis(300),
            users: 5_000,
            tokens: 100,
            bulk: 20_000,
            starts: 5,
            settle: None,
        }
    }
}
