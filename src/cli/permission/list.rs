//! `authctl permission list`.

use serde_json::json;

use super::{COLUMNS, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::permission::PermissionName;
use crate::service::permissions;

/// List permissions by their names
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl permission list")]
pub(in crate::cli) struct Args {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,

    /// Only those after this name: the next page
    #[arg(long, value_name = "CURSOR")]
    after: Option<PermissionName>,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let page = permissions::list(&desk, args.after.as_ref(), args.limit)?;
    let document = json!({"permissions": page.permissions, "next": page.next});
    let rows = page.permissions.iter().map(row).collect();
    ctx.output.many(&document, &COLUMNS, rows, page.next)
}
