//! `authctl createsuperuser`: Django's assistant.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use super::account::{self, OwnField, PhoneOrNone};
use super::context::Context;
use super::error::CliError;
use super::first_superuser::{self, PASSWORDS};
use super::password::{self, PasswordArgs};
use super::prompt;
use crate::domain::email::Email;
use crate::domain::name::PersonName;
use crate::domain::password::Password;
use crate::domain::user::{NewUser, User};
use crate::service::accounts::{self, PasswordChecks};

/// Create an account that may do everything
///
/// Asks for what is not given. With --no-input, everything comes from flags and from the
/// environment: AUTHD_SUPERUSER_EMAIL, _FIRST_NAME, _LAST_NAME, _PHONE_NUMBER, _PASSWORD or
/// _PASSWORD_FILE (DJANGO_SUPERUSER_EMAIL and so on will do, too).
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl createsuperuser\n  AUTHD_SUPERUSER_PASSWORD_FILE=/run/secrets/admin \\\n    authctl createsuperuser --no-input --if-not-exists --email admin@example.com"
)]
pub(super) struct Args {
    /// E-mail address: the user name
    #[arg(long)]
    email: Option<Email>,

    /// First name
    #[arg(long, alias = "first_name", value_name = "NAME")]
    first_name: Option<PersonName>,

    /// Last name
    #[arg(long, alias = "last_name", value_name = "NAME")]
    last_name: Option<PersonName>,

    /// Phone number, as +44 20 7946 0000; an empty text for none
    #[arg(long, alias = "phone_number", value_name = "NUMBER")]
    phone_number: Option<PhoneOrNone>,

    /// Value of one of your own fields, as department=sales; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    field: Vec<OwnField>,

    #[command(flatten)]
    password: PasswordArgs,

    /// Succeed without a change if the superuser exists
    #[arg(long)]
    if_not_exists: bool,

    /// Take any password
    #[arg(long)]
    skip_password_checks: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let can_ask = ctx.has_someone_to_ask();
    if !can_ask && ctx.may_ask {
        require_everything(&args, ctx)?;
    }
    ctx.require_database_or_place()?;
    let given = value(args.email.clone(), "EMAIL", ctx)?;
    if given.is_none() && !can_ask {
        return Err(ctx.cannot_ask("an e-mail address", "--email or AUTHD_SUPERUSER_EMAIL"));
    }
    let email = match given {
        Some(email) => email,
        None => ask_free_email(ctx)?,
    };
    if let Some(user) = account::existing(&email, ctx)? {
        if !args.if_not_exists {
            return Err(account::taken(email));
        }
        return existing(&user, ctx);
    }
    let new = NewUser {
        first_name: optional(args.first_name.clone(), "FIRST_NAME", "First name", ctx)?
            .unwrap_or_default(),
        last_name: optional(args.last_name.clone(), "LAST_NAME", "Last name", ctx)?
            .unwrap_or_default(),
        phone_number: match args.phone_number.clone() {
            Some(phone) => phone.0,
            None => optional(None, "PHONE_NUMBER", "Phone number (may be empty)", ctx)?,
        },
        email,
        external_id: None,
        is_active: true,
        is_staff: true,
        is_superuser: true,
        groups: BTreeSet::new(),
        fields: account::own_fields(args.field.clone())?,
    };
    let (password, checks) = choose_password(&args, &new, ctx)?;
    let email = new.email.clone();
    let created = account::create(new, Some(&password), checks, ctx);
    let (user, is_new) = if args.if_not_exists {
        account::made_meanwhile(created, &email, ctx)?
    } else {
        (created?, true)
    };
    if !is_new {
        return existing(&user, ctx);
    }
    ctx.output.note("Superuser created.");
    ctx.output.created(&user, true)
}

/// Says that there is such an account, if it is what was to be made.
fn existing(user: &User, ctx: &Context) -> Result<(), CliError> {
    if user.is_superuser {
        ctx.output.created(user, false)
    } else {
        Err(CliError::NotASuperuser(user.email.to_string()))
    }
}

/// Without a terminal and without `--no-input`, nothing may be left to ask: a script that forgot
/// one of the two is told so before anything happens.
fn require_everything(args: &Args, ctx: &Context) -> Result<(), CliError> {
    let is_given = |flag: bool, name: &str| {
        flag || first_superuser::variable(name, &ctx.environment).is_some()
    };
    let everything = is_given(args.email.is_some(), "EMAIL")
        && is_given(args.first_name.is_some(), "FIRST_NAME")
        && is_given(args.last_name.is_some(), "LAST_NAME")
        && is_given(args.phone_number.is_some(), "PHONE_NUMBER")
        && (is_given(args.password.password_stdin, "PASSWORD")
            || is_given(args.password.password_file.is_some(), "PASSWORD_FILE"));
    if everything {
        return Ok(());
    }
    Err(ctx.cannot_ask(
        "input",
        "--no-input, and the values by flags or AUTHD_SUPERUSER_...",
    ))
}

/// The flag's value, or the variable's.
fn value<T: FromStr<Err: Display>>(
    flag: Option<T>,
    name: &'static str,
    ctx: &Context,
) -> Result<Option<T>, CliError> {
    match flag {
        Some(value) => Ok(Some(value)),
        None => first_superuser::value(name, &ctx.environment),
    }
}

/// As [`value`], and else the answer to a question, if there is somebody to ask.
fn optional<T: FromStr<Err: Display>>(
    flag: Option<T>,
    name: &'static str,
    question: &str,
    ctx: &Context,
) -> Result<Option<T>, CliError> {
    match value(flag, name, ctx)? {
        None if ctx.has_someone_to_ask() => prompt::ask_optional(question),
        value => Ok(value),
    }
}

fn ask_free_email(ctx: &Context) -> Result<Email, CliError> {
    loop {
        let email: Email = prompt::ask("E-mail address")?;
        if account::existing(&email, ctx)?.is_none() {
            return Ok(email);
        }
        eprintln!("{}", account::taken(email));
    }
}

/// The password that was given, held to the policy; or one that is asked for until it fits, or is
/// wanted all the same.
fn choose_password(
    args: &Args,
    new: &NewUser,
    ctx: &Context,
) -> Result<(Password, PasswordChecks), CliError> {
    let checks = if args.skip_password_checks {
        PasswordChecks::Skip
    } else {
        PasswordChecks::Enforce
    };
    if let Some(password) = password::given(&args.password, &PASSWORDS, ctx)? {
        return Ok((password, checks));
    }
    if !ctx.has_someone_to_ask() {
        return Err(ctx.cannot_ask(
            "a password",
            "AUTHD_SUPERUSER_PASSWORD_FILE, --password-file or --password-stdin",
        ));
    }
    loop {
        let password = prompt::new_password()?;
        if checks == PasswordChecks::Skip {
            return Ok((password, checks));
        }
        let Err(error) = accounts::check_password(&ctx.config.passwords, &password, new) else {
            return Ok((password, checks));
        };
        eprintln!("{error}");
        if prompt::confirm("Bypass the password checks and create the user anyway?")? {
            return Ok((password, PasswordChecks::Skip));
        }
    }
}
