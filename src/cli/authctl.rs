//! The command tree of `authctl`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use super::ConfigArgs;
use super::context::{Context, system_sources};
use super::error::CliError;
use super::output::{Format, Output};
use super::usage::report_clap;
use super::{
    apply, audit, client, completions, config, createsuperuser, db, export, field, group, import,
    key, logging, migrate, permission, ping, prompt, secret, session, token, user, webhook,
};
use crate::config::{Config, Environment, Flags, Layers};
use crate::domain::user::UserRef;

/// Manage the users behind authd
///
/// Opens the same database as authd; what it changes is true at authd's next request.
#[derive(Parser, Debug)]
#[command(name = "authctl", version, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    config: ConfigArgs,

    /// How results look
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Global options"
    )]
    output: Format,

    /// Say nothing but the result; of accounts, the ids
    #[arg(short, long, global = true, help_heading = "Global options")]
    quiet: bool,

    /// Never ask: what is not given is an error
    #[arg(
        long,
        global = true,
        alias = "noinput",
        help_heading = "Global options"
    )]
    no_input: bool,

    /// Do it with the rights of this account, and in its name: e-mail address or id
    #[arg(
        long = "as",
        global = true,
        value_name = "USER",
        help_heading = "Global options"
    )]
    on_behalf_of: Option<UserRef>,

    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  authctl createsuperuser
  authctl user add ada@example.com --first-name Ada --password-stdin < password.txt
  authctl user list --search ada -o json
  authctl ping --wait 30s

Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 invalid value,
6 database, 7 authd not ready.";

#[derive(Subcommand, Debug)]
enum Command {
    Migrate(migrate::Args),
    Createsuperuser(createsuperuser::Args),
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    Group(group::Command),
    #[command(subcommand)]
    Permission(permission::Command),
    #[command(subcommand)]
    Field(field::Command),
    #[command(subcommand)]
    Session(session::Command),
    #[command(subcommand)]
    Client(client::Command),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Webhook(webhook::Command),
    #[command(subcommand)]
    Key(key::Command),
    #[command(subcommand)]
    Secret(secret::Command),
    Audit(audit::Args),
    Export(export::Args),
    Import(import::Args),
    Apply(apply::Args),
    #[command(subcommand)]
    Db(db::Command),
    #[command(subcommand)]
    Config(config::Command),
    Ping(ping::Args),
    Completions(completions::Args),
}

impl Command {
    /// Whether it asks who may do what, so that it can be done with the rights of an account.
    fn knows_rights(&self) -> bool {
        if let Self::Session(command) = self {
            return command.knows_rights();
        }
        matches!(
            self,
            Self::User(_)
                | Self::Group(_)
                | Self::Permission(_)
                | Self::Audit(_)
                | Self::Field(_)
                | Self::Export(_)
                | Self::Import(_)
                | Self::Apply(_)
        )
    }

    /// Whether it asks nothing and has its own end for Ctrl-C: one about a whole database, or without
    /// an end of its own.
    fn has_own_interrupt(&self) -> bool {
        matches!(
            self,
            Self::Db(_) | Self::Audit(_) | Self::Export(_) | Self::Import(_)
        )
    }
}

/// Runs the program with the arguments and the environment of the process.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return report_clap(&error, "authctl", format_wanted(&arguments)),
    };
    logging::start_command();
    let format = cli.output;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report("authctl", format),
    }
}

/// The program's definition, for manuals and completions.
pub fn command() -> clap::Command {
    Cli::command()
}

fn run(cli: Cli) -> Result<(), CliError> {
    // Needs no configuration, so that it works where that is broken.
    if let Command::Completions(args) = cli.command {
        return completions::run(args, command());
    }
    if cli.on_behalf_of.is_some() && !cli.command.knows_rights() {
        return Err(CliError::NotOnBehalf);
    }
    let environment = Environment::of_process();
    let flags = Flags {
        config: cli.config.config,
        database: cli.config.database,
        listen: vec![],
    };
    let layers = Layers::read(&flags, &environment)?;
    if let Command::Config(config::Command::Show(args)) = cli.command {
        let output = Output {
            format: cli.output,
            quiet: cli.quiet,
        };
        return config::show(args, &layers, output);
    }
    let mut ctx = Context {
        output: Output {
            format: cli.output,
            quiet: cli.quiet,
        },
        config: Config::from_layers(&layers)?,
        layers,
        environment,
        sources: system_sources(),
        may_ask: !cli.no_input,
        on_behalf_of: cli.on_behalf_of,
    };
    if ctx.has_someone_to_ask() && !cli.command.has_own_interrupt() {
        prompt::guard_terminal();
    }
    match cli.command {
        Command::Migrate(args) => migrate::run(args, &mut ctx),
        Command::Createsuperuser(args) => createsuperuser::run(args, &mut ctx),
        Command::User(command) => user::run(command, &mut ctx),
        Command::Group(command) => group::run(command, &mut ctx),
        Command::Permission(command) => permission::run(command, &mut ctx),
        Command::Field(command) => field::run(command, &mut ctx),
        Command::Session(command) => session::run(command, &mut ctx),
        Command::Client(command) => client::run(command, &mut ctx),
        Command::Token(command) => token::run(command, &mut ctx),
        Command::Webhook(command) => webhook::run(command, &mut ctx),
        Command::Key(command) => key::run(command, &mut ctx),
        Command::Secret(command) => secret::run(command, &mut ctx),
        Command::Audit(args) => audit::run(args, &mut ctx),
        Command::Export(args) => export::run(args, &mut ctx),
        Command::Import(args) => import::run(args, &mut ctx),
        Command::Apply(args) => apply::run(args, &mut ctx),
        Command::Db(command) => db::run(command, &mut ctx),
        Command::Config(command) => config::run(command, &mut ctx),
        Command::Ping(args) => ping::run(args, &mut ctx),
        Command::Completions(args) => completions::run(args, command()),
    }
}

/// The format that a command line which does not parse asks for.
fn format_wanted(arguments: &[OsString]) -> Format {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let options = words.iter().position(|word| *word == "--");
    let words = &words[..options.unwrap_or(words.len())];
    let wants_json = |at: usize| {
        let next = || words.get(at + 1).copied();
        given_format(words[at], next) == Some("json")
    };
    if (0..words.len()).any(wants_json) {
        Format::Json
    } else {
        Format::Table
    }
}

/// The value of `--output` in a word, or in the `next`, in any form that clap takes: `-o json`, `-ojson`,
/// `-o=json`, also behind flags without a value, as in `-qojson`.
fn given_format<'w>(word: &'w str, next: impl Fn() -> Option<&'w str>) -> Option<&'w str> {
    if let Some(rest) = word.strip_prefix("--output") {
        return if rest.is_empty() {
            next()
        } else {
            rest.strip_prefix('=')
        };
    }
    let letters = word.strip_prefix('-')?.trim_start_matches(['q', 'y']);
    let value = letters.strip_prefix('o')?;
    if value.is_empty() {
        next()
    } else {
        Some(value.strip_prefix('=').unwrap_or(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_that_does_not_parse_is_answered_in_the_format_that_it_asks_for() {
        let wanted = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            format_wanted(&words)
        };
        for line in [
            "user list -o json",
            "user list -ojson",
            "user list -o=json",
            "user list --output json",
            "user list --output=json",
            "user list -qojson",
            "user list -qo json",
            "user list -qqo=json",
            "user delete -yqojson a",
        ] {
            assert_eq!(wanted(line), Format::Json, "{line}");
        }
        for line in [
            "user list",
            "user list -o",
            "user list -o tsv json",
            "user show -- -o json",
            "user list --search=-ojson",
            "user list --outputjson",
        ] {
            assert_eq!(wanted(line), Format::Table, "{line}");
        }
    }

    #[test]
    fn the_definition_is_sound() {
        super::command().debug_assert();
    }
}
