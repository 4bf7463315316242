//! `authctl key retire`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::service::keys::lifecycle;

/// Let a key that does not sign verify no longer
///
/// Its tokens are refused from now on. A key that another took the place of is retired by itself,
/// when its last token is over.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl key retire 1bB5lmTFUzhrxN1LL9RwYpmMb63UvWAp_9VxVPRaUSI --yes"
)]
pub(in crate::cli) struct Args {
    /// The key's id: the header kid of its tokens
    #[arg(allow_hyphen_values = true)]
    kid: String,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let store = ctx.store(IfMissing::Fail)?;
    ctx.confirm(
        args.yes,
        &format!("Refuse all tokens of the key {}?", args.kid),
    )?;
    let key = lifecycle::retire(&store, &ctx.sources, &ctx.operator(), &args.kid)?;
    print(&key, ctx)
}
