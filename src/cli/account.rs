//! Making an account: what `createsuperuser` and `user add` have in common.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::context::{Context, IfMissing};
use super::error::CliError;
use crate::domain::email::Email;
use crate::domain::external_id::{ExternalId, ExternalIdError};
use crate::domain::field::Input;
use crate::domain::password::Password;
use crate::domain::phone::{Phone, PhoneError};
use crate::domain::user::{NewUser, User, UserRef};
use crate::service::accounts::{self, AccountError, PasswordChecks};
use crate::store::{self, StoreError};

/// `name=value`: what an account has, or is to have, in one of the installation's own fields.
#[derive(Clone, Debug)]
pub(super) struct OwnField {
    pub(super) name: String,
    pub(super) value: Input,
}

/// The text has no '='.
#[derive(Debug, thiserror::Error)]
#[error("write the field and its value with '=' between, as department=sales")]
pub(super) struct OwnFieldError;

impl FromStr for OwnField {
    type Err = OwnFieldError;

    fn from_str(text: &str) -> Result<Self, OwnFieldError> {
        let (name, value) = text.split_once('=').ok_or(OwnFieldError)?;
        Ok(Self {
            name: name.to_owned(),
            value: Input::Text(value.to_owned()),
        })
    }
}

/// A phone number, or the wish for none: the empty text of a script's empty variable.
#[derive(Clone, Debug)]
pub(super) struct PhoneOrNone(pub(super) Option<Phone>);

impl FromStr for PhoneOrNone {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        let none = text.is_empty().then_some(Self(None));
        none.map_or_else(|| text.parse().map(|phone| Self(Some(phone))), Ok)
    }
}

/// What an account was called elsewhere, or the wish for nothing.
#[derive(Clone, Debug)]
pub(super) struct ExternalIdOrNone(pub(super) Option<ExternalId>);

impl FromStr for ExternalIdOrNone {
    type Err = ExternalIdError;

    fn from_str(text: &str) -> Result<Self, ExternalIdError> {
        let none = text.is_empty().then_some(Self(None));
        none.map_or_else(|| text.parse().map(|id| Self(Some(id))), Ok)
    }
}

/// All of them by their names. One that is there twice is an error: which one is meant?
pub(super) fn own_fields(given: Vec<OwnField>) -> Result<BTreeMap<String, Input>, CliError> {
    let mut fields = BTreeMap::new();
    for OwnField { name, value } in given {
        if fields.insert(name.clone(), value).is_some() {
            return Err(CliError::Value {
                what: name,
                problem: "it is given twice".into(),
            });
        }
    }
    Ok(fields)
}

/// Whether an account has this address. Where there is no database there is none, and none is made.
pub(super) fn is_taken(email: &Email, ctx: &Context) -> Result<bool, CliError> {
    Ok(has_database(ctx)? && ctx.accounts(IfMissing::Fail)?.is_taken(email)?)
}

pub(super) fn has_database(ctx: &Context) -> Result<bool, CliError> {
    let database = &ctx.config.database;
    Ok(store::exists(&database.url, database.timeout)?)
}

/// The account that has this address already, to be shown.
pub(super) fn existing(email: &Email, ctx: &Context) -> Result<Option<User>, CliError> {
    if !is_taken(email, ctx)? {
        return Ok(None);
    }
    let found = ctx
        .accounts(IfMissing::Fail)?
        .find(&UserRef::Email(email.clone()));
    match found {
        Ok(user) => Ok(Some(user)),
        Err(AccountError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What to make of a refusal because the address is in use, where an account that exists is as good
/// as a new one: that account. Another command may have been faster.
pub(super) fn made_meanwhile(
    created: Result<User, CliError>,
    email: &Email,
    ctx: &Context,
) -> Result<(User, bool), CliError> {
    match created {
        Err(CliError::Account(AccountError::Store(StoreError::EmailTaken(_)))) => {
            let found = existing(email, ctx)?;
            found
                .map(|user| (user, false))
                .ok_or_else(|| taken(email.clone()))
        }
        created => created.map(|user| (user, true)),
    }
}

/// The error for an address that is in use.
pub(super) fn taken(email: Email) -> CliError {
    StoreError::EmailTaken(email).into()
}

/// Adds the account, and the database if there is none: the last step, when nothing is left to
/// ask and nothing is wrong with what was given.
pub(super) fn create(
    new: NewUser,
    password: Option<&Password>,
    checks: PasswordChecks,
    ctx: &Context,
) -> Result<User, CliError> {
    if let (Some(password), PasswordChecks::Enforce) = (password, checks) {
        accounts::check_password(&ctx.config.passwords, password, &new)
            .map_err(AccountError::from)?;
    }
    // Where there is no database there are no fields.
    let if_missing = if new.fields.is_empty() {
        IfMissing::Create
    } else {
        IfMissing::Fail
    };
    let accounts = ctx.accounts(if_missing)?;
    Ok(accounts.create(new, password, checks)?)
}
