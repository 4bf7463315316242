//! The service over gRPC, in plain text HTTP/2: TLS is a proxy's task, as it is for HTTP.
//!
//! `wire` and `calls` hold the connections; `exchange` finds the method, bounds the call's time and
//! writes its line in the log; each service of `proto/` has a file of its own.

mod answer;
mod caller;
mod calls;
mod envoy;
mod exchange;
mod health;
mod introspect;
mod methods;
pub mod proto;
mod reads;
mod record;
mod revocations;
mod status;
mod timeout;
mod verify;
mod wire;

use std::sync::Arc;

use crate::config::ServerConfig;
use crate::service::Services;
use crate::sockets::Protocol;

/// gRPC, to be spoken at a socket.
pub fn protocol(services: Arc<Services>, server: &ServerConfig) -> Arc<dyn Protocol> {
    Arc::new(wire::Wire::new(services, server.clone()))
}
