//! The command tree of `authd`.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use super::ConfigArgs;
use super::error::CliError;
use super::output::{Format, Output};
use super::usage::report_clap;
use super::{config, healthcheck, serve};
use crate::config::{Config, Environment, Flags, Layers};

/// Say who is logging in, and whose token this is
///
/// Serves logins and verification over HTTP from the database that authctl manages.
#[derive(Parser, Debug)]
#[command(name = "authd", version, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    config: ConfigArgs,

    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  authd serve
  authd serve --listen 0.0.0.0:8000 --listen unix:/run/authd/authd.sock
  authd config check --config new.toml
  authd healthcheck

Exit status: 0 done, 1 failed, 2 usage or configuration, 6 database, 7 not ready.";

#[derive(Subcommand, Debug)]
enum Command {
    Serve(serve::Args),
    Healthcheck(healthcheck::Args),
    #[command(subcommand)]
    Config(DaemonConfig),
}

/// Look at the configuration
#[derive(Subcommand, Debug)]
enum DaemonConfig {
    #[command(after_help = "Examples:\n  authd config check --config new.toml")]
    Check(config::CheckArgs),
}

/// Runs the program with the arguments and the environment of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report_clap(&error, "authd", Format::Table),
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report("authd", Format::Table),
    }
}

/// The program's definition, for manuals and completions.
pub fn command() -> clap::Command {
    Cli::command()
}

fn run(cli: Cli) -> Result<(), CliError> {
    let environment = Environment::of_process();
    let listen = match &cli.command {
        Command::Serve(args) => args.listen.clone(),
        _ => vec![],
    };
    let flags = Flags {
        config: cli.config.config,
        database: cli.config.database,
        listen,
    };
    let layers = Layers::read(&flags, &environment)?;
    let config = Config::from_layers(&layers)?;
    match cli.command {
        Command::Serve(args) => serve::run(args, config, &environment),
        Command::Healthcheck(args) => healthcheck::run(args, &config),
        Command::Config(DaemonConfig::Check(args)) => config::check(
            args,
            &layers,
            Output {
                format: Format::Table,
                quiet: false,
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_is_sound() {
        super::command().debug_assert();
    }
}
