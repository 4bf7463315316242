//! Token checks against a bare hyper server that returns a body of the same size.

use std::sync::Arc;

use crate::Failure;
use crate::client;
use crate::commits::{self, Commits};
use crate::contender::Contender;
use crate::database::Database;
use crate::load::Shape;
use crate::peers::Peer;
use crate::plan::CONNECTIONS;
use crate::report::{self, Report, grouped};
use crate::requests;
use crate::server::Server;
use crate::site::Site;

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    let (tokens, users) = (f64::from(site.plan.tokens), f64::from(site.plan.users));
    report::heading(
        "verify",
        &format!(
            "GET /auth/verify over {CONNECTIONS} keep-alive connections, {} tokens, {} users",
            grouped(tokens),
            grouped(users),
        ),
    );
    let mut authds = Contender::on_each(site.homes())?;
    let mut all_tokens = Vec::new();
    for authd in &authds {
        all_tokens.push(authd.home()?.tokens(&authd.server)?);
    }
    let first = requests::verify(authds[0].server.address, &all_tokens[0][0]);
    let body = client::fetch_once(authds[0].server.address, first)?;
    let peer = Peer::Hyper.start(site.folder(), body.len())?;
    let mut peer = Contender::alone(format!("bare hyper, the same {} bytes", body.len()), peer);

    // The same once more with somebody committing beside: then most accounts are read anew.
    let Database::Sqlite(file) = &site.any_home().database else {
        return Err("the first engine is not SQLite".into());
    };
    let mut unsettled = Contender::on_each(&site.homes()[..1])?.remove(0);

    for _ in 0..site.plan.rounds {
        for (authd, tokens) in authds.iter_mut().zip(&all_tokens) {
            authd.measure(&shape(&authd.server, tokens), &site.plan)?;
        }
        let commits = Commits::to(file)?;
        let measured = unsettled.measure(&shape(&unsettled.server, &all_tokens[0]), &site.plan);
        commits.stop()?;
        measured?;
        peer.measure(&shape(&peer.server, &all_tokens[0]), &site.plan)?;
    }

    report::rates(&peer.name, "requests", &peer.rounds);
    for authd in &authds {
        report::rates(&format!("authd, {}", authd.name), "requests", &authd.rounds);
    }
    let beside = format!("{}, {} commits/s beside", unsettled.name, commits::RATE);
    report::rates(&format!("authd, {beside}"), "requests", &unsettled.rounds);
    for (turn, authd) in authds.iter().enumerate() {
        let name = format!("{} / bare hyper", authd.name);
        let reach = super::of_sqlite(turn, "at least 0.50");
        report.ratio("verify", &name, &authd.over(&peer.rounds), reach);
    }
    let name = format!("{beside} / bare hyper");
    report.ratio("verify", &name, &unsettled.over(&peer.rounds), "");
    Ok(())
}

/// The same requests for all: the bare server reads the token and does not look at it.
pub(super) fn shape(server: &Server, tokens: &[String]) -> Shape {
    let request = |token: &String| requests::verify(server.address, token);
    Shape {
        address: server.address,
        requests: tokens.iter().map(request).collect::<Arc<_>>(),
        connections: CONNECTIONS,
        threads: 2,
    }
}
