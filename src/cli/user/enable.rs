//! `authctl user enable`.

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::user::UserRef;

/// Let a disabled account log in again
///
/// Tokens from before stay ended.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl user enable ada@example.com")]
pub(in crate::cli) struct Args {
    /// E-mail address or id of the account
    user: UserRef,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let user = ctx.accounts(IfMissing::Fail)?.enable(&args.user)?;
    ctx.output.user(&user)
}
