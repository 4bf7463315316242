//! `authctl field list`.

use serde_json::json;

use super::{COLUMNS, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::service::fields;

/// List fields by their names
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl field list\n  authctl field list -o json")]
pub(in crate::cli) struct Args {}

/// The columns that people see: name, type, label, required, unique, default.
const SHOWN: [usize; 6] = [0, 1, 2, 3, 4, 6];

pub(super) fn run(_: Args, ctx: &mut Context) -> Result<(), CliError> {
    let fields = fields::list(&ctx.management(IfMissing::Fail)?)?;
    let rows: Vec<_> = fields.iter().map(row).collect();
    let document = json!({"fields": fields});
    ctx.output.list(&document, COLUMNS, &rows, &SHOWN)
}
