//! `authctl webhook delete`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::webhook::WebhookId;
use crate::service::webhooks;

/// Remove a webhook for good, with what was given up
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl webhook delete 01a207da-808f-7a02-b6e4-2c9f1d7a3e58 --yes"
)]
pub(in crate::cli) struct Args {
    /// The webhook's id
    id: WebhookId,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let found = webhooks::find(&desk, args.id)?.webhook;
    ctx.confirm(args.yes, &format!("Delete the webhook {}?", found.url))?;
    print(&webhooks::delete(&desk, args.id)?, ctx.output)
}
