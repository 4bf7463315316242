//! What PostgreSQL's errors mean for whoever runs authd (its manual, appendix A: error codes).

use std::error::Error as _;
use std::io;

use postgres::Error;
use postgres::error::SqlState;

use super::server::Server;
use super::wire::TlsError;
use crate::store::error::Reason;

/// Why a statement failed.
pub(super) fn of_statement(error: &Error) -> Reason {
    let Some(said) = error.as_db_error() else {
        return of_connection(error);
    };
    let code = said.code();
    let words = || format!("{} (SQLSTATE {})", in_plain(said.message()), code.code());
    let class = code.code().get(..2).unwrap_or_default();
    match class {
        "08" => return Reason::Lost,
        "28" => return Reason::LoginRefused(words()),
        _ => {}
    }
    match *code {
        SqlState::INVALID_CATALOG_NAME => Reason::NoSuchDatabase,
        SqlState::LOCK_NOT_AVAILABLE => Reason::Locked,
        SqlState::QUERY_CANCELED => Reason::TimedOut,
        SqlState::READ_ONLY_SQL_TRANSACTION => Reason::Standby,
        SqlState::TOO_MANY_CONNECTIONS => Reason::ServerFull,
        SqlState::DISK_FULL => Reason::Full,
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
            Reason::Restarting(in_plain(said.message()))
        }
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Reason::Lost,
        SqlState::INSUFFICIENT_PRIVILEGE => Reason::Forbidden(words()),
        // Our statements are right about the tables that our migrations make: a column of somebody
        // else's that must be filled, a view in a table's place, a column that is of another type now.
        SqlState::NOT_NULL_VIOLATION | SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => {
            Reason::Altered(words())
        }
        _ if said.routine() == Some("RevalidateCachedQuery") => Reason::Altered(words()),
        _ if class == "42" => Reason::Altered(words()),
        _ => Reason::Failed(words()),
    }
}

/// Why there is no connection to `server`.
pub(super) fn of_connecting(error: &Error, server: &Server) -> Reason {
    if let Some(said) = error.as_db_error() {
        return match of_statement(error) {
            Reason::LoginRefused(_) => Reason::LoginRefused(format!(
                "{}; SQLSTATE {}",
                server.user(),
                said.code().code()
            )),
            reason => reason,
        };
    }
    of_connection(error)
}

/// A server's words on one line, and without what a terminal would obey: a function of the database
/// may have written them.
pub(super) fn in_plain(words: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    words.chars().map(escaped).collect()
}

fn of_connection(error: &Error) -> Reason {
    // The client's own words, for which it has no type.
    if error
        .source()
        .is_some_and(|cause| cause.to_string() == "password missing")
    {
        return Reason::NoPassword;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<TlsError>() {
            return match error {
                TlsError::Io(error) => of_io(error),
                TlsError::Handshake(error) if error.kind() == io::ErrorKind::TimedOut => {
                    Reason::TimedOut
                }
                error => Reason::Tls(error.to_string()),
            };
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return of_io(error);
        }
        cause = error.source();
    }
    if error.is_closed() {
        return Reason::Lost;
    }
    // A row that does not have the types it was made with: somebody altered the table.
    let words = error.to_string();
    if words.starts_with("error deserializing column")
        || words.starts_with("error serializing parameter")
    {
        return Reason::Altered(error.to_string());
    }
    match error.source() {
        Some(cause) => Reason::Failed(format!("{error}: {cause}")),
        None => Reason::Failed(error.to_string()),
    }
}

pub(super) fn of_io(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::TimedOut => Reason::TimedOut,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Reason::Lost,
        _ => Reason::Unreachable(error.to_string()),
    }
}

/// Whether a commit that ended so certainly did not happen: the server refused it.
pub(super) fn is_refusal(error: &Error) -> bool {
    let code = error.code().map_or("", SqlState::code);
    // Integrity, transaction state, serialization, resources; but one of them says that it does not
    // know (40003, statement_completion_unknown).
    let is_definite = ["23", "25", "40", "53"].contains(&code.get(..2).unwrap_or_default());
    is_definite && code != SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN.code()
}
