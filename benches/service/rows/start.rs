//! From process start to first answer, on an existing database.

use std::time::Duration;

use crate::Failure;
use crate::client;
use crate::report::{self, Report};
use crate::requests;
use crate::site::Site;
use crate::stats;

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading("start", "process start to the first 200 from /readyz");
    // The first start makes the signing key; those counted find it.
    once(site)?;
    let times = (0..site.plan.starts)
        .map(|_| once(site))
        .collect::<Result<Vec<_>, _>>()?;

    let millis: Vec<_> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    let (least, most) = stats::range(&millis);
    report.bound(
        "start",
        "to the first answer",
        &format!("{:.1} ms", stats::median_of(&millis, |value| *value)),
        &format!(
            "{} starts, {least:.1} to {most:.1} ms; to reach: within 50 ms",
            millis.len()
        ),
    );
    Ok(())
}

/// Starts the daemon, waits for its answer, stops it as an init system does.
fn once(site: &Site) -> Result<Duration, Failure> {
    let authd = site.authd()?;
    client::fetch_once(authd.address, requests::get(authd.address, "/readyz"))?;
    let time = authd.spawned.elapsed();
    authd.stop()?;
    Ok(time)
}
