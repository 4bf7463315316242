//! `authctl field delete`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::field::FieldName;
use crate::service::fields;

/// Remove a field for good, with what accounts have in it
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl field delete department --yes")]
pub(in crate::cli) struct Args {
    /// Its name
    name: FieldName,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    if !args.yes {
        let field = fields::find(&desk, &args.name)?;
        let question = format!(
            "Delete the field '{}' and what accounts have in it for good?",
            field.name
        );
        ctx.confirm(false, &question)?;
    }
    let field = fields::delete(&desk, args.name, None)?;
    print(&field, ctx.output)
}
