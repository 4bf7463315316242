//! Where a request comes from.

use std::net::IpAddr;

use rouille::Request;

use super::App;
use crate::domain::session::{Origin, UserAgent};

/// The client's address, as far as it is known.
pub(super) fn address_of(_app: &App, request: &Request) -> Option<IpAddr> {
    // What came over a Unix socket has no address, and says so by port 0.
    let peer = request.remote_addr();
    (peer.port() != 0).then(|| peer.ip().to_canonical())
}

/// What a session remembers of a request.
pub(super) fn of(app: &App, request: &Request) -> Origin {
    Origin {
        address: address_of(app, request),
        user_agent: request.header("User-Agent").and_then(UserAgent::new),
    }
}
