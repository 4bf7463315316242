//! Which pages of other places may ask from a browser.

use std::str::FromStr;

use url::{Origin, Url};

use super::error::ConfigError;
use super::layers::Layers;

/// The origins (RFC 6454) whose pages read our answers; by default none.
#[derive(Clone, Debug, Default)]
pub struct CorsOrigins(Vec<WebOrigin>);

/// As browsers write it in `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WebOrigin(String);

/// The text is no origin.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{0}' is no origin: write https://host or https://host:port, each by its name and without a path"
)]
struct WebOriginError(String);

impl CorsOrigins {
    pub(super) fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        layers.parsed_list("server.cors_origins").map(Self)
    }

    /// Whether no page may.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the pages of this one may. It is compared whole: the end of a name is not the name.
    pub fn contain(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known.0 == origin)
    }
}

impl FromStr for WebOrigin {
    type Err = WebOriginError;

    fn from_str(text: &str) -> Result<Self, WebOriginError> {
        let refused = || WebOriginError(text.to_owned());
        let url = Url::parse(text).map_err(|_| refused())?;
        let is_bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let is_web = matches!(url.scheme(), "http" | "https");
        match url.origin() {
            origin @ Origin::Tuple(..) if is_web && is_bare && !text.contains('*') => {
                Ok(Self(origin.ascii_serialization()))
            }
            _ => Err(refused()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_write_it() {
        for (written, kept) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.com:443/", "https://app.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ] {
            let origin: Result<WebOrigin, _> = written.parse();
            assert_eq!(origin.expect("is one").0, kept, "{written}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for wrong in [
            "*",
            "null",
            "app.example.com",
            "https://*",
            "https://",
            "https://app.example.com/login",
            "https://app.example.com?x",
            "https://app.example.com#x",
            "https://ada@app.example.com",
            "ftp://app.example.com",
            "file:///etc/passwd",
        ] {
            assert!(wrong.parse::<WebOrigin>().is_err(), "{wrong}");
        }
    }
}
