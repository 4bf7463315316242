//! Who does something.

use std::net::IpAddr;

use crate::domain::authority::Authority;

/// Somebody who does something, and from where.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// On whose behalf, and what that allows.
    pub authority: Authority,
    /// The client's address, where there is one.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// Somebody at the machine, by the name of their account there.
    pub fn operator(name: impl Into<String>) -> Self {
        Self {
            authority: Authority::Operator(name.into()),
            address: None,
        }
    }
}
