//! `authctl webhook retry`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::webhook::WebhookId;
use crate::service::webhooks;

/// Let authd try at once what has failed, and what was given up
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl webhook retry 01a207da-808f-7a02-b6e4-2c9f1d7a3e58")]
pub(in crate::cli) struct Args {
    /// The webhook's id
    id: WebhookId,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    print(&webhooks::retry(&desk, args.id)?, ctx.output)
}
