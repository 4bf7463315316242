//! Who speaks PostgreSQL's protocol for a session: the crate's blocking client, or ours on a Unix socket.

use std::time::Duration;

use postgres::config::{SslMode, SslNegotiation};
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Config, Error, Row, SimpleQueryMessage, Statement};

use super::local::Local;
use super::server::Server;
use super::wire::{Deadline, Wiring};
use super::{reasons, tls};
use crate::store::error::StoreError;

/// After so long a dead peer is looked for on an idle connection.
const KEEPALIVE: Duration = Duration::from_secs(15);

pub(super) type Parameters<'a> = [&'a (dyn ToSql + Sync)];

/// A connection. Every answer on it is there by the deadline that it was made with, or never.
pub(super) enum Client {
    /// Over TCP.
    Remote(postgres::Client),
    /// Through a Unix socket.
    Local(Local),
}

impl Client {
    /// Connects within the time-out.
    pub(super) fn connect(
        server: &Server,
        timeout: Duration,
        deadline: &Deadline,
    ) -> Result<Self, StoreError> {
        if let Some(socket) = server.socket() {
            return Ok(Self::Local(Local::connect(
                server, &socket, timeout, deadline,
            )?));
        }
        // One that says nothing leaves time for the next.
        let share = timeout / server.hosts();
        let wiring = Wiring::new(server.tls, tls::connector(server)?, deadline.clone(), share);
        let mut config = Config::from(server.config.clone());
        config
            .connect_timeout(share)
            .tcp_user_timeout(timeout)
            .keepalives_idle(KEEPALIVE)
            // Gives the socket to `wiring` at once, which does what the URL says.
            .ssl_mode(SslMode::Require)
            .ssl_negotiation(SslNegotiation::Direct);
        let connected = config.connect(wiring);
        let client = connected.map_err(|error| reasons::of_connecting(&error, server))?;
        Ok(Self::Remote(client))
    }

    pub(super) fn query(
        &mut self,
        statement: &Statement,
        values: &Parameters<'_>,
    ) -> Result<Vec<Row>, Error> {
        match self {
            Self::Remote(client) => client.query(statement, values),
            Self::Local(client) => client.query(statement, values),
        }
    }

    /// The same, row by row, until `read` fails.
    pub(super) fn each<E>(
        &mut self,
        statement: &Statement,
        values: &Parameters<'_>,
        mut read: impl FnMut(&Row) -> Result<(), E>,
    ) -> Result<Result<(), E>, Error> {
        match self {
            Self::Remote(client) => {
                let mut rows = client.query_raw(statement, values.iter().copied())?;
                while let Some(row) = rows.next()? {
                    if let Err(error) = read(&row) {
                        return Ok(Err(error));
                    }
                }
                Ok(Ok(()))
            }
            Self::Local(client) => client.each(statement, values, read),
        }
    }

    pub(super) fn execute(
        &mut self,
        statement: &Statement,
        values: &Parameters<'_>,
    ) -> Result<u64, Error> {
        match self {
            Self::Remote(client) => client.execute(statement, values),
            Self::Local(client) => client.execute(statement, values),
        }
    }

    pub(super) fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        match self {
            Self::Remote(client) => client.prepare(sql),
            Self::Local(client) => client.prepare(sql),
        }
    }

    pub(super) fn batch_execute(&mut self, sql: &str) -> Result<(), Error> {
        match self {
            Self::Remote(client) => client.batch_execute(sql),
            Self::Local(client) => client.batch_execute(sql),
        }
    }

    pub(super) fn simple_query(&mut self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Error> {
        match self {
            Self::Remote(client) => client.simple_query(sql),
            Self::Local(client) => client.simple_query(sql),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Remote(client) => client.is_closed(),
            Self::Local(client) => client.is_closed(),
        }
    }
}
