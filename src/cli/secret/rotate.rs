//! `authctl secret rotate`.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::service::secret_key::SecretKeySource;
use crate::service::secret_rotation;

/// Seal the signing keys under another secret key
///
/// All are sealed anew in one transaction, and the key file is replaced. Tokens and sessions go on.
/// An authd that runs reads the file again when it needs it; copy the file to the other nodes. If
/// it is interrupted, the next program that needs the secret brings it to its end.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl secret rotate\n  authctl secret rotate --new-secret-file new.key"
)]
pub(in crate::cli) struct Args {
    /// Take the new secret from this file (64 hexadecimal digits) instead of making one
    #[arg(long, value_name = "FILE")]
    new_secret_file: Option<PathBuf>,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let store = ctx.store(IfMissing::Fail)?;
    let source = &ctx.config.secret_key;
    let new = args.new_secret_file.as_deref();
    let new = new.map(SecretKeySource::load_file).transpose();
    let new = new.map_err(|error| CliError::Value {
        what: "the new secret key".to_owned(),
        problem: error.to_string(),
    })?;
    let resealed = secret_rotation::rotate(&store, source, new, &ctx.sources, &ctx.operator())?;
    let keys = if resealed == 1 { "key" } else { "keys" };
    let sentence = match source {
        SecretKeySource::File(path) => {
            format!(
                "sealed {resealed} {keys} under a new secret, which is in '{}' now",
                path.display()
            )
        }
        SecretKeySource::Given(_) => format!(
            "sealed {resealed} {keys} under the new secret: start every authd with it from now on"
        ),
    };
    ctx.output
        .outcome(&json!({"resealed": resealed}), &sentence)
}
