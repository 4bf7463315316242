//! A blocking client of a server behind a Unix socket.
//!
//! The crate's own asks its TLS connector, which is where our deadline is (`wire.rs`), on connections over
//! TCP only. So here the socket is ours, with the same deadline on it, and the crate below that one speaks
//! the protocol.

use std::path::Path;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use postgres::config::{SslMode, TargetSessionAttrs};
use postgres::{Error, NoTls, Row, SimpleQueryMessage, Statement};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio_stream::StreamExt;

use super::client::Parameters;
use super::reasons;
use super::server::Server;
use super::wire::{Deadline, Timed};
use crate::store::error::Reason;

/// What the crate's own client asks a server for `target_session_attrs`.
const IS_READ_ONLY: &str = "SHOW transaction_read_only";

/// What this server is told and tells us.
pub(super) struct Local {
    /// Dropped before the driver, which takes that for a goodbye.
    client: tokio_postgres::Client,
    driver: Driver,
}

/// What carries the bytes while somebody waits for an answer.
struct Driver {
    runtime: Runtime,
    /// `None`: it is over.
    connection: Option<Pin<Box<Connection>>>,
}

/// Is there when the connection has ended.
type Connection = dyn Future<Output = Result<(), Error>> + Send;

impl Local {
    /// Connects through this socket, within the time-out.
    pub(super) fn connect(
        server: &Server,
        socket: &Path,
        timeout: Duration,
        deadline: &Deadline,
    ) -> Result<Self, Reason> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Reason::Failed(error.to_string()))?;
        let mut config = server.config.clone();
        config.ssl_mode(SslMode::Disable);
        deadline.set(Some(Instant::now() + timeout));
        let connected = runtime.block_on(async {
            let stream = UnixStream::connect(socket).await;
            let stream = stream.map_err(|error| reasons::of_io(&error))?;
            let timed = Timed::new(stream, deadline.clone());
            let connected = config.connect_raw(timed, NoTls).await;
            connected.map_err(|error| reasons::of_connecting(&error, server))
        });
        let (client, connection) = connected?;
        let mut local = Self {
            client,
            driver: Driver {
                runtime,
                connection: Some(Box::pin(connection)),
            },
        };
        local.require(server.config.get_target_session_attrs())?;
        Ok(local)
    }

    /// Refuses a server that is not what the URL wants.
    fn require(&mut self, wanted: TargetSessionAttrs) -> Result<(), Reason> {
        let wanted = match wanted {
            TargetSessionAttrs::ReadWrite => "off",
            TargetSessionAttrs::ReadOnly => "on",
            _ => return Ok(()),
        };
        let answer = self.simple_query(IS_READ_ONLY);
        let answer = answer.map_err(|error| reasons::of_statement(&error))?;
        let is_wanted = answer.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some(wanted),
            _ => false,
        });
        if is_wanted {
            return Ok(());
        }
        let words =
            format!("its transaction_read_only is not {wanted}, as target_session_attrs wants");
        Err(Reason::Unreachable(words))
    }

    pub(super) fn query(
        &mut self,
        statement: &Statement,
        values: &Parameters<'_>,
    ) -> Result<Vec<Row>, Error> {
        self.driver.wait(self.client.query(statement, values))
    }

    pub(super) fn each<E>(
        &mut self,
        statement: &Statement,
        values: &Parameters<'_>,
        mut read: impl FnMut(&Row) -> Result<(), E>,
    ) -> Result<Result<(), E>, Error> {
        let values = values.iter().copied();
        let rows = self.driver.wait(self.client.query_raw(statement, values))?;
        let mut rows = pin!(rows);
        while let Some(row) = self.driver.wait(rows.try_next())? {
            if let Err(error) = read(&row) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    pub(super) fn execute(
        &mut self,
        statement: &Statement,
        values: &Parameters<'_>,
    ) -> Result<u64, Error> {
        self.driver.wait(self.client.execute(statement, values))
    }

    pub(super) fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        self.driver.wait(self.client.prepare(sql))
    }

    pub(super) fn batch_execute(&mut self, sql: &str) -> Result<(), Error> {
        self.driver.wait(self.client.batch_execute(sql))
    }

    pub(super) fn simple_query(&mut self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Error> {
        self.driver.wait(self.client.simple_query(sql))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

impl Driver {
    /// The answer, or why the connection ended before it was there.
    fn wait<T>(&mut self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut answer = pin!(answer);
        let connection = &mut self.connection;
        self.runtime.block_on(std::future::poll_fn(|context| {
            if let Some(under_way) = connection
                && let Poll::Ready(end) = under_way.as_mut().poll(context)
            {
                *connection = None;
                end?;
            }
            answer.as_mut().poll(context)
        }))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // The server need not hear the goodbye.
            let _ = self.runtime.block_on(connection);
        }
    }
}
