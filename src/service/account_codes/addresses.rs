//! Confirming an address, and changing it.

use std::net::IpAddr;
use std::sync::Arc;

use super::{CodeError, read, refused};
use crate::domain::account_code::Purpose;
use crate::domain::audit::{Action, Entry, Outcome, Who};
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::user::{User, UserChange, UserRef};
use crate::mail::{Facts, Letter, Subject};
use crate::passwords::PhcString;
use crate::service::Services;
use crate::service::own_account::Owner;
use crate::service::password_check::{self, NotRight};
use crate::service::post::{self, Wanted};
use crate::service::scribe::Scribe;
use crate::store::account_codes::{self, Code};
use crate::store::users;
use crate::store::users::confirmation;
use crate::store::{Fault, Tx};
use crate::tokens::CheckedTokens;

/// Uses a code up that was mailed to an address: it is the account's, or takes the place of the one
/// that was. Then the old address is told, and no other code of the account is good any more.
pub fn confirm(
    services: &Services,
    code: &str,
    address: Option<IpAddr>,
) -> Result<User, CodeError> {
    let (purpose, code) = read(code, &[Purpose::EmailConfirmation, Purpose::EmailChange])?;
    let hash = code.hash();
    let (clock, sources) = (
        Arc::clone(&services.sources.clock),
        services.sources.clone(),
    );
    let (outbox, rules) = (services.outbox(), Arc::clone(&services.account_rules));
    let confirmed = services.store.attempt(move |tx| {
        let now = clock.now();
        let code = account_codes::take(tx, purpose, &hash, now)?;
        let code = code.ok_or_else(|| refused(CodeError::Dead))?;
        let old = owner_of(tx, &code)?;
        let mut entry = Entry::new(Action::UserEmailConfirmed).user(old.id);
        if purpose == Purpose::EmailChange {
            let change = UserChange {
                email: Some(code.email.clone()),
                ..UserChange::default()
            };
            users::update(tx, old.id, &change)?;
            account_codes::end_of(tx, old.id)?;
            entry.action = Action::UserChanged;
            entry.note_names("changed", ["email"]);
            entry.note("by", purpose.name());
            if let Some(outbox) = &outbox {
                let facts = Facts {
                    service: rules.service.clone(),
                    new_email: code.email.as_str().to_owned(),
                    ..Facts::default()
                };
                let letter = Letter::to_user(Subject::EmailChanged, &old, facts);
                outbox.put(tx, &letter.into(), post::end_of_patience(now), now)?;
            }
        }
        confirmation::confirm(tx, old.id)?;
        Scribe::at(Who::User(old.id), address, &sources).write(tx, &entry, now)?;
        owner_of(tx, &code)
    })?;
    services.ring();
    Ok(confirmed)
}

fn owner_of(tx: &Tx<'_>, code: &Code) -> Result<User, Fault<CodeError>> {
    let id = code.user.ok_or_else(|| refused(CodeError::Dead))?;
    let user = users::find(tx, &UserRef::Id(id))?;
    user.ok_or_else(|| refused(CodeError::Dead))
}

/// An account, by somebody in a session of it who knows its password, is to have another address once
/// that is confirmed. Whether another account has it, the post finds out, and nobody is told here.
pub fn request_change(
    services: &Services,
    by: &Owner<'_>,
    password: &Password,
    email: Email,
) -> Result<(), CodeError> {
    by.session()?;
    let user = by.user;
    let checked = checked_hash(services, user, password, by.address)?;
    let scribe = Scribe::at(Who::User(user.id), by.address, &services.sources);
    let entry = Entry::new(Action::UserEmailChangeWanted).user(user.id);
    let clock = Arc::clone(&services.sources.clock);
    let Some(checked) = checked else {
        let entry = entry.ended(Outcome::Failed);
        services
            .store
            .write(move |tx| scribe.write(tx, &entry, clock.now()))?;
        return Err(CodeError::WrongPassword);
    };
    let wanted = Wanted::EmailChange {
        user: user.id.to_string(),
        email: email.as_str().to_owned(),
        checked: Some(CheckedTokens::fingerprint(checked.as_str())),
    };
    services.want_with(wanted, move |tx, now| scribe.write(tx, &entry, now))
}

/// The hash of the password, if it is right. Counted with the passwords of logins (statements 67 and 74).
fn checked_hash(
    services: &Services,
    user: &User,
    password: &Password,
    address: Option<IpAddr>,
) -> Result<Option<PhcString>, CodeError> {
    match password_check::of_owner(services, user, password, address) {
        Ok(checked) => Ok(Some(checked.hash)),
        Err(NotRight::Wrong) => Ok(None),
        Err(NotRight::TooMany(secs)) => Err(CodeError::TooMany(secs)),
        Err(NotRight::Hashing(error)) => Err(error.into()),
        Err(NotRight::Store(error)) => Err(error.into()),
    }
}
