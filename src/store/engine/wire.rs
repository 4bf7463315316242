//! The bytes to and from the server: TLS as the URL asks for it, and a deadline on every answer.
//!
//! The client bounds neither the handshake nor the wait for an answer. But over TCP it lets its TLS
//! connector have the socket before a byte was sent, so that is where both are: the connector asks
//! for TLS itself (PostgreSQL's manual, "SSL Session Encryption"), and what it returns gives up a
//! read at the deadline. Through a Unix socket (`local.rs`) the deadline alone.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use postgres::Socket;
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::server::TlsMode;

/// When the answer that is waited for must be there.
#[derive(Clone, Default)]
pub(super) struct Deadline(Arc<Mutex<Option<Instant>>>);

impl Deadline {
    /// From now on.
    pub(super) fn set(&self, at: Option<std::time::Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at.map(Instant::from_std);
    }

    pub(super) fn has_passed(&self) -> bool {
        self.get().is_some_and(|at| at <= Instant::now())
    }

    /// Whether it comes within this time.
    pub(super) fn is_within(&self, time: Duration) -> bool {
        self.get().is_some_and(|at| at <= Instant::now() + time)
    }

    fn get(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the connection what the URL says. Cloned for each host that is tried.
#[derive(Clone)]
pub(super) struct Wiring {
    mode: TlsMode,
    tls: Option<MakeRustlsConnect>,
    deadline: Deadline,
    /// How long each host has for all that comes before the first statement.
    share: Duration,
}

/// The TLS half of one connection to one host.
type Rustls = <MakeRustlsConnect as MakeTlsConnect<Timed<Socket>>>::TlsConnect;
type RustlsStream = <Rustls as TlsConnect<Timed<Socket>>>::Stream;

/// Why there is no TLS where there must be.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// The server said no.
    #[error("the server offers none")]
    NotOffered,
    /// The server said neither yes nor no.
    #[error("the server does not speak PostgreSQL's protocol")]
    NotSpoken,
    /// The connection failed before.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It was begun and failed: a certificate that is not trusted, or has another name.
    #[error("{0}")]
    Handshake(#[source] io::Error),
}

impl Wiring {
    pub(super) fn new(
        mode: TlsMode,
        tls: Option<MakeRustlsConnect>,
        deadline: Deadline,
        share: Duration,
    ) -> Self {
        Self {
            mode,
            tls,
            deadline,
            share,
        }
    }
}

impl MakeTlsConnect<Socket> for Wiring {
    type Stream = Wire;
    type TlsConnect = Connector;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Connector> {
        let tls = self.tls.as_mut();
        let tls = tls.map(|tls| MakeTlsConnect::<Timed<Socket>>::make_tls_connect(tls, host));
        Ok(Connector {
            mode: self.mode,
            tls: tls.transpose().map_err(io::Error::other)?,
            deadline: self.deadline.clone(),
            share: self.share,
        })
    }
}

/// Makes one connection to one host what the URL says.
pub(super) struct Connector {
    mode: TlsMode,
    tls: Option<Rustls>,
    deadline: Deadline,
    share: Duration,
}

impl TlsConnect<Socket> for Connector {
    type Stream = Wire;
    type Error = TlsError;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, TlsError>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            self.deadline
                .set(Some(std::time::Instant::now() + self.share));
            let mut timed = Timed::new(socket, self.deadline);
            let Some(tls) = self.tls else {
                return Ok(Wire::Plain(timed));
            };
            if is_offered(&mut timed).await? {
                let stream = tls.connect(timed).await.map_err(TlsError::Handshake)?;
                Ok(Wire::Tls(Box::new(stream)))
            } else if self.mode == TlsMode::Prefer {
                Ok(Wire::Plain(timed))
            } else {
                Err(TlsError::NotOffered)
            }
        })
    }
}

/// Asks the server whether it speaks TLS. Its one byte is read alone: nothing that came with it
/// unprotected may be taken for what comes after.
async fn is_offered(stream: &mut Timed<Socket>) -> Result<bool, TlsError> {
    /// Length 8, and the code that no version of the protocol has (`SSLRequest`).
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    stream.write_all(&SSL_REQUEST).await?;
    match stream.read_u8().await? {
        b'S' => Ok(true),
        b'N' => Ok(false),
        _ => Err(TlsError::NotSpoken),
    }
}

/// What the client reads from and writes to.
pub(super) enum Wire {
    Plain(Timed<Socket>),
    Tls(Box<RustlsStream>),
}

impl TlsStream for Wire {
    fn channel_binding(&self) -> ChannelBinding {
        match self {
            Self::Plain(_) => ChannelBinding::none(),
            Self::Tls(stream) => stream.channel_binding(),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// The socket, whose reads and writes fail once the deadline has passed.
pub(super) struct Timed<S> {
    socket: S,
    deadline: Deadline,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Timed<S> {
    pub(super) fn new(socket: S, deadline: Deadline) -> Self {
        let alarm = Box::pin(sleep_until(Instant::now()));
        Self {
            socket,
            deadline,
            alarm,
        }
    }

    /// An error instead of waiting on, if it is too late.
    fn wait<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let Some(at) = self.deadline.get() else {
            return Poll::Pending;
        };
        if self.alarm.deadline() != at {
            self.alarm.as_mut().reset(at);
        }
        let too_late = self.alarm.as_mut().poll(context);
        too_late.map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.socket).poll_read(context, buffer) {
            Poll::Pending => self.wait(context),
            ready @ Poll::Ready(_) => ready,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.socket).poll_write(context, bytes) {
            Poll::Pending => self.wait(context),
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
