//! `authctl user`: one file a verb.

mod add;
mod code;
mod confirm_email;
mod delete;
mod disable;
mod enable;
mod grant;
mod invite;
mod list;
mod passwd;
mod permissions;
mod reset_link;
mod revoke;
mod set;
mod show;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;

/// Manage accounts
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Add(add::Args),
    List(list::Args),
    Show(show::Args),
    Set(set::Args),
    Passwd(passwd::Args),
    Invite(invite::Args),
    ResetLink(reset_link::Args),
    ConfirmEmail(confirm_email::Args),
    Enable(enable::Args),
    Disable(disable::Args),
    Grant(grant::Args),
    Revoke(revoke::Args),
    Permissions(permissions::Args),
    Delete(delete::Args),
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Add(args) => add::run(args, ctx),
        Command::List(args) => list::run(args, ctx),
        Command::Show(args) => show::run(args, ctx),
        Command::Set(args) => set::run(args, ctx),
        Command::Passwd(args) => passwd::run(args, ctx),
        Command::Invite(args) => invite::run(args, ctx),
        Command::ResetLink(args) => reset_link::run(args, ctx),
        Command::ConfirmEmail(args) => confirm_email::run(args, ctx),
        Command::Enable(args) => enable::run(args, ctx),
        Command::Disable(args) => disable::run(args, ctx),
        Command::Grant(args) => grant::run(args, ctx),
        Command::Revoke(args) => revoke::run(args, ctx),
        Command::Permissions(args) => permissions::run(args, ctx),
        Command::Delete(args) => delete::run(args, ctx),
    }
}

/// Environment variable with a new password for `add` and `passwd`.
const PASSWORD_VARIABLE: &str = "AUTHD_USER_PASSWORD";
