//! `authctl group rename`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::group::{GroupName, GroupRef};
use crate::service::groups;

/// Give a group another name
///
/// Its members are in the group of the new name at authd's next request, and in none of the old one.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl group rename billing accounting")]
pub(in crate::cli) struct Args {
    /// Name or id of the group
    group: GroupRef,

    /// Its new name
    name: GroupName,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let group = groups::rename(&desk, args.group, None, args.name)?;
    print(&group, ctx.output)
}
