//! `authctl user invite`.

use super::code::{self, DeliveryArgs};
use crate::cli::account::{self, OwnField};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::domain::email::Email;
use crate::domain::group::GroupName;
use crate::domain::name::PersonName;
use crate::domain::user::{NewUser, UserRef};
use crate::service::accounts::PasswordChecks;

/// Let somebody choose the first password of an account
///
/// Adds the account if there is none. What is printed is a page to pass on to its owner: whoever
/// opens it chooses the password, once, within accounts.invitation_ttl.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl user invite ada@example.com --first-name Ada\n  authctl user invite ada@example.com --mail"
)]
pub(in crate::cli) struct Args {
    /// E-mail address of the account
    email: Email,

    /// First name of a new account
    #[arg(
        long,
        alias = "first_name",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    first_name: PersonName,

    /// Last name of a new account
    #[arg(
        long,
        alias = "last_name",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    last_name: PersonName,

    /// Put a new account into this group; may be repeated
    #[arg(long, value_name = "NAME")]
    group: Vec<GroupName>,

    /// Value of one of your own fields for a new account, as department=sales; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    field: Vec<OwnField>,

    #[command(flatten)]
    delivery: DeliveryArgs,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    args.delivery.check(ctx)?;
    if account::existing(&args.email, ctx)?.is_none() {
        let new = NewUser {
            email: args.email.clone(),
            first_name: args.first_name,
            last_name: args.last_name,
            phone_number: None,
            is_active: true,
            is_staff: false,
            is_superuser: false,
            groups: args.group.into_iter().collect(),
            fields: account::own_fields(args.field)?,
        };
        let created = account::create(new, None, PasswordChecks::Enforce, ctx);
        account::made_meanwhile(created, &args.email, ctx)?;
    }
    let codes = code::open(&args.delivery, ctx)?;
    let issued = codes.invite(&UserRef::Email(args.email), args.delivery.delivery())?;
    code::show(&issued, ctx)
}
