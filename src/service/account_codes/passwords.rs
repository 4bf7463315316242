//! Choosing a password with a code, and asking for one.

use std::net::IpAddr;
use std::sync::Arc;

use super::{CodeError, asking, read, refused};
use crate::domain::account_code::Purpose;
use crate::domain::audit::{Action, Entry, Who};
use crate::domain::password::Password;
use crate::domain::user::{User, UserId, UserRef};
use crate::passwords::policy::Owner;
use crate::service::Services;
use crate::service::post::Wanted;
use crate::service::scribe::Scribe;
use crate::store::account_codes;
use crate::store::sessions::{self, Which};
use crate::store::users;

/// Whoever is behind this address, if anybody, forgot the password. What comes of that, the post
/// finds out: neither the answer nor its time depends on it.
pub fn request_reset(
    services: &Services,
    email: &str,
    address: Option<IpAddr>,
) -> Result<(), CodeError> {
    asking::count(services, address)?;
    // What is no address has no account: it goes the same way, and is nobody's.
    let email = email.chars().take(MAX_LETTERS).collect();
    services.want(Wanted::PasswordReset { email, address })
}

/// No address is longer.
const MAX_LETTERS: usize = 254;

/// Sets the password of the account that the code is for. Every session and every token of it ends,
/// and every other code.
pub fn set_password(
    services: &Services,
    code: &str,
    password: &Password,
    address: Option<IpAddr>,
) -> Result<User, CodeError> {
    let (purpose, code) = read(code, &[Purpose::PasswordReset, Purpose::Invitation])?;
    let hash = code.hash();
    let now = services.sources.clock.now();
    let user = services.store.read(|connection| {
        let code = account_codes::find(connection, purpose, &hash, now)?;
        let id = code.and_then(|code| code.user);
        id.map_or(Ok(None), |id| users::find(connection, &UserRef::Id(id)))
    })?;
    let user = user.ok_or(CodeError::Dead)?;
    services.policy.check(password, owner(&user))?;
    let new = services.hasher.hash(password)?;
    let (clock, sources) = (
        Arc::clone(&services.sources.clock),
        services.sources.clone(),
    );
    services.store.attempt(move |tx| {
        let now = clock.now();
        let code = account_codes::take(tx, purpose, &hash, now)?;
        let id = code.and_then(|code| code.user);
        let id: UserId = id.ok_or_else(|| refused(CodeError::Dead))?;
        sessions::end_of(tx, id, Which::All, now)?;
        let user = users::set_password(tx, id, new.as_str(), now)?;
        account_codes::end_of(tx, id)?;
        let mut entry = Entry::new(Action::UserPasswordChanged).user(id);
        entry.note("by", purpose.name());
        Scribe::at(Who::User(id), address, &sources).write(tx, &entry, now)?;
        user.ok_or_else(|| refused(CodeError::Dead))
    })
}

fn owner(user: &User) -> Owner<'_> {
    Owner {
        email: user.email.as_str(),
        first_name: user.first_name.as_str(),
        last_name: user.last_name.as_str(),
    }
}
