//! `authctl client rotate-secret`.

use super::print_with_secret;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::client::ClientId;
use crate::service::clients;

/// Give a client another secret, and show it this once
///
/// The old secret is refused from now on. Tokens that the client holds stay good until they end;
/// 'disable' ends them. With -q the secret is all that is printed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl client rotate-secret billing --yes -q")]
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
    let question = format!("Give '{}' another secret?", client.id);
    ctx.confirm(args.yes, &question)?;
    let made = clients::rotate_secret(&desk, &args.id)?;
    print_with_secret(&made, false, ctx.output)
}
