//! `authctl client enable`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::client::ClientId;
use crate::service::clients;

/// Let a disabled client do what it may again
///
/// Its secret and its API tokens are as they were; sessions that ended stay ended.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl client enable billing")]
pub(in crate::cli) struct Args {
    /// The client's id
    id: ClientId,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let client = clients::enable(&desk, &args.id)?;
    print(&client, ctx.output)
}
