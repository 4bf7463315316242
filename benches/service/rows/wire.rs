//! ADR 1: what a handler costs behind each listener.

use std::sync::Arc;

use crate::Failure;
use crate::client;
use crate::contender::Contender;
use crate::load::Shape;
use crate::peers::{BODY_BYTES, Peer};
use crate::plan::CONNECTIONS;
use crate::report::{self, Report};
use crate::requests;
use crate::server::Server;
use crate::site::Site;

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading(
        "wire",
        &format!("GET /livez over {CONNECTIONS} keep-alive connections, answers of the same size"),
    );
    let ours = ours(site);
    let body_bytes = ours.as_ref().map_or(BODY_BYTES, |(_, bytes)| *bytes);
    let mut contenders = peers(site, body_bytes)?;
    // The peers' figures stand even where the daemon has none.
    let outcome = ours.map(|(contender, _)| contenders.push(contender));
    for _ in 0..site.plan.rounds {
        for contender in &mut contenders {
            contender.measure(&shape(&contender.server), &site.plan)?;
        }
    }
    print(&contenders, report);
    outcome
}

/// `http/wire.rs`: the daemon's own `/livez`, and the length of its answer in bytes.
fn ours(site: &Site) -> Result<(Contender<'static>, usize), Failure> {
    let server = site.any_home().authd()?;
    let body = client::fetch_once(server.address, requests::get(server.address, "/livez"))?;
    let contender = Contender::alone("authd (http/wire.rs)", server);
    Ok((contender, body.len()))
}

/// Bare hyper first: the others are compared with it.
fn peers(site: &Site, body_bytes: usize) -> Result<Vec<Contender<'static>>, Failure> {
    let peers = [
        ("bare hyper", Peer::Hyper),
        ("rouille, pool of 16", Peer::RouillePool),
        ("rouille, thread a request", Peer::RouilleDefault),
    ];
    let start = |(name, peer): (_, Peer)| {
        let server = peer.start(site.folder(), body_bytes)?;
        Ok(Contender::alone(name, server))
    };
    peers.into_iter().map(start).collect()
}

fn shape(server: &Server) -> Shape {
    Shape {
        address: server.address,
        requests: Arc::new([requests::get(server.address, "/livez")]),
        connections: CONNECTIONS,
        threads: 2,
    }
}

fn print(contenders: &[Contender<'_>], report: &mut Report) {
    for contender in contenders {
        report::rates(&contender.name, "requests", &contender.rounds);
    }
    let Some((bare, others)) = contenders.split_first() else {
        return;
    };
    for other in others {
        let name = format!("{} / bare hyper", other.name);
        report.ratio("wire", &name, &other.over(&bare.rounds), "");
    }
}
