//! `authctl key`: one file a verb.

mod export_public;
mod import;
mod list;
mod retire;
mod revoke;
mod rotate;

use std::sync::Arc;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use crate::service::keys::lifecycle::{Key, Lifecycle, LifecycleError};
use crate::service::keys::{self, KeysError};
use crate::store::Store;
use crate::tokens::SealingKey;

/// Manage the keys that sign tokens
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    List(list::Args),
    Rotate(rotate::Args),
    Import(import::Args),
    Retire(retire::Args),
    Revoke(revoke::Args),
    ExportPublic(export_public::Args),
}

pub(super) fn run(command: Command, ctx: &mut Context) -> Result<(), CliError> {
    match command {
        Command::List(args) => list::run(args, ctx),
        Command::Rotate(args) => rotate::run(args, ctx),
        Command::Import(args) => import::run(args, ctx),
        Command::Retire(args) => retire::run(args, ctx),
        Command::Revoke(args) => revoke::run(args, ctx),
        Command::ExportPublic(args) => export_public::run(args, ctx),
    }
}

/// The columns of a key, in this order.
const COLUMNS: [&str; 6] = [
    "kid",
    "algorithm",
    "state",
    "created_at",
    "signs_from",
    "verifies_until",
];

fn row(key: &Key) -> [String; COLUMNS.len()] {
    let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string());
    [
        key.kid.clone(),
        key.algorithm.clone(),
        key.state.to_owned(),
        key.created_at.to_string(),
        time(key.signs_from).unwrap_or_default(),
        time(key.verifies_until).unwrap_or_default(),
    ]
}

fn print(key: &Key, ctx: &Context) -> Result<(), CliError> {
    ctx.output.one(key, &COLUMNS, row(key).to_vec())
}

/// The secret that seals the keys, if it opens those that are there.
fn sealing(store: &Store, ctx: &Context) -> Result<Arc<SealingKey>, KeysError> {
    keys::unsealing(store, &ctx.config.secret_key)
}

/// What moves keys on, with this secret.
fn lifecycle<'a>(store: &'a Store, sealing: Arc<SealingKey>, ctx: &'a Context) -> Lifecycle<'a> {
    Lifecycle {
        store,
        sealing,
        rules: ctx.config.keys,
        sources: &ctx.sources,
        by: (&ctx.operator()).into(),
    }
}

impl From<KeysError> for CliError {
    fn from(error: KeysError) -> Self {
        LifecycleError::from(error).into()
    }
}
