//! `authctl apply`.

mod document;
mod entries;
mod secrets;
mod tree;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::context::{Context, IfMissing};
use super::error::CliError;
use super::output::{Format, Output};
use crate::domain::audience::{Audience, AudienceError};
use crate::service::apply::{self, Change, Options};

/// Make the installation what a document says
///
/// The document (TOML or JSON) lists permissions, fields, groups, clients and users. What is missing is
/// added, what differs is changed, in one transaction: all of it or nothing. What the document does not
/// name stays as it is, unless --prune is given. Applied twice, it changes nothing the second time.
/// Creates the database if there is none.
///
/// Each change is a line of the result. The secrets of new clients are shown this once, in it or in the
/// file that is named for them.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl apply -f authd-state.toml --dry-run\n  authctl apply -f authd-state.toml --prune -o json\n  authctl export --format toml | authctl apply -f - --database sqlite:other.db"
)]
pub(super) struct Args {
    /// Document to read, or - for standard input
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,

    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,

    /// Delete what the document does not list, of the kinds that are in it
    #[arg(long)]
    prune: bool,

    /// Write the secrets of new clients into this file (mode 0600), instead of showing them
    #[arg(long, value_name = "FILE")]
    secrets_file: Option<PathBuf>,
}

/// The longest document, in bytes.
const MAX_BYTES: u64 = 16 << 20;

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let declared = document::read(&text(&args.file)?)?;
    let usual: Result<Audience, AudienceError> = ctx.config.tokens.audience.parse();
    let usual = usual.map_err(|error| CliError::Value {
        what: "tokens.audience".into(),
        problem: error.to_string(),
    })?;
    let secrets_file = match &args.secrets_file {
        Some(path) if !args.dry_run => Some(secrets::SecretsFile::open(path)?),
        _ => None,
    };
    let if_missing = if args.dry_run {
        IfMissing::Fail
    } else {
        IfMissing::Create
    };
    let desk = ctx.management(if_missing)?;
    let options = Options {
        prune: args.prune,
        dry_run: args.dry_run,
        audiences: vec![usual],
    };
    let mut changes = apply::run(&desk, declared, options)?;
    if args.dry_run {
        // Theirs will be others.
        for change in &mut changes {
            change.secret = None;
        }
    }
    if let Some(file) = secrets_file {
        file.write(&changes)?;
        for change in &mut changes {
            change.secret = None;
        }
    }
    print(&changes, args.dry_run, ctx)
}

fn print(changes: &[Change], dry_run: bool, ctx: &Context) -> Result<(), CliError> {
    let document = json!({
        "dry_run": dry_run,
        "changes": changes.iter().map(shown).collect::<Vec<_>>(),
    });
    let has_secrets = changes.iter().any(|change| change.secret.is_some());
    let secret = |change: &Change| {
        let secret = change.secret.as_ref();
        secret
            .map(|secret| secret.expose().to_owned())
            .unwrap_or_default()
    };
    let row = |change: &Change| {
        [
            change.verb.name().to_owned(),
            change.kind.to_owned(),
            change.name.clone(),
            change.what.join(" "),
            secret(change),
        ]
    };
    let rows: Vec<_> = changes.iter().map(row).collect();
    let columns = ["change", "kind", "name", "what", "client_secret"];
    let shown: &[usize] = if has_secrets {
        &[0, 1, 2, 3, 4]
    } else {
        &[0, 1, 2, 3]
    };
    let is_quiet_table = changes.is_empty() && ctx.output.format != Format::Json;
    if !is_quiet_table {
        // Quiet, too, each change is told: they are the result.
        let output = Output {
            quiet: false,
            ..ctx.output
        };
        output.list(&document, columns, &rows, shown)?;
    }
    ctx.output.note(&match (changes.len(), dry_run) {
        (0, _) => "nothing to change".into(),
        (1, false) => "1 change".into(),
        (count, false) => format!("{count} changes"),
        (1, true) => "1 change, which was not made".into(),
        (count, true) => format!("{count} changes, which were not made"),
    });
    Ok(())
}

fn shown(change: &Change) -> Value {
    let mut document = json!({
        "change": change.verb.name(),
        "kind": change.kind,
        "name": change.name,
        "what": change.what,
    });
    if let Some(secret) = &change.secret {
        document["client_secret"] = secret.expose().into();
    }
    document
}

fn text(path: &Path) -> Result<String, CliError> {
    let name = path.display().to_string();
    let bytes = if path == Path::new("-") {
        read(io::stdin())
    } else {
        File::open(path).and_then(read)
    }
    .map_err(CliError::io(format!("reading '{name}'")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(CliError::Value {
            what: name,
            problem: format!(
                "a document has at most {MAX_BYTES} bytes: large lists of users are for 'authctl import'"
            ),
        });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let lines = good.split(|byte| *byte == b'\n');
        CliError::Value {
            what: format!("line {}", lines.count()),
            problem: "this is no UTF-8".into(),
        }
    })
}

fn read(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
