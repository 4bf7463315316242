//! `authctl user passwd`.

use super::PASSWORD_VARIABLE;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::cli::password::{self, PasswordArgs};
use crate::cli::prompt;
use crate::domain::user::UserRef;
use crate::service::accounts::PasswordChecks;

/// Set a new password for an account
///
/// Its sessions end now: the next verify of any token it holds fails. The password is asked for,
/// or comes from standard input, a file, or AUTHD_USER_PASSWORD or AUTHD_USER_PASSWORD_FILE.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl user passwd ada@example.com --password-file new-password.txt"
)]
pub(in crate::cli) struct Args {
    /// E-mail address or id of the account
    user: UserRef,

    #[command(flatten)]
    password: PasswordArgs,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let given = password::given(&args.password, &[PASSWORD_VARIABLE], ctx)?;
    if given.is_none() && !ctx.has_someone_to_ask() {
        return Err(ctx.cannot_ask(
            "a password",
            "--password-stdin, --password-file or AUTHD_USER_PASSWORD",
        ));
    }
    let accounts = ctx.accounts(IfMissing::Fail)?;
    let password = if let Some(password) = given {
        password
    } else {
        accounts.find(&args.user)?;
        prompt::new_password()?
    };
    let user = accounts.set_password(&args.user, &password, PasswordChecks::Enforce)?;
    ctx.output.user(&user)
}
