//! `authctl token add`.

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde_json::json;

use super::{COLUMNS, OwnerArgs, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::label::Label;
use crate::domain::scope::Scope;
use crate::service::api_tokens::{self, NewApiToken};

/// Make an API token, and show it this once
///
/// It is accepted wherever an access token is, and ends when it expires, when it is revoked, when
/// its user gets another password or is disabled, or when its client is disabled. Only a hash of it
/// is stored. With -q it is all that is printed.
#[derive(clap::Args, Debug)]
#[command(
    group = clap::ArgGroup::new("owner").args(["user", "client"]).required(true),
    after_help = "Examples:\n  authctl token add --user ci@example.com --name nightly --scope read\n  authctl token add --client billing --name cron --expires never -q"
)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    owner: OwnerArgs,

    /// What it is for: people find it by this
    #[arg(long)]
    name: Label,

    /// What it may be used for; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<Scope>,

    /// For how long it is good, as in 12h or 90d, or 'never' for a token that does not expire
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = life)]
    expires: Life,
}

/// For how long; `None`: for ever.
#[derive(Clone, Copy, Debug)]
struct Life(Option<SignedDuration>);

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let owner = args.owner.given().ok_or(CliError::NothingToChange)?;
    let scope = Scope::union(&args.scope).map_err(|error| CliError::Value {
        what: "--scope".into(),
        problem: error.to_string(),
    })?;
    let new = NewApiToken {
        owner,
        scope,
        name: args.name,
        life: args.expires.0,
    };
    let desk = ctx.management(IfMissing::Fail)?;
    let made = api_tokens::add(&desk, new)?;
    let secret = made.secret.expose();
    let document = json!({"token": secret, "api_token": made.token});
    let columns = [&["token"], &COLUMNS[..]].concat();
    let row = [vec![secret.to_owned()], row(&made.token)].concat();
    ctx.output.one(&document, &columns, row)?;
    ctx.output
        .note("The token is shown this once: only a hash of it is stored.");
    Ok(())
}

/// A time from a second on, or none; days have 24 hours.
fn life(text: &str) -> Result<Life, &'static str> {
    if text == "never" {
        return Ok(Life(None));
    }
    let span: Option<Span> = text.parse().ok();
    span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .filter(|life| *life >= SignedDuration::from_secs(1))
        .map(|life| Life(Some(life)))
        .ok_or("write a duration with its unit, as in 12h or 90d, or 'never'")
}
