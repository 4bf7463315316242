//! A service that knows nobody's password: authd says who is asking, and each user who has come has a row
//! in the service's own table.

use std::error::Error;
use std::time::Duration;

use authd_client::{Refusal, Settings, SignedIn, SqliteMirror, Table, UserMirror, Verifier};
use axum::extract::{FromRef, State};
use axum::routing::get;
use axum::{Json, Router};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS customers (
        id INTEGER PRIMARY KEY, email TEXT, first_name TEXT, last_name TEXT, phone_number TEXT,
        is_active INTEGER NOT NULL DEFAULT 1, authd_sub TEXT UNIQUE, authd_version INTEGER);
    CREATE TABLE IF NOT EXISTS authd_cursor (issuer TEXT PRIMARY KEY, position INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS authd_deleted (authd_sub TEXT PRIMARY KEY, version INTEGER NOT NULL);";

/// What every request works with.
#[derive(Clone)]
struct Service {
    verifier: Verifier,
    customers: SqliteMirror,
}

impl FromRef<Service> for Verifier {
    fn from_ref(service: &Service) -> Self {
        service.verifier.clone()
    }
}

/// What the caller owes. The caller is a row of our own table.
async fn bill(State(service): State<Service>, caller: SignedIn) -> Result<Json<Value>, Refusal> {
    let row = service.customers.row_of(&caller).await?;
    Ok(Json(json!({"row": row.key, "owes": "12.50 EUR"})))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let connection = Connection::open(given("BILLING_DATABASE")?)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.execute_batch(TABLES)?;
    let customers = SqliteMirror::new(connection, Table::new("customers"))?;

    let secret = given("AUTHD_CLIENT_SECRET")?;
    let settings = Settings::cached(given("AUTHD_URL")?, "billing", secret);
    let verifier = Verifier::start(settings.issuer(given("AUTHD_ISSUER")?)).await?;
    // Rows follow people who do not come as well; trouble is in the log, and it goes on.
    let follower = verifier.follow(customers.clone());
    let following = tokio::spawn(follower.run());

    let service = Service {
        verifier,
        customers,
    };
    let app = Router::new()
        .route("/billing/", get(bill))
        .with_state(service);
    let listener = TcpListener::bind(given("BILLING_LISTEN")?).await?;
    let mut told = signal(SignalKind::terminate())?;
    let stop = async move {
        told.recv().await;
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;
    following.abort();
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where the service reads its environment"
)]
fn given(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set"))
}
