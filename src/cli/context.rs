//! What every command works with.

use std::io::IsTerminal;
use std::sync::Arc;

use super::error::CliError;
use super::operator;
use super::output::Output;
use super::prompt;
use crate::config::{Config, Environment, Layers};
use crate::domain::actor::Actor;
use crate::domain::user::UserRef;
use crate::service::Sources;
use crate::service::accounts::Accounts;
use crate::service::management::Management;
use crate::service::system::{SystemClock, SystemRandom};
use crate::store::{self, Store, WriteMode};

/// What every command of `authctl` works with.
pub(super) struct Context {
    pub(super) output: Output,
    pub(super) layers: Layers,
    pub(super) config: Config,
    pub(super) environment: Environment,
    pub(super) sources: Sources,
    /// Whether people may be asked.
    pub(super) may_ask: bool,
    /// With whose rights it is done; `None`: those of whoever can write the database.
    pub(super) on_behalf_of: Option<UserRef>,
}

/// What to do where there is no database yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMissing {
    /// Make one: the command adds the first thing to it.
    Create,
    /// Fail: there is nothing to look at.
    Fail,
}

impl Context {
    /// Opens the accounts.
    pub(super) fn accounts(&self, if_missing: IfMissing) -> Result<Accounts, CliError> {
        let desk = self.management(if_missing)?;
        Ok(Accounts::new(desk, self.config.passwords))
    }

    /// Opens everything that can be managed, for whoever runs this.
    pub(super) fn management(&self, if_missing: IfMissing) -> Result<Management, CliError> {
        let store = Arc::new(self.store(if_missing)?);
        let desk = Management::new(store, self.sources.clone(), self.operator());
        Ok(match &self.on_behalf_of {
            Some(user) => desk.on_behalf_of(user)?,
            None => desk,
        })
    }

    /// Whoever runs this.
    #[expect(
        clippy::unused_self,
        reason = "what a command knows, it knows from here"
    )]
    pub(super) fn operator(&self) -> Actor {
        Actor::operator(operator::name())
    }

    /// Whether there is a database.
    pub(super) fn has_database(&self) -> Result<bool, CliError> {
        let database = &self.config.database;
        Ok(store::exists(&database.url, database.timeout)?)
    }

    /// Opens the database.
    pub(super) fn store(&self, if_missing: IfMissing) -> Result<Store, CliError> {
        let database = &self.config.database;
        if if_missing == IfMissing::Create && !store::exists(&database.url, database.timeout)? {
            let now = self.sources.clock.now();
            if store::create(&database.url, database.timeout, now)? {
                let note = format!("created the database '{}'", database.url.place());
                self.output.note(&note);
            }
        }
        Ok(Store::open(database, WriteMode::Direct)?)
    }

    /// Fails if there is no database and none could be made: before somebody answers questions in vain.
    pub(super) fn require_database_or_place(&self) -> Result<(), CliError> {
        let database = &self.config.database;
        if !store::exists(&database.url, database.timeout)? {
            store::require_place(&database.url)?;
        }
        Ok(())
    }

    /// Goes on if `yes` was given or somebody says so.
    pub(super) fn confirm(&self, yes: bool, question: &str) -> Result<(), CliError> {
        if yes || (self.has_someone_to_ask() && prompt::confirm(question)?) {
            return Ok(());
        }
        Err(CliError::NotConfirmed)
    }

    /// Whether somebody sits at a terminal, sees the questions (standard error), and may be asked.
    pub(super) fn has_someone_to_ask(&self) -> bool {
        self.may_ask && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// The error for something that must be asked and cannot be.
    pub(super) fn cannot_ask(&self, what: &'static str, remedy: &'static str) -> CliError {
        if self.may_ask {
            CliError::NoTerminal(what, remedy)
        } else {
            CliError::InputNeeded(what, remedy)
        }
    }
}

/// The clock and the randomness of the operating system.
pub(super) fn system_sources() -> Sources {
    Sources {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    }
}
