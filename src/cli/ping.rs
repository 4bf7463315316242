//! `authctl ping`.

use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
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
    #[arg(long, value_name = "DURATION")]
    wait: Option<SignedDuration>,
}

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let url = args
        .url
        .unwrap_or_else(|| healthcheck::default_url(&ctx.config));
    let patience = args
        .wait
        .map_or(Duration::ZERO, SignedDuration::unsigned_abs);
    let began = Instant::now();
    loop {
        match probe::ready(&url, healthcheck::TIMEOUT) {
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
