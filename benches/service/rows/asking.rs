//! The other ways of asking about tokens, each beside a plain verify of the same ones.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::Failure;
use crate::client::Request;
use crate::contender::Contender;
use crate::load::Shape;
use crate::plan::CONNECTIONS;
use crate::report::{self, Report};
use crate::requests;
use crate::site::Site;
use crate::stats::{self, Window};

/// Tokens in one request at most.
const BATCH: usize = 256;

/// A way of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `If-None-Match`: the answer is 304.
    Again,
    /// Many tokens in one request.
    Batch,
    /// RFC 7662, with a client's secret.
    Introspect,
    /// gRPC's `Verify`.
    Grpc,
}

impl Way {
    fn row(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Batch => "batch",
            Self::Introspect => "introspect",
            Self::Grpc => "grpc",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Again => "GET /auth/verify with If-None-Match: 304",
            Self::Batch => "POST /auth/verify/batch, 256 tokens a request",
            Self::Introspect => "POST /oauth/introspect, the client by HTTP Basic",
            Self::Grpc => "gRPC's Verify, a call at a time,",
        }
    }

    /// Tokens in one request.
    fn tokens(self) -> usize {
        if self == Self::Batch { BATCH } else { 1 }
    }

    fn shape(self, authd: &Contender<'_>, tokens: &[String]) -> Result<Shape, Failure> {
        let address = match self {
            Self::Grpc => authd.server.grpc()?,
            _ => authd.server.address,
        };
        Ok(Shape {
            address,
            requests: Arc::from(self.requests(authd, address, tokens)?),
            connections: CONNECTIONS,
            threads: 2,
        })
    }

    fn requests(
        self,
        authd: &Contender<'_>,
        address: SocketAddr,
        tokens: &[String],
    ) -> Result<Vec<Request>, Failure> {
        let all = tokens.iter();
        Ok(match self {
            Self::Again => all
                .map(|token| requests::verify_again(address, token))
                .collect(),
            Self::Batch => {
                let round: Vec<String> = all.cycle().take(BATCH).cloned().collect();
                vec![requests::verify_batch(address, &round)]
            }
            Self::Introspect => {
                let client = authd.home()?.client()?;
                all.map(|token| requests::introspect(address, &client, token))
                    .collect()
            }
            Self::Grpc => all
                .map(|token| requests::verify_by_grpc(address, token))
                .collect(),
        })
    }
}

pub(super) fn run(way: Way, site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading(
        way.row(),
        &format!("{} over {CONNECTIONS} keep-alive connections", way.title()),
    );
    let mut plain = Contender::on_each(site.homes())?;
    let mut other = Contender::with_grpc(site.homes())?;
    let (mut plain_shapes, mut other_shapes) = (Vec::new(), Vec::new());
    for (plain, other) in plain.iter().zip(&other) {
        let tokens = plain.home()?.tokens(&plain.server)?;
        plain_shapes.push(super::verify::shape(&plain.server, &tokens));
        other_shapes.push(way.shape(other, &tokens)?);
    }
    for _ in 0..site.plan.rounds {
        for (plain, shape) in plain.iter_mut().zip(&plain_shapes) {
            plain.measure(shape, &site.plan)?;
        }
        for (other, shape) in other.iter_mut().zip(&other_shapes) {
            other.measure(shape, &site.plan)?;
        }
    }
    for (plain, other) in plain.iter().zip(&other) {
        report::rates(&format!("verify, {}", plain.name), "tokens", &plain.rounds);
        let tokens: Vec<Window> = other
            .rounds
            .iter()
            .map(|window| each(way, window))
            .collect();
        report::rates(&format!("{}, {}", way.row(), other.name), "tokens", &tokens);
        let ratios = stats::ratios(&tokens, &plain.rounds, Window::per_second);
        let name = format!("{} / verify, tokens", other.name);
        report.ratio(way.row(), &name, &ratios, "");
    }
    Ok(())
}

/// The same window counted in tokens.
fn each(way: Way, window: &Window) -> Window {
    Window {
        done: window.done * way.tokens() as u64,
        ..*window
    }
}
