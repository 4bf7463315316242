//! `authctl field`: one file a verb.

mod add;
mod change;
mod delete;
mod list;
mod rename;
mod show;

use clap::Subcommand;
use serde_json::Value;

use super::context::Context;
use super::error::CliError;
use super::output::{Output, plain};
use crate::domain::field::Field;

/// Manage the fields that accounts have beside what every account has
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Add(add::Args),
    List(list::Args),
    Show(show::Args),
    Change(change::Args),
    Rename(rename::Args),
    Delete(delete::Args),
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Add(args) => add::run(args, ctx),
        Command::List(args) => list::run(args, ctx),
        Command::Show(args) => show::run(args, ctx),
        Command::Change(args) => change::run(args, ctx),
        Command::Rename(args) => rename::run(args, ctx),
        Command::Delete(args) => delete::run(args, ctx),
    }
}

/// The columns of a field, in this order.
const COLUMNS: [&str; 17] = [
    "name",
    "type",
    "label",
    "required",
    "unique",
    "indexed",
    "default",
    "choices",
    "max_length",
    "pattern",
    "min",
    "max",
    "self_read",
    "self_write",
    "in_token",
    "created_at",
    "version",
];

fn row(field: &Field) -> [String; 17] {
    let definition = &field.definition;
    let text = definition.text_rule().cloned().unwrap_or_default();
    let max_length = text.max_length.map(|length| length.to_string());
    let pattern = text.pattern.map(|pattern| pattern.as_str().to_owned());
    let (min, max) = definition.bounds();
    let default = definition.default.as_ref().map(|default| &default.json);
    let value = |value: Option<&Value>| value.map(plain).unwrap_or_default();
    [
        field.name.to_string(),
        definition.kind().to_string(),
        definition.label.to_string(),
        definition.required.to_string(),
        definition.unique.to_string(),
        definition.indexed.to_string(),
        value(default),
        definition.choices().join(","),
        max_length.unwrap_or_default(),
        pattern.unwrap_or_default(),
        value(min.as_ref()),
        value(max.as_ref()),
        definition.self_read.to_string(),
        definition.self_write.to_string(),
        definition.in_token.to_string(),
        field.created_at.to_string(),
        field.version.to_string(),
    ]
}

fn print(field: &Field, output: Output) -> Result<(), CliError> {
    output.one(field, &COLUMNS, row(field).to_vec())
}
