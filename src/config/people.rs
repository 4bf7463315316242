//! The keys about codes and letters: how people help themselves, and how they hear of it.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ConfigError;
use super::kind::{HOUR, Kind};
use super::layers::{self, Layers};
use super::reference::{Key, key};
use super::{seconds, small};
use crate::domain::secret::Secret;
use crate::mail::{MailSettings, Security, Sender, SmtpSettings, Way};
use crate::service::account_codes::{AccountRules, PLACE, Registration};

const DAY: u64 = 24 * HOUR;

pub(super) const PEOPLE: &[Key] = &[
    key(
        "accounts.registration",
        Kind::Choice(&["closed", "open"]),
        "closed",
        "open: everybody with an address may register at /auth/register; there is an account once the address is confirmed.",
    ),
    key(
        "accounts.letters_per_address",
        Kind::Count(1, 100_000),
        "20",
        "Letters that are asked for from one address in ten minutes, by whoever forgot a password or wants to register (an IPv6 address counts as its /64). After that comes a wait of one second, after the next of two, then of four and so on, with 429 and Retry-After. Behind a proxy, server.trusted_proxies must name it, or else all clients are one.",
    ),
    key(
        "accounts.reset_ttl",
        Kind::Duration(60, DAY),
        "1h",
        "For how long a code for another password is good.",
    ),
    key(
        "accounts.confirmation_ttl",
        Kind::Duration(60, 30 * DAY),
        "3d",
        "For how long a code is good that confirms an address: of an account, a new one of an account, of a registration.",
    ),
    key(
        "accounts.invitation_ttl",
        Kind::Duration(60, 90 * DAY),
        "7d",
        "For how long a code for a first password is good.",
    ),
    key(
        "accounts.reset_url",
        Kind::Text,
        "",
        "The page for another password, as https://app.example.com/reset#token={token}: it sends what is in the place of {token}, with the password, to /auth/password/reset/confirm. After a # no server on the way sees the code. By default a page of authd below server.public_url.",
    ),
    key(
        "accounts.invitation_url",
        Kind::Text,
        "",
        "The page for a first password, in the same form; it sends the same. By default a page of authd.",
    ),
    key(
        "accounts.confirmation_url",
        Kind::Text,
        "",
        "The page that confirms an address, in the same form: it sends the token to /auth/email/confirm. By default a page of authd.",
    ),
    key(
        "accounts.registration_url",
        Kind::Text,
        "",
        "The page that ends a registration, in the same form: it sends the token, with password and names, to /auth/register/confirm. By default a page of authd.",
    ),
    key(
        "mail.transport",
        Kind::Text,
        "off",
        "How letters leave: off, smtp, log (into the log, codes and all), or file:DIRECTORY (a file each). The last two are for development.",
    ),
    key(
        "mail.host",
        Kind::Text,
        "",
        "The mail server that takes all letters.",
    ),
    key(
        "mail.port",
        Kind::Count(0, 65_535),
        "0",
        "Its port. 0: the usual one, 587 for starttls, 465 for tls, 25 for none.",
    ),
    key(
        "mail.security",
        Kind::Choice(&["starttls", "tls", "none"]),
        "starttls",
        "How the connection is kept from others: by TLS after the greeting, or from the first byte, with a certificate that the operating system trusts for mail.host; or not at all.",
    ),
    key(
        "mail.username",
        Kind::Text,
        "",
        "Who authd is to the mail server, if that asks.",
    ),
    Key {
        name: "mail.password",
        kind: Kind::Text,
        default: "",
        secret: true,
        help: "The password for that; best kept in AUTHD_MAIL_PASSWORD_FILE.",
    },
    key(
        "mail.from",
        Kind::Text,
        "authd@localhost",
        "Whom letters are from, as authd@example.com or Example <authd@example.com>.",
    ),
    key(
        "mail.timeout",
        Kind::Duration(1, 60),
        "10s",
        "How long to wait for each answer of the mail server.",
    ),
    key(
        "mail.templates",
        Kind::Text,
        "",
        "A directory with templates in the place of authd's own; docs/account-flows.md names them. They are read at the start.",
    ),
];

/// A word of a choice, when it is known to be one.
macro_rules! word {
    ($layers:expr, $key:literal, $($word:literal => $value:expr),+) => {
        match $layers.parsed::<String>($key)?.as_str() {
            $($word => $value,)+
            other => return Err(wrong($layers, $key, format!("'{other}' does not fit"))),
        }
    };
}

/// What people do with codes.
pub(super) fn accounts(layers: &Layers, public_url: &str) -> Result<AccountRules, ConfigError> {
    let secs = |key| layers.duration(key).map(seconds);
    let page = |key, path: &str| page(layers, key, || format!("{public_url}{path}#token={PLACE}"));
    let service = public_url.split_once("://").map(|(_, rest)| rest);
    Ok(AccountRules {
        registration: word!(
            layers, "accounts.registration",
            "closed" => Registration::Closed,
            "open" => Registration::Open
        ),
        letters_per_address: small(layers, "accounts.letters_per_address")?,
        reset_secs: secs("accounts.reset_ttl")?,
        invitation_secs: secs("accounts.invitation_ttl")?,
        confirmation_secs: secs("accounts.confirmation_ttl")?,
        reset_url: page("accounts.reset_url", "/auth/password/reset")?,
        invitation_url: page("accounts.invitation_url", "/auth/password/reset")?,
        confirmation_url: page("accounts.confirmation_url", "/auth/email/confirm")?,
        registration_url: page("accounts.registration_url", "/auth/register/confirm")?,
        service: service.unwrap_or(public_url).to_owned(),
    })
}

/// A page with one place for the code. It is never made from what a request says.
fn page(
    layers: &Layers,
    key: &'static str,
    own: impl FnOnce() -> String,
) -> Result<String, ConfigError> {
    let Some(text) = layers.text(key)? else {
        return Ok(own());
    };
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let fits = rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.is_empty()
            && !host.contains(['{', '@'])
            && text.len() <= AccountRules::MAX_URL_BYTES
            && text.matches(PLACE).count() == 1
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !text.contains(['"', '<', '>', '\\'])
    });
    if fits {
        return Ok(text);
    }
    let problem =
        format!("'{text}' is no page: write it as https://app.example.com/reset#token={PLACE}");
    Err(wrong(layers, key, problem))
}

/// How letters leave the house.
pub(super) fn mail(layers: &Layers) -> Result<MailSettings, ConfigError> {
    let way = layers.text("mail.transport")?.unwrap_or_default();
    // Every value is checked, whether it is used or not.
    let smtp = smtp(layers)?;
    let way = match way.as_str() {
        "off" => Way::Off,
        "log" => Way::Log,
        "smtp" => Way::Smtp(smtp.complete(layers)?),
        other => {
            let folder = other.strip_prefix("file:").filter(|rest| !rest.is_empty());
            let problem = || format!("'{other}' is not one of off, smtp, log, file:DIRECTORY");
            let folder = folder.ok_or_else(|| wrong(layers, "mail.transport", problem()))?;
            Way::Folder(PathBuf::from(folder))
        }
    };
    Ok(MailSettings {
        way,
        from: layers.parsed::<Sender>("mail.from")?,
        templates: layers.text("mail.templates")?.map(PathBuf::from),
    })
}

/// What is said of a mail server.
struct Smtp {
    host: Option<String>,
    port: u16,
    security: Security,
    username: Option<String>,
    password: Option<Secret<String>>,
    timeout: Duration,
}

fn smtp(layers: &Layers) -> Result<Smtp, ConfigError> {
    Ok(Smtp {
        host: layers.text("mail.host")?,
        port: u16::try_from(layers.count("mail.port")?).unwrap_or_default(),
        security: word!(
            layers, "mail.security",
            "starttls" => Security::StartTls,
            "tls" => Security::Tls,
            "none" => Security::None
        ),
        username: layers.text("mail.username")?,
        password: layers.text("mail.password")?.map(Secret::new),
        timeout: layers.duration("mail.timeout")?,
    })
}

impl Smtp {
    /// Everything that is needed to speak to it.
    fn complete(self, layers: &Layers) -> Result<SmtpSettings, ConfigError> {
        let needed = |key| {
            let problem = "mail.transport is smtp, which needs this".to_owned();
            wrong(layers, key, problem)
        };
        let login = match (self.username, self.password) {
            (Some(name), Some(password)) => Some((name, password)),
            (None, None) => None,
            (Some(_), None) => return Err(needed("mail.password")),
            (None, Some(_)) => return Err(needed("mail.username")),
        };
        if login.is_some() && self.security == Security::None {
            let problem = "the password would be sent over a connection that others can read: \
                           choose starttls or tls";
            return Err(wrong(layers, "mail.security", problem.to_owned()));
        }
        Ok(SmtpSettings {
            host: self.host.ok_or_else(|| needed("mail.host"))?,
            port: Some(self.port).filter(|port| *port != 0),
            security: self.security,
            login,
            timeout: self.timeout,
        })
    }
}

fn wrong(layers: &Layers, key: &'static str, problem: String) -> ConfigError {
    ConfigError::Value {
        origin: layers.find(layers::key(key)).1,
        key,
        problem,
    }
}
