//! `authctl audit`: what was done. Without a verb it lists.

mod list;
mod verify;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;

/// Show what was done, by whom, to whom, from where and with what result
///
/// The last events in their order, or with --after or --since the first from there on.
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  authctl audit --user ada@example.com --since 24h\n  authctl audit --action login --follow -o json\n  authctl audit verify"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,

    #[command(flatten)]
    list: list::Args,
}

/// What else can be done with events.
#[derive(Subcommand, Debug)]
enum Verb {
    Verify(verify::Args),
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    match args.verb {
        Some(Verb::Verify(args)) => verify::run(args, ctx),
        None => list::run(args.list, ctx),
    }
}
