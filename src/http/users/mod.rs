//! `/users`: accounts, for those who manage them.

pub(super) mod changes;
pub(super) mod codes;
pub(super) mod list;
pub(super) mod one;
pub(super) mod permissions;
pub(super) mod sessions;

use std::collections::BTreeMap;

use rouille::{Request, Response};
use serde_json::Value;

use super::App;
use super::caller;
use super::preconditions;
use super::problem::{Code, Problem};
use crate::domain::field::Input;
use crate::domain::user::{User, UserId, UserRef};
use crate::domain::values::sentence;
use crate::passwords::PoolError;
use crate::service::account_fields::FieldErrors;
use crate::service::accounts::{AccountError, Accounts};

/// The accounts, managed by whoever asks.
fn accounts(app: &App, request: &Request) -> Result<Accounts, Problem> {
    Ok(app.services.accounts(caller::actor(app, request)?))
}

/// The account that a path names.
pub(super) fn named(id: &str) -> Result<UserRef, Problem> {
    let id: Result<UserId, _> = id.parse();
    id.map(UserRef::Id).map_err(|_| none())
}

/// An account with its version as entity tag.
pub(super) fn shown(user: &User) -> Response {
    preconditions::tagged(Response::json(user), user.version)
}

/// Values of own fields, as a body has them.
fn inputs(fields: BTreeMap<String, Value>) -> BTreeMap<String, Input> {
    let inputs = fields.into_iter();
    inputs.map(|(name, value)| (name, value.into())).collect()
}

pub(super) fn none() -> Problem {
    Problem::new(Code::NotFound, "There is no such account.")
}

/// What is wrong with the values of own fields, named as in a body: `fields.department`.
fn own_fields(errors: FieldErrors) -> Problem {
    let errors = errors.into_iter().map(|(name, problems)| {
        let sentences = problems.iter().map(sentence).collect();
        (format!("fields.{name}"), sentences)
    });
    Problem::invalid(errors.collect())
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let of = |field: &str, error: &AccountError| {
            let sentences = vec![sentence(error)];
            Self::invalid([(field.to_owned(), sentences)].into())
        };
        match error {
            AccountError::NotFound(_) => none(),
            AccountError::NoGroup(_) => of("groups", &error),
            AccountError::Policy(_) => of("password", &error),
            AccountError::Fields(errors) => own_fields(errors),
            AccountError::Changed(version) => preconditions::failed(version),
            AccountError::Denied(denied) => denied.into(),
            AccountError::Hashing(PoolError::Busy) => {
                Self::overloaded("Too many passwords are being checked; try again later.")
            }
            AccountError::Hashing(_) | AccountError::Hash(_) => Self::internal().because(error),
            AccountError::Store(error) => error.into(),
        }
    }
}
