//! `authctl group grant`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::group::GroupRef;
use crate::domain::permission::PermissionName;
use crate::service::groups;

/// Give a permission to all members of a group
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl group grant billing billing.refund")]
pub(in crate::cli) struct Args {
    /// Name or id of the group
    group: GroupRef,

    /// The permission, as users.view
    permission: PermissionName,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let group = groups::grant(&desk, args.group, args.permission)?;
    print(&group, ctx.output)
}
