//! `authctl db`: one file a verb.

mod copy;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;

/// Manage whole databases
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Copy(copy::Args),
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Copy(args) => copy::run(args, ctx),
    }
}
