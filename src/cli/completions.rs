//! `authctl completions`.

use std::io::{ErrorKind, Write};

use clap::ValueEnum;
use clap_complete::{Shell, generate};

use super::error::CliError;

/// Print the completion script for a shell
#[derive(clap::Args, Clone, Copy, Debug)]
#[command(after_help = "Examples:\n  authctl completions bash > /etc/bash_completion.d/authctl")]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: KnownShell,
}

/// The shells whose scripts are installed and tested.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KnownShell {
    Bash,
    Zsh,
    Fish,
}

pub(super) fn run(args: Args, mut command: clap::Command) -> Result<(), CliError> {
    let shell = match args.shell {
        KnownShell::Bash => Shell::Bash,
        KnownShell::Zsh => Shell::Zsh,
        KnownShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut command, "authctl", &mut script);
    match std::io::stdout().write_all(&script) {
        // Nobody reads the rest.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(CliError::io("writing the script")),
    }
}
