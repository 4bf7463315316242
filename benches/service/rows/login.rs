//! Logins against Argon2id by itself, on all cores.

use crate::Failure;
use crate::load::Shape;
use crate::plan::LOGINS;
use crate::raw::{self, Memory};
use crate::report::{self, Report};
use crate::server::Server;
use crate::site::Site;
use crate::stats::{self, Window};

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading(
        "login",
        &format!("POST /auth/login, {LOGINS} at once, beside Argon2id (m=19456,t=2,p=1) by itself"),
    );
    let authd = site.authd();
    let (mut logins, mut reused, mut allocated) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..site.plan.rounds {
        if let Ok(authd) = &authd {
            logins.push(stats::measure(authd, &shape(site, authd), &site.plan)?);
        }
        reused.push(raw::measure(Memory::Reused, &site.plan)?);
        allocated.push(raw::measure(Memory::Allocated, &site.plan)?);
    }

    hashes("Argon2id, memory reused by each thread", &reused);
    hashes("Argon2id, the crate's own call (allocates)", &allocated);
    // The raw figures stand even where the daemon has none.
    authd?;
    report::contender("authd", &logins);
    report.ratio(
        "login",
        "authd / raw, memory reused",
        &over(&logins, &reused),
        "",
    );
    report.ratio(
        "login",
        "authd / raw, the crate's own call",
        &over(&logins, &allocated),
        "at least 0.95",
    );
    Ok(())
}

/// Logins of many users in turn, without end.
pub(super) fn shape(site: &Site, authd: &Server) -> Shape {
    Shape {
        address: authd.address,
        requests: site.logins(authd),
        connections: LOGINS,
        threads: 1,
    }
}

fn hashes(name: &str, rounds: &[Window]) {
    let rate = stats::median_of(rounds, Window::per_second);
    let cpu = stats::median_of(rounds, Window::cpu_micros_each);
    report::figure(
        name,
        &format!("{} hashes/s", report::grouped(rate)),
        &format!("{} CPU each", report::micros(cpu)),
    );
}

fn over(logins: &[Window], raw: &[Window]) -> Vec<f64> {
    logins
        .iter()
        .zip(raw)
        .map(|(a, b)| a.per_second() / b.per_second())
        .collect()
}
