//! `authctl group`: one file a verb.

mod add;
mod add_user;
mod delete;
mod grant;
mod list;
mod remove_user;
mod rename;
mod revoke;
mod show;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::output::Output;
use crate::domain::group::Group;
use crate::domain::permission::PermissionName;

/// Manage groups: accounts that may do the same
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Add(add::Args),
    List(list::Args),
    Show(show::Args),
    Rename(rename::Args),
    Delete(delete::Args),
    AddUser(add_user::Args),
    RemoveUser(remove_user::Args),
    Grant(grant::Args),
    Revoke(revoke::Args),
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Add(args) => add::run(args, ctx),
        Command::List(args) => list::run(args, ctx),
        Command::Show(args) => show::run(args, ctx),
        Command::Rename(args) => rename::run(args, ctx),
        Command::Delete(args) => delete::run(args, ctx),
        Command::AddUser(args) => add_user::run(args, ctx),
        Command::RemoveUser(args) => remove_user::run(args, ctx),
        Command::Grant(args) => grant::run(args, ctx),
        Command::Revoke(args) => revoke::run(args, ctx),
    }
}

/// The columns of a group, in this order.
const COLUMNS: [&str; 5] = ["id", "name", "permissions", "created_at", "version"];

fn row(group: &Group) -> Vec<String> {
    let permissions: Vec<&str> = group
        .permissions
        .iter()
        .map(PermissionName::as_str)
        .collect();
    vec![
        group.id.to_string(),
        group.name.to_string(),
        permissions.join(" "),
        group.created_at.to_string(),
        group.version.to_string(),
    ]
}

fn print(group: &Group, output: Output) -> Result<(), CliError> {
    output.one(group, &COLUMNS, row(group))
}
