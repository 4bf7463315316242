//! One HTTP/1.1 connection, kept alive: hyper's client.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::Failure;

/// How long an answer may take before the server counts as stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A request as the connections send it; cloning copies no body.
pub(crate) type Request = hyper::Request<Full<Bytes>>;

/// An open connection: one request at a time.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects and leaves the connection's own work to the runtime.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // How it ends is seen by whoever sends next.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender })
    }

    /// Sends, reads the whole body and drops it; every status but 200 and 304 is a failure.
    pub(crate) async fn exchange(&mut self, request: Request) -> Result<(), Failure> {
        let mut response = self.answer(request).await?;
        while let Some(frame) = response.frame().await {
            frame?;
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
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
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

fn accepted(status: StatusCode) -> Result<(), Failure> {
    if [StatusCode::OK, StatusCode::NOT_MODIFIED].contains(&status) {
        Ok(())
    } else {
        Err(format!("it answered {status}").into())
    }
}
