//! What stands before us: whose forwarded headers are believed, and what a proxy that asks is told.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use super::error::ConfigError;
use super::layers::{Layers, key};
use crate::service::identity::IdentityHeaders;

/// The peers whose `X-Forwarded-...` are believed; by default none.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<TrustedProxy>);

/// Some of these peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TrustedProxy {
    /// Whoever may open the Unix socket.
    Unix,
    /// The addresses of a network, or one address.
    Network(IpNet),
}

/// The text names no peers.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no proxy: write an address (10.0.0.7), a network (10.0.0.0/8, fd00::/8) or unix")]
struct TrustedProxyError(String);

/// How `/auth/forward` is asked and what it says.
#[derive(Clone, Debug)]
pub struct ForwardConfig {
    /// The cookie that may hold the access token.
    pub cookie: Option<String>,
    /// Where people without a good token are sent, for proxies that ask for it. It has no query.
    pub login_url: Option<String>,
    /// What it is said in.
    pub headers: IdentityHeaders,
}

/// The name of a header field of ours.
#[derive(Debug)]
struct FieldName(String);

/// The text is no name of a header field, or one that proxies drop.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no header field: letters, digits and '-' make its name, as in Remote-User")]
struct FieldNameError(String);

impl TrustedProxies {
    pub(super) fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        layers.parsed_list("server.trusted_proxies").map(Self)
    }

    /// Whether this peer is believed; `None`: one at a Unix socket.
    ///
    /// An IPv4 address written as IPv6 (`::ffff:10.0.0.7`) is that IPv4 address.
    pub fn contain(&self, peer: Option<IpAddr>) -> bool {
        let peer = peer.map(|address| address.to_canonical());
        self.0.iter().any(|proxy| match (proxy, peer) {
            (TrustedProxy::Unix, None) => true,
            (TrustedProxy::Network(network), Some(address)) => network.contains(&address),
            _ => false,
        })
    }
}

impl FromStr for TrustedProxy {
    type Err = TrustedProxyError;

    fn from_str(text: &str) -> Result<Self, TrustedProxyError> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let network = text
            .parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let network: IpNet = network.map_err(|_| TrustedProxyError(text.to_owned()))?;
        Ok(Self::Network(canonical(network)))
    }
}

/// A network of IPv4 addresses as such, however it is written.
fn canonical(network: IpNet) -> IpNet {
    let as_v4 = match network.network().to_canonical() {
        IpAddr::V4(address) => network
            .prefix_len()
            .checked_sub(96)
            .filter(|_| network.max_prefix_len() == 128)
            .and_then(|length| Ipv4Net::new(address, length).ok()),
        IpAddr::V6(_) => None,
    };
    as_v4.map_or(network, IpNet::V4)
}

impl ForwardConfig {
    pub(super) fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        let login_url = match layers.text("forward.login_url")? {
            None => None,
            Some(_) => Some(layers.public_url("forward.login_url")?),
        };
        Ok(Self {
            cookie: layers.text("forward.cookie")?,
            login_url,
            headers: identity_headers(layers)?,
        })
    }
}

fn identity_headers(layers: &Layers) -> Result<IdentityHeaders, ConfigError> {
    let name = |key| layers.parsed::<FieldName>(key).map(|name| name.0);
    let headers = IdentityHeaders {
        id: name("forward.id_header")?,
        user: name("forward.user_header")?,
        email: name("forward.email_header")?,
        name: name("forward.name_header")?,
        groups: name("forward.groups_header")?,
    };
    let mut names = headers.names().map(str::to_lowercase);
    names.sort_unstable();
    let twice = names
        .iter()
        .zip(&names[1..])
        .find(|(one, next)| one == next);
    if let Some((twice, _)) = twice {
        let user = key("forward.user_header");
        return Err(ConfigError::Value {
            origin: layers.find(user).1,
            key: user.name,
            problem: format!(
                "'{twice}' is named twice: each forward.*_header needs a name of its own"
            ),
        });
    }
    Ok(headers)
}

impl FromStr for FieldName {
    type Err = FieldNameError;

    fn from_str(text: &str) -> Result<Self, FieldNameError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if text.is_empty() || !text.bytes().all(plain) {
            return Err(FieldNameError(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusts(proxies: &[&str], peer: &str) -> bool {
        let parse = |text: &&str| text.parse().expect("names peers");
        let proxies = TrustedProxies(proxies.iter().map(parse).collect());
        proxies.contain(Some(peer.parse().expect("is an address")))
    }

    #[test]
    fn an_ipv4_address_is_the_same_however_it_is_written() {
        for network in [
            "127.0.0.0/8",
            "127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:127.0.0.0/104",
        ] {
            for peer in ["127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1"] {
                assert!(trusts(&[network], peer), "{network} {peer}");
            }
            assert!(!trusts(&[network], "128.0.0.1"), "{network}");
            assert!(!trusts(&[network], "::1"), "{network}");
        }
        assert!(trusts(&["fd00::/8", "::1"], "fd12::3"));
        assert!(!trusts(&["fd00::/8"], "10.0.0.1"));
        // Not one that holds the IPv4 addresses and others.
        assert!(!trusts(&["::/0"], "10.0.0.1") && !trusts(&["0.0.0.0/0"], "fd00::1"));
    }

    #[test]
    fn nobody_is_trusted_by_default_and_a_socket_only_if_it_is_named() {
        assert!(!TrustedProxies::default().contain(None));
        assert!(!trusts(&[], "127.0.0.1"));
        assert!(!trusts(&["unix"], "127.0.0.1"));
        let unix = TrustedProxies(vec![TrustedProxy::Unix]);
        assert!(unix.contain(None));
        let all = ["0.0.0.0/0", "::/0"].map(|text| text.parse().expect("is a network"));
        assert!(!TrustedProxies(all.into()).contain(None));
    }

    #[test]
    fn what_names_no_peer_is_an_error() {
        for bad in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.",
            "*",
            "10.0.0.1:80",
            "Unix",
        ] {
            assert!(bad.parse::<TrustedProxy>().is_err(), "{bad}");
        }
    }
}
