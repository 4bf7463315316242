//! Why a command failed, and the exit status that says so.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::output::Format;
use crate::config::ConfigError;
use crate::http::probe::ProbeError;
use crate::service::StartError;
use crate::service::account_codes::CodeError;
use crate::service::accounts::AccountError;
use crate::service::api_tokens::ApiTokenError;
use crate::service::apply::ApplyError;
use crate::service::audit::AuditError;
use crate::service::clients::ClientError;
use crate::service::fields::FieldError;
use crate::service::groups::GroupError;
use crate::service::keys::KeysError;
use crate::service::keys::lifecycle::LifecycleError;
use crate::service::permissions::PermissionError;
use crate::service::secret_rotation::SecretRotationError;
use crate::service::sessions::SessionError;
use crate::service::webhooks::WebhookError;
use crate::sockets::BindError;
use crate::store::StoreError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum CliError {
    /// Something must be asked, and there is nobody to ask.
    #[error("{0} is needed and there is no terminal to ask on: give {1}")]
    NoTerminal(&'static str, &'static str),
    /// Something is needed that `--no-input` forbids to ask for.
    #[error("{0} is needed: give {1}")]
    InputNeeded(&'static str, &'static str),
    /// The answer was no, or nobody could answer.
    #[error("not confirmed: nothing was changed (say yes, or give --yes)")]
    NotConfirmed,
    /// The command knows no rights but those of whoever can write the database.
    #[error(
        "--as is for 'user', 'group', 'permission', 'field', 'session list', 'session revoke', 'export', 'import', 'apply' and 'audit': this is done by whoever can write the database"
    )]
    NotOnBehalf,
    /// Rows of a file do not fit. Of each it was said why.
    #[error("{0}")]
    Rows(String, OfRows),
    /// Nothing to change was named.
    #[error("there is nothing to change: name a field, as in --first-name Ada")]
    NothingToChange,
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A value that was given breaks its rule.
    #[error("{what}: {problem}")]
    Value {
        /// The value's name.
        what: String,
        /// Which rule, and what would pass.
        problem: String,
    },
    /// There is an account of that address which is no superuser.
    #[error("there is an account '{0}' already, and it is not a superuser: see 'authctl user set'")]
    NotASuperuser(String),
    /// Steps are pending, and `--check` asked.
    #[error("the database needs {0} migration(s): run 'authctl migrate'")]
    MigrationsPending(usize),
    /// An account could not be found, made or changed.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A code could not be made for an account.
    #[error(transparent)]
    Code(CodeError),
    /// A group could not be found, made or changed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// A permission could not be found, made, given or taken.
    #[error(transparent)]
    Permission(#[from] PermissionError),
    /// A field could not be found, made or changed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// What a document declares could not be brought about.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A session could not be found or ended.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A client could not be found, made or changed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An API token could not be found, made or revoked.
    #[error(transparent)]
    ApiToken(#[from] ApiTokenError),
    /// A webhook could not be found, added or told.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// A signing key could not be found, made or ended.
    #[error(transparent)]
    Key(#[from] LifecycleError),
    /// Events could not be shown, or are not as they were written.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The secret key could not be changed.
    #[error(transparent)]
    Secret(#[from] SecretRotationError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The services did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A socket could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The daemon is not ready.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// A file, the terminal or standard input failed.
    #[error("{what} failed: {cause}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        cause: std::io::Error,
    },
}

/// What refused rows have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfRows {
    /// They are about what is there already.
    Conflicts,
    /// They, or some of them, break a rule.
    Invalid,
}

/// The exit statuses of the contract; also the codes of `-o json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    Conflict = 4,
    Invalid = 5,
    Database = 6,
    NotReady = 7,
}

impl Status {
    const ALL: [Self; 7] = [
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::Conflict,
        Self::Invalid,
        Self::Database,
        Self::NotReady,
    ];

    /// For the manual.
    fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "Failed for another reason, such as a file that cannot be read.",
            Self::Usage => {
                "Called wrongly, not confirmed, something must be asked and there is no terminal, or the configuration cannot be used."
            }
            Self::NotFound => "There is no such account, client, session, token ...",
            Self::Conflict => "It exists already, or its state forbids the change.",
            Self::Invalid => {
                "A value breaks a rule: an e-mail address, a phone number, a name, a password, a scope, a value of an own field."
            }
            Self::Database => {
                "The database cannot be used: it is missing or not reached, locked, not migrated, or written by a newer release."
            }
            Self::NotReady => "authd does not answer, or is not ready.",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Failed => "internal",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Database => "database",
            Self::NotReady => "not_ready",
        }
    }
}

/// Every exit status but 0, and what it means.
pub(super) fn exit_statuses() -> impl Iterator<Item = (u8, &'static str)> {
    Status::ALL
        .into_iter()
        .map(|status| (status as u8, status.meaning()))
}

impl CliError {
    /// A failed read or write.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::Io {
            what: what.into(),
            cause,
        }
    }

    fn status(&self) -> Status {
        match self {
            Self::NoTerminal(..)
            | Self::InputNeeded(..)
            | Self::NotConfirmed
            | Self::NotOnBehalf
            | Self::NothingToChange
            | Self::Config(_) => Status::Usage,
            Self::Value { .. }
            | Self::Account(AccountError::Policy(_) | AccountError::Fields(_))
            | Self::Webhook(WebhookError::Plain)
            | Self::Field(FieldError::Definition(_)) => Status::Invalid,
            Self::Rows(_, OfRows::Invalid) => Status::Invalid,
            Self::Apply(ApplyError::Store(error)) => of_store(error),
            Self::Apply(error) if error.is_conflict() => Status::Conflict,
            Self::Apply(_) => Status::Invalid,
            Self::NotASuperuser(_)
            | Self::Code(_)
            | Self::Rows(_, OfRows::Conflicts)
            | Self::Account(AccountError::Changed(_) | AccountError::Denied(_))
            | Self::Session(SessionError::Denied(_) | SessionError::NarrowScope(_))
            | Self::Group(GroupError::Changed(_) | GroupError::Denied(_))
            | Self::Permission(PermissionError::Builtin(_) | PermissionError::Denied(_))
            | Self::Client(ClientError::Denied(_))
            | Self::Audit(AuditError::Denied(_))
            | Self::Webhook(
                WebhookError::TooMany
                | WebhookError::Denied(_)
                | WebhookError::Keys(KeysError::NoneYet),
            )
            | Self::ApiToken(ApiTokenError::Denied(_))
            | Self::Field(
                FieldError::TooMany
                | FieldError::Broken(_)
                | FieldError::Unfit(_)
                | FieldError::Changed(_)
                | FieldError::Denied(_),
            )
            | Self::Key(
                LifecycleError::Waiting(_)
                | LifecycleError::Signs(_)
                | LifecycleError::Exists(_)
                | LifecycleError::Keys(KeysError::NoneYet),
            )
            | Self::Secret(
                SecretRotationError::Overtaken
                | SecretRotationError::Same
                | SecretRotationError::Keys(KeysError::NoneYet),
            ) => Status::Conflict,
            Self::Secret(SecretRotationError::Given) => Status::Usage,
            Self::MigrationsPending(_) => Status::Database,
            Self::Account(AccountError::NotFound(_) | AccountError::NoGroup(_))
            | Self::Group(
                GroupError::NotFound(_) | GroupError::NoAccount(_) | GroupError::NoPermission(_),
            )
            | Self::Permission(PermissionError::NotFound(_) | PermissionError::NoAccount(_))
            | Self::Field(FieldError::NotFound(_))
            | Self::Client(ClientError::NotFound(_))
            | Self::Session(SessionError::NoAccount(_) | SessionError::NotFound(_))
            | Self::Audit(AuditError::NoAccount(_))
            | Self::Key(LifecycleError::NotFound(_))
            | Self::Webhook(WebhookError::NotFound(_))
            | Self::ApiToken(
                ApiTokenError::NoAccount(_)
                | ApiTokenError::NoClient(_)
                | ApiTokenError::NotFound(_),
            ) => Status::NotFound,
            Self::ApiToken(ApiTokenError::ScopeTooWide(_) | ApiTokenError::LastsTooLong) => {
                Status::Invalid
            }
            Self::Account(AccountError::Store(error))
            | Self::Group(GroupError::Store(error))
            | Self::Permission(PermissionError::Store(error))
            | Self::Field(FieldError::Store(error))
            | Self::Client(ClientError::Store(error))
            | Self::Session(SessionError::Store(error))
            | Self::Audit(AuditError::Store(error))
            | Self::Webhook(
                WebhookError::Store(error) | WebhookError::Keys(KeysError::Store(error)),
            )
            | Self::ApiToken(ApiTokenError::Store(error))
            | Self::Secret(
                SecretRotationError::Store(error)
                | SecretRotationError::Keys(KeysError::Store(error)),
            )
            | Self::Key(
                LifecycleError::Store(error) | LifecycleError::Keys(KeysError::Store(error)),
            )
            | Self::Store(error)
            | Self::Start(StartError::Keys(KeysError::Store(error))) => of_store(error),
            Self::Probe(ProbeError::Url(_)) => Status::Usage,
            Self::Probe(_) => Status::NotReady,
            Self::Account(AccountError::Hash(_) | AccountError::Hashing(_))
            | Self::Key(LifecycleError::Keys(_))
            | Self::Webhook(_)
            | Self::Audit(AuditError::Broken(_) | AuditError::Lost(_))
            | Self::Secret(_)
            | Self::Start(_)
            | Self::Bind(_)
            | Self::Io { .. } => Status::Failed,
        }
    }

    /// Says on standard error what went wrong, and gives the exit status for it.
    pub(super) fn report(&self, program: &str, format: Format) -> ExitCode {
        let status = self.status();
        say(program, format, status, &self.to_string());
        ExitCode::from(status as u8)
    }
}

fn of_store(error: &StoreError) -> Status {
    match error {
        StoreError::EmailTaken(_)
        | StoreError::ExternalIdTaken(_)
        | StoreError::ClientExists(_)
        | StoreError::GroupExists(_)
        | StoreError::FieldExists(_)
        | StoreError::PermissionExists(_)
        | StoreError::LastSuperuser(_)
        | StoreError::NotEmpty { .. } => Status::Conflict,
        StoreError::SameDatabase(_) => Status::Usage,
        StoreError::Unavailable(_) | StoreError::CopyDiffers { .. } => Status::Database,
        StoreError::DamagedRow { .. }
        | StoreError::CopyStopped
        | StoreError::Refused
        | StoreError::Engine(_) => Status::Failed,
    }
}

pub(super) fn say(program: &str, format: Format, status: Status, message: &str) {
    let line = if format == Format::Json {
        json!({"error": {"code": status.code(), "message": message}}).to_string()
    } else {
        format!("{program}: {message}")
    };
    // Standard error is gone: the status alone must do.
    let _ = writeln!(std::io::stderr(), "{line}");
}
