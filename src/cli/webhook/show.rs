//! `authctl webhook show`.

use serde_json::{Value, json};

use super::{COLUMNS, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::webhook::WebhookId;
use crate::service::webhooks;

/// Show a webhook, and the messages that were given up
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl webhook show 01a207da-808f-7a02-b6e4-2c9f1d7a3e58 -o json"
)]
pub(in crate::cli) struct Args {
    /// The webhook's id
    id: WebhookId,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let shown = webhooks::find(&desk, args.id)?;
    let dead: Vec<Value> = shown
        .dead_letters
        .iter()
        .map(|letter| {
            json!({"user_id": letter.user, "version": letter.version, "error": letter.error})
        })
        .collect();
    let document = json!({"webhook": shown.webhook, "dead_letters": dead});
    ctx.output.one(&document, &COLUMNS, row(&shown.webhook))
}
