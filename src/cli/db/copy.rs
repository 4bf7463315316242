//! `authctl db copy`.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use indicatif::ProgressBar;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::progress;
use crate::cli::prompt;
use crate::store::copy::{self, Progress, Step};
use crate::store::{DatabaseUrl, StoreError};

/// Copy a whole installation into another database
///
/// Accounts, tombstones of deleted ones, signing keys and the numbers of changes, as they all are
/// at one moment, from SQLite or PostgreSQL to SQLite or PostgreSQL. authd may go on working on the
/// source, which may also be a standby; what it writes after the copy began is not in it. The
/// target is made if it does not exist, and refused if it is not empty. Every row is read back and
/// compared before it counts: a copy that fails leaves nothing.
///
/// The signing keys are copied as they are sealed: give the new installation the same secret key.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl db copy --from sqlite:authd.db --to postgres://authd@/authd?host=/run/postgresql\n  authctl db copy --from postgres://authd@db.example.com/authd --to sqlite:copy.db -o json"
)]
pub(in crate::cli) struct Args {
    /// Database to copy, as sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME
    // Text, because what clap refuses by itself it repeats, with the password in it.
    #[arg(long, value_name = "URL")]
    from: String,

    /// Database to fill, written likewise: a new or an empty one
    #[arg(long, value_name = "URL")]
    to: String,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let from = database("--from", &args.from)?;
    let to = database("--to", &args.to)?;
    let mut bar = Bar::new(ctx.output.quiet);
    let interrupted = prompt::watch_for_interrupt();
    let mut watch = |progress| {
        bar.show(progress);
        if interrupted.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let now = ctx.sources.clock.now();
    let copied = copy::run(&from, &to, ctx.config.database.timeout, now, &mut watch);
    bar.bar.finish_and_clear();
    if let Err(StoreError::CopyStopped) = copied {
        prompt::end_interrupted("nothing was copied");
    }
    ctx.output.copied(&from, &to, &copied?)?;
    ctx.output.note(
        "the signing keys are sealed: give the new installation the same secret key \
         (authd.key, or secret_key)",
    );
    Ok(())
}

fn database(flag: &str, text: &str) -> Result<DatabaseUrl, CliError> {
    text.parse().map_err(|error| CliError::Value {
        what: flag.to_owned(),
        problem: format!("{error}"),
    })
}

/// How far the copy is, where somebody sees it.
struct Bar {
    bar: ProgressBar,
    /// What it names now.
    named: Option<(Step, &'static str)>,
}

impl Bar {
    fn new(quiet: bool) -> Self {
        let bar = progress::bar(quiet, "{human_pos}/{human_len} rows");
        Self { bar, named: None }
    }

    fn show(&mut self, progress: Progress) {
        let now = (progress.step, progress.table);
        if self.named != Some(now) {
            self.named = Some(now);
            let doing = match progress.step {
                Step::Copy => "copying",
                Step::Check => "checking",
            };
            self.bar.set_length(progress.total);
            self.bar.set_message(format!("{doing} {}", progress.table));
        }
        self.bar.set_position(progress.done);
    }
}
