//! Asking from a task of tokio.

use std::error::Error as _;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use tokio::sync::Mutex;
use tokio::time;

use crate::error::{StartError, Trouble};
use crate::io::{Answer, Io, Question};
use crate::settings::Settings;

/// Connections that are kept.
const POOL: usize = 16;
/// For how long.
const KEPT: Duration = Duration::from_secs(15);

pub(crate) struct HyperIo {
    client: Client<HttpsConnector<HttpConnector>, String>,
    timeout: Duration,
    gate: Mutex<()>,
}

impl HyperIo {
    pub(crate) fn new(settings: &Settings) -> Result<Self, StartError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(aws_lc_rs::default_provider())
            .map_err(|error| StartError::SetUp(error.to_string()))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(POOL)
            .pool_idle_timeout(KEPT)
            .build(tls);
        Ok(Self {
            client,
            timeout: settings.timeout,
            gate: Mutex::default(),
        })
    }

    async fn once(&self, question: &Question) -> Result<Answer, Trouble> {
        let answer = self.client.request(question.request.clone()).await;
        let (head, body) = answer.map_err(|error| trouble(&error))?.into_parts();
        let limit = usize::try_from(question.limit).unwrap_or(usize::MAX);
        let whole = Limited::new(body, limit).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                Trouble::TooLong(question.limit)
            } else {
                Trouble::Connection
            }
        })?;
        Ok(Answer::from_parts(head, whole.to_bytes().to_vec()))
    }
}

/// Whether the connection failed, or somebody speaks who is no server of HTTP.
fn trouble(error: &hyper_util::client::legacy::Error) -> Trouble {
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<hyper::Error>());
    if cause.is_some_and(hyper::Error::is_parse) {
        return Trouble::NotOurs("it does not speak HTTP as authd does");
    }
    Trouble::Connection
}

impl Io for HyperIo {
    async fn ask(&self, question: &Question) -> Result<Answer, Trouble> {
        let twice = async {
            match self.once(question).await {
                // Once more if the connection broke, as one does that was kept too long.
                Err(Trouble::Connection) => self.once(question).await,
                other => other,
            }
        };
        let time = self.timeout + question.wait;
        time::timeout(time, twice)
            .await
            .unwrap_or(Err(Trouble::Late))
    }

    async fn alone(&self, work: impl Future<Output = ()>) {
        let _alone = self.gate.lock().await;
        work.await;
    }

    async fn alone_if_free(&self, work: impl Future<Output = ()>) {
        if let Ok(_alone) = self.gate.try_lock() {
            work.await;
        }
    }

    async fn pause(&self, time: Duration) {
        time::sleep(time).await;
    }
}
