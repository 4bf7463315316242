//! A PostgreSQL server of the run's own: made in a temporary folder, gone with the harness.

use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use cluster::Cluster;
use rustix::fs::statfs;

use crate::{Failure, fill, process};

/// What the figures depend on, in the server's own words.
const SETTINGS: &str = "SELECT 'PostgreSQL ' || current_setting('server_version') ||
    ' on 127.0.0.1, without TLS, its settings by default:' || chr(10) ||
    string_agg(name || '=' || current_setting(name), ', ') FROM unnest(ARRAY['fsync',
        'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_connections']) AS name";

/// A server with an empty database.
pub(crate) struct Postgres {
    cluster: Cluster,
    url: String,
}

impl Postgres {
    /// As PostgreSQL comes, which is durable.
    pub(crate) fn start() -> Result<Self, Failure> {
        if !Cluster::is_possible() {
            return Err(
                "PostgreSQL is not installed, so that only --engine sqlite can be measured".into(),
            );
        }
        told(|| {
            let cluster = Cluster::own(&[]);
            let url = cluster.new_database();
            Self { cluster, url }
        })
    }

    /// What was measured, in a few lines.
    pub(crate) fn description(&self) -> Result<String, Failure> {
        let settings = self.ask(SETTINGS)?;
        let folder = self.ask("SHOW data_directory")?;
        // TMPFS_MAGIC of statfs(2), whose type is not the same on every machine.
        let is_in_memory = statfs(folder.as_str())?.f_type == 0x0102_1994;
        let disk = if is_in_memory {
            "\nITS FOLDER IS IN MEMORY: no commit waits for a disk."
        } else {
            ""
        };
        Ok(format!("{settings}{disk}"))
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Says how many copies were added. The planner knows of them, and nothing waits to be written.
    pub(crate) fn fill(&self, count: u32) -> Result<u32, Failure> {
        let columns = self.ask(
            "SELECT column_name FROM information_schema.columns
            WHERE table_name = 'users' ORDER BY ordinal_position",
        )?;
        let columns: Vec<_> = columns.lines().map(str::to_owned).collect();
        let before = self.count()?;
        let mut sql = format!("BEGIN; {};\nCOPY copies FROM STDIN;\n", fill::COPIES);
        for number in 0..count {
            let (id, email) = (fill::id(number), fill::email(number));
            writeln!(sql, "{number}\t{id}\t{email}")?;
        }
        let draw = fill::draw_versions_sql(count);
        let insert = fill::insert_sql(&columns, count);
        write!(sql, "\\.\n{draw}; {insert}; COMMIT;")?;
        sql.push_str("VACUUM (ANALYZE) users; CHECKPOINT");
        self.ask(&sql)?;
        Ok(self.count()? - before)
    }

    /// The table with its indexes.
    pub(crate) fn user_bytes(&self) -> Result<u64, Failure> {
        Ok(self
            .ask("SELECT pg_total_relation_size('users')")?
            .parse()?)
    }

    /// User and system time of its processes; of one that ended nothing is known any more.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        let pids = self.ask("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")?;
        let mut all = Duration::ZERO;
        for pid in pids.lines() {
            // It may have ended just now.
            all += process::cpu(pid.parse()?).unwrap_or_default();
        }
        Ok(all)
    }

    fn count(&self) -> Result<u32, Failure> {
        Ok(self.ask("SELECT count(*) FROM users")?.parse()?)
    }

    fn ask(&self, sql: &str) -> Result<String, Failure> {
        let (_, name) = self
            .url
            .rsplit_once('/')
            .ok_or("the URL names no database")?;
        told(|| self.cluster.psql(name, sql))
    }
}

/// The cluster is made for tests: it panics where something is wrong, and says what.
fn told<T>(ask: impl FnOnce() -> T) -> Result<T, Failure> {
    panic::catch_unwind(AssertUnwindSafe(ask)).map_err(|payload| {
        let said = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        format!("PostgreSQL failed: {}", said.unwrap_or("no reason given")).into()
    })
}
