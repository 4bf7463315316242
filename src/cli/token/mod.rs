//! `authctl token`: one file a verb.

mod add;
mod list;
mod revoke;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use crate::domain::api_token::{ApiToken, Owner};
use crate::domain::client::ClientId;
use crate::domain::user::UserRef;
use crate::service::api_tokens::OwnerRef;

/// Manage API tokens: what stands for a user or a client in scripts
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Add(add::Args),
    List(list::Args),
    Revoke(revoke::Args),
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Add(args) => add::run(args, ctx),
        Command::List(args) => list::run(args, ctx),
        Command::Revoke(args) => revoke::run(args, ctx),
    }
}

/// Whose token it is.
#[derive(clap::Args, Debug)]
struct OwnerArgs {
    /// E-mail address or id of the account
    #[arg(long, value_name = "USER", conflicts_with = "client")]
    user: Option<UserRef>,

    /// Id of the client
    #[arg(long, value_name = "CLIENT")]
    client: Option<ClientId>,
}

impl OwnerArgs {
    fn given(self) -> Option<OwnerRef> {
        match (self.user, self.client) {
            (Some(user), _) => Some(OwnerRef::User(user)),
            (None, client) => client.map(OwnerRef::Client),
        }
    }
}

/// The columns of a token, in this order.
const COLUMNS: [&str; 6] = ["id", "name", "owner", "scope", "created_at", "expires_at"];

fn row(token: &ApiToken) -> Vec<String> {
    let expires_at = token.expires_at.map(|at| at.to_string());
    vec![
        token.id.to_string(),
        token.name.to_string(),
        match &token.owner {
            Owner::User(id) => id.to_string(),
            Owner::Client(id) => id.to_string(),
        },
        token.scope.to_string(),
        token.created_at.to_string(),
        expires_at.unwrap_or_else(|| "never".into()),
    ]
}
