//! `authctl group remove-user`.

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::group::GroupRef;
use crate::domain::user::UserRef;
use crate::service::groups;

/// Take an account out of a group
///
/// It loses the group's permissions at authd's next request. Shows the account.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl group remove-user billing ada@example.com")]
pub(in crate::cli) struct Args {
    /// Name or id of the group
    group: GroupRef,

    /// E-mail address or id of the account
    user: UserRef,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let user = groups::remove_user(&desk, args.group, args.user)?;
    ctx.output.user(&user)
}
