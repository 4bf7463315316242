//! Memory in RAM: at rest, under load, and after.

use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::client;
use crate::home::Home;
use crate::load::{Load, Shape};
use crate::plan::Plan;
use crate::process::Memory;
use crate::report::{self, Report};
use crate::requests;
use crate::server::Server;
use crate::site::Site;

/// Between two looks while load runs.
const LOOK: Duration = Duration::from_millis(100);

/// The daemon on one engine, and the load for it.
struct Subject<'a> {
    home: &'a Home,
    authd: Server,
    verify: Shape,
    login: Shape,
}

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading(
        "memory",
        "VmRSS of authd: its own are heap and stacks, files are the program and what it maps",
    );
    let mut subjects = Vec::new();
    for home in site.homes() {
        subjects.push(Subject::start(home)?);
    }
    thread::sleep(Duration::from_secs(1));
    for (turn, subject) in subjects.iter().enumerate() {
        let (value, note) = words(subject.authd.memory()?);
        let reach = super::of_sqlite(turn, "; reach 16");
        let name = format!("{}, at rest", subject.home.name());
        report.bound("memory", &name, &value, &format!("{note}{reach}"));
    }

    let all = |when: &str, memory: &dyn Fn(&Subject<'_>) -> Result<Memory, Failure>| {
        for subject in &subjects {
            let (value, note) = words(memory(subject)?);
            report::figure(&format!("{}, {when}", subject.home.name()), &value, &note);
        }
        Ok::<_, Failure>(())
    };
    let now = |subject: &Subject<'_>| subject.authd.memory();
    all("most under verify", &|subject| {
        most_under(&subject.verify, &subject.authd, &site.plan)
    })?;
    all("after verify", &now)?;
    all("most under logins", &|subject| {
        most_under(&subject.login, &subject.authd, &site.plan)
    })?;
    thread::sleep(Duration::from_secs(1));
    all("1 s after", &now)?;
    if let Some(settle) = site.plan.settle {
        thread::sleep(settle);
        all(&format!("{} s later", settle.as_secs()), &now)?;
    }
    Ok(())
}

impl<'a> Subject<'a> {
    fn start(home: &'a Home) -> Result<Self, Failure> {
        // Tokens come from another process: the one measured has not hashed yet.
        let tokens = home.tokens(&home.authd()?)?;
        let authd = home.authd()?;
        client::fetch_once(authd.address, requests::verify(authd.address, &tokens[0]))?;
        Ok(Self {
            home,
            verify: super::verify::shape(&authd, &tokens),
            login: super::login::shape(home, &authd),
            authd,
        })
    }
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

fn words(memory: Memory) -> (String, String) {
    let note = format!("{} own, {} files", memory.anonymous, memory.file);
    (memory.resident.to_string(), note)
}
