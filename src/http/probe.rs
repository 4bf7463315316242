//! The client half: asks a running `authd` whether it is ready.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::BuilderVerifierExt;
use serde_json::{Value, json};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::sockets::Stream;

/// Why the daemon is not ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The text is no place to ask.
    #[error("'{0}' is no URL: write http(s)://host[:port] or unix:/path")]
    Url(String),
    /// Nobody answers there.
    #[error("authd does not answer at {0}")]
    NoAnswer(String),
    /// Somebody answers, but not that it is ready.
    #[error("authd at {url} is not ready (status {status})")]
    NotReady {
        /// Where.
        url: String,
        /// Its HTTP status.
        status: u16,
    },
    /// Somebody else answers.
    #[error("what answers at {0} is not authd: check the address")]
    NotAuthd(String),
}

/// As long as an answer of `/readyz` is read. It has 15 bytes.
const LONGEST_BODY: usize = 1024;

/// Asks `url` (`http(s)://host[:port][/path]` or `unix:/path`) for `/readyz`, once.
pub fn ready(url: &str, timeout: Duration) -> Result<(), ProbeError> {
    let no_answer = || ProbeError::NoAnswer(url.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let answer = runtime
        .map_err(|_| no_answer())?
        .block_on(async { tokio::time::timeout(timeout, ask(url)).await })
        .map_err(|_| no_answer())??;
    match answer.status {
        StatusCode::OK if answer.is_ours => Ok(()),
        StatusCode::OK => Err(ProbeError::NotAuthd(url.to_owned())),
        status => Err(ProbeError::NotReady {
            url: url.to_owned(),
            status: status.as_u16(),
        }),
    }
}

struct Answer {
    status: StatusCode,
    /// Whether it is what authd says that is ready: any web server has an answer with 200.
    is_ours: bool,
}

async fn ask(url: &str) -> Result<Answer, ProbeError> {
    let target = Target::parse(url).ok_or_else(|| ProbeError::Url(url.to_owned()))?;
    let answered = async {
        let stream = target.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        let request = Request::get(format!("{}/readyz", target.prefix()))
            .header(HOST, target.host())
            .body(Empty::<Bytes>::new())
            .ok()?;
        let (head, body) = sender.send_request(request).await.ok()?.into_parts();
        let body = Limited::new(body, LONGEST_BODY).collect().await;
        let said = body.map(|body| serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null));
        Some(Answer {
            status: head.status,
            is_ours: head.headers.contains_key("x-request-id")
                && said.is_ok_and(|said| said == json!({"status": "ok"})),
        })
    };
    answered
        .await
        .ok_or_else(|| ProbeError::NoAnswer(url.to_owned()))
}

enum Target {
    Unix(String),
    Web(Uri),
}

impl Target {
    fn parse(url: &str) -> Option<Self> {
        if let Some(path) = url.strip_prefix("unix:") {
            return Some(Self::Unix(path.to_owned()));
        }
        let uri: Uri = url.parse().ok()?;
        let known = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        known.then_some(Self::Web(uri))
    }

    /// The URL's own path, without a slash at its end.
    fn prefix(&self) -> &str {
        match self {
            Self::Unix(_) => "",
            Self::Web(uri) => uri.path().trim_end_matches('/'),
        }
    }

    fn host(&self) -> &str {
        match self {
            Self::Unix(_) => "localhost",
            Self::Web(uri) => uri
                .authority()
                .map_or("localhost", |authority| authority.as_str()),
        }
    }

    async fn connect(&self) -> Option<Box<dyn Stream>> {
        let uri = match self {
            Self::Unix(path) => return Some(Box::new(UnixStream::connect(path).await.ok()?)),
            Self::Web(uri) => uri,
        };
        let is_tls = uri.scheme_str() == Some("https");
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await.ok()?;
        if !is_tls {
            return Some(Box::new(stream));
        }
        let config = ClientConfig::builder()
            .with_platform_verifier()
            .ok()?
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let connector = TlsConnector::from(Arc::new(config));
        Some(Box::new(connector.connect(name, stream).await.ok()?))
    }
}
