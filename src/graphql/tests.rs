//! What a request costs, counted where the database is asked.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use cluster::Database;
use serde_json::{Value, json};

use super::{Graphql, Question};
use crate::config::{Config, Environment, Flags, Introspection};
use crate::domain::actor::Actor;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::session::Origin;
use crate::domain::sources::Clock;
use crate::domain::user::NewUser;
use crate::service::accounts::PasswordChecks;
use crate::service::groups;
use crate::service::system::{SystemClock, SystemRandom};
use crate::service::{Services, Sources};
use crate::store::{self, Store, WriteMode};

const PASSWORD: &str = "correct horse battery staple";

/// The service with a superuser, whose token this is.
struct Desk {
    graphql: Graphql,
    token: String,
    _database: Database,
}

impl Desk {
    /// With so many accounts, each in three groups, and an own field.
    fn with_accounts(count: usize) -> Self {
        let database = Database::new();
        let flags = Flags {
            config: None,
            database: Some(database.url()),
            listen: vec![],
        };
        let key = database.folder().join("authd.key").display().to_string();
        let environment = Environment::from([("AUTHD_SECRET_KEY_FILE", key.as_str())]);
        let config = Config::load(&flags, &environment).expect("is sound");
        let url = &config.database.url;
        store::create(url, config.database.timeout, SystemClock.now()).expect("makes a database");
        let sources = Sources {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        };
        let store = Store::open(&config.database, WriteMode::Grouped).expect("opens");
        let services = Services::start(store, config.service_settings(), sources);
        let services = Arc::new(services.expect("starts"));
        let operator = || Actor::operator("root");
        let desk = services.managed_by(operator());
        let names: Vec<_> = ["a", "b", "c"]
            .map(|name| name.parse().expect("is a name"))
            .into();
        for name in &names {
            groups::add(&desk, Clone::clone(name)).expect("is added");
        }
        let spec = crate::domain::field::Spec::default();
        let field = "department".parse().expect("is a name");
        crate::service::fields::add(&desk, field, spec).expect("is added");
        let accounts = services.accounts(operator());
        let add = |email: &str, is_superuser, password: Option<&Password>| {
            let new = NewUser {
                email: email.parse().expect("is an address"),
                first_name: "".parse().expect("is a name"),
                last_name: "".parse().expect("is a name"),
                phone_number: None,
                external_id: None,
                is_active: true,
                is_staff: false,
                is_superuser,
                groups: names.iter().cloned().collect::<BTreeSet<_>>(),
                fields: [("department".to_owned(), json!(email).into())].into(),
            };
            accounts
                .create(new, password, PasswordChecks::Skip)
                .expect("is added");
        };
        add("root@example.com", true, Some(&Password::new(PASSWORD)));
        for number in 1..count {
            add(&format!("{number}@example.com"), false, None);
        }
        let mut desk = Self {
            graphql: Graphql::new(services, Introspection::Authenticated),
            token: String::new(),
            _database: database,
        };
        let login = format!(
            "mutation {{login(email: \"root@example.com\", password: \"{PASSWORD}\") {{access_token}}}}"
        );
        let token = desk.ask(&login)["login"]["access_token"].take();
        desk.token = token.as_str().expect("is a token").to_owned();
        desk
    }

    /// What a document is answered with, if all is well.
    fn ask(&self, query: &str) -> Value {
        let token = Some(&self.token).filter(|token| !token.is_empty());
        let answer = self.graphql.answer(Question {
            query: query.to_owned(),
            operation_name: None,
            variables: serde_json::Map::new(),
            token: token.cloned().map(Secret::new),
            origin: Origin::default(),
            request_id: "test".to_owned(),
        });
        assert_eq!(answer.body.get("errors"), None, "{}", answer.body);
        answer.body["data"].clone()
    }

    /// How many times the database is asked for a document.
    fn questions(&self, query: &str) -> usize {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || self.ask(query));
        let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        text.matches(" asked").count()
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// However long a page is: there is no query for each of its accounts.
#[test]
fn a_page_of_accounts_costs_as_many_queries_as_one_account() {
    let desk = Desk::with_accounts(101);
    let page = |first: u32| {
        format!(
            "{{users(first: {first}) {{edges {{cursor node {{id email groups permissions fields {{department}}}}}} pageInfo {{hasNextPage}}}}}}"
        )
    };
    let whole = desk.ask(&page(100));
    let edges = whole["users"]["edges"].as_array().expect("is a list");
    assert_eq!(edges.len(), 100);
    assert_eq!(whole["users"]["pageInfo"]["hasNextPage"], true);
    assert_eq!(edges[99]["node"]["groups"], json!(["a", "b", "c"]));
    let (one, many) = (desk.questions(&page(1)), desk.questions(&page(100)));
    assert_eq!(one, many);
    // The token, the state of the own fields, the page.
    assert!((1..=4).contains(&many), "{many}");
}

/// The schema is made anew when the own fields have changed, and at no other time.
#[test]
fn what_nobody_changed_is_not_read_again() {
    let desk = Desk::with_accounts(1);
    desk.ask("{me {id fields {department}}}");
    desk.ask("mutation {renameField(name: \"department\", to: \"unit\") {name}}");
    let query = "{me {id fields {unit}}}";
    let anew = desk.questions(query);
    desk.ask("mutation {createPermission(name: \"billing.refund\") {name}}");
    assert_eq!(anew, desk.questions(query) + 2);
}

/// Nothing is asked of the database for a document that is too much.
#[test]
fn a_document_over_a_limit_asks_nothing_of_the_database() {
    let desk = Desk::with_accounts(1);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let deep = format!("{}{}", "{a".repeat(16), "}".repeat(16));
    tracing::subscriber::with_default(subscriber, || {
        let answer = desk.graphql.answer(Question {
            query: deep,
            operation_name: None,
            variables: serde_json::Map::new(),
            token: Some(Secret::new(desk.token.clone())),
            origin: Origin::default(),
            request_id: "test".to_owned(),
        });
        assert!(!answer.is_executed, "{}", answer.body);
    });
    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(!String::from_utf8_lossy(&bytes).contains("asked"));
}
