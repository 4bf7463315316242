//! Token checks at a steady rate, with and without a storm of logins beside them.

use std::thread;
use std::time::Duration;

use crate::Failure;
use crate::load::Load;
use crate::paced::{self, Seen};
use crate::plan::LOGINS;
use crate::report::{self, Report};
use crate::site::Site;
use crate::stats;

/// Percentiles of one round.
struct Round {
    p50: Duration,
    p99: Duration,
    wake_up_p99: Duration,
}

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading(
        "storm",
        &format!(
            "GET /auth/verify at {}/s, beside {LOGINS} logins at once",
            paced::RATE
        ),
    );
    let authd = site.authd()?;
    let verifies = site.verifies(&authd)?;
    let logins = super::login::shape(site, &authd);
    let length = site.plan.warm_up + site.plan.round;
    // Every signature is checked once before it counts.
    paced::run(authd.address, &verifies, length)?;

    let (mut quiet, mut stormy) = (Vec::new(), Vec::new());
    for _ in 0..site.plan.rounds {
        quiet.push(Round::of(paced::run(authd.address, &verifies, length)?));
        let storm = Load::start(&logins);
        thread::sleep(site.plan.warm_up);
        stormy.push(Round::of(paced::run(authd.address, &verifies, length)?));
        storm.stop()?;
    }

    print("without a storm", &quiet);
    print("with a storm", &stormy);
    let p99 = |round: &Round| round.p99.as_secs_f64();
    let ratios: Vec<_> = stormy
        .iter()
        .zip(&quiet)
        .map(|(a, b)| p99(a) / p99(b))
        .collect();
    report.ratio("storm", "p99 with / p99 without", &ratios, "at most 5");
    Ok(())
}

impl Round {
    fn of(mut seen: Seen) -> Self {
        Self {
            p50: stats::percentile(&mut seen.latencies, 50),
            p99: stats::percentile(&mut seen.latencies, 99),
            wake_up_p99: stats::percentile(&mut seen.wake_ups, 99),
        }
    }
}

fn print(name: &str, rounds: &[Round]) {
    let micros = |pick: fn(&Round) -> Duration| {
        report::micros(stats::median_of(rounds, |round| {
            pick(round).as_secs_f64() * 1e6
        }))
    };
    report::figure(
        name,
        &format!("p99 {}", micros(|round| round.p99)),
        &format!(
            "p50 {}; the caller itself wakes late by p99 {}, counted in",
            micros(|round| round.p50),
            micros(|round| round.wake_up_p99),
        ),
    );
}
