//! PostgreSQL, and what speaks its wire protocol: a session on a server (ADR 11).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

use postgres::types::{ToSql, Type};
use postgres::{SimpleQueryMessage, Statement};

use super::client::{Client, Parameters};
use super::lookout::Lookout;
use super::server::Server;
use super::value::{Kind, Row, Value};
use super::wire::Deadline;
use super::{Conn, Engine, EngineError, reasons};
use crate::store::error::{Reason, StoreError};

/// A session. It may be used and dropped where blocking is allowed only: the client runs a runtime
/// of its own.
pub(super) struct Session {
    client: RefCell<Client>,
    /// One for each text of SQL there is.
    statements: RefCell<HashMap<&'static str, Statement>>,
    deadline: Deadline,
    /// Bounds every statement. `None`: it takes what it takes, while the server is there.
    timeout: Option<Duration>,
    /// Sees whether it is, if statements have no bound of their own.
    lookout: Option<Lookout>,
    /// Bounds them all together.
    until: Cell<Option<Instant>>,
    in_transaction: Cell<bool>,
    /// When the server last answered.
    heard_at: Cell<Instant>,
}

impl From<Session> for Conn {
    fn from(session: Session) -> Self {
        Self(Engine::Postgres(Box::new(session)))
    }
}

/// Wherever our statements would find it, and whether or not we may read it.
pub(super) const HAS_TABLE: &str = "SELECT to_regclass(?1) IS NOT NULL";
/// In one statement: between two, another process may make our tables. Those of an extension, as
/// managed servers put into every database, are nobody's.
const HOLDS_OTHERS_ALONE: &str = "
    SELECT to_regclass('schema_migrations') IS NULL AND EXISTS (
        SELECT 1 FROM pg_class AS t
        WHERE t.relnamespace = to_regnamespace(quote_ident(current_schema()))
          AND t.relkind IN ('r', 'p')
          AND NOT EXISTS (SELECT 1 FROM pg_depend AS d
              WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e'))";

/// A standby says so of each transaction, and so does a server that was told to write nothing.
pub(super) const IS_READ_ONLY: &str = "SELECT current_setting('transaction_read_only') = 'on'";

const SELF: &str = "SELECT CAST(pg_backend_pid() AS BIGINT)";
/// Advisory locks belong to one database of one server.
const HOLDS_LOCK: &str = "
    SELECT EXISTS (SELECT 1 FROM pg_locks
        WHERE locktype = 'advisory' AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND CAST(pid AS BIGINT) = ?1 AND CAST(objid AS BIGINT) = ?2 AND classid = 0)";

/// The oldest server that is supported, as `server_version_num`.
const OLDEST: u32 = 13_00_00;
/// The advisory lock that whoever writes holds: "auth" in ASCII.
const WRITE_LOCK: i64 = 0x6175_7468;
/// A session that has not been heard of for so long is asked for an answer before it is relied on.
const SILENCE: Duration = Duration::from_millis(500);
/// For the last message of a session.
const GOODBYE: Duration = Duration::from_secs(1);
/// The server is to give up before we do, and on a lock first of all: it knows what it waits for.
const MARGIN: Duration = Duration::from_millis(100);
/// How long unhurried work waits for the lock while another process migrates or copies.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// Opens a session on a database of ours, or, before `authctl migrate`, on an empty one.
pub(super) fn open(server: &Server, timeout: Duration) -> Result<Session, StoreError> {
    let session = connect(server, timeout)?;
    session.configure(Some(timeout), timeout)?;
    Ok(session)
}

/// The same for work that takes what it takes, for as long as the server answers anybody.
pub(super) fn open_unhurried(server: &Server, timeout: Duration) -> Result<Session, StoreError> {
    let mut session = connect(server, timeout)?;
    session.configure(None, LOCK_PATIENCE)?;
    let deadline = session.deadline.clone();
    session.lookout = Some(Lookout::start(server.clone(), timeout, deadline)?);
    session.timeout = None;
    Ok(session)
}

/// Whether the database has our tables. One with none but others' is refused.
pub(super) fn is_ours(server: &Server, timeout: Duration) -> Result<bool, StoreError> {
    let session = open(server, timeout)?;
    match session.without_ledger()? {
        Reason::NotOurs => Err(Reason::NotOurs.into()),
        _ => session.holds(HAS_TABLE, &["schema_migrations".into()]),
    }
}

pub(super) fn connect(server: &Server, timeout: Duration) -> Result<Session, StoreError> {
    let deadline = Deadline::default();
    let client = Client::connect(server, timeout, &deadline)?;
    Ok(Session {
        client: RefCell::new(client),
        statements: RefCell::default(),
        deadline,
        timeout: Some(timeout),
        lookout: None,
        until: Cell::new(None),
        in_transaction: Cell::new(false),
        heard_at: Cell::new(Instant::now()),
    })
}

impl Session {
    pub(super) fn query_row<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let rows = self.run(sql, values, Client::query)?;
        rows.first()
            .map(|row| read(&Row::Postgres(row)))
            .transpose()
    }

    pub(super) fn query<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.run(sql, values, Client::query)?;
        rows.iter().map(|row| read(&Row::Postgres(row))).collect()
    }

    pub(super) fn each(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.run(sql, values, |client, statement, values| {
            client.each(statement, values, |row| read(&Row::Postgres(row)))
        })?
    }

    pub(super) fn execute(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        self.run(sql, values, Client::execute)
    }

    pub(super) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.timed(|client| client.batch_execute(sql))
    }

    /// What a database without our ledger is: empty, or another program's.
    pub(super) fn without_ledger(&self) -> Result<Reason, StoreError> {
        let is_foreign = self.holds(HOLDS_OTHERS_ALONE, &[])?;
        Ok(if is_foreign {
            Reason::NotOurs
        } else {
            Reason::NoSchema
        })
    }

    fn holds(&self, sql: &'static str, values: &[Value<'_>]) -> Result<bool, StoreError> {
        let answer = self.query_row(sql, values, |row| row.get(0))?;
        Ok(answer.unwrap_or_default())
    }

    fn run<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        run: impl FnOnce(&mut Client, &Statement, &Parameters<'_>) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        let prepared = self.statements.borrow().get(sql).cloned();
        let statement = if let Some(statement) = prepared {
            statement
        } else {
            let statement = self.prepare(sql)?;
            self.statements.borrow_mut().insert(sql, statement.clone());
            statement
        };
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        self.timed(|client| run(client, &statement, &values))
    }

    fn prepare(&self, sql: &str) -> Result<Statement, StoreError> {
        // The parameters are all there is of question marks in our SQL.
        let text = sql.replace('?', "$");
        self.timed(|client| client.prepare(&text))
    }

    pub(super) fn check(&self, sql: &str, kinds: &[Kind]) -> Result<(), StoreError> {
        let statement = self.prepare(sql)?;
        for (column, kind) in statement.columns().iter().zip(kinds) {
            if *column.type_() != wire_type(*kind) {
                let words = format!("column \"{}\" is of type {}", column.name(), column.type_());
                return Err(Reason::Altered(words).into());
            }
        }
        Ok(())
    }

    /// Asks the server something, for as long as the time-out allows.
    fn timed<T>(
        &self,
        ask: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        let own = self.timeout.map(|timeout| timeout + 2 * MARGIN);
        let bound = own.or(self.lookout.as_ref().map(Lookout::patience));
        let by_then = bound.map(|bound| Instant::now() + bound);
        self.deadline
            .set(by_then.map(|at| self.until.get().map_or(at, |until| at.min(until))));
        match ask(&mut self.client.borrow_mut()) {
            Ok(answer) => {
                self.heard_at.set(Instant::now());
                Ok(answer)
            }
            Err(error) if error.as_db_error().is_none() && self.deadline.has_passed() => {
                Err(Reason::TimedOut.into())
            }
            Err(error) => Err(EngineError::from(error).into()),
        }
    }

    /// What this server must be and do, whatever its defaults are.
    fn configure(&self, statement: Option<Duration>, lock: Duration) -> Result<(), StoreError> {
        // Zero is no limit.
        let statement = statement.map_or(0, |limit| (limit + MARGIN).as_millis());
        let lock = lock.as_millis();
        let sql = format!(
            "SET statement_timeout = {statement};
             SET lock_timeout = {lock};
             SET idle_in_transaction_session_timeout = {statement};
             SET default_transaction_isolation = 'read committed';
             SELECT set_config('synchronous_commit', 'on', false)
                 WHERE current_setting('synchronous_commit') = 'off';
             SELECT current_setting('server_version_num'), current_setting('server_encoding'),
                 current_setting('server_version')"
        );
        let answer = self.timed(|client| client.simple_query(&sql))?;
        let last = answer.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let column = |at| last.and_then(|row| row.get(at)).unwrap_or_default();
        if column(0).parse().is_ok_and(|version: u32| version < OLDEST) {
            return Err(Reason::ServerTooOld(reasons::in_plain(column(2))).into());
        }
        if column(1) != "UTF8" {
            return Err(Reason::NotUnicode(reasons::in_plain(column(1))).into());
        }
        Ok(())
    }

    pub(super) fn bound(&self, until: Instant) {
        self.until.set(Some(until));
    }

    /// Whether it can still be relied on. Asks the server if there has been silence, or none of its
    /// words since another session broke.
    pub(super) fn is_usable(&self, others_broke_at: Option<Instant>) -> bool {
        if self.is_closed() {
            return false;
        }
        let heard_at = self.heard_at.get();
        let is_trusted =
            heard_at.elapsed() < SILENCE && others_broke_at.is_none_or(|at| heard_at > at);
        is_trusted || self.batch("").is_ok()
    }

    /// Whether the session is over.
    pub(super) fn is_closed(&self) -> bool {
        self.in_transaction.get() || self.client.borrow().is_closed()
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.in_transaction.get() && !self.client.borrow().is_closed()
    }

    /// Begins a transaction, and waits for the lock that lets one at a time write.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        self.in_transaction.set(true);
        self.batch(&format!(
            "BEGIN; SELECT pg_advisory_xact_lock({WRITE_LOCK})"
        ))
    }

    pub(super) fn begin_snapshot(&self) -> Result<(), StoreError> {
        self.in_transaction.set(true);
        self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    /// Whether the other session, which is in a transaction, is on the same database: whether its
    /// lock is seen from here.
    pub(super) fn is_same(&self, other: &Self) -> Result<bool, StoreError> {
        let other = other.query_row(SELF, &[], |row| row.get::<i64>(0))?;
        let values = [other.into(), WRITE_LOCK.into()];
        let is_same = self.query_row(HOLDS_LOCK, &values, |row| row.get(0))?;
        Ok(is_same.ok_or(EngineError::NoRow)?)
    }

    /// Commits. If it is not known whether that happened, so it is said.
    pub(super) fn commit(&self) -> Result<(), StoreError> {
        // Where the transaction has failed or is gone, and that error was swallowed, the server
        // answers a mere COMMIT without an error; the first statement fails then.
        let outcome = self.batch("SAVEPOINT last; COMMIT");
        if outcome.is_ok() {
            self.in_transaction.set(false);
        }
        outcome.map_err(|error| match error {
            StoreError::Engine(EngineError::Postgres(ref cause)) if reasons::is_refusal(cause) => {
                error
            }
            _ => Reason::OutcomeUnknown.into(),
        })
    }

    pub(super) fn roll_back(&self) -> Result<(), StoreError> {
        self.batch("ROLLBACK")?;
        self.in_transaction.set(false);
        Ok(())
    }
}

fn wire_type(kind: Kind) -> Type {
    match kind {
        Kind::Bool => Type::BOOL,
        Kind::Integer => Type::INT8,
        Kind::Text => Type::TEXT,
        Kind::Bytes => Type::BYTEA,
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.lookout = None;
        // To say goodbye.
        self.deadline.set(Some(Instant::now() + GOODBYE));
    }
}

/// Whether this error is a second row with the same value in `column`, by the name that the
/// engine gives to a column's unique constraint.
pub(super) fn is_duplicate(error: &postgres::Error, table: &str, column: &str) -> bool {
    error.as_db_error().is_some_and(|said| {
        *said.code() == postgres::error::SqlState::UNIQUE_VIOLATION
            && said.constraint() == Some(&format!("{table}_{column}_key"))
    })
}
