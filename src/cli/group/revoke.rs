//! `authctl group revoke`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::group::GroupRef;
use crate::domain::permission::PermissionName;
use crate::service::groups;

/// Take a permission from a group
///
/// Members keep it if they have it from elsewhere.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl group revoke billing billing.refund")]
pub(in crate::cli) struct Args {
    /// Name or id of the group
    group: GroupRef,

    /// The permission, as users.view
    permission: PermissionName,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let group = groups::revoke(&desk, args.group, args.permission)?;
    print(&group, ctx.output)
}
