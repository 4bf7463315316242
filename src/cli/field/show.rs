//! `authctl field show`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::field::FieldName;
use crate::service::fields;

/// Show a field
///
/// Accounts with a value in it: 'authctl user list --field NAME=VALUE'.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl field show department -o json")]
pub(in crate::cli) struct Args {
    /// Its name
    name: FieldName,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let field = fields::find(&ctx.management(IfMissing::Fail)?, &args.name)?;
    print(&field, ctx.output)
}
