//! `authctl session prune`.

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::service::pruning::{Pruned, Pruner};

/// End the sessions whose time is up, and forget what ended long ago
///
/// A running authd does so by itself, a few at a time. Here it is done at once, to the end.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl session prune\n  authctl session prune -o json")]
pub(in crate::cli) struct Args {}

pub(super) fn run(_: Args, ctx: &mut Context) -> Result<(), CliError> {
    let store = ctx.store(IfMissing::Fail)?;
    let mut pruner = Pruner::new(ctx.config.sessions, ctx.sources.clone());
    let mut pruned = Pruned::default();
    loop {
        let step = pruner.step(&store)?;
        pruned = pruned.and(step);
        if pruner.has_seen_all() && step.is_nothing() {
            break;
        }
    }
    let Pruned {
        sessions,
        revoked_tokens,
        api_tokens,
        account_codes,
        changes,
        kept_answers,
    } = pruned;
    let sentence = format!(
        "ended {sessions} sessions; forgot {revoked_tokens} revoked tokens, {api_tokens} expired API tokens, {account_codes} expired codes, {changes} old changes and {kept_answers} kept answers"
    );
    ctx.output.outcome(&pruned, &sentence)
}
