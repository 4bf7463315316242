//! Memory in RAM: at rest, under load, and after.

use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::client;
use crate::load::{Load, Shape};
use crate::plan::Plan;
use crate::process::Memory;
use crate::report::{self, Report};
use crate::requests;
use crate::server::Server;
use crate::site::Site;

/// Between two looks while load runs.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading("memory", "VmRSS of authd");
    // Tokens come from another process: the one measured has not hashed yet.
    let tokens = site.tokens(&site.authd()?)?;
    let authd = site.authd()?;
    client::fetch_once(authd.address, requests::verify(authd.address, &tokens[0]))?;
    thread::sleep(Duration::from_secs(1));
    let rest = authd.memory()?;
    let (value, note) = words(rest);
    report.bound(
        "memory",
        "at rest",
        &value,
        &format!("{note}; to reach: at most 16 MiB"),
    );

    let verify = super::verify::shape(&authd, &tokens);
    figure(
        "most under verify",
        most_under(&verify, &authd, &site.plan)?,
    );
    figure("after verify", authd.memory()?);
    let login = super::login::shape(site, &authd);
    figure(
        "most under a login storm",
        most_under(&login, &authd, &site.plan)?,
    );
    thread::sleep(Duration::from_secs(1));
    figure("1 s after the storm", authd.memory()?);
    if let Some(settle) = site.plan.settle {
        thread::sleep(settle);
        figure(&format!("{} s later", settle.as_secs()), authd.memory()?);
    }
    Ok(())
}

/// The greatest memory seen while `shape` runs for a round.
fn most_under(shape: &Shape, authd: &Server, plan: &Plan) -> Result<Memory, Failure> {
    let load = Load::start(shape);
    let end = Instant::now() + plan.warm_up + plan.round;
    let mut most = Memory::default();
    while Instant::now() < end {
        thread::sleep(LOOK);
        let memory = authd.memory()?;
        if memory.resident > most.resident {
            most = memory;
        }
    }
    load.stop()?;
    Ok(most)
}

fn figure(name: &str, memory: Memory) {
    let (value, note) = words(memory);
    report::figure(name, &value, &note);
}

fn words(memory: Memory) -> (String, String) {
    let note = format!("{} its own, {} of files", memory.anonymous, memory.file);
    (memory.resident.to_string(), note)
}
