//! The figures of `make bench`: the release binaries, driven over loopback, beside peers.
//!
//! Nothing here asserts a speed. The exit status is 1 only when a row could not be measured.
//! `benches/README.md` says what each row means.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

mod bulk;
mod busy;
mod client;
mod commits;
mod contender;
mod database;
mod fill;
mod home;
mod load;
mod paced;
mod peers;
mod plan;
mod postgres;
mod process;
mod raw;
mod report;
mod requests;
mod rows;
mod server;
mod site;
mod stats;

use database::Engine;
use plan::Plan;
use report::Report;
use rows::Row;
use site::Site;

/// Why something could not be measured: one sentence, with its causes in `source()`.
type Failure = Box<dyn Error + Send + Sync>;

/// Measure the service against its peers
#[derive(Parser, Debug)]
#[command(name = "service", disable_version_flag = true)]
struct Args {
    /// Rows to measure, in this order [default: all]
    rows: Vec<Row>,

    /// What has to do with the database is measured on SQLite alone, or on PostgreSQL as well
    #[arg(long, value_enum, default_value_t = Engine::Sqlite)]
    engine: Engine,

    /// Shorter and fewer rounds: shows that the rows work, not what the figures are
    #[arg(long)]
    quick: bool,

    /// Users of the rows import, export and `list_depth` [default: 1000000, with --quick 20000]
    #[arg(long, value_name = "USERS")]
    bulk: Option<u32>,

    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,

    /// Be this peer server instead: the harness starts itself so
    #[arg(long, hide = true)]
    peer: Option<peers::Peer>,

    /// Length of the peer's answer
    #[arg(long, hide = true, default_value_t = peers::BODY_BYTES)]
    body_bytes: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match args.peer {
        Some(peer) => peers::serve(peer, args.body_bytes).map(|()| ExitCode::SUCCESS),
        None => measure(&args),
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("bench: {}", report::sentence(failure.as_ref()));
        ExitCode::FAILURE
    })
}

/// Runs the rows asked for; one that fails says why and leaves the others alone.
fn measure(args: &Args) -> Result<ExitCode, Failure> {
    let mut plan = if args.quick {
        Plan::quick()
    } else {
        Plan::full()
    };
    plan.bulk = args.bulk.unwrap_or(plan.bulk);
    report::machine(&plan, args.quick);
    let site = Site::new(plan, args.engine)?;
    let mut report = Report::default();

    let rows = if args.rows.is_empty() {
        Row::ALL
    } else {
        &args.rows
    };
    for row in rows {
        if let Err(failure) = row.run(&site, &mut report) {
            report.failed(row.name(), failure.as_ref());
        }
    }
    Ok(report.finish())
}
