//! Where a request came from: who holds the other end of the connection, and, if that is a trusted
//! proxy, what it says of its own client. Nothing else reads `X-Forwarded-...`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rouille::Request;

use super::App;
use super::gate;
use crate::config::TrustedProxies;
use crate::domain::session::{Origin, UserAgent};

/// What stands for the peer at a Unix socket, which has no address: no connection has port 0.
pub(super) const UNIX_PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The client's address; `None` for a client at a Unix socket.
///
/// That is the peer, unless it is a trusted proxy: then the right-most address of
/// `X-Forwarded-For` that is none (each proxy has added its own client at the right, and what stands
/// left of the first stranger is that stranger's word). A proxy that says nothing readable is taken
/// for the client.
pub(super) fn address_of(app: &App, request: &Request) -> Option<IpAddr> {
    client(&app.server.trusted_proxies, request)
}

/// What a session remembers of where it came from.
pub(super) fn of(app: &App, request: &Request) -> Origin {
    Origin {
        address: address_of(app, request),
        user_agent: request.header("User-Agent").and_then(UserAgent::new),
    }
}

/// Where the client of a trusted proxy wanted to go; `None` if the peer is none, or does not say.
pub(super) fn wanted_url(app: &App, request: &Request) -> Option<String> {
    if !app.server.trusted_proxies.contain(peer(request)) {
        return None;
    }
    let scheme = only(request, "X-Forwarded-Proto").filter(|it| ["http", "https"].contains(it))?;
    let host = only(request, "X-Forwarded-Host").filter(|host| gate::is_host(host.as_bytes()))?;
    let target = only(request, "X-Forwarded-Uri").filter(|target| target.starts_with('/'))?;
    Some(format!("{scheme}://{host}{target}"))
}

fn client(trusted: &TrustedProxies, request: &Request) -> Option<IpAddr> {
    let mut client = peer(request);
    let fields: Vec<&str> = fields(request, "X-Forwarded-For").collect();
    let hops = fields.iter().rev().flat_map(|field| field.rsplit(','));
    for hop in hops {
        if !trusted.contain(client) {
            break;
        }
        let Some(address) = address(hop.trim_matches([' ', '\t'])) else {
            break;
        };
        client = Some(address);
    }
    client
}

/// The other end of the connection; `None` at a Unix socket.
fn peer(request: &Request) -> Option<IpAddr> {
    let peer = *request.remote_addr();
    (peer != UNIX_PEER).then(|| peer.ip().to_canonical())
}

/// An address as proxies write it: alone, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let alone = || text.parse::<IpAddr>().ok();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let address = alone().or_else(in_brackets).or_else(with_port)?;
    Some(address.to_canonical())
}

/// The value of a field that is there once.
fn only<'r>(request: &'r Request, name: &'r str) -> Option<&'r str> {
    let mut values = fields(request, name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn fields<'r>(request: &'r Request, name: &'r str) -> impl Iterator<Item = &'r str> {
    let named = request
        .headers()
        .filter(move |(found, _)| found.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use cluster::Database;

    use super::*;
    use crate::http::tests::app_with;

    /// An app that trusts 10.0.0.0/8 and its Unix sockets.
    fn trusting(database: &Database) -> App {
        app_with(
            database,
            "[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"unix\"]\n",
        )
    }

    fn request(peer: SocketAddr, fields: &[(&str, &str)]) -> Request {
        let headers = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Request::fake_http_from(peer, "GET", "/auth/forward", headers, vec![])
    }

    /// Security statement 36; the incident in Rauthy (`TRUSTED_PROXIES`), both ways.
    #[test]
    fn the_clients_address_is_the_peers_or_what_trusted_proxies_say() {
        let database = Database::new();
        let app = trusting(&database);
        let client = |peer: &str, forwarded: &[&str]| {
            let peer = match peer {
                "unix" => UNIX_PEER,
                peer => (peer.parse::<IpAddr>().expect("is an address"), 4711).into(),
            };
            let fields: Vec<_> = forwarded
                .iter()
                .map(|it| ("x-forwarded-for", *it))
                .collect();
            address_of(&app, &request(peer, &fields)).map(|address| address.to_string())
        };
        let is = |address: &str| Some(address.to_owned());
        // A stranger is who it is, whatever it says.
        assert_eq!(client("192.0.2.1", &[]), is("192.0.2.1"));
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), is("192.0.2.1"));
        assert_eq!(client("192.0.2.1", &["10.0.0.1"]), is("192.0.2.1"));
        assert_eq!(client("127.0.0.1", &["198.51.100.7"]), is("127.0.0.1"));
        // A trusted proxy tells who its client is, however its own address is written.
        for proxy in ["10.0.0.1", "::ffff:10.0.0.1", "unix"] {
            assert_eq!(client(proxy, &["198.51.100.7"]), is("198.51.100.7"));
            assert_eq!(client(proxy, &["[2001:db8::1]:80"]), is("2001:db8::1"));
            assert_eq!(client(proxy, &["[2001:db8::1]"]), is("2001:db8::1"));
            assert_eq!(client(proxy, &["198.51.100.7:80"]), is("198.51.100.7"));
            // What the client says of itself stands left of it.
            let chain = ["203.0.113.9, 198.51.100.7", "10.9.9.9 ,\t10.0.0.2"];
            assert_eq!(client(proxy, &chain), is("198.51.100.7"));
            let chain = ["10.1.1.1, 198.51.100.7"];
            assert_eq!(client(proxy, &chain), is("198.51.100.7"));
            // Nothing but proxies: the one that is farthest away.
            assert_eq!(client(proxy, &["10.0.0.3, 10.0.0.2"]), is("10.0.0.3"));
        }
        for nonsense in [
            "",
            "unknown",
            "198.51.100.7;x",
            "localhost",
            "198.51.100.7, ",
        ] {
            assert_eq!(
                client("10.0.0.1", &[nonsense]),
                is("10.0.0.1"),
                "{nonsense}"
            );
        }
        assert_eq!(client("unix", &[]), None);
    }

    /// Security statement 36; CVE-2025-64101: no link is made of a stranger's words.
    #[test]
    fn where_someone_wanted_to_go_is_known_from_a_trusted_proxy_alone() {
        let database = Database::new();
        let app = trusting(&database);
        let (proxy, stranger) = (([10, 0, 0, 1], 4711).into(), ([127, 0, 0, 1], 4711).into());
        let told = |proto, host, target| {
            [
                ("X-Forwarded-Proto", proto),
                ("X-Forwarded-Host", host),
                ("X-Forwarded-Uri", target),
            ]
        };
        let plain = told("https", "app.example.com", "/a?b=c");
        let url = Some("https://app.example.com/a?b=c".to_owned());
        assert_eq!(wanted_url(&app, &request(proxy, &plain)), url);
        assert_eq!(wanted_url(&app, &request(UNIX_PEER, &plain)), url);
        assert_eq!(wanted_url(&app, &request(stranger, &plain)), None);
        for bad in [
            told("javascript", "app.example.com", "/"),
            told("https", "app.example.com, evil.example", "/"),
            told("https", "app.example.com@evil.example", "/"),
            told("https", "", "/"),
            told("https", "app.example.com", "evil.example"),
            told("https", "app.example.com", "@evil.example/"),
        ] {
            assert_eq!(wanted_url(&app, &request(proxy, &bad)), None, "{bad:?}");
        }
        for left_out in 0..3 {
            let mut some = plain.to_vec();
            some.remove(left_out);
            assert_eq!(wanted_url(&app, &request(proxy, &some)), None);
            some.extend([plain[left_out], plain[left_out]]);
            assert_eq!(wanted_url(&app, &request(proxy, &some)), None);
        }
    }
}
