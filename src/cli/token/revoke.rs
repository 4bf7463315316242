//! `authctl token revoke`.

use super::{COLUMNS, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::api_token::ApiTokenId;
use crate::service::api_tokens;

/// Revoke an API token: the next verify of it fails
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl token revoke 019ab3c0-7b1a-7c3d-8e4f-5a6b7c8d9e0f --yes"
)]
pub(in crate::cli) struct Args {
    /// Id of the token, as 'list' shows it; never the token itself
    id: ApiTokenId,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    ctx.confirm(args.yes, &format!("Revoke the API token {}?", args.id))?;
    let token = api_tokens::revoke(&desk, args.id)?;
    ctx.output.one(&token, &COLUMNS, row(&token))
}
