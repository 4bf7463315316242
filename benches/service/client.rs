//! One connection, kept alive: hyper's client.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::Failure;

/// How long an answer may take before the server counts as stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A request as the connections send it; cloning copies no body.
pub(crate) type Request = hyper::Request<Full<Bytes>>;

/// An open connection: one request at a time.
pub(crate) enum Connection {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Connects and leaves the connection's own work to the runtime.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let (sender, connection) = http1::handshake(connect(address).await?).await?;
        // How it ends is seen by whoever sends next.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self::Http1(sender))
    }

    /// The same for HTTP/2.
    pub(crate) async fn open_http2(address: SocketAddr) -> Result<Self, Failure> {
        let stream = connect(address).await?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self::Http2(sender))
    }

    /// Sends, reads the whole body and drops it; every status but 200 and 304 is a failure, and so
    /// is every status of gRPC but `OK`.
    pub(crate) async fn exchange(&mut self, request: Request) -> Result<(), Failure> {
        let mut response = self.answer(request).await?;
        is_ok(response.headers())?;
        while let Some(frame) = response.frame().await {
            frame?.trailers_ref().map_or(Ok(()), is_ok)?;
        }
        accepted(response.status())
    }

    /// Sends and returns the body, within [`PATIENCE`]; every status but 200 and 304 is a failure.
    pub(crate) async fn fetch(&mut self, request: Request) -> Result<Bytes, Failure> {
        timeout(PATIENCE, self.read(request)).await?
    }

    async fn read(&mut self, request: Request) -> Result<Bytes, Failure> {
        let response = self.answer(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        accepted(status)?;
        Ok(body)
    }

    async fn answer(&mut self, request: Request) -> Result<Response<Incoming>, Failure> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                Ok(sender.send_request(request).await?)
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                Ok(sender.send_request(request).await?)
            }
        }
    }
}

/// Opens a connection for one request and returns the body of its answer.
pub(crate) fn fetch_once(address: SocketAddr, request: Request) -> Result<Bytes, Failure> {
    runtime()?.block_on(async { Connection::open(address).await?.fetch(request).await })
}

/// A runtime that lives on the calling thread only.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

async fn connect(address: SocketAddr) -> Result<TokioIo<TcpStream>, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(stream))
}

/// Whether a status of gRPC, if there is one among these, is `OK`.
fn is_ok(fields: &HeaderMap) -> Result<(), Failure> {
    match fields.get("grpc-status") {
        Some(status) if status != "0" => Err(format!("it answered with status {status:?}").into()),
        _ => Ok(()),
    }
}

fn accepted(status: StatusCode) -> Result<(), Failure> {
    if [StatusCode::OK, StatusCode::NOT_MODIFIED].contains(&status) {
        Ok(())
    } else {
        Err(format!("it answered {status}").into())
    }
}
