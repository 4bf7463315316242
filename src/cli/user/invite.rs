//! `authctl user invite`.

use super::code::{self, DeliveryArgs};
use crate::cli::account::{self, OwnField};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::domain::email::Email;
use crate::domain::group::GroupName;
use crate::domain::name::PersonName;
use crate::domain::user::{NewUser, UserRef};
use crate::service::account_codes::managed::Issued;
use crate::service::accounts::{AccountError, PasswordChecks};
use crate::store::StoreError;

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
    let issued = match invite(&args, ctx) {
        Err(CliError::Account(AccountError::NotFound(_))) => {
            add(&args, ctx)?;
            invite(&args, ctx)?
        }
        issued => issued?,
    };
    code::show(&issued, ctx)
}

/// Where there is no database there is no account.
fn invite(args: &Args, ctx: &Context) -> Result<Issued, CliError> {
    let name = UserRef::Email(args.email.clone());
    if !account::has_database(ctx)? {
        return Err(AccountError::NotFound(name).into());
    }
    let codes = code::open(&args.delivery, ctx)?;
    Ok(codes.invite(&name, args.delivery.delivery())?)
}

fn add(args: &Args, ctx: &Context) -> Result<(), CliError> {
    let new = NewUser {
        email: args.email.clone(),
        first_name: args.first_name.clone(),
        last_name: args.last_name.clone(),
        phone_number: None,
        external_id: None,
        is_active: true,
        is_staff: false,
        is_superuser: false,
        groups: args.group.iter().cloned().collect(),
        fields: account::own_fields(args.field.clone())?,
    };
    match account::create(new, None, PasswordChecks::Enforce, ctx) {
        // Another command was faster.
        Err(CliError::Account(AccountError::Store(StoreError::EmailTaken(_)))) => Ok(()),
        made => made.map(drop),
    }
}
