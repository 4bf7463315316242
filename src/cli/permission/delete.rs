//! `authctl permission delete`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::permission::PermissionName;
use crate::service::permissions;

/// Remove a permission of your own, from all who have it
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl permission delete billing.refund --yes")]
pub(in crate::cli) struct Args {
    /// Its name
    name: PermissionName,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let question = format!("Delete the permission '{}' for good?", args.name);
    ctx.confirm(args.yes, &question)?;
    let permission = permissions::delete(&desk, args.name)?;
    print(&permission, ctx.output)
}
