//! `authctl permission add`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::label::Label;
use crate::domain::permission::PermissionName;
use crate::service::permissions::{self, PermissionError};

/// Add a permission of your own, for your services to ask for
///
/// It appears in the answers of verify and introspect for whoever has it: those it is granted to,
/// and superusers. Creates the database if there is none.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl permission add billing.refund --description Refunds --if-not-exists"
)]
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

    /// Succeed without a change if the permission exists
    #[arg(long)]
    if_not_exists: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Create)?;
    if args.if_not_exists {
        match permissions::find(&desk, &args.name) {
            Ok(permission) => {
                print(&permission, ctx.output)?;
                let note = format!("'{}' exists already; nothing was changed", permission.name);
                ctx.output.note(&note);
                return Ok(());
            }
            Err(PermissionError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let permission = permissions::add(&desk, args.name, args.description)?;
    print(&permission, ctx.output)
}
