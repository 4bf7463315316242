//! `authctl client list`.

use serde_json::json;

use super::{COLUMNS, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::client::ClientId;
use crate::service::clients;

/// List clients by their ids
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl client list\n  authctl client list -q")]
pub(in crate::cli) struct Args {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,

    /// Only those after this id: the next page
    #[arg(long, value_name = "CURSOR")]
    after: Option<ClientId>,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let store = ctx.store(IfMissing::Fail)?;
    let page = clients::list(&store, args.after.as_ref(), args.limit)?;
    let document = json!({"clients": page.clients, "next": page.next});
    let rows = page.clients.iter().map(row).collect();
    ctx.output.many(&document, &COLUMNS, rows, page.next)
}
