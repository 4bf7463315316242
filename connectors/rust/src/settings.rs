//! What a service says of its authd; text becomes a value with a rule here, and nowhere else.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use url::Url;

/// How a token is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// authd is asked each time.
    Online,
    /// authd is asked once for each token, and tells what ended.
    Cached,
    /// Only the signature is checked.
    Offline,
}

/// What happens to requests while authd's word is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenDown {
    /// They are refused, at the latest after `max_silence`.
    #[default]
    Refuse,
    /// What was answered serves within its life.
    Serve,
}

/// What this service says of its authd. Checked when a verifier starts.
#[derive(Clone, Debug)]
#[must_use]
pub struct Settings {
    pub(crate) url: String,
    pub(crate) client: Option<Client>,
    pub(crate) mode: Mode,
    pub(crate) when_down: WhenDown,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) max_age: Duration,
    pub(crate) max_silence: Duration,
    pub(crate) replica_staleness: Duration,
    pub(crate) leeway: Duration,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) cache_size: usize,
    pub(crate) checks_at_start: bool,
}

/// The client that this service is.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({}, ...)", self.id)
    }
}

/// What is wrong with the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The address of authd.
    #[error("authd's URL must be like https://auth.example.com, without user, query or fragment")]
    Url,
    /// The client's name or secret.
    #[error("the client's id and secret must not be empty")]
    Client,
    /// A time or a number that is too small or too great.
    #[error("{name} must be from {least} to {most}")]
    Range {
        /// Which.
        name: &'static str,
        /// The least; seconds where it is a time.
        least: u32,
        /// The most.
        most: u32,
    },
}

impl Settings {
    /// Asks authd about each token, each time.
    pub fn online(url: impl Into<String>) -> Self {
        Self::new(url.into(), Mode::Online, None)
    }

    /// Checks signatures here, asks about each token once, and hears as this client what ended.
    pub fn cached(
        url: impl Into<String>,
        id: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        Self::new(url.into(), Mode::Cached, None).client(id, secret)
    }

    /// Checks signatures here, and asks authd for nothing but its public keys.
    pub fn offline(url: impl Into<String>) -> Self {
        Self::new(url.into(), Mode::Offline, None)
    }

    fn new(url: String, mode: Mode, client: Option<Client>) -> Self {
        Self {
            url,
            client,
            mode,
            when_down: WhenDown::default(),
            issuer: String::new(),
            audience: String::new(),
            max_age: Duration::ZERO,
            max_silence: Duration::from_secs(15),
            replica_staleness: Duration::ZERO,
            leeway: Duration::from_secs(30),
            timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(1),
            cache_size: 10_000,
            checks_at_start: true,
        }
    }

    /// The client that this service is: to see at the start that the audience is right, and to follow users.
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        let (id, secret) = (id.into(), secret.into());
        self.client = Some(Client { id, secret });
        self
    }

    /// `tokens.issuer` of authd: no other's tokens are good. By default the URL.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// `tokens.audience` of authd. By default the issuer.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// What happens while authd's word is missing. By default requests are refused.
    pub fn when_down(mut self, when_down: WhenDown) -> Self {
        self.when_down = when_down;
        self
    }

    /// Online: for how long an answer may be used again, as far as authd's `max_age` allows. By default not at all.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = time;
        self
    }

    /// Cached: for how long nothing may be heard before nothing kept is trusted. By default 15 seconds.
    pub fn max_silence(mut self, time: Duration) -> Self {
        self.max_silence = time;
        self
    }

    /// `database.max_staleness` of authd, where verify reads from replicas. By default zero.
    pub fn replica_staleness(mut self, time: Duration) -> Self {
        self.replica_staleness = time;
        self
    }

    /// By how much the clocks may differ. By default 30 seconds.
    pub fn leeway(mut self, time: Duration) -> Self {
        self.leeway = time;
        self
    }

    /// For a whole answer. By default 2 seconds.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// For a connection. By default a second.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// Tokens of which something is kept. By default 10,000.
    pub fn cache_size(mut self, tokens: usize) -> Self {
        self.cache_size = tokens;
        self
    }

    /// Whether authd is asked at the start. By default it is.
    pub fn check_at_start(mut self, checks: bool) -> Self {
        self.checks_at_start = checks;
        self
    }

    /// These settings as they are used, if every one of them is good.
    pub(crate) fn checked(mut self) -> Result<Self, SettingsError> {
        check_url(&self.url)?;
        self.url.truncate(self.url.trim_end_matches('/').len());
        if self.issuer.is_empty() {
            self.issuer.clone_from(&self.url);
        }
        if self.audience.is_empty() {
            self.audience.clone_from(&self.issuer);
        }
        let is_nameless = |client: &Client| client.id.is_empty() || client.secret.is_empty();
        if self.client.as_ref().is_some_and(is_nameless) {
            return Err(SettingsError::Client);
        }
        let is_size_good = (1..=1_000_000).contains(&self.cache_size);
        in_range("cache_size", is_size_good, 1..=1_000_000)?;
        let times = [
            ("max_age", self.max_age, 0..=3600),
            ("max_silence", self.max_silence, 3..=180),
            ("replica_staleness", self.replica_staleness, 0..=3600),
            ("leeway", self.leeway, 0..=60),
            ("timeout", self.timeout, 0..=60),
            ("connect_timeout", self.connect_timeout, 0..=60),
        ];
        for (name, time, range) in times {
            let (least, most) = (*range.start(), *range.end());
            let seconds = time.as_secs_f64();
            in_range(
                name,
                seconds >= f64::from(least) && seconds <= f64::from(most),
                range,
            )?;
        }
        let is_none = self.timeout.is_zero() || self.connect_timeout.is_zero();
        in_range("timeout", !is_none, 0..=60)?;
        Ok(self)
    }
}

fn in_range(
    name: &'static str,
    is_good: bool,
    range: RangeInclusive<u32>,
) -> Result<(), SettingsError> {
    let (least, most) = range.into_inner();
    is_good
        .then_some(())
        .ok_or(SettingsError::Range { name, least, most })
}

fn check_url(text: &str) -> Result<(), SettingsError> {
    let url = Url::parse(text).map_err(|_| SettingsError::Url)?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic())
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let is_web =
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.port() != Some(0);
    (is_plain && is_web).then_some(()).ok_or(SettingsError::Url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(settings: Settings) -> Option<SettingsError> {
        settings.checked().err()
    }

    #[test]
    fn a_url_that_is_not_plain_is_refused() {
        for url in [
            "",
            "auth.example.com",
            "ftp://auth.example.com",
            "https://",
            "https://ada@auth.example.com",
            "https://auth.example.com/?x=1",
            "https://auth.example.com/#x",
            "https://auth.example.com/ x",
            "https://auth.example.com:0",
            "https://auth.example.com:99999",
            "https://аuth.example.com",
        ] {
            let found = refusal(Settings::online(url));
            assert_eq!(found, Some(SettingsError::Url), "{url}");
        }
    }

    #[test]
    fn what_is_left_out_follows_from_the_url() {
        let found = Settings::online("https://auth.example.com/")
            .checked()
            .expect("is good");
        assert_eq!(found.url, "https://auth.example.com");
        assert_eq!(
            (&*found.issuer, &*found.audience),
            (&*found.url, &*found.url)
        );
    }

    #[test]
    fn numbers_have_bounds_and_clients_have_names() {
        let good = || Settings::online("https://auth.example.com");
        assert!(refusal(good().cache_size(0)).is_some());
        assert!(refusal(good().timeout(Duration::ZERO)).is_some());
        assert!(refusal(good().max_silence(Duration::from_secs(2))).is_some());
        assert!(refusal(good().leeway(Duration::from_secs(61))).is_some());
        assert_eq!(
            refusal(good().client("billing", "")),
            Some(SettingsError::Client)
        );
        assert_eq!(refusal(good()), None);
    }

    #[test]
    fn the_secret_is_not_printed() {
        let settings = Settings::cached("https://auth.example.com", "billing", "hush");
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
