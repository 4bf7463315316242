//! The state that a document declares, brought about in one transaction.

mod error;
mod parts;
mod prune;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::management::{Management, Series};
use crate::domain::audience::Audience;
use crate::domain::audit::Action;
use crate::domain::client::ClientId;
use crate::domain::email::Email;
use crate::domain::field::{Field, FieldName, Spec};
use crate::domain::group::GroupName;
use crate::domain::label::Label;
use crate::domain::permission::{Builtin, PermissionName};
use crate::domain::scope::Scope;
use crate::domain::sources::Random;
use crate::domain::user::UserChange;
use crate::passwords::PhcString;
use crate::store::Fault;
use crate::tokens::OpaqueToken;

pub use error::{ApplyError, Problem};

/// What a document says. A kind that is not in it is `None`, and stays as it is.
#[derive(Debug, Default)]
pub struct Declared {
    /// Permissions of the installation's own.
    pub permissions: Option<Vec<Entry<DeclaredPermission>>>,
    /// Own fields.
    pub fields: Option<Vec<Entry<DeclaredField>>>,
    /// Groups.
    pub groups: Option<Vec<Entry<DeclaredGroup>>>,
    /// Clients.
    pub clients: Option<Vec<Entry<DeclaredClient>>>,
    /// Accounts.
    pub users: Option<Vec<Entry<DeclaredUser>>>,
}

/// One of them, and where it stands.
#[derive(Debug)]
pub struct Entry<T> {
    /// Of the document, from 1.
    pub line: usize,
    /// Where its keys stand.
    pub keys: BTreeMap<String, usize>,
    /// What it is to be.
    pub what: T,
}

/// A permission.
#[derive(Debug)]
pub struct DeclaredPermission {
    /// What it goes by.
    pub name: PermissionName,
    /// What it means; `None`: as it is.
    pub description: Option<Label>,
}

/// A field: its whole definition.
#[derive(Debug)]
pub struct DeclaredField {
    /// What it goes by.
    pub name: FieldName,
    /// Its definition.
    pub spec: Spec,
}

/// A group.
#[derive(Debug)]
pub struct DeclaredGroup {
    /// What it goes by.
    pub name: GroupName,
    /// What its members may do, all of it; `None`: as it is.
    pub permissions: Option<BTreeSet<PermissionName>>,
}

/// A client. What is `None` is as it is for new ones, or stays as it is.
#[derive(Debug)]
pub struct DeclaredClient {
    /// What it goes by.
    pub id: ClientId,
    /// What people call it.
    pub name: Option<Label>,
    /// What it may ask for.
    pub scopes: Option<Scope>,
    /// Whose tokens are its business.
    pub audiences: Option<Vec<Audience>>,
    /// Whether its credentials and tokens are good.
    pub is_active: Option<bool>,
}

/// An account. What is `None` is as it is for new ones, or stays as it is.
#[derive(Debug)]
pub struct DeclaredUser {
    /// Its user name.
    pub email: Email,
    /// All but the user name.
    pub rest: UserChange,
    /// What it may do by itself, all of it.
    pub permissions: Option<BTreeSet<PermissionName>>,
    /// Its password while it has none, hashed.
    pub password_hash: Option<PhcString>,
}

/// How it is brought about.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the document does not list is deleted, of the kinds that are in it.
    pub prune: bool,
    /// Nothing is changed: this is to see what would be.
    pub dry_run: bool,
    /// Those of new clients that name none.
    pub audiences: Vec<Audience>,
}

/// What is done with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It comes.
    Add,
    /// It becomes another.
    Change,
    /// It goes.
    Delete,
}

impl Verb {
    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Delete => "delete",
        }
    }
}

/// One change.
#[derive(Debug)]
pub struct Change {
    /// What is done.
    pub verb: Verb,
    /// To what: `user`, `group`, `permission`, `field` or `client`.
    pub kind: &'static str,
    /// What that goes by.
    pub name: String,
    /// What of it changes.
    pub what: Vec<String>,
    /// Of a new client, its secret: nobody can tell it again.
    pub secret: Option<OpaqueToken>,
}

/// Why nothing of it stays.
enum Undone {
    /// It was only to see.
    Tried(Vec<Change>),
    /// It cannot be.
    Refused(ApplyError),
}

impl From<crate::store::StoreError> for Undone {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// Brings it about, all or nothing, and says what changed.
pub fn run(
    desk: &Management,
    declared: impl Into<Arc<Declared>>,
    options: Options,
) -> Result<Vec<Change>, ApplyError> {
    let declared = declared.into();
    require_rights(desk, &declared)?;
    if options.prune {
        prune::require_listed(&declared)?;
    }
    let random = Arc::clone(&desk.sources.random);
    let done = desk.attempt_all(move |series| {
        let mut plan = Plan {
            series,
            random: &*random,
            audiences: &options.audiences,
            changes: Vec::new(),
        };
        let brought = plan.bring_about(&declared, options.prune);
        let changes = plan.changes;
        match brought {
            Err(Fault::Store(error)) => Err(Fault::Store(error)),
            Err(Fault::Refused(error)) => Err(Fault::Refused(Undone::Refused(error))),
            Ok(()) if options.dry_run => Err(Fault::Refused(Undone::Tried(changes))),
            Ok(()) => Ok(changes),
        }
    });
    match done {
        Ok(changes) | Err(Undone::Tried(changes)) => Ok(changes),
        Err(Undone::Refused(error)) => Err(error),
    }
}

/// Brings it about before other changes of a series.
pub(super) fn first_of(
    series: &mut Series<'_>,
    random: &dyn Random,
    declared: &Declared,
) -> Result<(), Fault<ApplyError>> {
    let mut plan = Plan {
        series,
        random,
        audiences: &[],
        changes: Vec::new(),
    };
    plan.bring_about(declared, false)
}

/// What is compared must be for the caller to see, whether it changes or not.
fn require_rights(desk: &Management, declared: &Declared) -> Result<(), ApplyError> {
    if declared.users.is_some() {
        desk.check_view(Builtin::UsersView, Action::UserViewed)?;
    }
    if declared.groups.is_some() || declared.permissions.is_some() {
        desk.check_view(Builtin::GroupsView, Action::GroupViewed)?;
    }
    for (is_there, action) in [
        (declared.fields.is_some(), Action::FieldChanged),
        (declared.clients.is_some(), Action::ClientChanged),
    ] {
        if is_there {
            desk.check(desk.authority().require_superuser(), action)?;
        }
    }
    Ok(())
}

/// What is being brought about.
struct Plan<'p, 's> {
    series: &'p mut Series<'s>,
    random: &'p dyn Random,
    audiences: &'p [Audience],
    changes: Vec<Change>,
}

impl Plan<'_, '_> {
    fn bring_about(&mut self, declared: &Declared, prune: bool) -> Result<(), Fault<ApplyError>> {
        for entry in declared.permissions.iter().flatten() {
            self.permission(entry)?;
        }
        let mut required = Vec::new();
        for entry in declared.fields.iter().flatten() {
            self.field(entry, &mut required)?;
        }
        for entry in declared.groups.iter().flatten() {
            self.group(entry)?;
        }
        for entry in declared.clients.iter().flatten() {
            self.client(entry)?;
        }
        let fields: Vec<Field> = crate::store::fields::all(self.series.tx)?;
        for entry in declared.users.iter().flatten() {
            self.user(entry, &fields)?;
        }
        // Accounts of the document have a value by now.
        for entry in required {
            self.require_field(entry)?;
        }
        if prune {
            self.prune(declared)?;
        }
        Ok(())
    }

    fn note(&mut self, verb: Verb, kind: &'static str, name: impl ToString, what: Vec<String>) {
        self.changes.push(Change {
            verb,
            kind,
            name: name.to_string(),
            what,
            secret: None,
        });
    }
}
