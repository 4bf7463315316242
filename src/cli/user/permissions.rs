//! `authctl user permissions`.

use serde_json::json;

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::user::UserRef;
use crate::service::permissions;

/// List what an account may do
///
/// All that it may: what it was given by itself (direct), and what else comes of its groups or of its
/// being a superuser.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl user permissions ada@example.com\n  authctl user permissions ada@example.com -q"
)]
pub(in crate::cli) struct Args {
    /// E-mail address or id of the account
    user: UserRef,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let user = ctx.accounts(IfMissing::Fail)?.find(&args.user)?;
    let direct = permissions::direct(&ctx.management(IfMissing::Fail)?, user.id)?;
    let document = json!({"direct": direct, "effective": user.permissions});
    let row = |name: &crate::domain::permission::PermissionName| {
        [name.to_string(), direct.contains(name).to_string()]
    };
    let rows: Vec<_> = user.permissions.iter().map(row).collect();
    ctx.output
        .list(&document, ["permission", "direct"], &rows, &[0, 1])
}
