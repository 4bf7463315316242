//! `authctl session list`.

use serde_json::json;

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::session::{Session, SessionId};
use crate::domain::user::UserRef;
use crate::service::sessions;

/// List sessions in the order of their logins
///
/// A session that has ended is not among them.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl session list --user ada@example.com\n  authctl session list -o json --limit 1000"
)]
pub(in crate::cli) struct Args {
    /// Only those of this account: e-mail address or id
    #[arg(long)]
    user: Option<UserRef>,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,

    /// Only those after this id: the next page
    #[arg(long, value_name = "CURSOR")]
    after: Option<SessionId>,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let page = sessions::list(&desk, args.user.as_ref(), args.after, args.limit)?;
    let rows: Vec<_> = page.sessions.iter().map(row).collect();
    let document = json!({"sessions": page.sessions, "next": page.next});
    ctx.output.list(&document, COLUMNS, &rows, &[0, 1, 8, 5])?;
    ctx.output.more(page.next);
    Ok(())
}

/// The columns of a session in TSV, in this order.
const COLUMNS: [&str; 9] = [
    "id",
    "user_id",
    "client_id",
    "method",
    "scope",
    "address",
    "user_agent",
    "created_at",
    "last_used_at",
];

fn row(session: &Session) -> [String; COLUMNS.len()] {
    let text = |value: Option<String>| value.unwrap_or_default();
    [
        session.id.to_string(),
        session.user_id.to_string(),
        text(session.client_id.as_ref().map(ToString::to_string)),
        session.method.name().to_owned(),
        session.scope.to_string(),
        text(session.address.map(|address| address.to_string())),
        text(
            session
                .user_agent
                .as_ref()
                .map(|agent| agent.as_str().to_owned()),
        ),
        session.created_at.to_string(),
        session.last_used_at.to_string(),
    ]
}
