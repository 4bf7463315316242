//! `authctl secret`: one file a verb.

mod rotate;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;

/// Manage the secret key, which seals the signing keys in the database
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Rotate(rotate::Args),
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Rotate(args) => rotate::run(args, ctx),
    }
}
