//! What holds of the services together.

use std::time::Duration;

use cluster::Database;

use super::accounts::{Accounts, PasswordChecks};
use super::login::{Attempt, LoginError, login};
use super::system::SystemRandom;
use super::verification::{Refusal, VerifyError, verify};
use super::*;
use crate::domain::password::Password;
use crate::domain::scope::Scope;
use crate::domain::session::Origin;
use crate::domain::sources::fixed::FixedClock;
use crate::domain::user::{NewUser, UserRef};
use crate::store::{self, DatabaseSettings, WriteMode};
use crate::tokens::TokenError;

struct House {
    services: Services,
    accounts: Accounts,
    clock: Arc<FixedClock>,
    _database: Database,
}

const START: i64 = 1_800_000_000;

fn house() -> House {
    let database = Database::new();
    let url = database.url().parse().expect("names a database");
    let clock = Arc::new(FixedClock::at_second(START));
    let sources = Sources {
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
    };
    store::create(&url, Duration::from_secs(5), sources.clock.now()).expect("creates");
    let settings = DatabaseSettings::new(url, Duration::from_secs(5));
    let open = |mode| Store::open(&settings, mode).expect("opens");
    let passwords = PasswordSettings {
        policy: Policy {
            min_chars: 15,
            max_chars: 256,
        },
        params: HashParams::FLOOR,
        pool: PoolSize {
            threads: 1,
            queue: 4,
        },
    };
    let settings = ServiceSettings {
        passwords,
        guesses: super::trial::GUESSES,
        tokens: TokenRules {
            issuer: "http://localhost".into(),
            audience: "http://localhost".into(),
            ttl_secs: 900,
            leeway_secs: 30,
            user_claims: vec![],
        },
        sessions: SessionRules {
            idle_ms: 3_600_000,
            absolute_ms: 86_400_000,
            grace_ms: 10_000,
            per_user: 100,
        },
        max_age_secs: 5,
        webhooks: super::trial::webhooks(),
        keys: super::trial::KEYS,
        secret_key: SecretKeySource::File(database.folder().join("authd.key")),
        accounts: super::trial::account_rules(),
        mail: super::trial::no_mail(),
    };
    let accounts = {
        let store = Arc::new(open(WriteMode::Direct));
        let by = Actor::operator("root");
        Accounts::new(Management::new(store, sources.clone(), by), passwords)
    };
    House {
        services: Services::start(open(WriteMode::Grouped), settings, sources).expect("starts"),
        accounts,
        clock,
        _database: database,
    }
}

fn add_ada(house: &House, password: &str) {
    let new = NewUser {
        email: "ada@example.com".parse().expect("is an address"),
        first_name: "Ada".parse().expect("is a name"),
        last_name: "".parse().expect("is a name"),
        phone_number: None,
        external_id: None,
        is_active: true,
        is_staff: false,
        is_superuser: false,
        groups: std::collections::BTreeSet::new(),
        fields: std::collections::BTreeMap::new(),
    };
    let password = Password::new(password);
    let added = house
        .accounts
        .create(new, Some(&password), PasswordChecks::Enforce);
    added.expect("is added");
}

fn of_ada(password: &str) -> Attempt<'_> {
    Attempt {
        email: "ada@example.com",
        password,
        origin: Origin::default(),
        client: None,
        scope: Scope::default(),
    }
}

/// Statement 49 for what there is by now: the end of tokens is kept, not computed.
#[test]
fn a_clock_that_goes_back_an_hour_revives_no_token_that_a_new_password_ended() {
    let house = house();
    add_ada(&house, "correct horse battery staple");
    let old = login(&house.services, of_ada("correct horse battery staple"));
    let old = old.expect("logs in").access_token;
    verify(&house.services, &old).expect("is good");

    house.clock.advance_secs(10);
    let ada = UserRef::Email("ada@example.com".parse().expect("is an address"));
    let new = Password::new("a different password altogether");
    let changed = house
        .accounts
        .set_password(&ada, &new, PasswordChecks::Enforce);
    changed.expect("is changed");
    for forward in [0, -5, -3600, 3595, 10] {
        house.clock.advance_secs(forward);
        let refused = verify(&house.services, &old).err();
        let expected = match forward {
            // It has not even been issued yet.
            -3600 => Refusal::Token(TokenError::NotYet),
            _ => Refusal::Ended,
        };
        assert!(
            matches!(refused, Some(VerifyError::Refused(refusal)) if refusal == expected),
            "{forward}: {refused:?}"
        );
    }
    let refused = login(&house.services, of_ada("correct horse battery staple"));
    assert!(matches!(refused, Err(LoginError::InvalidCredentials)));
}
