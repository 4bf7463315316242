//! `authctl permission add`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::label::Label;
use crate::domain::permission::PermissionName;
use crate::service::permissions;

/// Add a permission of your own, for your services to ask for
///
/// It appears in the answers of verify and introspect for whoever has it: those it is granted to,
/// and superusers. Creates the database if there is none.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl permission add billing.refund --description Refunds")]
pub(in crate::cli) struct Args {
    /// Its name: words with dots between, as billing.refund
    name: PermissionName,

    /// What it allows, for people
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    description: Label,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Create)?;
    let permission = permissions::add(&desk, args.name, args.description)?;
    print(&permission, ctx.output)
}
