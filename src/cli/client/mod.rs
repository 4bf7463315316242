//! `authctl client`: one file a verb.

mod add;
mod delete;
mod disable;
mod enable;
mod list;
mod rotate_secret;
mod show;

use clap::Subcommand;
use serde_json::json;

use super::context::Context;
use super::error::CliError;
use super::output::Output;
use crate::domain::audience::Audience;
use crate::domain::client::Client;
use crate::service::clients::WithSecret;

/// Manage clients: services that ask for tokens and about tokens
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Add(add::Args),
    List(list::Args),
    Show(show::Args),
    RotateSecret(rotate_secret::Args),
    Enable(enable::Args),
    Disable(disable::Args),
    Delete(delete::Args),
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Add(args) => add::run(args, ctx),
        Command::List(args) => list::run(args, ctx),
        Command::Show(args) => show::run(args, ctx),
        Command::RotateSecret(args) => rotate_secret::run(args, ctx),
        Command::Enable(args) => enable::run(args, ctx),
        Command::Disable(args) => disable::run(args, ctx),
        Command::Delete(args) => delete::run(args, ctx),
    }
}

/// The columns of a client, in this order.
const COLUMNS: [&str; 7] = [
    "id",
    "name",
    "scopes",
    "audiences",
    "is_active",
    "created_at",
    "version",
];

fn row(client: &Client) -> Vec<String> {
    let audiences: Vec<&str> = client.audiences.iter().map(Audience::as_str).collect();
    vec![
        client.id.to_string(),
        client.name.clone(),
        client.scopes.to_string(),
        audiences.join(" "),
        client.is_active.to_string(),
        client.created_at.to_string(),
        client.version.to_string(),
    ]
}

fn print(client: &Client, output: Output) -> Result<(), CliError> {
    output.one(client, &COLUMNS, row(client))
}

/// A client with its new secret, which is shown this once. Quiet: the secret alone.
fn print_with_secret(made: &WithSecret, created: bool, output: Output) -> Result<(), CliError> {
    let WithSecret { client, secret } = made;
    let mut document = json!({"client": client, "client_secret": secret.expose()});
    if created {
        document["created"] = true.into();
    }
    let columns = [&["client_secret"], &COLUMNS[..]].concat();
    let row = [vec![secret.expose().to_owned()], row(client)].concat();
    output.one(&document, &columns, row)?;
    output.note("The secret is shown this once: only a hash of it is stored.");
    Ok(())
}
