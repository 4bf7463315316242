//! `grpc.health.v1.Health`: whether database and keys can be used, as `/readyz` says it.

use std::pin::Pin;
use std::time::Duration;

use tokio_stream::wrappers::IntervalStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Extensions, Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::reads::Reads;
use crate::service::Services;

/// Names that can be asked for. The empty one is the whole daemon; they all stand and fall with it.
const SERVICES: [&str; 3] = [
    "",
    "authd.v1.AuthService",
    "envoy.service.auth.v3.Authorization",
];

/// How often a watcher's news are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The service.
#[derive(Clone)]
pub(super) struct Healthy {
    pub(super) reads: Reads,
}

type News = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Healthy {
    type WatchStream = News;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !SERVICES.contains(&request.get_ref().service.as_str()) {
            return Err(Status::not_found("There is no service of this name."));
        }
        Ok(Response::new(said(self.status(request.extensions()).await)))
    }

    /// The present status at once, then each change, until the caller or the daemon goes.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<News>, Status> {
        let (_, extensions, message) = request.into_parts();
        if !SERVICES.contains(&message.service.as_str()) {
            let unknown = tokio_stream::once(Ok(said(ServingStatus::ServiceUnknown)));
            // The protocol keeps such a call open: the service might come.
            let news = unknown.chain(tokio_stream::pending());
            return Ok(Response::new(Box::pin(news)));
        }
        let ticks = IntervalStream::new(tokio::time::interval(LOOK_EVERY));
        let healthy = self.clone();
        let mut last = None;
        let looks = ticks.then(move |_| {
            let (healthy, extensions) = (healthy.clone(), extensions.clone());
            async move { healthy.status(&extensions).await }
        });
        let news = looks.filter_map(move |status| {
            (last.replace(status) != Some(status)).then(|| Ok(said(status)))
        });
        Ok(Response::new(Box::pin(news)))
    }
}

impl Healthy {
    async fn status(&self, extensions: &Extensions) -> ServingStatus {
        let read = |services: &Services| Ok(services.check_ready()?);
        match self.reads.short(extensions, read).await {
            Ok(()) => ServingStatus::Serving,
            // What it was is in the log.
            Err(_) => ServingStatus::NotServing,
        }
    }
}

fn said(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}
