//! The errors of the services, as refusals.

use super::refusal::{Code, Refusal};
use crate::domain::authority::{Denied, NarrowScope};
use crate::domain::field::DefinitionError;
use crate::domain::values::sentence;
use crate::passwords::PoolError;
use crate::service::account_codes::CodeError;
use crate::service::accounts::AccountError;
use crate::service::audit::AuditError;
use crate::service::fields::FieldError;
use crate::service::groups::GroupError;
use crate::service::keys::KeysError;
use crate::service::login::LoginError;
use crate::service::own_password::PasswordChangeError;
use crate::service::permissions::PermissionError;
use crate::service::post::PostError;
use crate::service::refresh::RefreshError;
use crate::service::sessions::{LogoutError, SessionError};
use crate::service::verification::VerifyError;
use crate::store::StoreError;

pub(super) fn no_account() -> Refusal {
    Refusal::new(Code::NotFound, "There is no such account.")
}

pub(super) fn no_group() -> Refusal {
    Refusal::new(Code::NotFound, "There is no such group.")
}

pub(super) fn no_permission() -> Refusal {
    Refusal::new(Code::NotFound, "There is no such permission.")
}

pub(super) fn no_session() -> Refusal {
    let message = "There is no such session: it has ended, or never was.";
    Refusal::new(Code::NotFound, message)
}

pub(super) fn no_field() -> Refusal {
    Refusal::new(Code::NotFound, "There is no such field.")
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::new(Code::Forbidden, sentence(&denied))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(ref unavailable) => {
                Self::overloaded(unavailable.in_short()).because(error)
            }
            StoreError::EmailTaken(_)
            | StoreError::ExternalIdTaken(_)
            | StoreError::GroupExists(_)
            | StoreError::PermissionExists(_)
            | StoreError::FieldExists(_)
            | StoreError::LastSuperuser(_) => Self::new(Code::Conflict, sentence(&error)),
            error => Self::internal(error),
        }
    }
}

impl From<KeysError> for Refusal {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Refused(reason) => {
                tracing::debug!(%reason, "a token was refused");
                Self::new(
                    Code::InvalidToken,
                    "The token is malformed, expired, revoked or not from here.",
                )
            }
            VerifyError::Keys(error) => error.into(),
            VerifyError::Store(error) => error.into(),
        }
    }
}

impl From<LogoutError> for Refusal {
    fn from(error: LogoutError) -> Self {
        match error {
            LogoutError::Verify(error) => error.into(),
            LogoutError::NarrowScope(error) => error.into(),
        }
    }
}

impl From<NarrowScope> for Refusal {
    fn from(error: NarrowScope) -> Self {
        Self::new(Code::Forbidden, sentence(&error))
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NoAccount(_) => no_account(),
            SessionError::NotFound(_) => no_session(),
            SessionError::Denied(denied) => denied.into(),
            SessionError::NarrowScope(error) => error.into(),
            SessionError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordChangeError> for Refusal {
    fn from(error: PasswordChangeError) -> Self {
        match error {
            PasswordChangeError::Token(_) => Self::new(Code::Forbidden, sentence(&error)),
            PasswordChangeError::WrongPassword => Self::of_field("current_password", &error),
            PasswordChangeError::Policy(_) => Self::of_field("new_password", &error),
            PasswordChangeError::TooMany(secs) => Self::too_many_wrong_passwords(secs),
            PasswordChangeError::Hashing(PoolError::Busy) => {
                Self::overloaded("Too many passwords are being checked; try again later.")
            }
            PasswordChangeError::Hashing(_) => Self::internal(error),
            PasswordChangeError::Store(error) => error.into(),
        }
    }
}

impl From<CodeError> for Refusal {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Dead => Self::of_field("token", &error),
            CodeError::WrongPassword => Self::of_field("password", &error),
            CodeError::TooMany(secs) => Self::too_many_wrong_passwords(secs),
            CodeError::TooManyLetters(secs) => Self::too_many_requests(sentence(&error), secs),
            CodeError::Closed | CodeError::Token(_) => Self::new(Code::Forbidden, sentence(&error)),
            CodeError::HasPassword(_)
            | CodeError::NoPassword(_)
            | CodeError::Inactive(_)
            | CodeError::NoMail => Self::new(Code::Conflict, sentence(&error)),
            CodeError::Post(PostError::Full) => {
                Self::overloaded("Too many letters wait to be sent; try again later.")
                    .because(error)
            }
            CodeError::Post(_) => Self::internal(error),
            CodeError::Account(error) => error.into(),
        }
    }
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::InvalidCredentials => Self::new(
                Code::InvalidCredentials,
                "The e-mail address or the password is wrong.",
            ),
            LoginError::TooMany(secs) => Self::too_many_wrong_passwords(secs),
            LoginError::Hashing(PoolError::Busy) => {
                Self::overloaded("Too many logins at once; try again later.")
            }
            LoginError::Store(error) => error.into(),
            LoginError::Keys(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<RefreshError> for Refusal {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::InvalidGrant | RefreshError::InvalidScope => Self::new(
                Code::InvalidGrant,
                "The refresh token is not good: log in again.",
            ),
            RefreshError::Store(error) => error.into(),
            RefreshError::Keys(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<AccountError> for Refusal {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NotFound(_) => no_account(),
            AccountError::NoGroup(_) => Self::of_field("groups", &error),
            AccountError::Policy(_) => Self::of_field("password", &error),
            AccountError::Fields(errors) => {
                let errors = errors.into_iter().map(|(name, problems)| {
                    let sentences = problems.iter().map(sentence).collect();
                    (format!("fields.{name}"), sentences)
                });
                Self::invalid(errors.collect())
            }
            AccountError::Changed(version) => Self::changed(version),
            AccountError::Denied(denied) => denied.into(),
            AccountError::Hashing(PoolError::Busy) => {
                Self::overloaded("Too many passwords are being checked; try again later.")
            }
            AccountError::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<GroupError> for Refusal {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::NotFound(_) => no_group(),
            GroupError::NoAccount(_) => no_account(),
            GroupError::NoPermission(_) => no_permission(),
            GroupError::Changed(version) => Self::changed(version),
            GroupError::Denied(denied) => denied.into(),
            GroupError::Store(error) => error.into(),
        }
    }
}

impl From<PermissionError> for Refusal {
    fn from(error: PermissionError) -> Self {
        match error {
            PermissionError::NotFound(_) => no_permission(),
            PermissionError::NoAccount(_) => no_account(),
            PermissionError::Builtin(_) => Self::new(Code::Conflict, sentence(&error)),
            PermissionError::Denied(denied) => denied.into(),
            PermissionError::Store(error) => error.into(),
        }
    }
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::NotFound(_) => no_field(),
            FieldError::Definition(error) => error.into(),
            FieldError::Broken(broken) => {
                let message =
                    format!("Nothing was changed, and is only with 'force: true': {broken}.");
                Self::new(Code::Conflict, message)
            }
            FieldError::TooMany | FieldError::Unfit(_) => {
                Self::new(Code::Conflict, sentence(&error))
            }
            FieldError::Changed(version) => Self::changed(version),
            FieldError::Denied(denied) => denied.into(),
            FieldError::Store(error) => error.into(),
        }
    }
}

impl From<DefinitionError> for Refusal {
    fn from(error: DefinitionError) -> Self {
        Self::of_field(error.member(), &error)
    }
}

impl From<AuditError> for Refusal {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::NoAccount(_) => no_account(),
            AuditError::Denied(denied) => denied.into(),
            AuditError::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}
