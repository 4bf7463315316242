//! `authctl export`.

mod document;
mod file;
mod lines;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::ValueEnum;
use serde_json::json;

use super::context::{Context, IfMissing};
use super::error::CliError;
use super::{progress, prompt};
use crate::service::export::{self, Contents, Hashes, Inventory, Part};
use crate::store::users::WholeUser;

/// Write every account to a file or standard output
///
/// All accounts as they are at one moment, in little memory however many there are; authd may go on
/// working meanwhile. jsonl is a line of JSON for each, as everywhere; csv a table with a header, in
/// which the column field.NAME is one of your own fields; both are what 'import' reads. toml is the
/// document that 'apply' reads, with groups, permissions, fields and clients.
///
/// A file is written whole or not at all, for nobody else to read (mode 0600).
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl export > users.jsonl\n  authctl export --format csv --file users.csv\n  authctl export --with-password-hashes --file users.jsonl"
)]
pub(super) struct Args {
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: FileFormat,

    /// Write into this file, in the place of what is in it [default: -, standard output]
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,

    /// With the hashes of passwords, as a secret: whoever has them can guess passwords as fast as
    /// they can. Needs the rights of a superuser, and is written down
    #[arg(long)]
    with_password_hashes: bool,
}

/// How accounts are written in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// A JSON object a line
    #[default]
    Jsonl,
    /// A table with a header
    Csv,
    /// The document of 'apply'
    Toml,
}

/// Writes one part after the other.
trait Writer {
    fn begin(&mut self, inventory: Inventory, out: &mut dyn Write) -> io::Result<()>;
    fn user(&mut self, user: &WholeUser, out: &mut dyn Write) -> io::Result<()>;
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let (hashes, contents) = (hashes(&args), contents(args.format));
    if hashes == Hashes::Exported {
        ctx.output.note(
            "the password hashes are in it: keep it as the passwords themselves, and no longer than needed",
        );
    }
    let mut writer: Box<dyn Writer> = match args.format {
        FileFormat::Jsonl => Box::new(lines::Jsonl),
        FileFormat::Csv => Box::new(lines::Csv::new(hashes)),
        FileFormat::Toml => Box::new(document::Document::default()),
    };
    let file = args.file.filter(|path| path != Path::new("-"));
    let mut target = file::Target::open(file.as_deref())?;
    let bar = progress::bar(ctx.output.quiet, "{human_pos}/{human_len} accounts");
    bar.set_message("exporting");
    let interrupted = prompt::watch_for_interrupt();
    let mut written = Ok(());
    let count = export::run(&desk, contents, hashes, |part| {
        written = match part {
            Part::Inventory(inventory) => {
                bar.set_length(inventory.users);
                writer.begin(inventory, &mut target)
            }
            Part::User(user) => {
                bar.inc(1);
                writer.user(&user, &mut target)
            }
        };
        if written.is_err() || interrupted.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let count = count?;
    if interrupted.load(Ordering::Relaxed) {
        drop(target);
        prompt::end_interrupted("nothing was exported");
        return Ok(());
    }
    match written.and_then(|()| target.finish()) {
        // Nobody reads on: not our failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        finished => finished.map_err(CliError::io("writing the export"))?,
    }
    let sentence = format!("{count} accounts exported");
    if let Some(path) = file {
        let document = json!({"users": count, "file": path.display().to_string()});
        return ctx.output.outcome(&document, &sentence);
    }
    ctx.output.note(&sentence);
    Ok(())
}

fn hashes(args: &Args) -> Hashes {
    if args.with_password_hashes {
        Hashes::Exported
    } else {
        Hashes::Kept
    }
}

fn contents(format: FileFormat) -> Contents {
    match format {
        FileFormat::Jsonl | FileFormat::Csv => Contents::Users,
        FileFormat::Toml => Contents::Everything,
    }
}
