//! What an account has in the installation's own fields: checked in the transaction that writes it.

use std::collections::{BTreeMap, BTreeSet};

use super::accounts::AccountError;
use crate::domain::field::{Field, FieldName, FieldProblem, FieldValue, Input, MAX_ACCOUNT_BYTES};
use crate::domain::user::{User, UserId};
use crate::store::users::FieldMatch;
use crate::store::{Fault, Store, Tx, fields, user_fields};

/// What is wrong, by the names of the fields.
pub type FieldErrors = BTreeMap<String, Vec<String>>;

/// Gives a new account what it is to have: what was given, or else the fields' defaults. It is
/// inserted when all fits.
pub(super) fn fill_new(
    tx: &Tx<'_>,
    fields: &[Field],
    given: &BTreeMap<String, Input>,
    insert: impl FnOnce() -> Result<User, Fault<AccountError>>,
) -> Result<User, Fault<AccountError>> {
    let mut check = Check::new(tx, fields, given, None);
    for field in fields {
        match given.get(field.name.as_str()) {
            // Whoever says that there is none gets none, where that may be.
            Some(input) => {
                let default = field.definition.default.as_ref();
                check.take(field, input, default.filter(|_| field.definition.required))?;
            }
            None => check.none_given(field),
        }
    }
    let values = check.passed(&BTreeMap::new())?;
    let user = insert()?;
    if !values.is_empty() {
        user_fields::set(tx, user.id, &values)?;
    }
    Ok(user)
}

/// Gives an account these values.
pub(super) fn change(
    tx: &Tx<'_>,
    fields: &[Field],
    user: &User,
    given: &BTreeMap<String, Input>,
) -> Result<(), Fault<AccountError>> {
    if given.is_empty() {
        return Ok(());
    }
    change_in(tx, user, given, fields, |_| true)
}

/// Gives an account these values on its own wish: of fields that it writes itself. One that it does not
/// even see is none to it.
pub(super) fn change_own(
    tx: &Tx<'_>,
    user: &User,
    given: &BTreeMap<String, Input>,
) -> Result<(), Fault<AccountError>> {
    if given.is_empty() {
        return Ok(());
    }
    let mut fields = fields::all(tx)?;
    fields.retain(|field| field.definition.self_read);
    change_in(tx, user, given, &fields, |field| {
        field.definition.self_write
    })
}

fn change_in(
    tx: &Tx<'_>,
    user: &User,
    given: &BTreeMap<String, Input>,
    fields: &[Field],
    may_write: impl Fn(&Field) -> bool,
) -> Result<(), Fault<AccountError>> {
    let mut check = Check::new(tx, fields, given, Some(user.id));
    for field in fields {
        match given.get(field.name.as_str()) {
            Some(input) if may_write(field) => check.take(field, input, None)?,
            Some(_) => check.refuse(field, &FieldProblem::NotOwn),
            None => {}
        }
    }
    let mut values = check.passed(&user.fields)?;
    // What is as it was is no change.
    values.retain(|(field, value)| {
        let is = user.fields.get(field.name.as_str());
        let wanted = value.as_ref().map(|value| &value.json);
        is.filter(|is| !is.is_null()) != wanted
    });
    if !values.is_empty() {
        user_fields::set(tx, user.id, &values)?;
    }
    Ok(())
}

/// Which accounts have this value of a field, or none where that is what is asked for.
pub(super) fn matching(
    store: &Store,
    name: &str,
    input: &Input,
) -> Result<FieldMatch, AccountError> {
    let wrong = |problem: &FieldProblem| AccountError::Fields(one_error(name, problem));
    let unknown = || wrong(&FieldProblem::Unknown);
    let known: FieldName = name.parse().map_err(|_| unknown())?;
    let found = store.read(|connection| fields::find(connection, &known))?;
    let field = found.ok_or_else(unknown)?;
    let value = field.definition.parse(input);
    let Some(value) = value.map_err(|problem| wrong(&problem))? else {
        return Ok(FieldMatch::Lacks(field.name));
    };
    let lookup = value.lookup;
    Ok(FieldMatch::Has {
        lookup: lookup.ok_or_else(|| wrong(&FieldProblem::NotLookedFor))?,
        indexed: field.definition.indexed,
        field: field.name,
    })
}

/// Values that fit so far, and what does not.
struct Check<'t, 'f> {
    tx: &'t Tx<'t>,
    user: Option<UserId>,
    values: Vec<(&'f Field, Option<FieldValue>)>,
    errors: FieldErrors,
}

impl<'t, 'f> Check<'t, 'f> {
    fn new(
        tx: &'t Tx<'t>,
        fields: &'f [Field],
        given: &BTreeMap<String, Input>,
        user: Option<UserId>,
    ) -> Self {
        let known: BTreeSet<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let unknown = given.keys().filter(|name| !known.contains(name.as_str()));
        Self {
            tx,
            user,
            values: Vec::new(),
            errors: unknown
                .flat_map(|name| one_error(name, &FieldProblem::Unknown))
                .collect(),
        }
    }

    fn take(
        &mut self,
        field: &'f Field,
        input: &Input,
        otherwise: Option<&FieldValue>,
    ) -> Result<(), Fault<AccountError>> {
        let value = match field.definition.parse(input) {
            Ok(value) => value.or_else(|| otherwise.cloned()),
            Err(problem) => {
                self.refuse(field, &problem);
                return Ok(());
            }
        };
        if value.is_none() && field.definition.required {
            self.refuse(field, &FieldProblem::Required);
            return Ok(());
        }
        let lookup = value.as_ref().and_then(|value| value.lookup.as_ref());
        if let Some(lookup) = lookup
            && field.definition.unique
            && user_fields::is_taken(self.tx, &field.name, lookup, self.user)?
        {
            self.refuse(field, &FieldProblem::Taken);
            return Ok(());
        }
        self.values.push((field, value));
        Ok(())
    }

    fn none_given(&mut self, field: &'f Field) {
        match &field.definition.default {
            Some(default) => self.values.push((field, Some(default.clone()))),
            None if field.definition.required => self.refuse(field, &FieldProblem::Required),
            None => {}
        }
    }

    fn refuse(&mut self, field: &Field, problem: &FieldProblem) {
        self.errors.extend(one_error(field.name.as_str(), problem));
    }

    /// The values, if all fit, and there is room for them beside those that the account has.
    fn passed(
        mut self,
        has: &BTreeMap<String, serde_json::Value>,
    ) -> Result<Vec<(&'f Field, Option<FieldValue>)>, Fault<AccountError>> {
        let changed: BTreeSet<&str> = self.values.iter().map(|(f, _)| f.name.as_str()).collect();
        let stay = has
            .iter()
            .filter(|(name, value)| !value.is_null() && !changed.contains(name.as_str()));
        let stay: usize = stay.map(|(name, value)| size(name, value)).sum();
        let come = self.values.iter().filter_map(|(field, value)| {
            let value = value.as_ref()?;
            Some(size(field.name.as_str(), &value.json))
        });
        let come: usize = come.sum();
        if stay + come > MAX_ACCOUNT_BYTES {
            let problem = FieldProblem::TooMuch(MAX_ACCOUNT_BYTES);
            for (field, _) in std::mem::take(&mut self.values) {
                self.refuse(field, &problem);
            }
        }
        if self.errors.is_empty() {
            Ok(self.values)
        } else {
            Err(Fault::Refused(AccountError::Fields(self.errors)))
        }
    }
}

/// All that is wrong in one sentence.
pub(super) fn sentence(errors: &FieldErrors) -> String {
    let parts = errors
        .iter()
        .map(|(name, problems)| format!("{name}: {}", problems.join(", ")));
    parts.collect::<Vec<_>>().join("; ")
}

/// In the column `field_values`.
fn size(name: &str, value: &serde_json::Value) -> usize {
    name.len() + value.to_string().len() + 4
}

/// Nobody's error is longer than the longest name.
fn one_error(name: &str, problem: &FieldProblem) -> FieldErrors {
    let name = name.chars().take(FieldName::MAX_BYTES).collect();
    BTreeMap::from([(name, vec![problem.to_string()])])
}
