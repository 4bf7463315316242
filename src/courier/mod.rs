//! What is sent to others: signed messages over HTTP, after the scheme of Standard Webhooks
//! (<https://www.standardwebhooks.com>).

mod address;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use ureq::Agent;
use ureq::config::Config;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::transport::DefaultConnector;

use crate::domain::secret::Secret;
use crate::domain::webhook::WebhookUrl;
use address::Resolver;

pub use signature::{SigningSecret, SigningSecretError};

/// From the look-up of the name to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of the head of an answer that are read.
const MOST_OF_A_HEAD: usize = 16 * 1024;

/// A message to somebody.
#[derive(Debug)]
pub struct Message<'a> {
    /// Where it goes.
    pub url: &'a WebhookUrl,
    /// The same for each attempt, so that the receiver can tell that it has it already.
    pub id: &'a str,
    /// What is told: JSON.
    pub body: &'a str,
    /// What it is signed with.
    pub secret: &'a SigningSecret,
    /// When this attempt is made.
    pub now: Timestamp,
}

/// Why a message did not arrive, or nobody said that it did. Nothing of what the receiver said is in it but
/// its status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// It would have gone into a network of ours.
    #[error("the address is a private one: webhooks.allow_private allows that")]
    Private,
    /// Anybody on the way could have read it.
    #[error("the address is not https: webhooks.allow_private allows that")]
    Plain,
    /// The name has no address.
    #[error("the host was not found")]
    NoHost,
    /// It took too long.
    #[error("no answer within {secs} seconds", secs = PATIENCE.as_secs())]
    Late,
    /// The receiver said something other than that it has it.
    #[error("the answer was {0}")]
    Status(u16),
    /// The receiver's certificate is not trusted.
    #[error("no secure connection: the certificate is not trusted, or TLS failed")]
    Tls,
    /// The connection could not be made, or broke.
    #[error("the connection could not be made, or broke")]
    Connection,
}

/// Sends messages. Follows no redirects, uses no proxy, and reads nothing of an answer but its head.
#[derive(Clone)]
pub struct Courier {
    agent: Agent,
    allow_private: bool,
}

impl Courier {
    /// One that goes to private addresses, and in plain text, or does not.
    pub fn new(allow_private: bool) -> Self {
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
            .build();
        let config = Config::builder()
            .tls_config(tls)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_response_header_size(MOST_OF_A_HEAD)
            .max_idle_connections(0)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("authd/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = Resolver::new(allow_private);
        Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), resolver),
            allow_private,
        }
    }

    /// Makes one attempt; it has arrived if the answer is 2xx.
    pub fn deliver(&self, message: &Message<'_>) -> Result<(), DeliveryError> {
        if message.url.is_plain_http() && !self.allow_private {
            return Err(DeliveryError::Plain);
        }
        let seconds = message.now.as_second();
        let signature = message.secret.sign(message.id, seconds, message.body);
        let request = self
            .agent
            .post(message.url.as_str())
            .header("Content-Type", "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signature);
        match request.send(message.body) {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(DeliveryError::Status(answer.status().as_u16())),
            Err(error) => Err(failure(&error)),
        }
    }
}

fn failure(error: &ureq::Error) -> DeliveryError {
    match error {
        ureq::Error::Timeout(_) => DeliveryError::Late,
        ureq::Error::HostNotFound => DeliveryError::NoHost,
        ureq::Error::Other(inner) if inner.is::<address::Private>() => DeliveryError::Private,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => DeliveryError::Tls,
        _ => DeliveryError::Connection,
    }
}

/// The secret as it is sealed and opened.
pub type SecretBytes = Secret<Vec<u8>>;
