//! One file a row.

use clap::ValueEnum;

use crate::Failure;
use crate::report::Report;
use crate::site::Site;
use asking::Way;

mod asking;
mod bulk;
mod login;
mod memory;
mod refresh;
mod size;
mod start;
mod storm;
mod verify;
mod wire;
mod write;

/// A row of the table, by the name it is asked for.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// The listeners: rouille's own, ours, and bare hyper
    Wire,
    /// Token checks against a bare server with the same answer
    Verify,
    /// Token checks by whoever has the answer already
    Again,
    /// Many tokens in one request
    Batch,
    /// Token checks by the standard, with a client's secret
    Introspect,
    /// Token checks over gRPC
    Grpc,
    /// Logins against Argon2id by itself
    Login,
    /// What a login writes: one at a time, and many in one commit
    Write,
    /// Refreshing a session against a durable update of one row
    Refresh,
    /// Token checks with and without a storm of logins beside them
    Storm,
    /// Memory at rest and under load
    Memory,
    /// From process start to first answer
    Start,
    /// Bytes of a user on the disk
    Size,
    /// Very many users from a file
    Import,
    /// Very many users into a file
    Export,
    /// The first pages of very many users, and late ones
    #[value(name = "list_depth")]
    ListDepth,
}

impl Row {
    /// Every row, in the order of the table.
    pub(crate) const ALL: &[Self] = &[
        Self::Wire,
        Self::Verify,
        Self::Again,
        Self::Batch,
        Self::Introspect,
        Self::Grpc,
        Self::Login,
        Self::Write,
        Self::Refresh,
        Self::Storm,
        Self::Memory,
        Self::Start,
        Self::Size,
        Self::Import,
        Self::Export,
        Self::ListDepth,
    ];

    /// As it is asked for and printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Verify => "verify",
            Self::Again => "again",
            Self::Batch => "batch",
            Self::Introspect => "introspect",
            Self::Grpc => "grpc",
            Self::Login => "login",
            Self::Write => "write",
            Self::Refresh => "refresh",
            Self::Storm => "storm",
            Self::Memory => "memory",
            Self::Start => "start",
            Self::Size => "size",
            Self::Import => "import",
            Self::Export => "export",
            Self::ListDepth => "list_depth",
        }
    }

    /// Measures it and prints its figures.
    pub(crate) fn run(self, site: &Site, report: &mut Report) -> Result<(), Failure> {
        match self {
            Self::Wire => wire::run(site, report),
            Self::Verify => verify::run(site, report),
            Self::Again => asking::run(Way::Again, site, report),
            Self::Batch => asking::run(Way::Batch, site, report),
            Self::Introspect => asking::run(Way::Introspect, site, report),
            Self::Grpc => asking::run(Way::Grpc, site, report),
            Self::Login => login::run(site, report),
            Self::Write => write::run(site, report),
            Self::Refresh => refresh::run(site, report),
            Self::Storm => storm::run(site, report),
            Self::Memory => memory::run(site, report),
            Self::Start => start::run(site, report),
            Self::Size => size::run(site, report),
            Self::Import => bulk::import(site, report),
            Self::Export => bulk::export(site, report),
            Self::ListDepth => bulk::list_depth(site, report),
        }
    }
}

/// What to reach: it was set for SQLite, whose turn is the first.
fn of_sqlite(turn: usize, reach: &'static str) -> &'static str {
    if turn == 0 { reach } else { "" }
}
