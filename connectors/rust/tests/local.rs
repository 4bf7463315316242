//! A service's own database, in SQLite or PostgreSQL, and the mirror of its table.

use authd_client::{
    MirrorError, PostgresMirror, Row, SqliteMirror, Table, User, UserMirror, UserPage,
};
use cluster::{Database, Engine};
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::verifiers::runtime;

const SCHEMA: [&str; 2] = [
    include_str!("schema/sqlite.sql"),
    include_str!("schema/postgres.sql"),
];

pub(crate) struct Local {
    database: Database,
    pool: Option<PgPool>,
}

/// Does this with each kind of database that the machine has.
pub(crate) fn on_each(test: impl Fn(&Local)) {
    test(&Local::new(Engine::Sqlite));
    if !cluster::skipped("rows in PostgreSQL") {
        test(&Local::new(Engine::Postgres));
    }
}

impl Local {
    fn new(engine: Engine) -> Self {
        let database = Database::on(engine);
        let (pool, schema) = match engine {
            Engine::Sqlite => (None, SCHEMA[0]),
            Engine::Postgres => {
                let options = PgPoolOptions::new().max_connections(20);
                let url = database.url();
                let pool = runtime().block_on(async { options.connect_lazy(&url) });
                (Some(pool.expect("is a URL")), SCHEMA[1])
            }
        };
        database.sql(schema);
        Self { database, pool }
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        self.database.sql(sql).trim_end().to_owned()
    }

    /// A row without an account.
    pub(crate) fn add_row(&self, email: &str, more: &str) {
        let values = if more.is_empty() { "FALSE, NULL" } else { more };
        self.sql(&format!(
            "INSERT INTO users (email, is_staff, old_pk) VALUES ('{email}', {values})"
        ));
    }

    /// As if authd had told of a deletion between the look for it and the row.
    pub(crate) fn tell_of_each_new_row_that_it_was_deleted(&self) {
        let told = "INSERT INTO authd_deleted VALUES (NEW.authd_sub, 4711)";
        self.sql(&match &self.pool {
            None => format!("CREATE TRIGGER told BEFORE INSERT ON users BEGIN {told}; END"),
            Some(_) => format!(
                "CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql
                   AS $$ BEGIN {told}; RETURN NEW; END $$;
                 CREATE TRIGGER told BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION told()"
            ),
        });
    }

    /// No row of these accounts is to be another. `raise` is SQLite's word: `ABORT`, or `ROLLBACK`, which takes back
    /// all that was written before in the transaction.
    pub(crate) fn refuse_to_change(&self, ids: &[&str], raise: &str) {
        let ids = ids.join("', '");
        let when = format!("CAST(OLD.authd_sub AS text) IN ('{ids}')");
        self.sql(&match &self.pool {
            None => format!(
                "CREATE TRIGGER refuses BEFORE UPDATE ON users WHEN {when}
                 BEGIN SELECT RAISE({raise}, 'not this one'); END"
            ),
            Some(_) => format!(
                "CREATE OR REPLACE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql
                   AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
                 CREATE TRIGGER refuses BEFORE UPDATE ON users FOR EACH ROW WHEN ({when})
                   EXECUTE FUNCTION refuses()"
            ),
        });
    }

    /// They may be again.
    pub(crate) fn allow_all(&self) {
        let of = self.pool.as_ref().map_or("", |_| " ON users");
        self.sql(&format!("DROP TRIGGER refuses{of}"));
    }

    /// What the engine calls the type of a day.
    pub(crate) fn day(&self) -> &'static str {
        self.pool.as_ref().map_or("TEXT", |_| "date")
    }

    pub(crate) fn count(&self) -> u32 {
        self.sql("SELECT count(*) FROM users")
            .parse()
            .expect("is a number")
    }

    /// What the row of this account has.
    pub(crate) fn row(&self, id: &str, columns: &str) -> String {
        self.sql(&format!(
            "SELECT {columns} FROM users WHERE authd_sub = '{id}'"
        ))
    }

    pub(crate) fn is_active(&self, id: &str) -> bool {
        matches!(&*self.row(id, "is_active"), "1" | "t")
    }

    pub(crate) fn mirror(&self) -> AnyMirror {
        self.mirror_of(Table::new("users")).expect("is good")
    }

    pub(crate) fn mirror_of(&self, table: Table) -> Result<AnyMirror, MirrorError> {
        if let Some(pool) = &self.pool {
            let mirror = PostgresMirror::new(pool.clone(), table);
            return runtime().block_on(mirror).map(AnyMirror::Postgres);
        }
        let file = self.database.folder().join("authd.db");
        let connection = rusqlite::Connection::open(file).expect("opens");
        let patience = std::time::Duration::from_secs(10);
        connection.busy_timeout(patience).expect("is set");
        SqliteMirror::new(connection, table).map(AnyMirror::Sqlite)
    }
}

#[derive(Clone)]
pub(crate) enum AnyMirror {
    Sqlite(SqliteMirror),
    Postgres(PostgresMirror),
}

impl AnyMirror {
    pub(crate) fn row(&self, account: &User) -> Result<Row, MirrorError> {
        self.done(self.row_of(account))
    }

    pub(crate) fn done<T>(&self, work: impl Future<Output = T>) -> T {
        match self {
            // Without a runtime.
            Self::Sqlite(_) => authd_client::blocking::wait(work),
            Self::Postgres(_) => runtime().block_on(work),
        }
    }
}

impl UserMirror for AnyMirror {
    async fn row_of(&self, account: &User) -> Result<Row, MirrorError> {
        match self {
            Self::Sqlite(mirror) => mirror.row_of(account).await,
            Self::Postgres(mirror) => mirror.row_of(account).await,
        }
    }

    async fn take(&self, issuer: &str, page: &UserPage) -> Result<(), MirrorError> {
        match self {
            Self::Sqlite(mirror) => mirror.take(issuer, page).await,
            Self::Postgres(mirror) => mirror.take(issuer, page).await,
        }
    }

    async fn cursor(&self, issuer: &str) -> Result<Option<i64>, MirrorError> {
        match self {
            Self::Sqlite(mirror) => mirror.cursor(issuer).await,
            Self::Postgres(mirror) => mirror.cursor(issuer).await,
        }
    }

    async fn begin_again(&self, issuer: &str, cursor: i64) -> Result<(), MirrorError> {
        match self {
            Self::Sqlite(mirror) => mirror.begin_again(issuer, cursor).await,
            Self::Postgres(mirror) => mirror.begin_again(issuer, cursor).await,
        }
    }

    async fn settle(&self) -> Result<(), MirrorError> {
        match self {
            Self::Sqlite(mirror) => mirror.settle().await,
            Self::Postgres(mirror) => mirror.settle().await,
        }
    }
}
