//! `authctl ping`.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use super::context::Context;
use super::error::CliError;
use super::healthcheck;
use crate::http::probe::{self, ProbeError};

/// Ask authd whether it is ready
///
/// Exits with 0 if it is and with 7 otherwise: what a CI script calls before its tests.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl ping --wait 30s\n  authctl ping --url https://auth.example.com"
)]
pub(super) struct Args {
    /// Where authd is, as http(s)://host:port or unix:/path [default: the first address it is
    /// configured to listen at]
    #[arg(long)]
    url: Option<String>,

    /// Keep asking for so long, as in 30s
    #[arg(long, value_name = "DURATION", value_parser = parse_wait)]
    wait: Option<Duration>,
}

/// A question gets at least so long for its answer, however short the wait.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let url = args
        .url
        .unwrap_or_else(|| healthcheck::default_url(&ctx.config));
    let patience = args.wait.unwrap_or_default();
    let began = Instant::now();
    loop {
        let left = patience.saturating_sub(began.elapsed());
        let timeout = match args.wait {
            None => healthcheck::TIMEOUT,
            Some(_) => left.clamp(SHORTEST_TIMEOUT, healthcheck::TIMEOUT),
        };
        match probe::ready(&url, timeout) {
            Ok(()) => {
                let sentence = format!("authd at {url} is ready");
                return ctx
                    .output
                    .outcome(&json!({"ready": true, "url": url}), &sentence);
            }
            Err(error @ ProbeError::Url(_)) => return Err(error.into()),
            Err(error) if began.elapsed() >= patience => return Err(error.into()),
            Err(_) => sleep(PAUSE),
        }
    }
}

/// A duration with its unit.
fn parse_wait(text: &str) -> Result<Duration, &'static str> {
    let wait: Option<jiff::SignedDuration> = text.parse().ok();
    wait.and_then(|wait| Duration::try_from(wait).ok())
        .ok_or("write a duration with its unit, as in 30s or 2m")
}
