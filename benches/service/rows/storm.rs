//! Token checks at a steady rate, with and without a storm of logins beside them.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::Failure;
use crate::client::Request;
use crate::home::Home;
use crate::load::{Load, Shape};
use crate::paced::{self, Seen};
use crate::plan::{LOGINS, Plan};
use crate::report::{self, Report};
use crate::server::Server;
use crate::site::Site;
use crate::stats;

/// Percentiles of one round, in microseconds.
struct Round {
    p50: f64,
    p99: f64,
    wake_up_p99: f64,
}

/// The daemon on one engine, and its rounds.
struct Contender<'a> {
    home: &'a Home,
    authd: Server,
    verifies: Arc<[Request]>,
    logins: Shape,
    quiet: Vec<Round>,
    stormy: Vec<Round>,
}

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading(
        "storm",
        &format!(
            "GET /auth/verify at {}/s, beside {LOGINS} logins at once; how late the caller itself is",
            paced::RATE
        ),
    );
    let mut contenders = Vec::new();
    for home in site.homes() {
        contenders.push(Contender::start(home, &site.plan)?);
    }
    for _ in 0..site.plan.rounds {
        for contender in &mut contenders {
            contender.round(&site.plan)?;
        }
    }

    for Contender { home, quiet, .. } in &contenders {
        print(&format!("{}, without a storm", home.name()), quiet);
    }
    for Contender { home, stormy, .. } in &contenders {
        print(&format!("{}, with a storm", home.name()), stormy);
    }
    for (turn, contender) in contenders.iter().enumerate() {
        let Contender {
            home,
            stormy,
            quiet,
            ..
        } = contender;
        let ratios = stats::ratios(stormy, quiet, |round| round.p99);
        let name = format!("{}, p99 with / without", home.name());
        report.ratio("storm", &name, &ratios, super::of_sqlite(turn, "at most 5"));
    }
    Ok(())
}

impl<'a> Contender<'a> {
    fn start(home: &'a Home, plan: &Plan) -> Result<Self, Failure> {
        let authd = home.authd()?;
        let verifies = home.verifies(&authd)?;
        // Every signature is checked once before it counts.
        paced::run(authd.address, &verifies, plan.warm_up + plan.round)?;
        Ok(Self {
            home,
            verifies,
            logins: super::login::shape(home, &authd),
            authd,
            quiet: Vec::new(),
            stormy: Vec::new(),
        })
    }

    fn round(&mut self, plan: &Plan) -> Result<(), Failure> {
        self.quiet.push(self.calls(plan)?);
        let storm = Load::start(&self.logins);
        thread::sleep(plan.warm_up);
        self.stormy.push(self.calls(plan)?);
        storm.stop()
    }

    fn calls(&self, plan: &Plan) -> Result<Round, Failure> {
        let length = plan.warm_up + plan.round;
        paced::run(self.authd.address, &self.verifies, length)
            .map(Round::of)
            .map_err(|failure| format!("{}: {failure}", self.home.name()).into())
    }
}

impl Round {
    fn of(mut seen: Seen) -> Self {
        let micros = |values: &mut [Duration], percent| {
            stats::percentile(values, percent).as_secs_f64() * 1e6
        };
        Self {
            p50: micros(&mut seen.latencies, 50),
            p99: micros(&mut seen.latencies, 99),
            wake_up_p99: micros(&mut seen.wake_ups, 99),
        }
    }
}

fn print(name: &str, rounds: &[Round]) {
    let (p50, range) = report::spread(&stats::each(rounds, |round| round.p50));
    report::figure(name, &format!("p50 {p50}"), &range);
    let (p99, range) = report::spread(&stats::each(rounds, |round| round.p99));
    let (late, _) = report::spread(&stats::each(rounds, |round| round.wake_up_p99));
    report::figure("", &format!("p99 {p99}"), &format!("{range}; {late} late"));
}
