//! `authctl webhook add`.

use serde_json::json;

use super::{COLUMNS, events, row, sealing};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::webhook::{WebhookEvent, WebhookUrl};
use crate::service::webhooks;

/// Add a webhook, and show its secret this once
///
/// It is told what becomes of accounts from now on, by messages that are signed with the secret
/// (Standard Webhooks). With -q the secret is all that is printed. A running authd, or one that is
/// started later, does the telling.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl webhook add https://example.com/hooks\n  authctl webhook add https://example.com/gone --event user.deleted -o json"
)]
pub(in crate::cli) struct Args {
    /// Where the messages go: an address as https://example.com/hooks
    url: WebhookUrl,

    /// Only this: user.changed or user.deleted; may be repeated
    #[arg(long, value_name = "EVENT")]
    event: Vec<WebhookEvent>,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let sealing = sealing(&desk, ctx)?;
    let rules = &ctx.config.webhooks;
    let made = webhooks::add(&desk, &sealing, rules, args.url, events(args.event))?;
    let secret = made.secret.expose();
    let document = json!({"webhook": made.webhook, "secret": secret});
    let columns = [&["secret"], &COLUMNS[..]].concat();
    let row = [vec![secret.clone()], row(&made.webhook)].concat();
    ctx.output.one(&document, &columns, row)?;
    ctx.output
        .note("The secret is shown this once: it is stored sealed.");
    Ok(())
}
