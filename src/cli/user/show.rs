//! `authctl user show`.

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::user::UserRef;

/// Show an account
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl user show ada@example.com -o json")]
pub(in crate::cli) struct Args {
    /// E-mail address or id of the account
    user: UserRef,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let user = ctx.accounts(IfMissing::Fail)?.find(&args.user)?;
    ctx.output.user(&user)
}
