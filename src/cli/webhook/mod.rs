//! `authctl webhook`: one file a verb.

mod add;
mod delete;
mod list;
mod retry;
mod show;
mod test;

use std::sync::Arc;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::output::Output;
use crate::domain::webhook::{Webhook, WebhookEvent};
use crate::service::keys;
use crate::service::management::Management;
use crate::tokens::SealingKey;

/// Manage webhooks: services that are told what becomes of accounts
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Add(add::Args),
    List(list::Args),
    Show(show::Args),
    Test(test::Args),
    Retry(retry::Args),
    Delete(delete::Args),
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Add(args) => add::run(args, ctx),
        Command::List(args) => list::run(args, ctx),
        Command::Show(args) => show::run(args, ctx),
        Command::Test(args) => test::run(args, ctx),
        Command::Retry(args) => retry::run(args, ctx),
        Command::Delete(args) => delete::run(args, ctx),
    }
}

/// The columns of a webhook, in this order.
const COLUMNS: [&str; 10] = [
    "id",
    "url",
    "events",
    "created_at",
    "cursor",
    "failures",
    "retry_at",
    "last_error",
    "delivered_at",
    "dead_letters",
];

fn row(webhook: &Webhook) -> Vec<String> {
    let events: Vec<&str> = webhook.events.iter().map(|event| event.name()).collect();
    let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string());
    vec![
        webhook.id.to_string(),
        webhook.url.to_string(),
        events.join(" "),
        webhook.created_at.to_string(),
        webhook.cursor.to_string(),
        webhook.failures.to_string(),
        time(webhook.retry_at).unwrap_or_default(),
        webhook.last_error.clone().unwrap_or_default(),
        time(webhook.delivered_at).unwrap_or_default(),
        webhook.dead_letters.to_string(),
    ]
}

fn print(webhook: &Webhook, output: Output) -> Result<(), CliError> {
    output.one(webhook, &COLUMNS, row(webhook))
}

/// The secret that seals those of webhooks.
fn sealing(desk: &Management, ctx: &Context) -> Result<Arc<SealingKey>, CliError> {
    Ok(keys::unsealing(desk.store(), &ctx.config.secret_key)?)
}

/// Each once, or all.
fn events(given: Vec<WebhookEvent>) -> Vec<WebhookEvent> {
    let mut events = if given.is_empty() {
        WebhookEvent::ALL.to_vec()
    } else {
        given
    };
    events.sort_unstable();
    events.dedup();
    events
}
