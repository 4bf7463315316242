//! `authctl audit verify`.

use serde_json::json;

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::service::audit::{self, EventHash};

/// Check that no event was changed, removed or put between others
///
/// Each event has a hash over the one before. All of them are computed anew; the first event that
/// does not fit is named. What was cut off at the end shows no trace in what is left: keep the hash
/// that this prints somewhere else, and give it with --expect the next time.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl audit verify\n  authctl audit verify --expect 5a0caa856083d22bd1f061d4067e4eba7427c2705e9366fe001176ba6d5ceb39"
)]
pub(in crate::cli) struct Args {
    /// The hash that an earlier run printed: its event must still be there
    #[arg(long, value_name = "HASH")]
    expect: Option<EventHash>,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let verified = audit::verify(&desk, args.expect)?;
    let (events, hash) = (verified.events, verified.hash.to_string());
    let sentence =
        format!("{events} events, all as they were written; the hash of the last: {hash}");
    ctx.output
        .outcome(&json!({"events": events, "hash": hash}), &sentence)
}
