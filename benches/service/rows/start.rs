//! From process start to first answer, on an existing database.

use std::time::Duration;

use crate::Failure;
use crate::client;
use crate::home::Home;
use crate::report::{self, Report};
use crate::requests;
use crate::site::Site;
use crate::stats;

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading("start", "process start to the first 200 from /readyz");
    // The first start makes the signing key; those counted find it.
    for home in site.homes() {
        once(home)?;
    }
    let mut times = vec![Vec::new(); site.homes().len()];
    for _ in 0..site.plan.starts {
        for (home, times) in site.homes().iter().zip(&mut times) {
            times.push(once(home)?.as_secs_f64() * 1e3);
        }
    }
    for (turn, (home, millis)) in site.homes().iter().zip(&times).enumerate() {
        let (least, most) = stats::range(millis);
        let reach = super::of_sqlite(turn, "; reach 50 ms");
        report.bound(
            "start",
            &format!("{}, of {} starts", home.name(), millis.len()),
            &format!("{:.1} ms", stats::median(millis)),
            &format!("{least:.1} to {most:.1} ms{reach}"),
        );
    }
    Ok(())
}

/// Starts the daemon, waits for its answer, stops it as an init system does.
fn once(home: &Home) -> Result<Duration, Failure> {
    let authd = home.authd()?;
    client::fetch_once(authd.address, requests::get(authd.address, "/readyz"))?;
    let time = authd.spawned.elapsed();
    authd.stop()?;
    Ok(time)
}
