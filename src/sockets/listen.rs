//! The sockets `authd` listens at.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use crate::config::ListenAddress;

/// Connections that wait in the kernel while all places are taken.
const BACKLOG: u32 = 4096;
/// Who may connect to a Unix socket is decided by its folder, as for a port by the firewall.
const SOCKET_MODE: u32 = 0o666;

/// A socket that is being listened at. A Unix socket's file is removed when this is dropped.
#[derive(Debug)]
pub struct Bound {
    listener: Listener,
    address: ListenAddress,
}

/// One of the kinds of socket.
#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection of one of the kinds.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection, and the IP address that it comes from, if it comes from one.
type Accepted = (Arrival, Option<SocketAddr>);

/// Waits for a connection at any of the sockets, and says at which. `turn` is the socket to look at first, and is
/// moved on, so that a busy socket does not keep the others waiting.
pub(super) async fn accept_any(
    sockets: &[Bound],
    turn: &mut usize,
) -> io::Result<(usize, Arrival, Option<SocketAddr>)> {
    poll_fn(|cx| {
        for _ in 0..sockets.len() {
            let socket = *turn % sockets.len();
            *turn = turn.wrapping_add(1);
            if let Poll::Ready(accepted) = sockets[socket].poll_accept(cx) {
                return Poll::Ready(accepted.map(|(arrival, peer)| (socket, arrival, peer)));
            }
        }
        Poll::Pending
    })
    .await
}

/// A connection that belongs to no I/O thread yet.
pub(super) enum Arrival {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl Arrival {
    /// The connection, served by the I/O thread that this is called on from now on.
    pub(super) fn into_stream(self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(stream) => Box::new(TcpStream::from_std(stream)?),
            Self::Unix(stream) => Box::new(UnixStream::from_std(stream)?),
        })
    }
}

/// Why a socket cannot be listened at.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at {address}: {cause}")]
pub struct BindError {
    address: String,
    cause: io::Error,
}

impl Bound {
    /// Opens one of all the sockets that are wanted. Must be called within the I/O runtime.
    pub fn open(wanted: &ListenAddress, all: &[ListenAddress]) -> Result<Self, BindError> {
        let failed = |cause| BindError {
            address: shown(wanted),
            cause,
        };
        let listener = match wanted {
            ListenAddress::Tcp(address) => Listener::Tcp(open_tcp(*address, all).map_err(failed)?),
            ListenAddress::Unix(path) => Listener::Unix(open_unix(path).map_err(failed)?),
        };
        let address = match &listener {
            Listener::Tcp(tcp) => ListenAddress::Tcp(tcp.local_addr().map_err(failed)?),
            Listener::Unix(_) => wanted.clone(),
        };
        Ok(Self { listener, address })
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        Poll::Ready(match &self.listener {
            Listener::Tcp(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(cx))?;
                stream.set_nodelay(true)?;
                Ok((Arrival::Tcp(stream.into_std()?), Some(peer)))
            }
            Listener::Unix(listener) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                Ok((Arrival::Unix(stream.into_std()?), None))
            }
        })
    }
}

impl Bound {
    /// As a gRPC client would write it: `127.0.0.1:8001` or `unix:/path`.
    pub fn target(&self) -> String {
        shown(&self.address).replacen("http://", "", 1)
    }
}

impl fmt::Display for Bound {
    /// As a client would write it: `http://127.0.0.1:8000` or `unix:/path`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.address))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if let ListenAddress::Unix(path) = &self.address {
            // It is gone already, or stays as a stale file, which the next start removes.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn shown(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Tcp(address) => format!("http://{address}"),
        ListenAddress::Unix(path) => format!("unix:{}", path.display()),
    }
}

/// `[::]` takes IPv4 along, unless that has a socket of its own at the port.
fn open_tcp(address: SocketAddr, all: &[ListenAddress]) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    let is_v4_here = |other: &ListenAddress| match other {
        ListenAddress::Tcp(SocketAddr::V4(v4)) => v4.port() == address.port(),
        _ => false,
    };
    if address.is_ipv6() && all.iter().any(is_v4_here) {
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A socket file that nobody answers at is left over from a crash; one that is answered is not
/// ours to take.
fn open_unix(path: &PathBuf) -> io::Result<UnixListener> {
    if is_stale(path) {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(listener)
}

fn is_stale(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = || std::os::unix::net::UnixStream::connect(path).map_err(|error| error.kind());
    is_socket && matches!(refused(), Err(io::ErrorKind::ConnectionRefused))
}

/// The unit in which connections are counted: an IPv4 address (also when it is written as IPv6),
/// or the /64 of an IPv6 one, which is what one customer gets.
pub(super) fn origin_of(peer: SocketAddr) -> IpAddr {
    match peer.ip().to_canonical() {
        IpAddr::V6(address) => {
            let mut segments = address.segments();
            segments[4..].fill(0);
            IpAddr::from(segments)
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
