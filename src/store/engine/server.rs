//! The server that a URL names, and how it is to be trusted.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// How a connection is protected: libpq's `sslmode`, of which four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsMode {
    /// Not at all.
    Disable,
    /// If the server offers it, whoever it is: against those who only listen.
    Prefer,
    /// Or not at all connected; whoever the server is.
    Require,
    /// Only to a server that shows a trusted certificate for its host's name.
    VerifyFull,
}

/// A database on a server, and who asks for it. Debug output has no password.
#[derive(Clone, Debug)]
pub struct Server {
    pub(super) config: Config,
    pub(super) tls: TlsMode,
    /// Trusted instead of what the operating system trusts.
    pub(super) root_certificate: Option<PathBuf>,
}

/// What `postgres://...` must be, said without repeating the password that may be in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ServerError {
    #[error("{0}")]
    Malformed(String),
    #[error("in user and password an '@' is written %40, a '?' %3F")]
    AtSign,
    #[error("it names no {0}")]
    Missing(&'static str),
    #[error("sslmode is one of disable, prefer, require, verify-full, not '{0}'")]
    SslMode(String),
    #[error("a Unix socket goes with no other host")]
    MixedHosts,
    #[error("a Unix socket has no TLS: leave sslmode out")]
    LocalTls,
    #[error("sslrootcert is of use with sslmode=verify-full only")]
    UselessRoot,
}

impl Server {
    pub(super) fn parse(url: &str) -> Result<Self, ServerError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        // Else the end of a password would be taken for a host, and told to everybody as such.
        if url.matches('@').count() > 1 {
            return Err(ServerError::AtSign);
        }
        let mut tls = TlsMode::Prefer;
        let mut root_certificate = None;
        let mut others = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("sslmode", mode) => tls = tls_mode(mode)?,
                ("sslrootcert", path) => {
                    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
                    root_certificate = Some(PathBuf::from(path));
                }
                _ => others.push(pair),
            }
        }
        if root_certificate.is_some() && tls != TlsMode::VerifyFull {
            return Err(ServerError::UselessRoot);
        }
        let rest = format!("{base}?{}", others.join("&"));
        let mut config: Config = rest.parse().map_err(malformed)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(ServerError::Missing("host"));
        }
        if config.get_user().is_none() {
            return Err(ServerError::Missing("user"));
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(ServerError::Missing("database"));
        }
        if config.get_application_name().is_none() {
            config.application_name("authd");
        }
        let server = Self {
            config,
            tls,
            root_certificate,
        };
        let sockets = server.sockets();
        if sockets > 0 && server.hosts() > 1 {
            return Err(ServerError::MixedHosts);
        }
        if sockets > 0 && matches!(tls, TlsMode::Require | TlsMode::VerifyFull) {
            return Err(ServerError::LocalTls);
        }
        Ok(server)
    }

    pub(super) fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    pub(super) fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    /// `host:port`, or several with commas between them.
    pub(super) fn address(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().map(host_name);
        let mut hosts: Vec<String> = hosts.collect();
        if hosts.is_empty() {
            let addresses = self.config.get_hostaddrs().iter();
            hosts = addresses.map(|one| bracketed(&one.to_string())).collect();
        }
        let named = hosts.into_iter().enumerate().map(|(turn, host)| {
            let port = ports.get(turn).or(ports.first()).copied().unwrap_or(5432);
            format!("{host}:{port}")
        });
        named.collect::<Vec<_>>().join(",")
    }

    /// How many hosts there are to try.
    pub(super) fn hosts(&self) -> u32 {
        let hosts = self.config.get_hosts().len();
        let hosts = hosts.max(self.config.get_hostaddrs().len());
        u32::try_from(hosts).unwrap_or(u32::MAX).max(1)
    }

    /// The Unix socket through which it is reached, if it is one.
    pub(super) fn socket(&self) -> Option<PathBuf> {
        let port = self.config.get_ports().first().unwrap_or(&5432);
        match self.config.get_hosts() {
            [Host::Unix(folder)] => Some(folder.join(format!(".s.PGSQL.{port}"))),
            _ => None,
        }
    }

    fn sockets(&self) -> usize {
        let hosts = self.config.get_hosts().iter();
        hosts.filter(|host| matches!(host, Host::Unix(_))).count()
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => bracketed(name),
        Host::Unix(path) => path.display().to_string(),
    }
}

/// As a URL has it: an IPv6 address in brackets, so that its end is seen.
fn bracketed(name: &str) -> String {
    if name.contains(':') {
        format!("[{name}]")
    } else {
        name.to_owned()
    }
}

fn tls_mode(text: &str) -> Result<TlsMode, ServerError> {
    match text {
        "disable" => Ok(TlsMode::Disable),
        "prefer" => Ok(TlsMode::Prefer),
        "require" => Ok(TlsMode::Require),
        "verify-full" => Ok(TlsMode::VerifyFull),
        // With an '@' it is the end of a password.
        other if other.contains('@') => Err(ServerError::AtSign),
        other => Err(ServerError::SslMode(other.chars().take(20).collect())),
    }
}

/// The client's words name a parameter or what is wrong with a value, and no value.
fn malformed(error: tokio_postgres::Error) -> ServerError {
    use std::error::Error;
    let cause = error.source().map(ToString::to_string);
    ServerError::Malformed(cause.unwrap_or_else(|| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_user_and_database() {
        let server =
            Server::parse("postgres://ada:s%3Acret@db.example.com:6543/auth?sslmode=require")
                .expect("is a URL");
        assert_eq!(server.address(), "db.example.com:6543");
        assert_eq!((server.user(), server.database()), ("ada", "auth"));
        assert_eq!(server.config.get_password(), Some(b"s:cret".as_slice()));
        assert_eq!(server.tls, TlsMode::Require);
        let several = Server::parse("postgresql://ada@one:1,two:2/auth").expect("is a URL");
        assert_eq!(several.address(), "one:1,two:2");
        assert_eq!(several.tls, TlsMode::Prefer);
        let sixth = Server::parse("postgres://ada@[::1]:7/auth").expect("is a URL");
        assert_eq!(sixth.address(), "[::1]:7");
        let local = Server::parse("postgres://ada@/auth?host=/run/postgresql").expect("is a URL");
        assert_eq!(local.address(), "/run/postgresql:5432");
        let socket = PathBuf::from("/run/postgresql/.s.PGSQL.5432");
        assert_eq!((local.socket(), several.socket()), (Some(socket), None));
    }

    #[test]
    fn a_url_that_lacks_something_is_refused_without_its_password() {
        for url in [
            "postgres://ada:hunter2@db/",
            "postgres://ada:p@hunter2@db/auth",
            "postgres://ada:p?x@hunter2@db/auth",
            "postgres://ada:p?sslmode=hunter2@db/auth",
            "postgres://ada:hunter2@%2Frun%2Fpostgresql,db/auth?sslmode=verify-full",
            "postgres://ada:hunter2@db/auth?host=/run/postgresql",
            "postgres://ada:hunter2@/auth?host=/run/postgresql&sslmode=require",
            "postgres://db/auth?password=hunter2",
            "postgres://ada:hunter2@/auth",
            "postgres://ada:hunter2@db:port/auth",
            "postgres://ada:hunter2@db/auth?sslmode=verify-some",
            "postgres://ada:hunter2@db/auth?sslrootcert=/x.pem",
            "postgres://ada:hunter2@db/auth?nonsense=1",
        ] {
            let error = Server::parse(url).expect_err(url).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_password_does_not_show_in_debug_output() {
        let server = Server::parse("postgres://ada:hunter2@db/auth").expect("is a URL");
        assert!(!format!("{server:?}").contains("hunter2"));
    }
}
