//! `authctl field rename`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::field::FieldName;
use crate::service::fields;

/// Give a field another name
///
/// Accounts have under the new name at authd's next request what they had under the old one, which
/// is gone.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl field rename department unit")]
pub(in crate::cli) struct Args {
    /// Its name
    name: FieldName,

    /// Its new name
    to: FieldName,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let field = fields::rename(&desk, args.name, None, args.to)?;
    print(&field, ctx.output)
}
