//! What users change of their own account.

use std::collections::BTreeMap;

use super::account_change::note_differences;
use super::account_fields;
use super::accounts::{AccountError, refused};
use super::management::Management;
use crate::domain::audit::Action;
use crate::domain::field::Input;
use crate::domain::name::PersonName;
use crate::domain::phone::Phone;
use crate::domain::user::{User, UserChange, UserRef};
use crate::store::users;

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
