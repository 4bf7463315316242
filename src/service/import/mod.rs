//! Many accounts at once, by the rules that hold for one.
//!
//! A file of any length goes through here in batches, each of them one transaction. To find out
//! whether all of a file fits before anything is changed, its batches are tried first: what they do
//! is undone, and what each of them cannot see of the others (a text that must be there once) is
//! remembered in a file.

mod batch;
mod password;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::accounts::AccountError;
use super::apply::{self, ApplyError, Declared};
use super::management::{Management, MayBeDenied};
use super::permissions::PermissionError;
use crate::domain::audit::Action;
use crate::domain::authority::Denied;
use crate::domain::email::Email;
use crate::domain::field::Field;
use crate::domain::permission::{Builtin, PermissionName};
use crate::domain::user::{UserChange, UserId};
use crate::store::Seen;
use crate::store::{self, Fault, StoreError, fields};
use batch::Batch;

pub use password::{RowPassword, Standing, standing};

pub(super) use batch::new_user;

/// An account as it is to be. What is `None` is as it is for new accounts, or stays as it is.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// Its id, where it comes with one: kept, or it is another account.
    pub id: Option<UserId>,
    /// Its user name.
    pub email: Email,
    /// All but the user name.
    pub rest: UserChange,
    /// Its password.
    pub password: RowPassword,
    /// All that it may do by itself.
    pub permissions: Option<BTreeSet<PermissionName>>,
    /// When it was made; for new accounts alone.
    pub date_joined: Option<Timestamp>,
    /// When it last logged in; for new accounts alone.
    pub last_login: Option<Timestamp>,
}

/// What becomes of a row whose account is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// It is refused.
    Fail,
    /// The account stays as it is.
    Skip,
    /// The account is changed to what the row says.
    Update,
}

/// Which of its rows a batch changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// None: it says what would become of them.
    Try,
    /// All that fit.
    Each,
    /// All, or none if one does not fit: what comes first that does not is an error.
    All,
}

/// What became of a row.
#[derive(Debug)]
pub enum Outcome {
    /// Its account was added.
    Created,
    /// Its account was changed.
    Updated(Vec<Remark>),
    /// Its account is as the row says.
    Unchanged(Vec<Remark>),
    /// Its account was there, and stays as it is.
    Skipped,
    /// Nothing: it does not fit.
    Refused(RowError),
}

/// What there is to know of an account that was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// It keeps a password that was hashed here: whether Django has another by now, nobody can tell.
    KeepsPassword(Email),
    /// It keeps a password that was hashed here, and Django has none.
    KeepsPasswordAlone(Email),
    /// It was disabled here, and is active again.
    Enabled(Email),
    /// It is staff or a superuser no more.
    Demoted(Email),
    /// It is in these groups no more, and may not do this by itself any more.
    Loses(Email, Vec<String>, Vec<PermissionName>),
}

/// Why a row was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// There is such an account.
    #[error("there is an account '{0}' already")]
    Exists(Email),
    /// The account of that address has another id.
    #[error("the account '{0}' has another id, {1}")]
    OtherId(Email, UserId),
    /// The account of that id has another address, which belongs to one, too.
    #[error("the id {0} and the address '{1}' are those of two accounts")]
    Two(UserId, Email),
    /// Ids of deleted accounts are never used again.
    #[error("the id {0} was that of an account that is deleted: leave it out")]
    Deleted(UserId),
    /// Another row has it.
    #[error("line {1} has the same {0}")]
    Repeated(String, i64),
    /// The account's own rules.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Something that it may do.
    #[error(transparent)]
    Permission(#[from] PermissionError),
}

impl RowError {
    /// Whether it is about what is there already, and not about the row.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Exists(_) | Self::OtherId(..) | Self::Two(..) | Self::Deleted(_) => true,
            Self::Account(error) => matches!(
                error,
                AccountError::Denied(_)
                    | AccountError::Store(
                        StoreError::EmailTaken(_)
                            | StoreError::ExternalIdTaken(_)
                            | StoreError::LastSuperuser(_)
                    )
            ),
            Self::Permission(error) => error.denied().is_some(),
            Self::Repeated(..) => false,
        }
    }
}

impl From<StoreError> for RowError {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

impl From<Denied> for RowError {
    fn from(denied: Denied) -> Self {
        Self::Account(denied.into())
    }
}

impl MayBeDenied for RowError {
    fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Account(error) => error.denied(),
            Self::Permission(error) => error.denied(),
            _ => None,
        }
    }
}

/// Why a batch was given up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// This row, by its line, does not fit.
    #[error("line {0}: {1}")]
    Row(u64, RowError),
    /// What the rows rely on cannot be brought about.
    #[error(transparent)]
    Before(ApplyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing of a batch stays.
enum Undone {
    /// It was only to see.
    Tried(Vec<Outcome>),
    /// It was given up.
    Stopped(Stopped),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Stopped(error.into())
    }
}

/// Brings accounts into a database.
pub struct Importer<'d> {
    desk: &'d Management,
    on_conflict: OnConflict,
    seen: Option<Seen>,
    /// Those of which no two accounts have the same.
    unique: Vec<Field>,
    /// What the rows rely on, while it is not there yet.
    before: Option<Arc<Declared>>,
}

impl<'d> Importer<'d> {
    /// For whoever may add accounts, and see and change them if that is wanted.
    pub fn new(desk: &'d Management, on_conflict: OnConflict) -> Result<Self, AccountError> {
        desk.check(
            desk.authority().require(Builtin::UsersAdd),
            Action::UserAdded,
        )?;
        if on_conflict == OnConflict::Update {
            // It says which rows are as the accounts are.
            desk.check_view(Builtin::UsersView, Action::UserViewed)?;
            desk.check(
                desk.authority().require(Builtin::UsersChange),
                Action::UserChanged,
            )?;
        }
        let mut unique = desk.store.read(fields::all)?;
        unique.retain(|field| field.definition.unique);
        Ok(Self {
            desk,
            on_conflict,
            seen: None,
            unique,
            before: None,
        })
    }

    /// Rows are tried out as if this were there: fields, groups and permissions that come with them. No
    /// field of it is to be unique.
    #[must_use]
    pub fn after(self, declared: Arc<Declared>) -> Self {
        let before = Some(declared);
        Self { before, ..self }
    }

    /// Says what would become of these rows, of a file that is gone through once.
    pub fn try_out(&mut self, rows: Vec<Row>) -> Result<Vec<Outcome>, Stopped> {
        let mut repeated = Vec::new();
        for row in &rows {
            repeated.push(self.repeated(row)?);
        }
        let lookups: Vec<_> = rows.iter().map(|row| self.lookups(row)).collect();
        let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
        let mut outcomes = self.batch(rows, Mode::Try)?;
        for (at, outcome) in outcomes.iter_mut().enumerate() {
            if let Some(error) = repeated[at].take() {
                *outcome = Outcome::Refused(error);
            }
            if let Outcome::Created | Outcome::Updated(_) = outcome {
                for (name, text) in &lookups[at] {
                    if let Some(line) = self.note(&format!("{name}={text}"), lines[at])? {
                        let what =
                            format!("value of {name}, of which no two accounts have the same");
                        *outcome = Outcome::Refused(RowError::Repeated(what, line));
                    }
                }
            }
        }
        Ok(outcomes)
    }

    /// Brings in these rows, in one transaction, and says what became of each.
    pub fn batch(&self, rows: Vec<Row>, mode: Mode) -> Result<Vec<Outcome>, Stopped> {
        let random = Arc::clone(&self.desk.sources.random);
        let on_conflict = self.on_conflict;
        let before = self.before.clone().filter(|_| mode == Mode::Try);
        let done = self.desk.attempt_all(move |series| {
            if let Some(declared) = before {
                apply::first_of(series, &*random, &declared).map_err(|fault| match fault {
                    Fault::Store(error) => Fault::Store(error),
                    Fault::Refused(error) => {
                        Fault::Refused(Undone::Stopped(Stopped::Before(error)))
                    }
                })?;
            }
            let batch = Batch {
                random: &*random,
                on_conflict,
                fields: fields::all(series.tx)?,
            };
            let mut outcomes = Vec::with_capacity(rows.len());
            for row in rows {
                let line = row.line;
                let tx = series.tx;
                let done = match mode {
                    Mode::All => match batch.bring(series, row) {
                        Err(Fault::Refused(error)) => Err(error),
                        Err(Fault::Store(error)) if error.is_refusal() => Err(error.into()),
                        Err(Fault::Store(error)) => return Err(error.into()),
                        Ok(outcome) => Ok(outcome),
                    },
                    Mode::Try | Mode::Each => store::part(tx, || batch.bring(series, row))?,
                };
                match (done, mode) {
                    (Err(error), Mode::All) => {
                        let stopped = Stopped::Row(line, error);
                        return Err(Fault::Refused(Undone::Stopped(stopped)));
                    }
                    (done, _) => outcomes.push(done.unwrap_or_else(Outcome::Refused)),
                }
            }
            match mode {
                Mode::Try => Err(Fault::Refused(Undone::Tried(outcomes))),
                Mode::Each | Mode::All => Ok(outcomes),
            }
        });
        match done {
            Ok(outcomes) | Err(Undone::Tried(outcomes)) => Ok(outcomes),
            Err(Undone::Stopped(stopped)) => Err(stopped),
        }
    }

    /// Whether a row before this one is about the same account.
    fn repeated(&mut self, row: &Row) -> Result<Option<RowError>, Stopped> {
        // Where accounts that are there are passed over, so is the second row of one.
        if self.on_conflict == OnConflict::Skip {
            return Ok(None);
        }
        if let Some(line) = self.note(row.email.key(), row.line)? {
            return Ok(Some(RowError::Repeated("address".into(), line)));
        }
        if let Some(Some(external)) = &row.rest.external_id
            && let Some(line) = self.note(&format!("external:{external}"), row.line)?
        {
            return Ok(Some(RowError::Repeated("external id".into(), line)));
        }
        let Some(id) = row.id else { return Ok(None) };
        let seen = self.note(&id.to_string(), row.line)?;
        Ok(seen.map(|line| RowError::Repeated("id".into(), line)))
    }

    /// What the row has in unique fields, as their index has it.
    fn lookups(&self, row: &Row) -> Vec<(String, String)> {
        let lookup = |field: &Field| {
            let input = row.rest.fields.get(field.name.as_str())?;
            let value = field.definition.parse(input).ok()??;
            Some((field.name.to_string(), value.lookup?))
        };
        self.unique.iter().filter_map(lookup).collect()
    }

    fn note(&mut self, text: &str, line: u64) -> Result<Option<i64>, Stopped> {
        let seen = match &self.seen {
            Some(seen) => seen,
            None => self.seen.insert(Seen::new()?),
        };
        Ok(seen.note(text, line.cast_signed())?)
    }
}
