//! `authctl session revoke`.

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::session::SessionId;
use crate::domain::user::UserRef;
use crate::service::sessions;

/// End a session, or every session of an account
///
/// Its tokens end with it: the next verify of any of them fails.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl session revoke 01a207da-808f-7a02-b6e4-2c9f1d7a3e58\n  authctl session revoke --user ada@example.com --yes"
)]
pub(in crate::cli) struct Args {
    /// Id of the session: the claim sid of its tokens
    #[arg(required_unless_present = "user", conflicts_with = "user")]
    session: Option<SessionId>,

    /// Every session of this account: e-mail address or id
    #[arg(long)]
    user: Option<UserRef>,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Fail)?;
    let ended = match (args.session, args.user) {
        (Some(id), _) => {
            sessions::end(&desk, id)?;
            1
        }
        (None, Some(user)) => {
            ctx.confirm(args.yes, &format!("End every session of {user}?"))?;
            sessions::end_all(&desk, &user)?
        }
        (None, None) => unreachable!("one of them is required"),
    };
    let sentence = match ended {
        1 => "1 session ended".to_owned(),
        ended => format!("{ended} sessions ended"),
    };
    ctx.output
        .outcome(&serde_json::json!({"ended": ended}), &sentence)
}
