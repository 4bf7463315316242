//! `authctl user add`.

use super::PASSWORD_VARIABLE;
use crate::cli::account::{self, OwnField, PhoneOrNone};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::password::{self, PasswordArgs};
use crate::cli::prompt;
use crate::domain::email::Email;
use crate::domain::external_id::ExternalId;
use crate::domain::group::GroupName;
use crate::domain::name::PersonName;
use crate::domain::user::NewUser;
use crate::service::accounts::PasswordChecks;

/// Add an account
///
/// Creates the database if there is none. The password is asked for, or comes from standard
/// input, a file, or AUTHD_USER_PASSWORD or AUTHD_USER_PASSWORD_FILE.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl user add ada@example.com --first-name Ada\n  authctl user add ci@example.com --no-password --if-not-exists -q"
)]
pub(in crate::cli) struct Args {
    /// E-mail address: the user name
    email: Email,

    /// First name
    #[arg(
        long,
        alias = "first_name",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    first_name: PersonName,

    /// Last name
    #[arg(
        long,
        alias = "last_name",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    last_name: PersonName,

    /// Phone number, as +44 20 7946 0000; an empty text for none
    #[arg(long, alias = "phone_number", value_name = "NUMBER")]
    phone_number: Option<PhoneOrNone>,

    /// What it was called in the system it comes from: a primary key
    #[arg(long, value_name = "ID")]
    external_id: Option<ExternalId>,

    /// It may do everything
    #[arg(long)]
    superuser: bool,

    /// It may use the management API
    #[arg(long)]
    staff: bool,

    /// It may not log in until it is enabled
    #[arg(long)]
    inactive: bool,

    #[command(flatten)]
    password: PasswordArgs,

    /// Without a password: it cannot log in until it has one
    #[arg(long, conflicts_with_all = ["password_stdin", "password_file"])]
    no_password: bool,

    /// Put it into this group; may be repeated
    #[arg(long, value_name = "NAME")]
    group: Vec<GroupName>,

    /// Value of one of your own fields, as department=sales; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    field: Vec<OwnField>,

    /// Succeed without a change if the account exists
    #[arg(long)]
    if_not_exists: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let given = if args.no_password {
        None
    } else {
        password::given(&args.password, &[PASSWORD_VARIABLE], ctx)?
    };
    if given.is_none() && !args.no_password && !ctx.has_someone_to_ask() {
        return Err(ctx.cannot_ask(
            "a password",
            "--password-stdin, --password-file, AUTHD_USER_PASSWORD or --no-password",
        ));
    }
    if args.if_not_exists {
        if let Some(user) = account::existing(&args.email, ctx)? {
            return ctx.output.created(&user, false);
        }
    } else if account::is_taken(&args.email, ctx)? {
        return Err(account::taken(args.email));
    }
    let password = match given {
        None if !args.no_password => Some(prompt::new_password()?),
        given => given,
    };
    let new = NewUser {
        email: args.email,
        first_name: args.first_name,
        last_name: args.last_name,
        phone_number: args.phone_number.and_then(|phone| phone.0),
        external_id: args.external_id,
        is_active: !args.inactive,
        is_staff: args.staff || args.superuser,
        is_superuser: args.superuser,
        groups: args.group.into_iter().collect(),
        fields: account::own_fields(args.field)?,
    };
    let email = new.email.clone();
    let created = account::create(new, password.as_ref(), PasswordChecks::Enforce, ctx);
    let (user, is_new) = if args.if_not_exists {
        account::made_meanwhile(created, &email, ctx)?
    } else {
        (created?, true)
    };
    ctx.output.created(&user, is_new)
}
