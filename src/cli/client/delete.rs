//! `authctl client delete`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::client::ClientId;
use crate::service::clients;

/// Remove a client for good
///
/// Its tokens, and the sessions that were made through it, end now.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl client delete billing --yes")]
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
    ctx.confirm(args.yes, &format!("Delete '{}' for good?", client.id))?;
    let client = clients::delete(&desk, &args.id)?;
    print(&client, ctx.output)
}
