//! `authctl user confirm-email`.

use super::code::{self, DeliveryArgs};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::domain::user::UserRef;

/// Let somebody confirm the address of an account
///
/// What is printed is a page to pass on by mail to that address: whoever opens it, once, within
/// accounts.confirmation_ttl, has confirmed it.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl user confirm-email ada@example.com\n  authctl user confirm-email ada@example.com --mail"
)]
pub(in crate::cli) struct Args {
    /// E-mail address or id of the account
    user: UserRef,

    #[command(flatten)]
    delivery: DeliveryArgs,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let codes = code::open(&args.delivery, ctx)?;
    let issued = codes.confirm_email(&args.user, args.delivery.delivery())?;
    code::show(&issued, ctx)
}
