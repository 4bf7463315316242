//! `authctl user delete`.

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::user::UserRef;
use crate::service::accounts::LastSuperuser;

/// Remove an account for good
///
/// Its tokens end now. Its id is never used again; its e-mail address may be.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl user delete ada@example.com --yes")]
pub(in crate::cli) struct Args {
    /// E-mail address or id of the account
    user: UserRef,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,

    /// Delete even the last active superuser
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let accounts = ctx.accounts(IfMissing::Fail)?;
    if !args.yes {
        let user = accounts.find(&args.user)?;
        ctx.confirm(false, &format!("Delete {} for good?", user.email))?;
    }
    let guard = if args.force {
        LastSuperuser::Force
    } else {
        LastSuperuser::Keep
    };
    let user = accounts.delete(&args.user, guard)?;
    ctx.output.user(&user)
}
