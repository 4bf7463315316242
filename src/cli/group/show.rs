//! `authctl group show`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::group::GroupRef;
use crate::service::groups;

/// Show a group
///
/// Its members: 'authctl user list --group NAME'.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl group show billing -o json")]
pub(in crate::cli) struct Args {
    /// Name or id of the group
    group: GroupRef,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let group = groups::find(&ctx.management(IfMissing::Fail)?, &args.group)?;
    print(&group, ctx.output)
}
