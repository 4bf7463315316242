//! What the rows share: the folder of one run, and in it a home for each engine.

use std::cell::OnceCell;
use std::path::Path;

use tempfile::TempDir;

use crate::Failure;
use crate::bulk::Bulk;
use crate::database::{Database, Engine};
use crate::home::Home;
use crate::plan::Plan;
use crate::postgres::Postgres;
use crate::report;

/// The folder of one run, removed at its end.
pub(crate) struct Site {
    pub(crate) plan: Plan,
    homes: Vec<Home>,
    /// Imported at first use; a failure is remembered, so that every row reports it at once.
    bulk: OnceCell<Result<Bulk, String>>,
    folder: TempDir,
}

impl Site {
    /// An empty folder on the disk that holds the build, not one in memory.
    pub(crate) fn new(plan: Plan, engine: Engine) -> Result<Self, Failure> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let file = folder.path().join("authd.db");
        let mut databases = vec![Database::Sqlite(file)];
        if engine == Engine::Postgres {
            let postgres = Postgres::start()?;
            println!("{}", postgres.description()?);
            databases.push(Database::Postgres(postgres));
        }
        let homes = databases
            .into_iter()
            .map(|database| Home::new(plan, folder.path(), database))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            plan,
            homes,
            bulk: OnceCell::new(),
            folder,
        })
    }

    /// Very many users.
    pub(crate) fn bulk(&self) -> Result<&Bulk, Failure> {
        let import = || {
            let imported = Bulk::import(self.folder(), self.plan.bulk);
            imported.map_err(|failure| report::sentence(failure.as_ref()))
        };
        let bulk = self.bulk.get_or_init(import);
        bulk.as_ref().map_err(|reason| reason.clone().into())
    }

    /// Where servers without a database write their logs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One for each engine that is measured, SQLite's first.
    pub(crate) fn homes(&self) -> &[Home] {
        &self.homes
    }

    /// SQLite's, for what has nothing to do with a database.
    pub(crate) fn any_home(&self) -> &Home {
        &self.homes[0]
    }
}
