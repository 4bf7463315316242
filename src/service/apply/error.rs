//! Why what a document declares cannot be.

use super::Entry;
use crate::domain::authority::Denied;
use crate::domain::field::FieldType;
use crate::service::accounts::AccountError;
use crate::service::clients::ClientError;
use crate::service::fields::{Breaches, FieldError};
use crate::service::groups::GroupError;
use crate::service::management::MayBeDenied;
use crate::service::permissions::PermissionError;
use crate::store::{Fault, StoreError};

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// Something that the document declares cannot be.
    #[error("line {line}: {key}: {problem}")]
    Entry {
        /// Where it stands.
        line: usize,
        /// Under which key.
        key: String,
        /// Why not.
        problem: Problem,
    },
    /// Something that the document does not list cannot be deleted.
    #[error("the {kind} '{name}' is not in the document and cannot be deleted: {problem}")]
    Prune {
        /// What it is.
        kind: &'static str,
        /// What it goes by.
        name: String,
        /// Why not.
        problem: Problem,
    },
    /// The caller may not even see it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with a declaration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// As for one account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// As for one group.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// As for one permission.
    #[error(transparent)]
    Permission(#[from] PermissionError),
    /// As for one field.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// As for one client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Values of another type are other values.
    #[error("the field is of type {0}, and a field's type stays: delete it first")]
    Type(FieldType),
    /// Accounts break the rules: here is nothing to bring them all the same.
    #[error("nothing was changed, and is only with 'authctl field change --force': {0}")]
    Broken(Breaches),
    /// It would be there only until the end of this.
    #[error("'{0}' is not in the document, and what is not there is deleted")]
    NotListed(String),
}

impl ApplyError {
    /// Whether it is about what is there, or who asks, and not about what is declared.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Entry { problem, .. } => problem.is_conflict(),
            Self::Prune { .. } | Self::Denied(_) => true,
            Self::Store(_) => false,
        }
    }
}

impl Problem {
    fn is_conflict(&self) -> bool {
        let denied = match self {
            Self::Account(error) => error.denied(),
            Self::Group(error) => error.denied(),
            Self::Permission(error) => error.denied(),
            Self::Field(error) => error.denied(),
            Self::Client(error) => error.denied(),
            Self::Type(_) | Self::Broken(_) => return true,
            Self::NotListed(_) => None,
        };
        denied.is_some()
            || matches!(
                self,
                Self::Account(AccountError::Store(_))
                    | Self::Permission(PermissionError::Builtin(_))
                    | Self::Field(FieldError::TooMany | FieldError::Unfit(_))
            )
    }
}

impl<T> Entry<T> {
    /// This is wrong with what stands under the key.
    pub(super) fn wrong(&self, key: &str, problem: impl Into<Problem>) -> ApplyError {
        ApplyError::Entry {
            line: self.keys.get(key).copied().unwrap_or(self.line),
            key: key.to_owned(),
            problem: problem.into(),
        }
    }

    /// The same of a step that failed.
    pub(super) fn failed<E: Into<Problem> + From<StoreError>>(
        &self,
        key: &str,
    ) -> impl FnOnce(Fault<E>) -> Fault<ApplyError> {
        move |fault| match fault {
            Fault::Refused(error) => Fault::Refused(self.wrong(key, error)),
            Fault::Store(error) if error.is_refusal() => {
                Fault::Refused(self.wrong(key, E::from(error)))
            }
            Fault::Store(error) => Fault::Store(error),
        }
    }
}
