//! What users change of their own account, and by which tokens.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Services;
use super::account_change::note_differences;
use super::account_fields;
use super::accounts::{AccountError, refused};
use super::management::Management;
use crate::domain::audit::Action;
use crate::domain::field::{Field, Input};
use crate::domain::name::PersonName;
use crate::domain::phone::Phone;
use crate::domain::scope::Scope;
use crate::domain::session::SessionId;
use crate::domain::user::{User, UserChange, UserRef};
use crate::store::{StoreError, fields, users};

/// What users change of themselves: what is `None` stays as it is. There is no more than this, so there is
/// no way to change more (statement 82).
#[derive(Clone, Debug, Default)]
pub struct OwnChange {
    /// A new first name.
    pub first_name: Option<PersonName>,
    /// A new last name.
    pub last_name: Option<PersonName>,
    /// A new phone number, or `Some(None)` for none.
    pub phone_number: Option<Option<Phone>>,
    /// New values of the own fields that accounts write themselves, by their names.
    pub fields: BTreeMap<String, Input>,
}

/// A user by a token, who wants to log in with something else from now on.
#[derive(Debug)]
pub struct Owner<'a> {
    /// The account, as of the request.
    pub user: &'a User,
    /// The session of the token; `None`: it is an API token.
    pub session: Option<SessionId>,
    /// What the token is for. Empty: whatever the user may do.
    pub scope: &'a Scope,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
}

/// Whoever holds such a token need not be its user, or was given it for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrongToken {
    /// It belongs to no session.
    #[error("an API token is not for this: log in")]
    NoSession,
    /// It is for something in particular.
    #[error("a token with a scope is not for this")]
    Scoped,
}

impl Owner<'_> {
    /// The session in which the password or the address is changed.
    pub(super) fn session(&self) -> Result<SessionId, WrongToken> {
        let session = self.session.ok_or(WrongToken::NoSession)?;
        if self.scope.is_empty() {
            Ok(session)
        } else {
            Err(WrongToken::Scoped)
        }
    }
}

/// The installation's own fields that accounts see of themselves.
pub fn fields(services: &Services) -> Result<Vec<Field>, StoreError> {
    let mut fields = services.store.read(fields::all)?;
    fields.retain(|field| field.definition.self_read);
    Ok(fields)
}

/// Changes the account of whoever asks, all of it or nothing, and returns it as it sees itself.
///
/// A token that is for something in particular (one with a scope) is not for this.
pub fn change(
    desk: &Management,
    version: Option<i64>,
    change: OwnChange,
) -> Result<User, AccountError> {
    let own = desk.authority().own_account();
    desk.check(own.clone().map(drop), Action::UserChanged)?;
    let name = UserRef::Id(own?);
    desk.attempt(Action::UserChanged, move |work| {
        let tx = work.tx;
        let found = users::find(tx, &name)?.filter(|user| user.is_active);
        let user = found.ok_or_else(|| refused(AccountError::NotFound(name.clone())))?;
        work.entry.user = Some(user.id);
        if version.is_some_and(|version| version != user.version) {
            return Err(refused(AccountError::Changed(user.version)));
        }
        // What is as it was is no change, and draws no version.
        let columns = UserChange {
            first_name: change.first_name.filter(|name| *name != user.first_name),
            last_name: change.last_name.filter(|name| *name != user.last_name),
            phone_number: change
                .phone_number
                .filter(|number| *number != user.phone_number),
            ..UserChange::default()
        };
        if columns.names_columns() {
            users::update(tx, user.id, &columns)?;
        }
        account_fields::change_own(tx, &user, &change.fields)?;
        let changed = users::find(tx, &name)?;
        let changed = changed.ok_or_else(|| refused(AccountError::NotFound(name)))?;
        work.is_change = note_differences(&mut work.entry, &user, &changed);
        Ok(changed.as_seen_by_itself())
    })
}
