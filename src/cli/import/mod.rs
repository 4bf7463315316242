//! `authctl import`.

mod read;
mod report;
mod row;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use indicatif::ProgressBar;

use super::context::{Context, IfMissing};
use super::error::CliError;
use super::{progress, prompt};
use crate::service::import::{Importer, Mode, OnConflict, Outcome, RowError, Stopped};
use read::{Csv, Jsonl, Rows};
use report::Report;

/// Bring accounts in from a file, as 'export' writes it
///
/// Every account is held to the rules of 'user add', and its addition is written down as that of any
/// other. If a row does not fit, it is said which and why, and nothing is imported: all rows are tried
/// first, so that the file is gone through twice. With --keep-going it is gone through once, and all
/// that fits is imported. Either way 1,000 rows are committed at a time, so that authd goes on working
/// meanwhile; after an interruption run the same again with --on-conflict skip or update, and it goes
/// on where it was.
///
/// A row has an e-mail address; all else may be missing. A new account keeps an id that comes with it,
/// unless that was a deleted one's, when it was made, when it last logged in, and its password as an
/// Argon2id hash in PHC form. An account that is there keeps of these all but the password.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl import users.jsonl --dry-run\n  authctl import users.csv --on-conflict update\n  authctl export --database postgres://old/authd | authctl import - --on-conflict skip"
)]
pub(super) struct Args {
    /// File to read, or - for standard input
    file: PathBuf,

    /// How it is written [default: csv for a file named so, else jsonl]
    #[arg(long, value_enum)]
    format: Option<FileFormat>,

    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,

    /// What to do with a row whose account is there
    #[arg(long, value_enum, default_value = "fail", value_name = "WHAT")]
    on_conflict: IfThere,

    /// Import all that fits, though some rows do not
    #[arg(long)]
    keep_going: bool,
}

/// How accounts are written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// A JSON object a line
    Jsonl,
    /// A table with a header
    Csv,
}

/// What becomes of a row whose account is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum IfThere {
    /// Refuse it
    Fail,
    /// Pass it over
    Skip,
    /// Change the account to what the row says
    Update,
}

/// Rows that are committed together.
const BATCH: usize = 1000;

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let format = args.format.unwrap_or_else(|| format_of(&args.file));
    let twice = !args.dry_run && !args.keep_going;
    let mut file = open(&args.file, twice)?;
    let if_missing = if args.dry_run {
        IfMissing::Fail
    } else {
        IfMissing::Create
    };
    let desk = ctx.management(if_missing)?;
    let mut importer = Importer::new(&desk, on_conflict(args.on_conflict))?;
    let mut walk = Walk {
        bar: progress::bar(ctx.output.quiet, "{bytes}/{total_bytes}"),
        interrupted: prompt::watch_for_interrupt(),
        report: Report::new(ctx.output, args.dry_run),
    };
    walk.bar.set_length(file.length * if twice { 2 } else { 1 });
    if args.dry_run || twice {
        walk.bar.set_message("checking");
        walk.go(&mut file, format, |rows| importer.try_out(rows))?;
        if args.dry_run || walk.report.has_refused() {
            walk.bar.finish_and_clear();
            return walk.report.finish(!args.dry_run);
        }
        file.rewind()?;
        walk.report.start_anew();
    }
    walk.bar.set_message("importing");
    let mode = if args.keep_going {
        Mode::Each
    } else {
        Mode::All
    };
    walk.go(&mut file, format, |rows| importer.batch(rows, mode))?;
    walk.bar.finish_and_clear();
    walk.report.finish(false)
}

/// The way through a file.
struct Walk {
    bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
    report: Report,
}

impl Walk {
    fn go(
        &mut self,
        file: &mut Source,
        format: FileFormat,
        mut bring: impl FnMut(Vec<crate::service::import::Row>) -> Result<Vec<Outcome>, Stopped>,
    ) -> Result<(), CliError> {
        let counted = Counted {
            source: &mut *file.file,
            bar: self.bar.clone(),
        };
        let mut rows: Box<dyn Rows + '_> = match format {
            FileFormat::Jsonl => Box::new(Jsonl::new(counted)),
            FileFormat::Csv => Box::new(Csv::new(counted)?),
        };
        let mut is_over = false;
        while !is_over {
            let (mut batch, mut lines) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
            while batch.len() < BATCH && !is_over {
                match rows.next()? {
                    Some(Ok(row)) => {
                        lines.push(row.line);
                        batch.push(row);
                    }
                    Some(Err((line, problem))) => self.refuse(line, &problem, false),
                    None => is_over = true,
                }
            }
            match bring(batch) {
                Ok(outcomes) => {
                    for (line, outcome) in lines.into_iter().zip(outcomes) {
                        self.count(line, &outcome);
                    }
                }
                Err(Stopped::Row(line, error)) => {
                    self.refuse(line, &error.to_string(), error.is_conflict());
                    self.bar.finish_and_clear();
                    return self.report.stopped();
                }
                Err(Stopped::Store(error)) => {
                    self.bar.finish_and_clear();
                    self.report.say();
                    return Err(error.into());
                }
            }
            if self.interrupted.load(Ordering::Relaxed) && !is_over {
                self.bar.finish_and_clear();
                prompt::end_interrupted(&self.report.so_far());
            }
        }
        Ok(())
    }

    fn count(&mut self, line: u64, outcome: &Outcome) {
        match outcome {
            Outcome::Refused(error) => {
                self.refuse(line, &error.to_string(), RowError::is_conflict(error));
            }
            outcome => self.report.count(outcome),
        }
    }

    fn refuse(&mut self, line: u64, problem: &str, is_conflict: bool) {
        self.bar
            .suspend(|| self.report.refuse(line, problem, is_conflict));
    }
}

/// A file, and how long it is.
struct Source {
    file: Box<dyn ReadSeek>,
    length: u64,
}

trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

impl Source {
    fn rewind(&mut self) -> Result<(), CliError> {
        let back = self.file.rewind();
        back.map_err(CliError::io("going back to the beginning of the file"))
    }
}

/// Standard input is put aside if it is needed twice, where nobody else sees it.
fn open(path: &Path, twice: bool) -> Result<Source, CliError> {
    let failed = |error| CliError::io(format!("opening '{}'", path.display()))(error);
    let aside = CliError::io("putting standard input aside");
    if path != Path::new("-") {
        let file = File::open(path).map_err(failed)?;
        let is_plain = file.metadata().map_err(failed)?.is_file();
        if is_plain || !twice {
            let length = file.metadata().map_err(failed)?.len();
            let file = Box::new(file);
            return Ok(Source { file, length });
        }
        return put_aside(file).map_err(aside);
    }
    if twice {
        return put_aside(io::stdin()).map_err(aside);
    }
    Ok(Source {
        file: Box::new(Stream(io::stdin())),
        length: 0,
    })
}

fn put_aside(mut source: impl Read) -> io::Result<Source> {
    let mut file = tempfile::tempfile()?;
    let length = io::copy(&mut source, &mut file)?;
    file.rewind()?;
    let file = Box::new(file);
    Ok(Source { file, length })
}

/// What is read once, from its beginning.
struct Stream<R>(R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R> Seek for Stream<R> {
    fn seek(&mut self, _: io::SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::NotSeekable.into())
    }
}

/// Tells the bar how far it is.
struct Counted<'s> {
    source: &'s mut dyn ReadSeek,
    bar: ProgressBar,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.bar.inc(length as u64);
        Ok(length)
    }
}

fn format_of(path: &Path) -> FileFormat {
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("csv") => FileFormat::Csv,
        _ => FileFormat::Jsonl,
    }
}

fn on_conflict(given: IfThere) -> OnConflict {
    match given {
        IfThere::Fail => OnConflict::Fail,
        IfThere::Skip => OnConflict::Skip,
        IfThere::Update => OnConflict::Update,
    }
}
