//! `authd healthcheck`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::error::CliError;
use super::output::print;
use crate::config::{Config, ListenAddress};
use crate::http::probe;

/// Ask the running authd whether it is ready
///
/// For the health checks of containers: needs no curl. Exits with 0 if it is ready and with 7
/// otherwise.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authd healthcheck\n  authd healthcheck --url unix:/run/authd/authd.sock"
)]
pub(super) struct Args {
    /// Where authd is, as http(s)://host:port or unix:/path [default: the first address it is
    /// configured to listen at]
    #[arg(long)]
    url: Option<String>,
}

/// For one question and its answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn run(args: Args, config: &Config) -> Result<(), CliError> {
    let url = args.url.unwrap_or_else(|| default_url(config));
    probe::ready(&url, TIMEOUT)?;
    print(&format!("authd at {url} is ready"))
}

/// The first address that authd listens at, as a client on the same machine reaches it.
pub(super) fn default_url(config: &Config) -> String {
    match config.server.listen.first() {
        Some(ListenAddress::Unix(path)) => format!("unix:{}", path.display()),
        Some(ListenAddress::Tcp(address)) => {
            let mut address = *address;
            if address.ip().is_unspecified() {
                address.set_ip(match address.ip() {
                    IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                    IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                });
            }
            format!("http://{address}")
        }
        None => config.server.public_url.clone(),
    }
}
