//! `authctl audit`.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde_json::json;

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::cli::output::{Format, Output};
use crate::cli::prompt;
use crate::domain::audit::{Action, Event};
use crate::domain::user::UserRef;
use crate::service::audit::{self, Wanted};
use crate::service::management::Management;

/// How long a follower waits before it looks again, in so many steps.
const PAUSE: (u32, Duration) = (10, Duration::from_millis(100));

/// Which events.
#[derive(clap::Args, Debug)]
#[group(skip)]
pub(in crate::cli) struct Args {
    /// Only what was done to this account, or by it: e-mail address or id; a deleted one by its id
    #[arg(long)]
    user: Option<UserRef>,

    /// Only from this time on: 2026-11-25T10:00:00Z, or how long ago, as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,

    /// Only these events: 'login', 'user.changed' ...
    #[arg(long, value_name = "EVENT")]
    action: Option<Action>,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,

    /// Only those after this number: the next page
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,

    /// Go on with new events as they come, one a line, until Ctrl-C
    #[arg(long)]
    follow: bool,
}

/// From when on.
#[derive(Clone, Copy, Debug)]
enum Since {
    At(Timestamp),
    Ago(SignedDuration),
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let now = ctx.sources.clock.now();
    let wanted = Wanted {
        user: args.user,
        action: args.action,
        since: args.since.map(|since| match since {
            Since::At(time) => time,
            Since::Ago(time) => now.checked_sub(time).unwrap_or(Timestamp::MIN),
        }),
    };
    let page = match args.after {
        None if wanted.since.is_none() => audit::latest(&desk, &wanted, args.limit)?,
        after => audit::list(&desk, &wanted, after.unwrap_or(0), args.limit)?,
    };
    if args.follow {
        return follow(&desk, &wanted, page, args.limit, ctx.output);
    }
    let rows: Vec<_> = page.events.iter().map(row).collect();
    let document = json!({"events": page.events, "next": page.next});
    let shown = [0, 1, 2, 3, 4, 5, 7, 14];
    ctx.output.list(&document, COLUMNS, &rows, &shown)?;
    ctx.output.more(page.next);
    Ok(())
}

/// Prints events one by one, those to come, too, until Ctrl-C or until nobody reads on.
fn follow(
    desk: &Management,
    wanted: &Wanted,
    mut page: audit::Page,
    limit: u32,
    output: Output,
) -> Result<(), CliError> {
    let interrupted = prompt::watch_for_interrupt();
    loop {
        for event in &page.events {
            if !output.line(&line(event, output))? {
                return Ok(());
            }
        }
        let (steps, step) = PAUSE;
        for _ in 0..steps {
            if interrupted.load(Ordering::Relaxed) {
                return Ok(());
            }
            if page.next.is_some() {
                break;
            }
            thread::sleep(step);
        }
        page = audit::list(desk, wanted, page.seen, limit)?;
    }
}

fn line(event: &Event, output: Output) -> String {
    let [number, created_at, name, result, kind, actor, _, user, ..] = row(event);
    match output.format {
        Format::Json => serde_json::to_string(event).expect("our types serialise"),
        _ if output.quiet => number,
        Format::Tsv => row(event).join("\t"),
        Format::Table => {
            let parts = [&created_at, &name, &result, &kind, &actor, &user];
            let parts = parts.into_iter().filter(|part| !part.is_empty());
            let parts: Vec<&str> = parts.map(String::as_str).collect();
            format!("{number} {} {}", parts.join(" "), event.detail)
        }
    }
}

/// The columns of an event in TSV, in this order.
const COLUMNS: [&str; 17] = [
    "number",
    "created_at",
    "event",
    "result",
    "actor_kind",
    "actor_id",
    "address",
    "user_id",
    "client_id",
    "session_id",
    "token_id",
    "key_id",
    "group_id",
    "permission",
    "detail",
    "id",
    "hash",
];

fn row(event: &Event) -> [String; COLUMNS.len()] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        event.number.to_string(),
        event.created_at.to_string(),
        event.event.clone(),
        event.result.clone(),
        event.actor_kind.clone(),
        text(&event.actor_id),
        text(&event.address),
        text(&event.user_id),
        text(&event.client_id),
        text(&event.session_id),
        text(&event.token_id),
        text(&event.key_id),
        text(&event.group_id),
        text(&event.permission),
        event.detail.to_string(),
        event.id.clone(),
        event.hash.clone(),
    ]
}

/// A moment, or a time that has passed since; days have 24 hours.
fn since(text: &str) -> Result<Since, &'static str> {
    if let Ok(time) = text.parse() {
        return Ok(Since::At(time));
    }
    let span: Option<Span> = text.parse().ok();
    span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .filter(|time| !time.is_negative())
        .map(Since::Ago)
        .ok_or("write a time as 2026-11-25T10:00:00Z, or how long ago, as 24h or 7d")
}
