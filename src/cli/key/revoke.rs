//! `authctl key revoke`.

use serde_json::json;

use super::{lifecycle, sealing};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;

/// Revoke a key that may have leaked
///
/// Its tokens are refused by everybody who asks authd, from the next question on. If it signs,
/// another takes its place in the same moment: sessions go on, and get a new token at their next
/// refresh.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl key revoke 1bB5lmTFUzhrxN1LL9RwYpmMb63UvWAp_9VxVPRaUSI --yes"
)]
pub(in crate::cli) struct Args {
    /// The key's id: the header kid of its tokens
    #[arg(allow_hyphen_values = true)]
    kid: String,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let store = ctx.store(IfMissing::Fail)?;
    let sealing = sealing(&store, ctx)?;
    ctx.confirm(
        args.yes,
        &format!("Revoke the key {}, with all of its tokens?", args.kid),
    )?;
    let successor = lifecycle(&store, sealing, ctx).revoke(&args.kid)?;
    let sentence = match &successor {
        Some(key) => format!(
            "revoked the key {}; {} signs from now on",
            args.kid, key.kid
        ),
        None => format!("revoked the key {}", args.kid),
    };
    let document = json!({"revoked": args.kid, "active": successor});
    ctx.output.outcome(&document, &sentence)
}
