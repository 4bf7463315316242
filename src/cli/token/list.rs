//! `authctl token list`.

use serde_json::json;

use super::{COLUMNS, OwnerArgs, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::api_token::ApiTokenId;
use crate::service::api_tokens;

/// List API tokens in the order they were made, expired ones among them
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl token list --user ada@example.com")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    owner: OwnerArgs,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,

    /// Only those after this id: the next page
    #[arg(long, value_name = "CURSOR")]
    after: Option<ApiTokenId>,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let store = ctx.store(IfMissing::Fail)?;
    let of = args.owner.given();
    let page = api_tokens::list(&store, of.as_ref(), args.after, args.limit)?;
    let document = json!({"api_tokens": page.tokens, "next": page.next});
    let rows = page.tokens.iter().map(row).collect();
    ctx.output.many(&document, &COLUMNS, rows, page.next)
}
