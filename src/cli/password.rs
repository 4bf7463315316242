//! Where a password comes from: standard input, a file, the environment, or a prompt; never an
//! argument, which `ps` and the shell's history would show.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::context::Context;
use super::error::CliError;
use crate::config::{Environment, Held};
use crate::domain::password::Password;

/// Where to read the password from instead of asking.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct PasswordArgs {
    /// Read the password from standard input (one line end at its end is dropped)
    #[arg(long, conflicts_with = "password_file")]
    pub(super) password_stdin: bool,

    /// Read the password from a file (one line end at its end is dropped)
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
}

/// Longer input is no password and is refused, never cut; in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The password that was given without asking, if one was. `variables` are tried in order, each
/// also with `_FILE`.
pub(super) fn given(
    args: &PasswordArgs,
    variables: &[&str],
    ctx: &Context,
) -> Result<Option<Password>, CliError> {
    if args.password_stdin {
        return read("standard input", std::io::stdin()).map(Some);
    }
    if let Some(path) = &args.password_file {
        return read_file(path).map(Some);
    }
    of_environment(variables, &ctx.environment)
}

/// The password in the first of these variables that is there, or in the file that it names with `_FILE` at its
/// end.
pub(super) fn of_environment(
    variables: &[&str],
    environment: &Environment,
) -> Result<Option<Password>, CliError> {
    for variable in variables {
        match environment.find_or_file(variable)? {
            None => {}
            Some(Held::Value(value)) => return Ok(Some(Password::new(value))),
            Some(Held::InFile(path)) => return read_file(Path::new(path)).map(Some),
        }
    }
    Ok(None)
}

fn read_file(path: &Path) -> Result<Password, CliError> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path).map_err(CliError::io(format!("opening '{name}'")))?;
    let password = read(&format!("'{name}'"), file)?;
    if password.chars() == 0 {
        return Err(CliError::Value {
            what: "password".to_owned(),
            problem: format!("the file '{name}' is empty"),
        });
    }
    Ok(password)
}

fn read(name: &str, source: impl Read) -> Result<Password, CliError> {
    let mut text = Zeroizing::new(String::new());
    source
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(CliError::io(format!("reading the password from {name}")))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(CliError::Value {
            what: "password".to_owned(),
            problem: format!("{name} holds more than {MAX_BYTES} bytes, which is no password"),
        });
    }
    let password = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Password::new(
        password.strip_suffix('\r').unwrap_or(password),
    ))
}
