//! Getting an account by oneself, where that is allowed.
//!
//! There is no account, and no password, until somebody who reads the address's mail has chosen one:
//! nobody can prepare an account for somebody else (CVE-2024-38351).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{CodeError, Registration, asking, of_account, read, refused};
use crate::domain::account_code::Purpose;
use crate::domain::audit::{Action, Entry, Who};
use crate::domain::email::Email;
use crate::domain::field::{FieldProblem, Input};
use crate::domain::name::PersonName;
use crate::domain::password::Password;
use crate::domain::phone::Phone;
use crate::domain::user::{NewUser, User, UserId};
use crate::passwords::policy::Owner;
use crate::service::Services;
use crate::service::account_fields::{self, FieldErrors};
use crate::service::accounts::AccountError;
use crate::service::post::Wanted;
use crate::service::scribe::Scribe;
use crate::store::users::confirmation;
use crate::store::{Fault, Tx, account_codes, fields, users};

/// What somebody says of themselves.
#[derive(Debug)]
pub struct Newcomer {
    /// First name.
    pub first_name: PersonName,
    /// Last name.
    pub last_name: PersonName,
    /// Phone number.
    pub phone_number: Option<Phone>,
    /// Values of the installation's own fields: of those that accounts may write themselves.
    pub fields: BTreeMap<String, Input>,
}

/// Somebody wants an account with this address. What comes of that, the post finds out: neither the
/// answer nor its time depends on whether there is one.
pub fn request(
    services: &Services,
    email: &Email,
    address: Option<IpAddr>,
) -> Result<(), CodeError> {
    check_open(services)?;
    asking::count(services, address)?;
    let email = email.as_str().to_owned();
    services.want(Wanted::Registration { email, address })
}

/// Makes the account that the code is for. Its address is confirmed.
pub fn complete(
    services: &Services,
    code: &str,
    password: &Password,
    newcomer: Newcomer,
    address: Option<IpAddr>,
) -> Result<User, CodeError> {
    check_open(services)?;
    let (purpose, code) = read(code, &[Purpose::Registration])?;
    let hash = code.hash();
    let now = services.sources.clock.now();
    let found = services
        .store
        .read(|connection| account_codes::find(connection, purpose, &hash, now))?;
    let email = found.ok_or(CodeError::Dead)?.email;
    let owner = Owner {
        email: email.as_str(),
        first_name: newcomer.first_name.as_str(),
        last_name: newcomer.last_name.as_str(),
    };
    services.policy.check(password, owner)?;
    let password = services.hasher.hash(password)?;
    let sources = services.sources.clone();
    services.store.attempt(move |tx| {
        let now = sources.clock.now();
        let code = account_codes::take(tx, purpose, &hash, now)?;
        let code = code.ok_or_else(|| refused(CodeError::Dead))?;
        let new = NewUser {
            email: code.email,
            first_name: newcomer.first_name,
            last_name: newcomer.last_name,
            phone_number: newcomer.phone_number,
            external_id: None,
            is_active: true,
            is_staff: false,
            is_superuser: false,
            groups: BTreeSet::new(),
            fields: newcomer.fields,
        };
        check_own(tx, &new.fields)?;
        let id = UserId(sources.random.uuid_v7(now));
        let added = account_fields::fill_new(tx, &fields::all(tx)?, &new.fields, || {
            Ok(users::insert(tx, id, &new, Some(password.as_str()), now)?)
        });
        added.map_err(of_account)?;
        confirmation::confirm(tx, id)?;
        account_codes::end_registrations(tx, &new.email)?;
        let mut entry = Entry::new(Action::UserAdded).user(id);
        entry.note("by", purpose.name());
        Scribe::at(Who::User(id), address, &sources).write(tx, &entry, now)?;
        let user = users::find(tx, &crate::domain::user::UserRef::Id(id))?;
        user.ok_or_else(|| refused(CodeError::Dead))
    })
}

fn check_open(services: &Services) -> Result<(), CodeError> {
    match services.account_rules.registration {
        Registration::Open => Ok(()),
        Registration::Closed => Err(CodeError::Closed),
    }
}

/// What is not for accounts to write is not there for whoever registers.
fn check_own(tx: &Tx<'_>, given: &BTreeMap<String, Input>) -> Result<(), Fault<CodeError>> {
    if given.is_empty() {
        return Ok(());
    }
    let mut fields = fields::all(tx)?;
    fields.retain(|field| !field.definition.self_write && given.contains_key(field.name.as_str()));
    let errors: FieldErrors = fields
        .iter()
        .map(|field| {
            (
                field.name.to_string(),
                vec![FieldProblem::Unknown.to_string()],
            )
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(refused(AccountError::Fields(errors)))
    }
}
