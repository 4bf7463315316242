//! The client half: asks a running `authd` whether it is ready.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::BuilderVerifierExt;
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
}

/// Asks `url` (`http(s)://host[:port][/path]` or `unix:/path`) for `/readyz`, once.
pub fn ready(url: &str, timeout: Duration) -> Result<(), ProbeError> {
    let no_answer = || ProbeError::NoAnswer(url.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let status = runtime
        .map_err(|_| no_answer())?
        .block_on(async { tokio::time::timeout(timeout, ask(url)).await })
        .map_err(|_| no_answer())??;
    if status != StatusCode::OK {
        return Err(ProbeError::NotReady {
            url: url.to_owned(),
            status: status.as_u16(),
        });
    }
    Ok(())
}

async fn ask(url: &str) -> Result<StatusCode, ProbeError> {
    let target = Target::parse(url).ok_or_else(|| ProbeError::Url(url.to_owned()))?;
    let answered = async {
        let stream = target.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        let request = Request::get(format!("{}/readyz", target.prefix()))
            .header(HOST, target.host())
            .body(Empty::<Bytes>::new())
            .ok()?;
        Some(sender.send_request(request).await.ok()?.status())
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
