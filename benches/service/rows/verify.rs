//! Token checks against a bare hyper server that returns a body of the same size.

use std::sync::Arc;

use crate::Failure;
use crate::client;
use crate::load::Shape;
use crate::peers::Peer;
use crate::plan::CONNECTIONS;
use crate::report::{self, Report, grouped};
use crate::requests;
use crate::server::Server;
use crate::site::Site;
use crate::stats;

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
    let authd = site.authd()?;
    let tokens = site.tokens(&authd)?;
    let body = client::fetch_once(authd.address, requests::verify(authd.address, &tokens[0]))?;
    let peer = Peer::Hyper.start(site.folder(), body.len())?;

    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..site.plan.rounds {
        ours.push(stats::measure(&authd, &shape(&authd, &tokens), &site.plan)?);
        bare.push(stats::measure(&peer, &shape(&peer, &tokens), &site.plan)?);
    }

    report::contender("authd", &ours);
    report::contender(&format!("bare hyper, the same {} bytes", body.len()), &bare);
    let ratios: Vec<_> = ours
        .iter()
        .zip(&bare)
        .map(|(a, b)| a.per_second() / b.per_second())
        .collect();
    report.ratio(
        "verify",
        "authd / bare hyper, requests/s",
        &ratios,
        "at least 0.50",
    );
    Ok(())
}

/// The same requests for both: the bare server reads the token and does not look at it.
pub(super) fn shape(server: &Server, tokens: &[String]) -> Shape {
    let request = |token: &String| requests::verify(server.address, token);
    Shape {
        address: server.address,
        requests: tokens.iter().map(request).collect::<Arc<_>>(),
        connections: CONNECTIONS,
        threads: 2,
    }
}
