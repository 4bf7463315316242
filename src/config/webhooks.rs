//! `webhooks.*`.

use std::str::FromStr;

use super::error::ConfigError;
use super::layers::{self, Layers};
use crate::service::webhooks::WebhookRules;

/// The longest wait between two attempts.
const MOST_SECS: u64 = 7 * 24 * 3600;

/// The most attempts after the first.
const MOST_RETRIES: usize = 20;

/// A wait with its unit.
struct Wait(u32);

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse::<jiff::SignedDuration>().ok();
        let seconds = seconds.and_then(|duration| u64::try_from(duration.as_secs()).ok());
        match seconds.filter(|seconds| (1..=MOST_SECS).contains(seconds)) {
            Some(seconds) => Ok(Self(u32::try_from(seconds).unwrap_or(u32::MAX))),
            None => Err(format!("'{text}' is no duration from 1s to 168h, as 30m")),
        }
    }
}

pub(super) fn rules(layers: &Layers) -> Result<WebhookRules, ConfigError> {
    let retries = layers.parsed_list::<Wait>("webhooks.retries")?;
    if !(1..=MOST_RETRIES).contains(&retries.len()) {
        return Err(ConfigError::Value {
            origin: layers.find(layers::key("webhooks.retries")).1,
            key: "webhooks.retries",
            problem: format!("1 to {MOST_RETRIES} durations are needed, as 5s, 5m, 2h"),
        });
    }
    Ok(WebhookRules {
        allow_private: layers.parsed("webhooks.allow_private")?,
        retries_secs: retries.into_iter().map(|wait| wait.0).collect(),
    })
}
