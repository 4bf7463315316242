//! `authctl permission`: one file a verb.

mod add;
mod delete;
mod list;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::output::Output;
use crate::domain::permission::Permission;

/// Manage permissions: what accounts can be allowed to do
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Add(add::Args),
    List(list::Args),
    Delete(delete::Args),
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Add(args) => add::run(args, ctx),
        Command::List(args) => list::run(args, ctx),
        Command::Delete(args) => delete::run(args, ctx),
    }
}

/// The columns of a permission, in this order.
const COLUMNS: [&str; 3] = ["name", "description", "is_builtin"];

fn row(permission: &Permission) -> Vec<String> {
    vec![
        permission.name.to_string(),
        permission.description.clone(),
        permission.is_builtin.to_string(),
    ]
}

fn print(permission: &Permission, output: Output) -> Result<(), CliError> {
    output.one(permission, &COLUMNS, row(permission))
}
