//! Both command lines: text in, one call of `service/`, text and an exit status out.
//!
//! [`authctl`] and [`authd`] hold the two command trees; each command has a file of its own.

#![expect(
    clippy::doc_markdown,
    reason = "doc comments on arguments are help texts for terminals"
)]

mod account;
mod apply;
mod audit;
pub mod authctl;
pub mod authd;
mod client;
mod completions;
mod config;
mod context;
mod createsuperuser;
mod db;
mod django;
mod error;
mod export;
mod field;
mod first_superuser;
mod group;
mod healthcheck;
mod import;
mod key;
mod log_json;
mod log_lines;
mod logging;
mod manual;
mod migrate;
mod names;
mod operator;
mod output;
mod password;
mod permission;
mod ping;
mod progress;
mod prompt;
pub mod reference;
mod secret;
mod serve;
mod session;
mod token;
mod usage;
mod user;
mod webhook;

use std::path::PathBuf;

use clap::Args;

/// What both programs take before or after their command.
#[derive(Args, Clone, Debug, Default)]
struct ConfigArgs {
    /// Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Global options"
    )]
    config: Option<PathBuf>,

    /// Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help_heading = "Global options"
    )]
    database: Option<String>,
}
