//! `authctl session`: one file a verb.

mod list;
mod prune;
mod revoke;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;

/// Show and end sessions
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    List(list::Args),
    Revoke(revoke::Args),
    Prune(prune::Args),
}

impl Command {
    /// Whether it asks who may do what.
    pub(super) fn knows_rights(&self) -> bool {
        matches!(self, Self::List(_) | Self::Revoke(_))
    }
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::List(args) => list::run(args, ctx),
        Command::Revoke(args) => revoke::run(args, ctx),
        Command::Prune(args) => prune::run(args, ctx),
    }
}
