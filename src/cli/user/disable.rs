//! `authctl user disable`.

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::user::UserRef;
use crate::service::accounts::LastSuperuser;

/// Stop an account from logging in
///
/// Its sessions end now: the next verify of any token it holds fails.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl user disable ada@example.com --yes")]
pub(in crate::cli) struct Args {
    /// E-mail address or id of the account
    user: UserRef,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,

    /// Disable even the last active superuser
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let accounts = ctx.accounts(IfMissing::Fail)?;
    if !args.yes {
        let user = accounts.find(&args.user)?;
        ctx.confirm(false, &format!("Disable {}?", user.email))?;
    }
    let guard = if args.force {
        LastSuperuser::Force
    } else {
        LastSuperuser::Keep
    };
    let user = accounts.disable(&args.user, guard)?;
    ctx.output.user(&user)
}
