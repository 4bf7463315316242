//! The wire (ADR 1): one HTTP/1 connection, its limits and times, and the end of it.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use hyper::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::exchange::{Answer, Exchange};
use super::patience::{Limits, Patient, Phase};
use crate::config::ServerConfig;
use crate::sockets::{Protocol, Stop, Stream, Talk};

/// HTTP/1 over any connection.
pub(super) struct Wire {
    config: ServerConfig,
    exchange: Exchange,
}

impl Wire {
    pub(super) fn new(app: super::App) -> Self {
        Self {
            config: app.server.clone(),
            exchange: Exchange::new(app),
        }
    }

    async fn run(&self, stream: Box<dyn Stream>, peer: Option<SocketAddr>, mut stop: Stop) {
        let phase = Phase::new();
        let limits = Limits {
            rest: self.config.keep_alive,
            header: self.config.header_timeout,
            write: self.config.write_timeout,
        };
        let refuse = |status| self.exchange.refuse_unparsed(status);
        let stream = Patient::new(TokioIo::new(stream), limits, phase.clone(), refuse);
        let service = service_fn(|request| {
            phase.answering();
            let answer = self.exchange.answer(request, peer);
            async {
                let answer = answer.await;
                phase.answered(is_last(&answer));
                Ok::<_, std::convert::Infallible>(answer)
            }
        });
        let mut connection = pin!(
            http1::Builder::new()
                // `Patient` does it.
                .header_read_timeout(None)
                .max_headers(self.config.max_headers)
                .max_header_size(self.config.max_header_bytes)
                .max_buf_size(self.config.max_header_bytes.max(MIN_BUFFER))
                .half_close(false)
                .serve_connection(stream, service)
        );
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = stop.told() => {
                self.exchange.stop_waiting();
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

impl Protocol for Wire {
    fn converse(
        self: Arc<Self>,
        stream: Box<dyn Stream>,
        peer: Option<SocketAddr>,
        stop: Stop,
    ) -> Talk {
        Box::pin(async move { self.run(stream, peer, stop).await })
    }
}

/// Whether the connection ends with this answer.
fn is_last(answer: &Answer) -> bool {
    answer.headers().contains_key(CONNECTION)
}

/// hyper's read buffer is never smaller.
const MIN_BUFFER: usize = 8 * 1024;
