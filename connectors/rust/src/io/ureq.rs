//! Asking from a thread that may wait.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use ureq::Agent;
use ureq::config::Config;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use crate::error::Trouble;
use crate::io::{Answer, Io, Question, wait};
use crate::settings::Settings;

/// Bytes of the head of an answer that are read.
const MOST_OF_A_HEAD: usize = 32 * 1024;
/// Connections that are kept.
const POOL: usize = 16;

pub(crate) struct UreqIo {
    agent: Agent,
    timeout: Duration,
    gate: Mutex<()>,
}

impl UreqIo {
    pub(crate) fn new(settings: &Settings) -> Self {
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
            .max_idle_connections(POOL)
            .max_idle_connections_per_host(POOL)
            .timeout_connect(Some(settings.connect_timeout))
            .build();
        Self {
            agent: Agent::new_with_config(config),
            timeout: settings.timeout,
            gate: Mutex::default(),
        }
    }

    fn once(&self, question: &Question) -> Result<Answer, ureq::Error> {
        let time = self.timeout + question.wait;
        let request = self.agent.configure_request(question.request.clone());
        let answer = self.agent.run(request.timeout_global(Some(time)).build())?;
        let (head, mut body) = answer.into_parts();
        let body = body.with_config().limit(question.limit).read_to_vec()?;
        Ok(Answer::from_parts(head, body))
    }
}

impl Io for UreqIo {
    async fn ask(&self, question: &Question) -> Result<Answer, Trouble> {
        let trouble = |error: &ureq::Error| match error {
            ureq::Error::Timeout(_) => Trouble::Late,
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Trouble::Late,
            ureq::Error::BodyExceedsLimit(_) => Trouble::TooLong(question.limit),
            ureq::Error::Protocol(_)
            | ureq::Error::Http(_)
            | ureq::Error::LargeResponseHeader(..) => {
                Trouble::NotOurs("it does not speak HTTP as authd does")
            }
            _ => Trouble::Connection,
        };
        match self.once(question) {
            // Once more if the connection broke, as one does that was kept too long; not if time ran out.
            Err(error) if trouble(&error) == Trouble::Connection => self.once(question),
            other => other,
        }
        .map_err(|error| trouble(&error))
    }

    async fn alone(&self, work: impl Future<Output = ()>) {
        let _alone = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        wait(work);
    }

    async fn alone_if_free(&self, work: impl Future<Output = ()>) {
        let _alone = match self.gate.try_lock() {
            Ok(alone) => alone,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        wait(work);
    }

    async fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
