//! `authctl webhook test`.

use super::{print, sealing};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::webhook::WebhookId;
use crate::service::webhooks;

/// Send a webhook a message of the type 'test', now and from here
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl webhook test 01a207da-808f-7a02-b6e4-2c9f1d7a3e58")]
pub(in crate::cli) struct Args {
    /// The webhook's id
    id: WebhookId,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let sealing = sealing(&desk, ctx)?;
    let told = webhooks::test(&desk, &sealing, &ctx.config.webhooks, args.id)?;
    print(&told, ctx.output)
}
