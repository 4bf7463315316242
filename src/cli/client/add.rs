//! `authctl client add`.

use serde_json::json;

use super::{COLUMNS, print_with_secret, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::audience::{Audience, AudienceError};
use crate::domain::client::{Client, ClientId, NewClient};
use crate::domain::label::Label;
use crate::domain::scope::Scope;
use crate::service::clients::{self, ClientError};

/// Add a client, and show its secret this once
///
/// The secret is 256 random bits, made here; only a hash of it is stored. With -q it is all that is
/// printed. Creates the database if there is none.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl client add billing --scope read --scope write\n  authctl client add gateway --audience https://api.example.com -o json"
)]
pub(in crate::cli) struct Args {
    /// The name it goes by: its client_id
    id: ClientId,

    /// What people call it
    #[arg(long, default_value = "", hide_default_value = true)]
    name: Label,

    /// What it may ask for; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<Scope>,

    /// Whose tokens are its business: it may get tokens for these and ask about those of these; may
    /// be repeated, the first is the usual one [default: tokens.audience]
    #[arg(long, value_name = "URI")]
    audience: Vec<Audience>,

    /// Succeed without a change, and without a secret, if the client exists
    #[arg(long)]
    if_not_exists: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Create)?;
    if args.if_not_exists {
        match clients::find(desk.store(), &args.id) {
            Ok(client) => return existing(&client, ctx),
            Err(ClientError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let new = NewClient {
        scopes: Scope::union(&args.scope).map_err(|error| invalid("--scope", &error))?,
        audiences: audiences(args.audience, ctx)?,
        id: args.id,
        name: args.name,
    };
    let made = clients::add(&desk, new)?;
    print_with_secret(&made, true, ctx.output)
}

fn existing(client: &Client, ctx: &Context) -> Result<(), CliError> {
    let document = json!({"created": false, "client": client});
    ctx.output.one(&document, &COLUMNS, row(client))?;
    let note = format!("'{}' exists already; nothing was changed", client.id);
    ctx.output.note(&note);
    Ok(())
}

/// Those given, each once; or that of all tokens.
fn audiences(given: Vec<Audience>, ctx: &Context) -> Result<Vec<Audience>, CliError> {
    let mut audiences: Vec<Audience> = Vec::new();
    for audience in given {
        if !audiences.contains(&audience) {
            audiences.push(audience);
        }
    }
    if audiences.is_empty() {
        let usual = ctx.config.tokens.audience.parse();
        audiences.push(usual.map_err(|error: AudienceError| invalid("tokens.audience", &error))?);
    }
    if audiences.len() > Client::MAX_AUDIENCES {
        let problem = format!("a client has at most {} audiences", Client::MAX_AUDIENCES);
        return Err(invalid("--audience", &problem));
    }
    Ok(audiences)
}

fn invalid(what: &str, problem: &impl ToString) -> CliError {
    CliError::Value {
        what: what.to_owned(),
        problem: problem.to_string(),
    }
}
