//! How far two servers are apart that follow one log.

use super::{Conn, Engine, Row};
use crate::store::error::StoreError;

/// What is committed is flushed (`synchronous_commit` is on in every session of ours), so the end
/// of what is flushed is behind every change that anybody can have seen.
///
/// A log is that of a cluster and of a timeline: a promotion begins a new one.
const LOG_WRITTEN: &str = "
    SELECT CAST(system_identifier AS TEXT) || '/'
            || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8),
        CAST(pg_current_wal_flush_lsn() - '0/0' AS BIGINT)
    FROM pg_control_system() WHERE NOT pg_is_in_recovery()";
/// The timeline is that of the last restartpoint: after a promotion a replica that follows the new
/// primary is left alone for a while, and never one that follows the old.
const LOG_REPLAYED: &str = "
    SELECT CAST(system_identifier AS TEXT) || '/' || lpad(upper(to_hex(timeline_id)), 8, '0'),
        CAST(pg_last_wal_replay_lsn() - '0/0' AS BIGINT)
    FROM pg_control_system(), pg_control_checkpoint() WHERE pg_is_in_recovery()";

/// A place in a log that replicas follow.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct LogPosition {
    /// Which log: two histories that parted have different ones.
    pub(in crate::store) history: String,
    /// Bytes from its beginning.
    pub(in crate::store) at: i64,
}

impl Conn {
    /// How far the log goes that a replica follows; `None`: this is no primary, or it has none.
    pub(in crate::store) fn log_written(&self) -> Result<Option<LogPosition>, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(_) => self.query_row(LOG_WRITTEN, &[], log_position),
        }
    }

    /// How far a replica has replayed that log; `None`: this is no replica.
    pub(in crate::store) fn log_replayed(&self) -> Result<Option<LogPosition>, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(_) => self.query_row(LOG_REPLAYED, &[], log_position),
        }
    }
}

fn log_position(row: &Row<'_>) -> Result<LogPosition, StoreError> {
    Ok(LogPosition {
        history: row.get(0)?,
        at: row.get(1)?,
    })
}
