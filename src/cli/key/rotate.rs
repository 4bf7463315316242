//! `authctl key rotate`.

use super::{lifecycle, print, sealing};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;

/// Make the key that signs next
///
/// It is published at once and takes over after tokens.publish_before_sign, by when everybody has
/// fetched it: no token is refused. The key before it verifies until its last token is over. An
/// authd that runs sees to all that.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl key rotate\n  authctl key rotate --now")]
pub(in crate::cli) struct Args {
    /// Let it sign at once; services that check tokens offline must fetch the keys again to know it
    #[arg(long)]
    now: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let store = ctx.store(IfMissing::Fail)?;
    let sealing = sealing(&store, ctx)?;
    let lifecycle = lifecycle(&store, sealing, ctx);
    let key = if args.now {
        lifecycle.rotate_now()?
    } else {
        lifecycle.rotate()?
    };
    print(&key, ctx)
}
