//! `authctl key export-public`.

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::cli::output::print;
use crate::service::keys;
use crate::service::keys::lifecycle::LifecycleError;

/// Print the public keys that verify tokens now, as a JSON Web Key Set
///
/// The same as /.well-known/jwks.json, for services that cannot fetch it.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl key export-public > jwks.json\n  authctl key export-public 1bB5lmTFUzhrxN1LL9RwYpmMb63UvWAp_9VxVPRaUSI"
)]
pub(in crate::cli) struct Args {
    /// This key alone, as a JSON Web Key
    #[arg(allow_hyphen_values = true)]
    kid: Option<String>,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let store = ctx.store(IfMissing::Fail)?;
    let set = keys::public_jwks(&store, ctx.sources.clock.now())?;
    let Some(kid) = args.kid else {
        return print(&json(&set)?);
    };
    let found = set
        .keys
        .into_iter()
        .find(|key| key.common.key_id.as_deref() == Some(&kid));
    print(&json(&found.ok_or(LifecycleError::NotFound(kid))?)?)
}

fn json(document: &impl serde::Serialize) -> Result<String, CliError> {
    let unwritable = |error: serde_json::Error| CliError::io("writing JSON")(error.into());
    serde_json::to_string_pretty(document).map_err(unwritable)
}
