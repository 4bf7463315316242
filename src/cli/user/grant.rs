//! `authctl user grant`.

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::permission::PermissionName;
use crate::domain::user::UserRef;
use crate::service::permissions;

/// Give an account a permission by itself
///
/// It has it at authd's next request, whatever its groups.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl user grant ada@example.com billing.refund")]
pub(in crate::cli) struct Args {
    /// E-mail address or id of the account
    user: UserRef,

    /// The permission, as users.view
    permission: PermissionName,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let user = permissions::grant(&desk, args.user, args.permission)?;
    ctx.output.user(&user)
}
