//! Logins against Argon2id by itself, on all cores.

use crate::Failure;
use crate::contender::Contender;
use crate::home::Home;
use crate::load::Shape;
use crate::plan::LOGINS;
use crate::raw::{self, Memory};
use crate::report::{self, Report};
use crate::server::Server;
use crate::site::Site;

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading(
        "login",
        &format!("POST /auth/login, {LOGINS} at once, beside Argon2id (m=19456,t=2,p=1) by itself"),
    );
    let mut authds = Contender::on_each(site.homes());
    let (mut reused, mut allocated) = (Vec::new(), Vec::new());
    for _ in 0..site.plan.rounds {
        for authd in authds.iter_mut().flatten() {
            authd.measure(&shape(authd.home()?, &authd.server), &site.plan)?;
        }
        reused.push(raw::measure(Memory::Reused, &site.plan)?);
        allocated.push(raw::measure(Memory::Allocated, &site.plan)?);
    }

    report::rates("Argon2id, memory reused", "hashes", &reused);
    report::rates("Argon2id, the crate's own call", "hashes", &allocated);
    // The raw figures stand even where the daemon has none.
    let authds = authds?;
    for authd in &authds {
        report::rates(&format!("authd, {}", authd.name), "logins", &authd.rounds);
    }
    for authd in &authds {
        let name = format!("{} / raw, memory reused", authd.name);
        report.ratio("login", &name, &authd.over(&reused), "");
    }
    for (turn, authd) in authds.iter().enumerate() {
        let name = format!("{} / the crate's own call", authd.name);
        let reach = super::of_sqlite(turn, "at least 0.95");
        report.ratio("login", &name, &authd.over(&allocated), reach);
    }
    Ok(())
}

/// Logins of many users in turn, without end.
pub(super) fn shape(home: &Home, authd: &Server) -> Shape {
    Shape {
        address: authd.address,
        requests: home.logins(authd),
        connections: LOGINS,
        threads: 1,
    }
}
