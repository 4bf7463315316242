//! A database for each test, on the engine that the run is for (`AUTHD_TEST_ENGINE`), and PostgreSQL
//! servers of the tests' own.

mod database;
mod machine;
mod run;
mod server;

#[cfg(test)]
mod tests;

pub use database::Database;
pub use run::{Engine, not_checked, only_postgres, only_sqlite, skipped, variable};
pub use server::Cluster;
