//! `authctl user reset-link`.

use super::code::{self, DeliveryArgs};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::domain::user::UserRef;

/// Let the owner of an account choose another password
///
/// What is printed is a page to pass on: whoever opens it chooses the password, once, within
/// accounts.reset_ttl. Until then the present one is good.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl user reset-link ada@example.com\n  authctl user reset-link ada@example.com --mail"
)]
pub(in crate::cli) struct Args {
    /// E-mail address or id of the account
    user: UserRef,

    #[command(flatten)]
    delivery: DeliveryArgs,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let codes = code::open(&args.delivery, ctx)?;
    let issued = codes.reset(&args.user, args.delivery.delivery())?;
    code::show(&issued, ctx)
}
