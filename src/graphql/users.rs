//! Accounts: `user`, `users`, and what changes them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::call::{Call, maybe_secret, shown};
use super::pages::List;
use super::refusal::value;
use super::refusal::{Code, Refusal};
use crate::domain::email::Email;
use crate::domain::external_id::ExternalId;
use crate::domain::field::Input;
use crate::domain::password::Password;
use crate::domain::permission::PermissionName;
use crate::domain::secret::Secret;
use crate::domain::user::{NewUser, User, UserChange, UserId, UserRef};
use crate::domain::values::{Nullable, Values, present};
use crate::service::accounts::{LastSuperuser, PasswordChecks, Target};
use crate::service::permissions;
use crate::store::users::{UserFilter, UserOrder};

/// Longer than any address, name or number is nothing to look for.
const MOST_SEARCHED: usize = 300;

#[derive(Deserialize)]
struct Named {
    id: Option<String>,
    email: Option<String>,
    external_id: Option<String>,
}

pub(super) fn one(call: &Call<'_>) -> Result<Value, Refusal> {
    let accounts = call.caller.accounts()?;
    let name = match call.read()? {
        Named {
            id: Some(id),
            email: None,
            external_id: None,
        } => named(&id)?,
        Named {
            id: None,
            email: Some(email),
            external_id: None,
        } => UserRef::Email(value::<Email>("email", &email)?),
        Named {
            id: None,
            email: None,
            external_id: Some(id),
        } => UserRef::External(value::<ExternalId>("external_id", &id)?),
        Named { .. } => {
            let message = "Give one of 'id', 'email' and 'external_id'.";
            return Err(Refusal::new(Code::InvalidRequest, message));
        }
    };
    node(&accounts.find(&name)?)
}

#[derive(Deserialize)]
struct Wanted {
    email: Option<String>,
    search: Option<String>,
    group: Option<String>,
    active: Option<bool>,
    staff: Option<bool>,
    superuser: Option<bool>,
    order: Option<String>,
    /// One of the installation's own fields.
    field: Option<BTreeMap<String, Value>>,
}

pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    let accounts = call.caller.accounts()?;
    let wanted: Wanted = call.read()?;
    let list = List::of(call);
    let mut values = Values::default();
    let (email, group) = (
        values.read("email", wanted.email.as_deref()),
        values.read("group", wanted.group.as_deref()),
    );
    values.check()?;
    let field = match wanted
        .field
        .map(|field| field.into_iter().collect::<Vec<_>>())
    {
        None => None,
        Some(mut one) if one.len() == 1 => {
            let (name, value) = one.remove(0);
            Some(accounts.matching(&name, &Input::Json(value))?)
        }
        Some(_) => {
            let message = "The argument 'field' must have one field.";
            return Err(Refusal::new(Code::InvalidRequest, message));
        }
    };
    if wanted
        .search
        .as_ref()
        .is_some_and(|text| text.len() > MOST_SEARCHED)
    {
        let message = "The argument 'search' is longer than anything there is to find.";
        return Err(Refusal::new(Code::InvalidRequest, message));
    }
    let filter = UserFilter {
        is_active: wanted.active,
        is_staff: wanted.staff,
        is_superuser: wanted.superuser,
        email,
        external_id: None,
        group,
        search: wanted.search,
        field,
        order: match wanted.order.as_deref() {
            Some("ID_DESCENDING") => UserOrder::IdDescending,
            Some("EMAIL") => UserOrder::Email,
            Some("EMAIL_DESCENDING") => UserOrder::EmailDescending,
            _ => UserOrder::Id,
        },
        after: list.after()?,
    };
    let page = accounts.list(&filter, list.limit()?)?;
    let place = |user: &User| filter.order.place(user);
    list.connection(&page.users, page.next.is_some(), place, node)
}

/// An account, with what it may do.
pub(super) fn node(user: &User) -> Result<Value, Refusal> {
    let mut shown = shown(user)?;
    shown["permissions"] = super::call::shown(&user.permissions)?;
    Ok(shown)
}

#[derive(Deserialize)]
struct Create {
    user: New,
}

/// What is absent, or null, is as the schema says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
    #[serde(default, deserialize_with = "maybe_secret")]
    password: Option<Secret<String>>,
    is_active: Option<bool>,
    is_staff: Option<bool>,
    is_superuser: Option<bool>,
    groups: Option<Vec<String>>,
    fields: Option<BTreeMap<String, Value>>,
}

pub(super) fn create(call: &Call<'_>) -> Result<Value, Refusal> {
    let accounts = call.caller.accounts()?;
    let Create { user: new } = call.read()?;
    let mut values = Values::default();
    let email = values.read("email", Some(&new.email));
    let first_name = values.read("first_name", Some(new.first_name.as_deref().unwrap_or("")));
    let last_name = values.read("last_name", Some(new.last_name.as_deref().unwrap_or("")));
    let phone_number = values.read("phone_number", new.phone_number.as_deref());
    let groups = values.read_all("groups", new.groups.as_deref());
    values.check()?;
    let (Some(email), Some(first_name), Some(last_name)) = (email, first_name, last_name) else {
        return Err(Refusal::new(Code::Invalid, "A name is missing."));
    };
    let made = NewUser {
        email,
        first_name,
        last_name,
        phone_number,
        external_id: None,
        is_active: new.is_active.unwrap_or(true),
        is_staff: new.is_staff.unwrap_or(false),
        is_superuser: new.is_superuser.unwrap_or(false),
        groups: groups.unwrap_or_default(),
        fields: inputs(new.fields),
    };
    let password = new.password.map(|text| Password::new(text.expose()));
    node(&accounts.create(made, password.as_ref(), PasswordChecks::Enforce)?)
}

#[derive(Deserialize)]
struct Update {
    id: String,
    version: Option<i64>,
    changes: Changes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    #[serde(default, deserialize_with = "present")]
    email: Option<String>,
    #[serde(default, deserialize_with = "present")]
    first_name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    last_name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    phone_number: Option<Nullable<String>>,
    #[serde(default, deserialize_with = "present")]
    is_active: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    is_staff: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    is_superuser: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    groups: Option<Vec<String>>,
    fields: Option<BTreeMap<String, Value>>,
}

pub(super) fn update(call: &Call<'_>) -> Result<Value, Refusal> {
    let accounts = call.caller.accounts()?;
    let Update {
        id,
        version,
        changes,
    } = call.read()?;
    let target = Target {
        name: named(&id)?,
        version,
    };
    let mut values = Values::default();
    let phone_number = values.read_nullable("phone_number", changes.phone_number.as_ref());
    let change = UserChange {
        email: values.read("email", changes.email.as_deref()),
        first_name: values.read("first_name", changes.first_name.as_deref()),
        last_name: values.read("last_name", changes.last_name.as_deref()),
        phone_number: phone_number.map(|number| number.0),
        external_id: None,
        is_active: changes.is_active,
        is_staff: changes.is_staff,
        is_superuser: changes.is_superuser,
        groups: values.read_all("groups", changes.groups.as_deref()),
        fields: inputs(changes.fields),
    };
    values.check()?;
    node(&accounts.change(target, change, LastSuperuser::Keep)?)
}

#[derive(Deserialize)]
struct Delete {
    id: String,
    version: Option<i64>,
}

pub(super) fn delete(call: &Call<'_>) -> Result<Value, Refusal> {
    let accounts = call.caller.accounts()?;
    let Delete { id, version } = call.read()?;
    let target = Target {
        name: named(&id)?,
        version,
    };
    node(&accounts.delete(target, LastSuperuser::Keep)?)
}

#[derive(Deserialize)]
struct Permission {
    user: String,
    permission: String,
}

pub(super) fn grant(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let (user, name) = permission(call)?;
    node(&permissions::grant(&desk, user, name)?)
}

pub(super) fn revoke(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let (user, name) = permission(call)?;
    node(&permissions::revoke(&desk, user, name)?)
}

fn permission(call: &Call<'_>) -> Result<(UserRef, PermissionName), Refusal> {
    let asked: Permission = call.read()?;
    let name = super::permissions::named(&asked.permission)?;
    Ok((named(&asked.user)?, name))
}

/// The account that an argument names; what is no id is nobody's.
pub(super) fn named(id: &str) -> Result<UserRef, Refusal> {
    let id: Result<UserId, _> = id.parse();
    id.map(UserRef::Id)
        .map_err(|_| super::reasons::no_account())
}

/// Values of own fields.
pub(super) fn inputs(fields: Option<BTreeMap<String, Value>>) -> BTreeMap<String, Input> {
    let inputs = fields.into_iter().flatten();
    inputs.map(|(name, value)| (name, value.into())).collect()
}
