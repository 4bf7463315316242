//! `authctl import`.

mod read;
mod remarks;
mod report;
pub(super) mod row;

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use indicatif::ProgressBar;

use super::context::{Context, IfMissing};
use super::error::CliError;
use super::{django, progress, prompt};
use crate::service::import::{Importer, Mode, OnConflict, Outcome, Row, RowError, Stopped};
use read::{Csv, Jsonl};

pub(super) use read::{Read1, Rows};
pub(super) use report::Report;

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
///
/// With --from django the accounts of a Django project are brought in, with their groups, permissions and
/// passwords: from what 'manage.py dumpdata' writes, or from the database itself, an SQLite file or
/// PostgreSQL. Their primary keys become external ids. What other columns the model has goes into own
/// fields, which are shown before they are made. Nobody has to reset a password: every hash that Django
/// makes is checked as it is, and replaced by one of ours at the next login. With --on-conflict update
/// accounts become what they are in Django by then, in their groups and permissions and in passwords that
/// nobody has logged in with or set here; the others are named.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl import users.jsonl --dry-run\n  authctl import users.csv --on-conflict update\n  authctl export --database postgres://old/authd | authctl import - --on-conflict skip\n  authctl import dump.json --from django --dry-run\n  authctl import db.sqlite3 --from django --model accounts.User --map company=field:company"
)]
pub(super) struct Args {
    /// File to read, or - for standard input; with --from django also a postgres:// URL
    #[arg(value_name = "SOURCE")]
    pub(super) file: PathBuf,

    /// How it is written [default: csv for a file named so, else jsonl]
    #[arg(long, value_enum)]
    format: Option<FileFormat>,

    /// Only say what would be done
    #[arg(long)]
    pub(super) dry_run: bool,

    /// What to do with a row whose account is there
    #[arg(long, value_enum, default_value = "fail", value_name = "WHAT")]
    on_conflict: IfThere,

    /// Import all that fits, though some rows do not
    #[arg(long)]
    pub(super) keep_going: bool,

    #[command(flatten)]
    pub(super) django: django::DjangoArgs,
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

impl Args {
    pub(super) fn on_conflict(&self) -> OnConflict {
        on_conflict(self.on_conflict)
    }
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    if args.django.from.is_some() {
        return django::run(args, ctx);
    }
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
    let bar = progress::bar(ctx.output.quiet, "{bytes}/{total_bytes}");
    let mut report = Report::new(ctx.output, args.dry_run);
    if args.dry_run || twice {
        report = report.of_a_trial();
    }
    let mut walk = Walk::new(bar, report);
    walk.bar.set_length(file.length * if twice { 2 } else { 1 });
    if args.dry_run || twice {
        walk.bar.set_message("checking");
        walk.go(&mut file, format, |rows| importer.try_out(rows))?;
        if args.dry_run || walk.report.has_refused() {
            walk.bar.finish_and_clear();
            return walk.report.finish(!args.dry_run);
        }
        file.rewind()?;
        // How long a stream is, is known by now.
        walk.bar.set_length(walk.bar.position() * 2);
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
pub(super) struct Walk {
    pub(super) bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
    pub(super) report: Report,
}

impl Walk {
    pub(super) fn new(bar: ProgressBar, report: Report) -> Self {
        Self {
            bar,
            interrupted: prompt::watch_for_interrupt(),
            report,
        }
    }

    fn go(
        &mut self,
        file: &mut Source,
        format: FileFormat,
        bring: impl FnMut(Vec<Row>) -> Result<Vec<Outcome>, Stopped>,
    ) -> Result<(), CliError> {
        let counted = Counted {
            source: &mut *file.file,
            bar: self.bar.clone(),
        };
        let mut rows: Box<dyn Rows + '_> = match format {
            FileFormat::Jsonl => Box::new(Jsonl::new(counted)),
            FileFormat::Csv => Box::new(Csv::new(counted)?),
        };
        self.follow(&mut *rows, bring)
    }

    /// Brings in rows as they come.
    pub(super) fn follow(
        &mut self,
        rows: &mut dyn Rows,
        mut bring: impl FnMut(Vec<Row>) -> Result<Vec<Outcome>, Stopped>,
    ) -> Result<(), CliError> {
        let mut is_over = false;
        while !is_over {
            let (mut batch, mut lines) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
            let mut unread = Vec::new();
            while batch.len() + unread.len() < BATCH && !is_over {
                match rows.next()? {
                    Some(Ok(row)) => {
                        lines.push(row.line);
                        batch.push(row);
                    }
                    Some(Err(refused)) => unread.push(refused),
                    None => is_over = true,
                }
            }
            let brought = bring(batch);
            let outcomes = brought.as_ref().map_or(&[][..], Vec::as_slice);
            self.count_all(lines.into_iter().zip(outcomes), unread);
            match brought {
                Ok(_) => {}
                Err(Stopped::Row(line, error)) => {
                    self.refuse(line, &error.to_string(), error.is_conflict());
                    self.bar.finish_and_clear();
                    return self.report.stopped();
                }
                Err(Stopped::Before(error)) => return Err(error.into()),
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

    /// Counts rows and those that could not be read, in the order in which they stand.
    fn count_all<'o>(
        &mut self,
        outcomes: impl Iterator<Item = (u64, &'o Outcome)>,
        unread: Vec<(u64, String)>,
    ) {
        let mut unread = unread.into_iter().peekable();
        for (line, outcome) in outcomes {
            while let Some((at, problem)) = unread.next_if(|(at, _)| *at < line) {
                self.refuse(at, &problem, false);
            }
            self.count(line, outcome);
        }
        for (at, problem) in unread {
            self.refuse(at, &problem, false);
        }
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
pub(super) struct Source {
    pub(super) file: Box<dyn ReadSeek>,
    pub(super) length: u64,
}

pub(super) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

impl Source {
    pub(super) fn rewind(&mut self) -> Result<(), CliError> {
        let back = self.file.rewind();
        back.map_err(CliError::io("going back to the beginning of the file"))
    }
}

/// What cannot be gone back in is kept as it is read, where nobody else sees it, if it is needed twice.
pub(super) fn open(path: &Path, twice: bool) -> Result<Source, CliError> {
    let failed = |error| CliError::io(format!("opening '{}'", path.display()))(error);
    let stream: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        if about.is_file() {
            let file = Box::new(file);
            return Ok(Source {
                file,
                length: about.len(),
            });
        }
        Box::new(file)
    };
    let kept = twice.then(tempfile::tempfile).transpose();
    let stream = Stream {
        source: stream,
        kept: kept.map_err(CliError::io("making a file for what is read"))?,
        is_over: false,
    };
    Ok(Source {
        file: Box::new(stream),
        length: 0,
    })
}

/// What is read once, and then, if it was kept, again.
struct Stream {
    source: Box<dyn Read>,
    kept: Option<File>,
    is_over: bool,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.kept {
            Some(kept) if self.is_over => kept.read(buffer),
            Some(kept) => {
                let length = self.source.read(buffer)?;
                kept.write_all(&buffer[..length])?;
                Ok(length)
            }
            None => self.source.read(buffer),
        }
    }
}

impl Seek for Stream {
    fn seek(&mut self, place: io::SeekFrom) -> io::Result<u64> {
        self.is_over = true;
        let kept = self.kept.as_mut();
        kept.ok_or(io::ErrorKind::NotSeekable)?.seek(place)
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
