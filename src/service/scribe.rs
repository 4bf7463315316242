//! Writing down what is done, in the transaction that does it.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::Sources;
use crate::domain::audit::{By, Entry, Who};
use crate::domain::sources::Random;
use crate::store::{StoreError, Tx, audit};

/// Writes down what somebody does.
#[derive(Clone)]
pub(super) struct Scribe {
    by: By,
    random: Arc<dyn Random>,
}

impl Scribe {
    /// Of what this one does.
    pub(super) fn of(by: impl Into<By>, sources: &Sources) -> Self {
        Self {
            by: by.into(),
            random: Arc::clone(&sources.random),
        }
    }

    /// Of what an account does, from this address.
    pub(super) fn at(who: Who, address: Option<IpAddr>, sources: &Sources) -> Self {
        Self::of(By { who, address }, sources)
    }

    /// Writes it down, to be committed with what it is about.
    pub(super) fn write(
        &self,
        tx: &Tx<'_>,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        audit::record(tx, self.random.uuid_v7(now), entry, &self.by, now)
    }
}
