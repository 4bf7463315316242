//! `authctl migrate`.

use serde_json::json;

use super::context::Context;
use super::error::CliError;
use crate::store::{self, Migration};

/// Create the database, or bring it up to this release
///
/// Each step is applied in a transaction of its own; running it again changes nothing. Stop authd
/// first if the release notes say so.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl migrate --plan\n  authctl migrate")]
pub(super) struct Args {
    /// Change nothing; exit with 6 if there is something to do
    #[arg(long, conflicts_with = "plan")]
    check: bool,

    /// Change nothing; list what would be done
    #[arg(long)]
    plan: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let (url, timeout) = (&ctx.config.database.url, ctx.config.database.timeout);
    let exists = store::exists(url, timeout)?;
    let pending = if exists {
        store::plan(url, timeout)?.pending
    } else {
        store::all_migrations()
    };
    let names: Vec<String> = pending.iter().map(name).collect();
    if args.check && !pending.is_empty() {
        return Err(CliError::MigrationsPending(pending.len()));
    }
    if args.check || args.plan {
        let sentence = match names.as_slice() {
            [] => format!("'{}' is up to date", url.place()),
            names => format!("'{}' would get: {}", url.place(), names.join(", ")),
        };
        return ctx
            .output
            .outcome(&json!({"applied": [], "pending": names}), &sentence);
    }
    let now = ctx.sources.clock.now();
    if exists {
        store::migrate(url, timeout, now)?;
    } else {
        store::create(url, timeout, now)?;
    }
    let sentence = match names.as_slice() {
        [] => format!("'{}' was up to date already", url.place()),
        names => format!("'{}' got: {}", url.place(), names.join(", ")),
    };
    ctx.output
        .outcome(&json!({"applied": names, "pending": []}), &sentence)
}

fn name(step: &Migration) -> String {
    format!("{:04}_{}", step.number, step.name)
}
