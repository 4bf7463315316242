//! The installation's own fields: which there are, and what fits them.

use super::management::{Management, MayBeDenied, Work};
use crate::domain::audit::Action;
use crate::domain::authority::Denied;
use crate::domain::field::{
    Definition, DefinitionError, Field, FieldChange, FieldName, FieldProblem, Input, MAX_FIELDS,
    Spec,
};
use crate::domain::permission::Builtin;
use crate::store::{Fault, StoreError, Tx, fields, user_fields};

/// Why a field was not made, found or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// There is no such field.
    #[error("there is no field '{0}'")]
    NotFound(FieldName),
    /// There is no room for another.
    #[error("there are {MAX_FIELDS} fields already, and no more can be")]
    TooMany,
    /// What was written makes no sense.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// Accounts break the new rules; [`Force::Yes`] changes them all the same.
    #[error("nothing was changed, and is only with --force: {0}")]
    Broken(Breaches),
    /// What accounts have, or have not, does not go with the new rules.
    #[error("nothing was changed: {0}")]
    Unfit(Breaches),
    /// The field is not as the caller has seen it.
    #[error("the field has changed: its version is {0} now")]
    Changed(i64),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which accounts break a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaches {
    /// The first [`Breaches::SHOWN`].
    pub first: Vec<Breach>,
    /// How many there are.
    pub count: u64,
    /// Whether one is such that the rules cannot come in spite of it.
    unfit: bool,
}

/// A field that was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// As it is now.
    pub field: Field,
    /// Who breaks its rules now: none, but for [`Force::Yes`].
    pub broken: Breaches,
}

/// How an account breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The account's address.
    pub email: String,
    /// What is wrong with what it has.
    pub problem: FieldProblem,
}

/// Whether a rule comes though accounts break it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Then nothing changes.
    No,
    /// It comes; what the accounts have stays until somebody changes it.
    Yes,
}

impl Breaches {
    /// How many are told by name.
    pub const SHOWN: usize = 20;

    fn add(&mut self, email: String, problem: FieldProblem) {
        self.count += 1;
        if self.first.len() < Self::SHOWN {
            self.first.push(Breach { email, problem });
        }
    }

    fn add_all(&mut self, accounts: user_fields::Accounts, problem: &FieldProblem) {
        self.count += accounts.count;
        let room = Self::SHOWN - self.first.len();
        let first = accounts.first.into_iter().take(room);
        self.first.extend(first.map(|email| Breach {
            email,
            problem: problem.clone(),
        }));
    }
}

impl std::fmt::Display for Breaches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let accounts = if self.count == 1 {
            "1 account breaks"
        } else {
            &format!("{} accounts break", self.count)
        };
        write!(f, "{accounts} the rules: ")?;
        for (at, breach) in self.first.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{} ({})", breach.email, breach.problem)?;
        }
        match self.count - self.first.len() as u64 {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Adds a field. If it has a default, every account has that at once.
///
/// Without one, a required field is refused while there are accounts.
pub fn add(desk: &Management, name: FieldName, spec: Spec) -> Result<Field, FieldError> {
    let allowed = desk.authority().require_superuser();
    desk.check(allowed, Action::FieldAdded)?;
    let definition = Definition::new(spec)?;
    desk.attempt(Action::FieldAdded, move |work| {
        adding(work, &name, &definition)
    })
}

pub(super) fn adding(
    work: &mut Work<'_>,
    name: &FieldName,
    definition: &Definition,
) -> Result<Field, Fault<FieldError>> {
    let tx = begin(work, name)?;
    if fields::count(tx)? >= MAX_FIELDS && fields::find(tx, name)?.is_none() {
        return Err(refused(FieldError::TooMany));
    }
    let field = fields::insert(tx, name, definition, work.now)?;
    let breaches = lacking(tx, name, definition)?;
    if breaches.count > 0 {
        return Err(refused(FieldError::Unfit(breaches)));
    }
    if let Some(default) = &definition.default {
        user_fields::fill(tx, &field, default)?;
    }
    Ok(field)
}

/// The field of that name. Whoever sees accounts sees which fields they have.
pub fn find(desk: &Management, name: &FieldName) -> Result<Field, FieldError> {
    desk.check_view(Builtin::UsersView, Action::UserViewed)?;
    let found = desk
        .store
        .read(|connection| fields::find(connection, name))?;
    found.ok_or_else(|| FieldError::NotFound(name.clone()))
}

/// Every field, by name: there are [`MAX_FIELDS`] at most.
pub fn list(desk: &Management) -> Result<Vec<Field>, FieldError> {
    desk.check_view(Builtin::UsersView, Action::UserViewed)?;
    Ok(desk.store.read(fields::all)?)
}

/// Changes what `change` names, all of it or nothing.
///
/// Accounts that would break the new rules are told of, and nothing changes, unless `force` says so.
/// Where the field becomes required and has a default, the accounts without a value get that.
pub fn change(
    desk: &Management,
    name: FieldName,
    version: Option<i64>,
    change: FieldChange,
    force: Force,
) -> Result<Changed, FieldError> {
    desk.attempt(Action::FieldChanged, move |work| {
        changing(work, &name, version, change, force)
    })
}

pub(super) fn changing(
    work: &mut Work<'_>,
    name: &FieldName,
    version: Option<i64>,
    change: FieldChange,
    force: Force,
) -> Result<Changed, Fault<FieldError>> {
    let tx = begin(work, name)?;
    let field = seen(tx, name, version)?;
    let definition = Definition::new(change.applied_to(field.definition.spec()));
    let definition = definition.map_err(refused)?;
    if definition == field.definition {
        let broken = Breaches::default();
        work.is_change = false;
        return Ok(Changed { field, broken });
    }
    let broken = breaches(tx, &field, &definition)?;
    if broken.unfit {
        return Err(refused(FieldError::Unfit(broken)));
    }
    if broken.count > 0 && force == Force::No {
        return Err(refused(FieldError::Broken(broken)));
    }
    let changed = fields::update(tx, name, &definition)?;
    let changed = changed.ok_or_else(|| refused(FieldError::NotFound(name.clone())))?;
    user_fields::mark(tx, &changed)?;
    if let (true, Some(default)) = (definition.required, &definition.default) {
        user_fields::fill(tx, &changed, default)?;
    }
    Ok(Changed {
        field: changed,
        broken,
    })
}

/// Gives a field another name; accounts have in it what they had.
pub fn rename(
    desk: &Management,
    name: FieldName,
    version: Option<i64>,
    to: FieldName,
) -> Result<Field, FieldError> {
    desk.attempt(Action::FieldRenamed, move |work| {
        work.entry.note("to", to.as_str());
        let tx = begin(work, &name)?;
        let field = seen(tx, &name, version)?;
        if to == field.name {
            work.is_change = false;
            return Ok(field);
        }
        Ok(fields::rename(tx, &name, &to)?)
    })
}

/// Removes a field, with what accounts have in it, and returns what it was.
pub fn delete(
    desk: &Management,
    name: FieldName,
    version: Option<i64>,
) -> Result<Field, FieldError> {
    desk.attempt(Action::FieldDeleted, move |work| {
        deleting(work, &name, version)
    })
}

pub(super) fn deleting(
    work: &mut Work<'_>,
    name: &FieldName,
    version: Option<i64>,
) -> Result<Field, Fault<FieldError>> {
    let tx = begin(work, name)?;
    let field = seen(tx, name, version)?;
    fields::delete(tx, name)?;
    Ok(field)
}

/// Who would break these rules.
fn breaches(
    tx: &Tx<'_>,
    field: &Field,
    definition: &Definition,
) -> Result<Breaches, Fault<FieldError>> {
    let is = &field.definition;
    let mut found = Breaches::default();
    if definition.rule != is.rule || definition.indexed && !is.indexed {
        user_fields::each(tx, &field.name, |held| {
            if let Err(problem) = definition.parse(&Input::Json(held.value)) {
                // An index has no room for it.
                found.unfit |= matches!(problem, FieldProblem::TooBigForIndex(_));
                found.add(held.email, problem);
            }
            Ok(())
        })?;
    }
    if definition.unique && !is.unique {
        let shown = Breaches::SHOWN.try_into().unwrap_or(u32::MAX);
        let sharing = user_fields::sharing(tx, &field.name, shown)?;
        found.unfit |= sharing.count > 0;
        found.add_all(sharing, &FieldProblem::Taken);
    }
    if definition.required && !is.required {
        let lacking = lacking(tx, &field.name, definition)?;
        found.count += lacking.count;
        let room = Breaches::SHOWN - found.first.len();
        found.first.extend(lacking.first.into_iter().take(room));
    }
    Ok(found)
}

/// Who has no value of a field that must have one, and gets none by default.
fn lacking(
    tx: &Tx<'_>,
    name: &FieldName,
    definition: &Definition,
) -> Result<Breaches, Fault<FieldError>> {
    let mut found = Breaches::default();
    if definition.required && definition.default.is_none() {
        let shown = Breaches::SHOWN.try_into().unwrap_or(u32::MAX);
        found.add_all(
            user_fields::lacking(tx, name, shown)?,
            &FieldProblem::Required,
        );
    }
    Ok(found)
}

/// The field, if it is as the caller has seen it.
fn seen(tx: &Tx<'_>, name: &FieldName, version: Option<i64>) -> Result<Field, Fault<FieldError>> {
    let field = fields::find(tx, name)?;
    let field = field.ok_or_else(|| refused(FieldError::NotFound(name.clone())))?;
    if version.is_some_and(|version| version != field.version) {
        return Err(refused(FieldError::Changed(field.version)));
    }
    Ok(field)
}

/// The transaction, for whoever may change fields; notes which.
fn begin<'w>(work: &mut Work<'w>, name: &FieldName) -> Result<&'w Tx<'w>, Fault<FieldError>> {
    work.entry.note("field", name.as_str());
    work.by.require_superuser().map_err(refused)?;
    Ok(work.tx)
}

fn refused(error: impl Into<FieldError>) -> Fault<FieldError> {
    Fault::Refused(error.into())
}

impl MayBeDenied for FieldError {
    fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Denied(denied) => Some(denied),
            _ => None,
        }
    }
}
