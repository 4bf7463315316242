//! Calls the services in the lane that fits (ADR 3), for methods that only read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tonic::{Extensions, Status};

use super::status::Failure;
use crate::service::Services;
use crate::sockets::lane::{BlockingLane, LaneError, PLACES};
use crate::sockets::request_id::RequestId;

/// The services, and where their reads run.
#[derive(Clone)]
pub(super) struct Reads {
    services: Arc<Services>,
    lane: Arc<BlockingLane>,
}

impl Reads {
    pub(super) fn new(services: Arc<Services>) -> Self {
        let lane = BlockingLane::new(PLACES, services.store.patience());
        Self {
            services,
            lane: Arc::new(lane),
        }
    }

    /// A read that takes microseconds: on the I/O thread if the database is a file, else on a
    /// thread that may wait.
    pub(super) async fn short<T: Send + 'static>(
        &self,
        extensions: &Extensions,
        read: impl FnOnce(&Services) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Status> {
        if self.services.store.reads_block() {
            return self.long(extensions, read).await;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| read(&self.services)));
        // Whoever has asked meanwhile is heard first, as over HTTP.
        tokio::task::yield_now().await;
        told(outcome.map_err(|_| LaneError::Panicked), extensions)
    }

    /// A read that takes milliseconds: on a thread that may wait.
    pub(super) async fn long<T: Send + 'static>(
        &self,
        extensions: &Extensions,
        read: impl FnOnce(&Services) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Status> {
        let services = Arc::clone(&self.services);
        let outcome = self.lane.run(move || read(&services)).await;
        told(outcome, extensions)
    }
}

fn told<T>(
    outcome: Result<Result<T, Failure>, LaneError>,
    extensions: &Extensions,
) -> Result<T, Status> {
    let outcome = outcome.unwrap_or_else(|error| {
        if error == LaneError::Panicked {
            tracing::error!("a method panicked");
        }
        Err(error.into())
    });
    outcome.map_err(|failure| match extensions.get::<RequestId>() {
        Some(id) => failure.told(id),
        None => Status::internal("the call has no id"),
    })
}
