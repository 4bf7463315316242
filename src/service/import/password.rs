//! Which password an account has after an import: that of its row, or its own.

use super::Row;
use crate::domain::audit::Action;
use crate::domain::email::Email;
use crate::domain::user::UserRef;
use crate::passwords::PhcString;
use crate::service::accounts::AccountError;
use crate::service::management::Management;
use crate::store::{Conn, StoreError, users};

/// What a row says of its account's password.
#[derive(Clone, Debug, Default)]
pub enum RowPassword {
    /// Nothing: it stays as it is.
    #[default]
    Unsaid,
    /// It is this one, hashed somewhere else.
    This(PhcString),
    /// It is what Django has: this one, or none. That takes the place of a hash that Django made. One that
    /// was made here, at a login or because a password was set, stays.
    OfDjango(Option<PhcString>),
}

/// What becomes of the password of an account that is there.
#[derive(Debug)]
pub(super) enum Fate<'r> {
    /// It is as the row says, or the row says nothing.
    Stays,
    /// It was hashed here, so that nobody can tell whether it is the one that the row has.
    StaysUnknown(PhcString),
    /// It was hashed here, and the row says that there is none.
    StaysAlone(PhcString),
    /// The row's takes its place.
    Replaced(&'r PhcString),
    /// There is none any more.
    Removed,
}

impl RowPassword {
    /// What a new account gets.
    pub fn hash(&self) -> Option<&PhcString> {
        match self {
            Self::Unsaid | Self::OfDjango(None) => None,
            Self::This(hash) | Self::OfDjango(Some(hash)) => Some(hash),
        }
    }

    /// What becomes of the password that an account has.
    pub(super) fn over(&self, has: Option<PhcString>) -> Fate<'_> {
        match (self, has) {
            (Self::Unsaid, _) | (Self::OfDjango(None), None) => Fate::Stays,
            (Self::OfDjango(Some(_)), Some(own)) if !own.is_foreign() => Fate::StaysUnknown(own),
            (Self::OfDjango(None), Some(own)) if !own.is_foreign() => Fate::StaysAlone(own),
            (Self::OfDjango(None), Some(_)) => Fate::Removed,
            (Self::This(hash) | Self::OfDjango(Some(hash)), Some(has)) if *hash == has => {
                Fate::Stays
            }
            (Self::This(hash) | Self::OfDjango(Some(hash)), _) => Fate::Replaced(hash),
        }
    }
}

/// How the password of a row stands to that of its account.
#[derive(Debug)]
pub enum Standing {
    /// There is no account, or it has that of the row.
    Same,
    /// It has another, which an update would replace.
    Older,
    /// It has this one of its own, which stays.
    Own(PhcString),
}

/// How the password of a row stands to that of its account. For superusers.
pub fn standing(desk: &Management, row: &Row) -> Result<Standing, AccountError> {
    desk.check(desk.authority().require_superuser(), Action::UserViewed)?;
    let read = |connection: &Conn| {
        let mut names = vec![UserRef::Email(row.email.clone())];
        if let Some(Some(external)) = &row.rest.external_id {
            names.push(UserRef::External(external.clone()));
        }
        for name in names {
            if let Some(user) = users::find(connection, &name)? {
                return Ok(Some(hash_of(connection, &user.email)?));
            }
        }
        Ok::<_, StoreError>(None)
    };
    let Some(has) = desk.store.read(read)? else {
        return Ok(Standing::Same);
    };
    Ok(match row.password.over(has) {
        Fate::Stays => Standing::Same,
        Fate::StaysUnknown(own) | Fate::StaysAlone(own) => Standing::Own(own),
        Fate::Replaced(_) | Fate::Removed => Standing::Older,
    })
}

/// The hash that an account has.
pub(super) fn hash_of(connection: &Conn, email: &Email) -> Result<Option<PhcString>, StoreError> {
    let found = users::credentials(connection, email)?;
    let hash = found.and_then(|found| found.password_hash);
    Ok(hash.map(|hash| PhcString::from_stored(hash.expose().clone())))
}
