//! A server under load, round by round.

use std::thread;
use std::time::Instant;

use crate::Failure;
use crate::home::Home;
use crate::load::{Load, Shape};
use crate::plan::Plan;
use crate::report;
use crate::server::Server;
use crate::stats::{self, Window};

/// One of those that take turns.
pub(crate) struct Contender<'a> {
    pub(crate) name: String,
    pub(crate) server: Server,
    /// Whose database it works on, if it does.
    home: Option<&'a Home>,
    pub(crate) rounds: Vec<Window>,
}

impl<'a> Contender<'a> {
    /// One without a database, or one whose requests do not reach it.
    pub(crate) fn alone(name: impl Into<String>, server: Server) -> Self {
        Self {
            name: name.into(),
            server,
            home: None,
            rounds: Vec::new(),
        }
    }

    /// The daemon on each engine's database.
    pub(crate) fn on_each(homes: &'a [Home]) -> Result<Vec<Self>, Failure> {
        Self::started(homes, Home::authd)
    }

    /// The same, for gRPC as well.
    pub(crate) fn with_grpc(homes: &'a [Home]) -> Result<Vec<Self>, Failure> {
        Self::started(homes, Home::authd_with_grpc)
    }

    fn started(
        homes: &'a [Home],
        start: impl Fn(&Home) -> Result<Server, Failure>,
    ) -> Result<Vec<Self>, Failure> {
        let start = |home: &'a Home| {
            let contender = Self::alone(home.name(), start(home)?);
            Ok(Self {
                home: Some(home),
                ..contender
            })
        };
        homes.iter().map(start).collect()
    }

    /// Whose database it works on; only those of [`Contender::on_each`] have one.
    pub(crate) fn home(&self) -> Result<&'a Home, Failure> {
        self.home
            .ok_or_else(|| format!("{} has no database", self.name).into())
    }

    /// Puts `shape` on it and counts one round.
    pub(crate) fn measure(&mut self, shape: &Shape, plan: &Plan) -> Result<(), Failure> {
        let window = self.window(shape, plan);
        let window = window.map_err(|failure| {
            let reason = report::sentence(failure.as_ref());
            format!("{}: {reason}", self.name)
        })?;
        self.rounds.push(window);
        Ok(())
    }

    fn window(&self, shape: &Shape, plan: &Plan) -> Result<Window, Failure> {
        let load = Load::start(shape);
        thread::sleep(plan.warm_up);
        let database = stats::database_cpu(self.home)?;
        let (from, cpu, done) = (Instant::now(), self.server.cpu()?, load.done());
        thread::sleep(plan.round);
        let window = Window {
            done: load.done() - done,
            elapsed: from.elapsed(),
            cpu: self.server.cpu()?.saturating_sub(cpu),
            database_cpu: stats::since(database, stats::database_cpu(self.home)?),
        };
        load.stop()?;
        window.or_nothing_done()
    }

    /// Requests a second over those of `other`, round by round.
    pub(crate) fn over(&self, other: &[Window]) -> Vec<f64> {
        stats::ratios(&self.rounds, other, Window::per_second)
    }
}
