//! `authctl client show`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::client::ClientId;
use crate::service::clients;

/// Show a client, without its secret
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl client show billing -o json")]
pub(in crate::cli) struct Args {
    /// The client's id
    id: ClientId,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let store = ctx.store(IfMissing::Fail)?;
    print(&clients::find(&store, &args.id)?, ctx.output)
}
