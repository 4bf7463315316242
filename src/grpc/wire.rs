//! One HTTP/2 connection: its limits, its times, and the end of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;

use super::calls::{Calls, Verdict};
use super::exchange::Exchange;
use crate::config::ServerConfig;
use crate::service::Services;
use crate::sockets::{Protocol, Stop, Stream, Talk};

/// Calls under way on one connection; a client that begins more is told to wait.
const MAX_STREAMS: u32 = 100;

/// What a client may send of one message before it is read.
const STREAM_WINDOW: u32 = 64 * 1024;

/// What a client may send on all streams together before it is read.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// What is kept of one stream's answer for a client that is slow to take it.
const SEND_BUFFER: usize = 64 * 1024;

/// How often a silent client is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// gRPC over any connection.
pub(super) struct Wire {
    config: ServerConfig,
    exchange: Arc<Exchange>,
}

impl Wire {
    pub(super) fn new(services: Arc<Services>, config: ServerConfig) -> Self {
        let exchange = Exchange::new(services, &config);
        Self {
            config,
            exchange: Arc::new(exchange),
        }
    }

    async fn run(&self, stream: Box<dyn Stream>, stop: Stop) {
        let calls = Calls::new();
        let service = service_fn(|request| {
            let (exchange, calls, stop) =
                (Arc::clone(&self.exchange), Arc::clone(&calls), stop.clone());
            async move { Ok::<_, Infallible>(exchange.answer(request, &calls, stop).await) }
        });
        let mut connection = pin!(
            self.builder()
                .serve_connection(TokioIo::new(stream), service)
        );
        let mut stop = stop.clone();
        let mut is_leaving = false;
        let mut was_resting = false;
        loop {
            tokio::select! {
                outcome = connection.as_mut() => {
                    if let Err(error) = outcome {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    return;
                }
                () = stop.told(), if !is_leaving => {
                    is_leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = tokio::time::sleep(self.look_every()) => {
                    match calls.verdict(Instant::now(), self.config.keep_alive) {
                        Verdict::Busy => was_resting = false,
                        // It is asked to go, and the next time it is not asked.
                        Verdict::Resting if !was_resting => {
                            was_resting = true;
                            connection.as_mut().graceful_shutdown();
                        }
                        Verdict::Resting | Verdict::Stuck => return,
                    }
                }
            }
        }
    }

    fn builder(&self) -> http2::Builder<TokioExecutor> {
        let header_bytes = u32::try_from(self.config.max_header_bytes).unwrap_or(u32::MAX);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(header_bytes)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(self.config.write_timeout);
        builder
    }

    fn look_every(&self) -> Duration {
        self.config.keep_alive.min(PING_EVERY)
    }
}

impl Protocol for Wire {
    fn converse(
        self: Arc<Self>,
        stream: Box<dyn Stream>,
        _peer: Option<SocketAddr>,
        stop: Stop,
    ) -> Talk {
        Box::pin(async move { self.run(stream, stop).await })
    }
}
