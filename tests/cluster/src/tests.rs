//! What the servers and databases of the tests hold to.

use std::net::TcpStream;
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::server::{run, within_patience};
use crate::{Cluster, Database, Engine, skipped};

/// What psql says to one who has only this URL.
fn ask(cluster: &Cluster, url: &str) -> Output {
    let mut psql = cluster.client("psql");
    psql.env_clear().args(["-XqAt", "-c", "SELECT 1", url]);
    run(&mut psql, "")
}

fn status(cluster: &Cluster, url: &str) -> i32 {
    ask(cluster, url).status.code().expect("ends by itself")
}

#[test]
fn a_new_database_answers_and_is_empty() {
    if skipped("that a new database answers") {
        return;
    }
    let cluster = Cluster::shared();
    let (url, other) = (cluster.new_database(), cluster.new_database());
    assert_ne!(url, other);
    assert_eq!(ask(cluster, &url).stdout, b"1\n");
    let name = url.rsplit('/').next().expect("has a name");
    assert_eq!(cluster.url(name), url);
    let count = "SELECT count(*) FROM pg_stat_user_tables";
    assert_eq!(cluster.psql(name, count), "0");
    let refused = ask(cluster, &url.replace(&cluster.password, "guess"));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("authentication failed"), "{said}");
}

/// So a need for more than that shows in the tests.
#[test]
fn the_programs_connect_as_a_role_that_owns_its_database_and_may_do_no_more() {
    if skipped("that the programs' role is an ordinary one") {
        return;
    }
    let cluster = Cluster::shared();
    let url = cluster.new_database();
    let mut psql = cluster.client("psql");
    psql.env_clear().args(["-XqAt", "-c"]);
    psql.arg(
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, pg_roles.oid = datdba
         FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()",
    );
    let answer = run(psql.arg(url), "");
    let said = String::from_utf8_lossy(&answer.stdout);
    assert_eq!(said, "f|f|f|f|f|t\n", "{answer:?}");
    let members = "SELECT count(*) FROM pg_auth_members WHERE member = 'authd'::regrole";
    assert_eq!(cluster.psql("postgres", members), "0");
}

#[test]
fn a_killed_cluster_comes_back_with_what_was_committed() {
    if skipped("that a killed cluster comes back") {
        return;
    }
    let cluster = Cluster::own(&["max_connections=20"]);
    let url = cluster.new_database();
    let name = url.rsplit('/').next().expect("has a name");
    let write = "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)";
    cluster.psql(name, write);
    let stops: [fn(&Cluster); 2] = [Cluster::kill, Cluster::stop_hard];
    for stop in stops {
        stop(&cluster);
        assert_eq!(status(&cluster, &url), 2, "it is down");
        cluster.start();
        assert_eq!(status(&cluster, &url), 0);
        assert_eq!(cluster.psql(name, "SELECT n FROM kept"), "7");
    }
    cluster.restart();
    let settings = cluster.psql(name, "SHOW max_connections; SHOW fsync");
    assert_eq!(settings, "20\non");
}

#[test]
fn a_paused_cluster_says_nothing_until_it_resumes() {
    if skipped("that a paused cluster says nothing") {
        return;
    }
    let cluster = Cluster::own(&[]);
    cluster.pause();
    let mut psql = cluster.client("psql");
    psql.args(["-XqAt", "-c", "SELECT 1", "postgres"]);
    let mut waiting = psql.stdout(Stdio::piped()).spawn().expect("starts");
    std::thread::sleep(Duration::from_millis(500));
    assert!(waiting.try_wait().expect("waits").is_none());
    cluster.resume();
    let output = waiting.wait_with_output().expect("ends");
    assert_eq!(output.stdout, b"1\n");
    cluster.pause();
    cluster.kill();
    cluster.start();
    cluster.pause();
}

#[test]
fn a_standby_sees_what_is_written_on_the_primary() {
    if skipped("that a standby follows its primary") {
        return;
    }
    let primary = Cluster::own(&[]);
    primary.psql("postgres", "CREATE TABLE seen (n int)");
    let standby = primary.standby();
    primary.psql("postgres", "INSERT INTO seen VALUES (7)");
    let has_seen = || standby.psql("postgres", "SELECT n FROM seen") == "7";
    assert!(within_patience(has_seen));
    assert_eq!(standby.psql("postgres", "SELECT pg_is_in_recovery()"), "t");
    assert_ne!(standby.url("postgres"), primary.url("postgres"));
}

#[test]
fn a_cluster_takes_tls_connections_once_it_is_told_to() {
    if skipped("that a cluster takes TLS connections") {
        return;
    }
    let cluster = Cluster::own(&[]);
    let url = cluster.url("postgres");
    let required = format!("{url}?sslmode=require");
    assert_eq!(status(&cluster, &required), 2, "not told to yet");
    let certificate = cluster.enable_tls();
    assert_eq!(status(&cluster, &required), 0);
    let root = certificate.display();
    let verified = format!("{url}?sslmode=verify-full&sslrootcert={root}");
    assert_eq!(status(&cluster, &verified), 0);
    assert_eq!(
        status(&cluster, &verified.replace("127.0.0.1", "localhost")),
        0
    );
    assert_eq!(status(&cluster, &format!("{url}?sslmode=disable")), 0);
}

#[test]
fn a_dropped_cluster_leaves_nothing_behind() {
    if skipped("that a dropped cluster leaves nothing behind") {
        return;
    }
    let cluster = Cluster::own(&[]);
    let (folder, address) = (cluster.folder.clone(), ("127.0.0.1", cluster.port));
    assert!(TcpStream::connect(address).is_ok());
    drop(cluster);
    assert!(!folder.exists());
    assert!(TcpStream::connect(address).is_err());
}

/// The rules that tests on either engine rely on.
fn is_a_place_of_its_own(engine: Engine) {
    let (one, other) = (Database::on(engine), Database::on(engine));
    assert_ne!(one.url(), other.url());
    assert_eq!(one.url(), one.url());
    let write = "CREATE TABLE t (n int, word text); INSERT INTO t VALUES (1, 'a'), (2, NULL)";
    assert_eq!(one.sql(write), "");
    other.sql("CREATE TABLE t (n int)");
    let rows = "SELECT n, word FROM t ORDER BY n; SELECT count(*) FROM t";
    assert_eq!(one.sql(rows), "1|a\n2|\n2");
    let backup = one.backup();
    assert!(backup == one.backup(), "nothing was changed");
    let copy = Database::on(engine);
    assert!(copy.is_empty() && !one.is_empty());
    copy.restore(&backup);
    assert_eq!(copy.sql(rows), one.sql(rows));
    copy.sql("DELETE FROM t WHERE n = 2");
    assert!(copy.backup() != backup);
    let bytes = one.bytes_literal(b"hi");
    one.sql(&format!(
        "CREATE TABLE b (bytes bytea); INSERT INTO b VALUES ({bytes})"
    ));
    assert_eq!(one.sql("SELECT bytes FROM b"), "\\x6869");
    let folder = one.folder().to_owned();
    assert!(folder.is_dir());
    drop(one);
    assert!(!folder.exists());
    assert_eq!(other.sql("SELECT count(*) FROM t"), "0");
}

#[test]
fn a_test_has_a_file_of_its_own_on_sqlite() {
    is_a_place_of_its_own(Engine::Sqlite);
    let database = Database::on(Engine::Sqlite);
    let file = database.folder().join("authd.db");
    assert_eq!(database.url(), format!("sqlite:{}", file.display()));
    assert!(!file.exists());
    assert_eq!(database.sql("SELECT x'6869'"), "\\x6869");
}

#[test]
fn a_test_has_a_database_of_its_own_on_postgresql() {
    if skipped("that a test has a database of its own on PostgreSQL") {
        return;
    }
    is_a_place_of_its_own(Engine::Postgres);
    let database = Database::on(Engine::Postgres);
    let url = database.url();
    let name = url.rsplit('/').next().expect("has a name").to_owned();
    let cluster = Cluster::shared();
    let mut client = cluster.client("psql");
    client.args(["-Xq", &name]).stdin(Stdio::piped());
    let mut client = client.spawn().expect("starts");
    let count = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'");
    assert!(within_patience(|| cluster.psql("postgres", &count) == "1"));
    drop(database);
    let count = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(cluster.psql("postgres", &count), "0", "whoever is in it");
    client.kill().expect("is killed");
    client.wait().expect("waits");
}

#[test]
fn the_engine_is_sqlite_unless_another_is_named() {
    let engines = ["", "sqlite", "postgres"].map(Engine::named);
    let [default, sqlite, postgres] = engines;
    assert_eq!((default, sqlite), (Engine::Sqlite, Engine::Sqlite));
    assert_eq!(postgres, Engine::Postgres);
}

#[test]
#[should_panic(expected = "AUTHD_TEST_ENGINE is 'mysql': write sqlite or postgres")]
fn an_unknown_engine_is_not_taken_for_the_default() {
    Engine::named("mysql");
}
