//! `authctl client disable`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::client::ClientId;
use crate::service::clients;

/// Stop a client
///
/// Its secret and its tokens are refused, and sessions that were made through it end, all now.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl client disable billing --yes")]
pub(in crate::cli) struct Args {
    /// The client's id
    id: ClientId,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let client = clients::find(desk.store(), &args.id)?;
    ctx.confirm(args.yes, &format!("Disable '{}'?", client.id))?;
    let client = clients::disable(&desk, &args.id)?;
    print(&client, ctx.output)
}
