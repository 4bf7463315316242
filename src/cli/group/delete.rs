//! `authctl group delete`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::group::GroupRef;
use crate::service::groups;

/// Remove a group for good
///
/// Its members stay, without what the group gave them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl group delete billing --yes")]
pub(in crate::cli) struct Args {
    /// Name or id of the group
    group: GroupRef,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    if !args.yes {
        let group = groups::find(&desk, &args.group)?;
        let question = format!("Delete the group '{}' for good?", group.name);
        ctx.confirm(false, &question)?;
    }
    let group = groups::delete(&desk, args.group, None)?;
    print(&group, ctx.output)
}
