//! `authctl webhook list`.

use serde_json::json;

use super::{COLUMNS, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::service::webhooks;

/// List webhooks, and how far they were told
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl webhook list\n  authctl webhook list -o json")]
pub(in crate::cli) struct Args {}

pub(super) fn run(_: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let all = webhooks::list(&desk)?;
    let rows = all.iter().map(row).collect();
    ctx.output
        .many(&json!({"webhooks": all}), &COLUMNS, rows, None::<String>)
}
