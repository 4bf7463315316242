//! `authctl config` and `authd config`.

use clap::Subcommand;
use serde_json::json;

use super::context::Context;
use super::error::CliError;
use super::output::Output;
use crate::config::{Config, Layers};

/// Look at the configuration
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Show(ShowArgs),
    #[command(after_help = "Examples:\n  authctl config check --config new.toml")]
    Check(CheckArgs),
}

/// Show every value and where it came from
///
/// Secrets are not shown. Works with values that 'config check' refuses.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl config show\n  authctl config show -o json")]
pub(super) struct ShowArgs {}

/// Check the configuration without doing anything
///
/// Exits with 2 and names file, line and key if a value cannot be used.
#[derive(clap::Args, Debug)]
pub(super) struct CheckArgs {}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Show(args) => show(args, &ctx.layers, ctx.output),
        Command::Check(args) => check(args, &ctx.layers, ctx.output),
    }
}

pub(super) fn show(_: ShowArgs, layers: &Layers, output: Output) -> Result<(), CliError> {
    let mut values = layers.show();
    // What is bad in them says so when it is used.
    if let Ok(config) = Config::from_layers(layers) {
        for shown in &mut values {
            if let Some(value) = config.follows(shown.key).filter(|_| shown.value.is_empty()) {
                shown.value = value;
            }
        }
    }
    output.config(&values)
}

/// Every value was checked when the configuration was loaded.
pub(super) fn check(_: CheckArgs, layers: &Layers, output: Output) -> Result<(), CliError> {
    let file = layers.file().map(|path| path.display().to_string());
    let place = file
        .clone()
        .unwrap_or_else(|| "no file, only defaults and environment".into());
    output.outcome(
        &json!({"ok": true, "file": file}),
        &format!("the configuration is good ({place})"),
    )
}
