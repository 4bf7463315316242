//! What a login writes, without the hashing that otherwise bounds it: commits of the store.

use std::sync::Arc;
use std::time::Duration;

use auth::domain::email::Email;
use auth::domain::scope::Scope;
use auth::domain::session::{Method, Origin, SessionId};
use auth::domain::sources::{Clock as _, Random as _};
use auth::domain::user::UserId;
use auth::service::system::{SystemClock, SystemRandom};
use auth::store::refresh_tokens::{self, TokenKey};
use auth::store::sessions::{self, NewSession};
use auth::store::users::{self, Credentials};
use auth::store::{DatabaseSettings, Store, WriteMode};
use auth::tokens::RefreshToken;

use crate::Failure;
use crate::busy;
use crate::fill;
use crate::home::Home;
use crate::plan::CONNECTIONS;
use crate::report::{self, Report};
use crate::site::Site;
use crate::stats::{self, Window};

/// The daemon's default of `database.timeout`.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The daemon's default of `sessions.max_per_user`.
const SESSIONS_A_USER: u32 = 100;

/// An engine's store as the daemon opens it, and what was counted.
struct Contender<'a> {
    home: &'a Home,
    store: Store,
    /// The one that all users share.
    hash: Arc<str>,
    one: Vec<Window>,
    many: Vec<Window>,
}

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    report::heading(
        "write",
        &format!("what a login writes and waits for, 1 and {CONNECTIONS} at once (ADR 4)"),
    );
    let mut contenders = Vec::new();
    for home in site.homes() {
        contenders.push(Contender::open(home)?);
    }
    for _ in 0..site.plan.rounds {
        for contender in &mut contenders {
            contender.one.push(contender.measure(1, site)?);
        }
        for contender in &mut contenders {
            contender.many.push(contender.measure(CONNECTIONS, site)?);
        }
    }

    for Contender { home, one, .. } in &contenders {
        report::rates(&format!("{}, 1 at a time", home.name()), "writes", one);
    }
    for Contender { home, many, .. } in &contenders {
        let name = format!("{}, {CONNECTIONS} at once", home.name());
        report::rates(&name, "writes", many);
    }
    for Contender {
        home, one, many, ..
    } in &contenders
    {
        let ratios = stats::ratios(many, one, Window::per_second);
        let name = format!("{}, {CONNECTIONS} at once / 1", home.name());
        report.ratio("write", &name, &ratios, "");
    }
    Ok(())
}

impl<'a> Contender<'a> {
    fn open(home: &'a Home) -> Result<Self, Failure> {
        // The first daemon makes the key that a login asks for.
        home.authd()?.stop()?;
        let settings = DatabaseSettings::new(home.database.url().parse()?, TIMEOUT);
        let store = Store::open(&settings, WriteMode::Grouped)?;
        let hash = credentials(&store, 0)?.password_hash;
        let hash = hash.ok_or("a copy has no password")?;
        Ok(Self {
            home,
            store,
            hash: hash.expose().as_str().into(),
            one: Vec::new(),
            many: Vec::new(),
        })
    }

    /// Writes of as many different users as verify sees, on this many threads.
    fn measure(&self, threads: usize, site: &Site) -> Result<Window, Failure> {
        let ids: Arc<[UserId]> = (0..site.plan.tokens)
            .map(|user| UserId(fill::id(user)))
            .collect();
        let (store, hash) = (&self.store, &self.hash);
        busy::measure(threads, &site.plan, Some(self.home), |number| {
            let (ids, mut next) = (Arc::clone(&ids), number);
            Ok(move || {
                let id = ids[next % ids.len()];
                next += threads;
                write(store, id, Arc::clone(hash))
            })
        })
    }
}

/// The transaction of `service/login.rs`.
fn write(store: &Store, id: UserId, hash: Arc<str>) -> Result<(), Failure> {
    let written = store.write(move |tx| {
        let now = SystemClock.now();
        let Some(login) = users::record_login(tx, id, &hash, now)? else {
            return Ok(None);
        };
        let session = NewSession {
            id: SessionId(SystemRandom.uuid_v7(now)),
            user_id: id,
            client_id: None,
            method: Method::Password,
            scope: Scope::default(),
            origin: Origin::default(),
        };
        sessions::insert(tx, &session, SESSIONS_A_USER, now)?;
        let token = RefreshToken::first(session.id, &SystemRandom);
        let key = TokenKey {
            session: token.session,
            generation: token.generation,
            hash: token.hash(),
        };
        refresh_tokens::insert_first(tx, key, now)?;
        Ok(Some(login))
    })?;
    written
        .map(drop)
        .ok_or_else(|| "nobody was logged in".into())
}

fn credentials(store: &Store, user: u32) -> Result<Credentials, Failure> {
    let email: Email = fill::email(user).parse()?;
    let found = store.read(|connection| users::credentials(connection, &email))?;
    found.ok_or_else(|| "a copy is not in the database".into())
}
