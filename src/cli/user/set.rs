//! `authctl user set`.

use crate::cli::account::{self, ExternalIdOrNone, OwnField, PhoneOrNone};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::email::Email;
use crate::domain::name::PersonName;
use crate::domain::user::{UserChange, UserRef};
use crate::service::accounts::LastSuperuser;

/// Change fields of an account
///
/// What is not named stays as it is. Passwords are changed by 'passwd', logging in is allowed and
/// stopped by 'enable' and 'disable'.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl user set ada@example.com --last-name Lovelace --staff true\n  authctl user set ada@example.com --phone-number ''"
)]
pub(in crate::cli) struct Args {
    /// E-mail address or id of the account
    user: UserRef,

    /// New e-mail address: the user name
    #[arg(long)]
    email: Option<Email>,

    /// New first name
    #[arg(long, alias = "first_name", value_name = "NAME")]
    first_name: Option<PersonName>,

    /// New last name
    #[arg(long, alias = "last_name", value_name = "NAME")]
    last_name: Option<PersonName>,

    /// New phone number, as +44 20 7946 0000; an empty text for none
    #[arg(long, alias = "phone_number", value_name = "NUMBER")]
    phone_number: Option<PhoneOrNone>,

    /// What it was called in the system it comes from; an empty text for nothing
    #[arg(long, value_name = "ID")]
    external_id: Option<ExternalIdOrNone>,

    /// Whether it may use the management API
    #[arg(long, value_name = "BOOL")]
    staff: Option<bool>,

    /// Whether it may do everything
    #[arg(long, value_name = "BOOL")]
    superuser: Option<bool>,

    /// Value of one of your own fields, as department=sales; an empty value for none; may be
    /// repeated
    #[arg(long, value_name = "NAME=VALUE")]
    field: Vec<OwnField>,

    /// Demote even the last active superuser
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let is_empty = args.email.is_none()
        && args.first_name.is_none()
        && args.last_name.is_none()
        && args.phone_number.is_none()
        && args.external_id.is_none()
        && args.staff.is_none()
        && args.superuser.is_none()
        && args.field.is_empty();
    if is_empty {
        return Err(CliError::NothingToChange);
    }
    let change = UserChange {
        email: args.email,
        first_name: args.first_name,
        last_name: args.last_name,
        phone_number: args.phone_number.map(|phone| phone.0),
        external_id: args.external_id.map(|id| id.0),
        is_active: None,
        is_staff: args.staff,
        is_superuser: args.superuser,
        groups: None,
        fields: account::own_fields(args.field)?,
    };
    let guard = if args.force {
        LastSuperuser::Force
    } else {
        LastSuperuser::Keep
    };
    let user = ctx
        .accounts(IfMissing::Fail)?
        .change(&args.user, change, guard)?;
    ctx.output.user(&user)
}
