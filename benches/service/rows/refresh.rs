//! Refreshing a session beside the smallest durable write: both through one writer, in one process.

use std::sync::{Arc, Mutex, PoisonError};

use auth::domain::scope::Scope;
use auth::domain::session::Origin;
use auth::domain::user::UserId;
use auth::service::Services;
use auth::service::login::{self, Attempt};
use auth::service::refresh::{self, Exchange};
use auth::store::{Tx, users};

use crate::Failure;
use crate::busy;
use crate::fill;
use crate::home::{Home, PASSWORD};
use crate::plan::CONNECTIONS;
use crate::report::{self, Report};
use crate::site::Site;
use crate::stats::{self, Window};

/// How many at once, in the order of the table.
const CROWDS: [usize; 3] = [1, 8, CONNECTIONS];

/// An engine's services as the daemon starts them, and what was counted.
struct Contender<'a> {
    home: &'a Home,
    services: Services,
    /// The one that all users share.
    hash: Arc<str>,
    /// The latest refresh token of each thread's session.
    tokens: Vec<Mutex<String>>,
    bare: [Vec<Window>; CROWDS.len()],
    refreshes: [Vec<Window>; CROWDS.len()],
}

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading(
        "refresh",
        "POST /auth/refresh without its wire, beside a durable update of one row (ADR 4)",
    );
    let mut contenders = Vec::new();
    for home in site.homes() {
        contenders.push(Contender::open(home)?);
    }
    for _ in 0..site.plan.rounds {
        for (at, crowd) in CROWDS.into_iter().enumerate() {
            for contender in &mut contenders {
                let window = contender.update(crowd, site)?;
                contender.bare[at].push(window);
                let window = contender.refresh(crowd, site)?;
                contender.refreshes[at].push(window);
            }
        }
    }
    for contender in &contenders {
        for (at, crowd) in CROWDS.into_iter().enumerate() {
            let name = |what: &str| format!("{}, {what}, {crowd} at once", contender.home.name());
            report::rates(&name("one row"), "writes", &contender.bare[at]);
            report::rates(&name("refresh"), "refreshes", &contender.refreshes[at]);
        }
    }
    for contender in &contenders {
        for (at, crowd) in CROWDS.into_iter().enumerate() {
            let (bare, refreshes) = (&contender.bare[at], &contender.refreshes[at]);
            let ratios = stats::ratios(refreshes, bare, Window::per_second);
            let name = format!("{} / one row, {crowd} at once", contender.home.name());
            report.ratio("refresh", &name, &ratios, "at least 0.80");
        }
    }
    Ok(())
}

impl<'a> Contender<'a> {
    fn open(home: &'a Home) -> Result<Self, Failure> {
        let services = home.services()?;
        let mut tokens = Vec::new();
        for user in 0..CONNECTIONS {
            let attempt = Attempt {
                email: &fill::email(u32::try_from(user)?),
                password: PASSWORD,
                origin: Origin::default(),
                client: None,
                scope: Scope::default(),
            };
            let grant = login::login(&services, attempt)?;
            tokens.push(Mutex::new(grant.refresh_token.expose().to_owned()));
        }
        let email = fill::email(0).parse()?;
        let find = |connection: &_| users::credentials(connection, &email);
        let hash = services
            .store
            .read(find)?
            .and_then(|found| found.password_hash);
        let hash = hash.ok_or("a copy has no password")?;
        Ok(Self {
            home,
            services,
            hash: hash.expose().as_str().into(),
            tokens,
            bare: Default::default(),
            refreshes: Default::default(),
        })
    }

    /// Each thread writes one column of a row of its own, back and forth: what does not change is
    /// not written. The rows lie far apart, on pages of their own, as those of real users do; rows that
    /// are neighbours share the pages that a commit has to write.
    fn update(&self, threads: usize, site: &Site) -> Result<Window, Failure> {
        let (store, hash, users) = (&self.services.store, &self.hash, site.plan.users);
        let apart = users / u32::try_from(CONNECTIONS)?;
        busy::measure(threads, &site.plan, Some(self.home), |number| {
            let user = users - 1 - u32::try_from(number)? * apart;
            let (id, mut old) = (UserId(fill::id(user)), Arc::clone(hash));
            let mut new: Arc<str> = old.chars().rev().collect::<String>().into();
            Ok(move || {
                let (was, is) = (Arc::clone(&old), Arc::clone(&new));
                std::mem::swap(&mut old, &mut new);
                let write = move |tx: &Tx<'_>| users::replace_hash(tx, id, &was, &is);
                Ok(store.write(write)?)
            })
        })
    }

    /// Each thread refreshes a session of its own, over and over.
    fn refresh(&self, threads: usize, site: &Site) -> Result<Window, Failure> {
        let (services, tokens) = (&self.services, &self.tokens);
        busy::measure(threads, &site.plan, Some(self.home), |number| {
            Ok(move || {
                let mut token = tokens[number]
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let exchange = Exchange {
                    token: &token,
                    client: None,
                    scope: None,
                    origin: Origin::default(),
                };
                let grant = refresh::refresh(services, exchange)?;
                grant.refresh_token.expose().clone_into(&mut token);
                Ok(())
            })
        })
    }
}
