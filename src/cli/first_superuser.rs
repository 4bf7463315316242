//! `AUTHD_SUPERUSER_...`: the superuser that the environment describes, for `createsuperuser` and for the
//! first start of `authd serve`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use super::error::CliError;
use super::operator;
use super::password;
use crate::config::Environment;
use crate::domain::actor::Actor;
use crate::domain::user::NewUser;
use crate::service::Services;
use crate::service::accounts::AccountError;
use crate::service::first_superuser;
use crate::store::StoreError;

/// Where its password is, each also with `_FILE`.
pub(super) const PASSWORDS: [&str; 2] = ["AUTHD_SUPERUSER_PASSWORD", "DJANGO_SUPERUSER_PASSWORD"];

/// A variable of ours, or Django's: its full name and its value.
pub(super) fn variable<'e>(name: &str, environment: &'e Environment) -> Option<(String, &'e str)> {
    ["AUTHD", "DJANGO"].into_iter().find_map(|prefix| {
        let variable = format!("{prefix}_SUPERUSER_{name}");
        let value = environment.find(&variable)?;
        Some((variable, value))
    })
}

/// What such a variable holds.
pub(super) fn value<T: FromStr<Err: Display>>(
    name: &'static str,
    environment: &Environment,
) -> Result<Option<T>, CliError> {
    let parse = |(what, text): (String, &str)| {
        text.parse().map_err(|error: T::Err| CliError::Value {
            what,
            problem: error.to_string(),
        })
    };
    variable(name, environment).map(parse).transpose()
}

/// Makes the superuser that the environment names, unless there is one already, whoever that is: what the
/// environment says is of no interest from then on.
pub(super) fn make(services: &Services, environment: &Environment) -> Result<(), CliError> {
    let of_ours = |name: &str| name.starts_with("AUTHD_SUPERUSER_");
    let wanted = variable("EMAIL", environment).is_some();
    if !wanted && !environment.names().any(of_ours) || first_superuser::exists(services)? {
        return Ok(());
    }
    if !wanted {
        tracing::warn!(
            "no superuser is made: AUTHD_SUPERUSER_EMAIL is not set, others of its kind are"
        );
        return Ok(());
    }
    let email = value("EMAIL", environment)?.expect("was found above");
    let new = NewUser {
        email,
        first_name: value("FIRST_NAME", environment)?.unwrap_or_default(),
        last_name: value("LAST_NAME", environment)?.unwrap_or_default(),
        phone_number: value("PHONE_NUMBER", environment)?,
        external_id: None,
        is_active: true,
        is_staff: true,
        is_superuser: true,
        groups: BTreeSet::new(),
        fields: BTreeMap::new(),
    };
    let password = password::of_environment(&PASSWORDS, environment)?.ok_or(
        CliError::InputNeeded("the superuser's password", "AUTHD_SUPERUSER_PASSWORD_FILE"),
    )?;
    let email = new.email.to_string();
    let by = Actor::operator(operator::name());
    match first_superuser::create(services, by, new, &password) {
        Ok(Some(user)) => tracing::info!(user = %user.id, "made the first superuser"),
        Ok(None) => tracing::info!("somebody else has made the first superuser"),
        Err(AccountError::Store(StoreError::EmailTaken(_))) => {
            return Err(CliError::NotASuperuser(email));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
