//! The peers: small servers that this program becomes when it starts itself.

use std::convert::Infallible;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;
use crate::server::{Server, log_in};

/// Length of a peer's answer when there is no other to match.
pub(crate) const BODY_BYTES: usize = 400;

/// Threads of the rouille peer with a pool.
const POOL: usize = 16;

/// Stands for the request id of a real answer: as long, and made at no cost.
const REQUEST_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Which peer to be.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Peer {
    /// hyper's HTTP/1 server and nothing else, on all cores
    Hyper,
    /// `rouille::Server` with a pool of 16 threads
    RouillePool,
    /// `rouille::Server` as it comes: a thread for each request
    RouilleDefault,
}

impl Peer {
    /// Starts this program again as the peer; its answers are `body_bytes` long.
    pub(crate) fn start(self, folder: &Path, body_bytes: usize) -> Result<Server, Failure> {
        let value = self.to_possible_value().ok_or("a peer has a name")?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--peer", value.get_name()])
            .arg(format!("--body-bytes={body_bytes}"));
        Server::start(command, &log_in(folder, value.get_name()))
    }
}

/// Serves until killed, or until the harness ends.
pub(crate) fn serve(peer: Peer, body_bytes: usize) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    match peer {
        Peer::Hyper => serve_hyper(body_bytes),
        Peer::RouillePool => serve_rouille(body_bytes, Some(POOL)),
        Peer::RouilleDefault => serve_rouille(body_bytes, None),
    }
}

fn serve_rouille(body_bytes: usize, pool: Option<usize>) -> Result<(), Failure> {
    let body = json(body_bytes);
    let server = rouille::Server::new("127.0.0.1:0", move |request| handler(request, &body))?;
    println!("rouille ready on http://{}", server.server_addr());
    match pool {
        Some(threads) => server.pool_size(threads).run(),
        None => server.run(),
    }
    Ok(())
}

/// The handler of the wire row: what it costs is the same wherever it is mounted.
///
/// To put it behind `http/wire.rs`, add a `Peer::Wire` that mounts it there.
pub(crate) fn handler(request: &rouille::Request, body: &str) -> rouille::Response {
    if request.raw_url() != "/livez" {
        return rouille::Response::empty_404();
    }
    rouille::Response::from_data("application/json", body)
        .with_no_cache()
        .with_unique_header("X-Request-Id", REQUEST_ID)
}

fn serve_hyper(body_bytes: usize) -> Result<(), Failure> {
    let body = Bytes::from(json(body_bytes));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("hyper ready on http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(converse(stream, body.clone()));
        }
    })
}

async fn converse(stream: TcpStream, body: Bytes) {
    let answer = service_fn(move |_: Request<Incoming>| {
        let body = body.clone();
        async move { Ok::<_, Infallible>(answer(body)) }
    });
    // Both fail when the client has gone, which is how every connection ends.
    let _ = stream.set_nodelay(true);
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

/// The headers of a real answer around `body`.
fn answer(body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-request-id", HeaderValue::from_static(REQUEST_ID));
    response
}

/// A JSON object of exactly `bytes` bytes, or `{"pad":""}` if that is longer.
fn json(bytes: usize) -> String {
    let frame = r#"{"pad":""}"#.len();
    format!(r#"{{"pad":"{}"}}"#, "x".repeat(bytes.saturating_sub(frame)))
}
