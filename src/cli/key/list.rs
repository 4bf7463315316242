//! `authctl key list`.

use serde_json::json;

use super::{COLUMNS, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::service::keys::lifecycle;

/// List the keys that sign and signed, oldest first
///
/// One is active. A next one is published, and takes over at its time. A retired one verifies
/// until its last token is over.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl key list\n  authctl key list -o json")]
pub(in crate::cli) struct Args {}

pub(super) fn run(_: Args, ctx: &mut Context) -> Result<(), CliError> {
    let store = ctx.store(IfMissing::Fail)?;
    let keys = lifecycle::list(&store)?;
    let rows: Vec<_> = keys.iter().map(row).collect();
    let document = json!({"keys": keys});
    ctx.output.list(&document, COLUMNS, &rows, &[0, 1, 2, 4, 5])
}
