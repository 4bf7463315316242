//! What the rows share: the folder of one run, and in it a home for each engine.

use std::path::Path;

use tempfile::TempDir;

use crate::Failure;
use crate::database::{Database, Engine};
use crate::home::Home;
use crate::plan::Plan;
use crate::postgres::Postgres;

/// The folder of one run, removed at its end.
pub(crate) struct Site {
    pub(crate) plan: Plan,
    homes: Vec<Home>,
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
            folder,
        })
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
