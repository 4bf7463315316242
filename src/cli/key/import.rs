//! `authctl key import`.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::{lifecycle, print, sealing};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::secret::Secret;
use crate::tokens::{KeyAlgorithm, private};

/// Import a private key that was made elsewhere, to sign next
///
/// Reads a JSON Web Key, PEM (PKCS #8, PKCS #1 or SEC 1), or with --algorithm HS256 a shared
/// secret of 32 bytes or more. It takes over as a key that 'rotate' makes: after
/// tokens.publish_before_sign, or at once with 'rotate --now'.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl key import key.pem\n  authctl key import --algorithm HS256 django-secret-key.txt"
)]
pub(in crate::cli) struct Args {
    /// The file it is in; '-' is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// What it signs with: EdDSA, ES256, RS256 or HS256
    #[arg(long)]
    algorithm: Option<KeyAlgorithm>,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let text = read(&args.file)?;
    let key = private::read(&text, args.algorithm).map_err(|error| CliError::Value {
        what: "the key".to_owned(),
        problem: error.to_string(),
    })?;
    let store = ctx.store(IfMissing::Fail)?;
    let sealing = sealing(&store, ctx)?;
    let key = lifecycle(&store, sealing, ctx).add(&key)?;
    print(&key, ctx)
}

/// One byte more than any key has is enough to refuse it.
fn read(file: &Path) -> Result<Secret<Vec<u8>>, CliError> {
    let mut text = Vec::with_capacity(private::MAX_BYTES + 1);
    let name = file.display();
    let mut source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        let opened = std::fs::File::open(file);
        Box::new(opened.map_err(CliError::io(format!("opening '{name}'")))?)
    };
    let read = source
        .by_ref()
        .take(private::MAX_BYTES as u64 + 1)
        .read_to_end(&mut text);
    let text = Secret::new(text);
    read.map_err(CliError::io(format!("reading '{name}'")))?;
    Ok(text)
}
