//! What happens when the server goes away, and when it comes back.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use cluster::Cluster;
use serde_json::json;

use crate::env::{Authd, PASSWORD, TestEnv, only_postgres, run};
use crate::grpc_client::{GRPC, GrpcClient};
use crate::load::{SLACK, TIMEOUT, in_time, returns, under_load};

const WHY: &str = "it is about servers";

fn name_of(url: &str) -> &str {
    let url = url.split('?').next().unwrap_or(url);
    url.rsplit('/').next().expect("names a database")
}

fn daemon(env: &TestEnv) -> Authd {
    env.authd_with(&[], &[("AUTHD_DATABASE_TIMEOUT", "2s")])
}

#[test]
fn a_server_that_is_killed_under_load_loses_nothing_and_the_service_comes_back() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::own(&[]);
    let url = cluster.new_database();
    let env = TestEnv::at(&url);
    env.add_user("ada@example.com", PASSWORD);
    let authd = daemon(&env);
    let token = authd.login("ada@example.com", PASSWORD);
    let load = under_load(&env, &authd, &token, || {
        for _ in 0..3 {
            cluster.kill();
            thread::sleep(Duration::from_millis(300));
            cluster.start();
            thread::sleep(Duration::from_millis(500));
        }
    });
    assert!(load.failures.load(Ordering::Relaxed) > 0);
    returns(&authd, &token);
    load.is_kept_by(&cluster, name_of(&url));
}

#[test]
fn a_server_that_restarts_is_found_again() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::own(&[]);
    let env = TestEnv::at(cluster.new_database());
    env.add_user("ada@example.com", PASSWORD);
    let authd = daemon(&env);
    let token = authd.login("ada@example.com", PASSWORD);
    for _ in 0..5 {
        in_time(|| authd.verify(&token));
    }
    cluster.restart();
    // Who only reads does not even notice.
    assert_eq!(authd.verify(&token).status, 200);
    returns(&authd, &token);
    cluster.stop_hard();
    in_time(|| authd.verify(&token)).is_problem(503, "overloaded");
    // What a stopped server refuses is told at once, not after the time-out.
    let began = Instant::now();
    in_time(|| authd.get("/readyz")).is_problem(503, "overloaded");
    in_time(|| authd.try_login("ada@example.com", PASSWORD)).is_problem(503, "overloaded");
    assert!(began.elapsed() < TIMEOUT, "{:?}", began.elapsed());
    assert_eq!(authd.get("/livez").status, 200);
    cluster.start();
    returns(&authd, &token);
}

#[test]
fn a_server_that_says_nothing_is_given_up_in_time() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::own(&[]);
    let env = TestEnv::at(cluster.new_database());
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[("AUTHD_DATABASE_TIMEOUT", "2s"), GRPC]);
    let token = authd.login("ada@example.com", PASSWORD);
    let mut client = GrpcClient::of(&env, &authd);
    assert_eq!(client.verify(&token)["code"], "OK");
    // All sessions there may be, and long enough ago that each would be asked first.
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| authd.verify(&token));
        }
    });
    thread::sleep(Duration::from_secs(1));
    cluster.pause();
    in_time(|| authd.verify(&token)).is_problem(503, "overloaded");
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| in_time(|| authd.verify(&token)).is_problem(503, "overloaded"));
            scope.spawn(|| in_time(|| authd.get("/readyz")).is_problem(503, "overloaded"));
            scope.spawn(|| {
                let login = in_time(|| authd.try_login("ada@example.com", PASSWORD));
                login.is_problem(503, "overloaded");
            });
        }
    });
    let began = Instant::now();
    assert_eq!(client.verify(&token)["code"], "UNAVAILABLE");
    assert!(began.elapsed() < TIMEOUT + SLACK);
    let bearer = format!("Bearer {token}");
    for document in [
        r"{ me { id } permissions { edges { cursor } } }",
        r#"mutation { login(email: "ada@example.com", password: "x") { access_token } }"#,
    ] {
        let body = json!({"query": document}).to_string();
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        in_time(|| authd.post("/graphql", &headers, body.as_bytes())).is_problem(503, "overloaded");
    }
    let began = Instant::now();
    let mut command = env.authctl_command(&["user", "list"]);
    command.env("AUTHD_DATABASE_TIMEOUT", "2s");
    let listed = crate::env::run(&mut command, "");
    assert_eq!(listed.status, 6, "{listed:?}");
    assert!(listed.stderr.contains("did not answer within the time-out"));
    assert!(began.elapsed() < TIMEOUT + SLACK);
    cluster.resume();
    returns(&authd, &token);
}

#[test]
fn a_standby_is_read_and_not_written() {
    if only_postgres(WHY) {
        return;
    }
    let primary = Cluster::own(&[]);
    let url = primary.new_database();
    let env = TestEnv::at(&url);
    env.add_user("ada@example.com", PASSWORD);
    let token = daemon(&env).login("ada@example.com", PASSWORD);
    let standby = primary.standby();
    let there = standby.url(name_of(&url));
    let authd = env.authd_with(&["--database", &there], &[]);
    assert_eq!(authd.verify(&token).status, 200);
    let login = in_time(|| authd.try_login("ada@example.com", PASSWORD));
    login.is_problem(503, "overloaded");
    assert!(authd.log().contains("is read-only, as on a standby server"));
    in_time(|| authd.get("/readyz")).is_problem(503, "overloaded");
    let arguments = ["user", "add", "bob@example.com", "--no-password"];
    let refused = env.authctl(&[&["--database", &there], &arguments[..]].concat());
    assert_eq!(refused.status, 6, "{refused:?}");
    let sentence = "is read-only, as on a standby server: name the primary in database.url";
    assert!(refused.stderr.contains(sentence), "{refused:?}");
    for way in [there.clone(), by_socket(&standby, &there)] {
        let wanted = |what: &str| {
            let mark = if way.contains('?') { '&' } else { '?' };
            TestEnv::at(format!("{way}{mark}target_session_attrs={what}"))
                .authctl(&["user", "list"])
        };
        wanted("read-only").succeeded();
        let refused = wanted("read-write");
        assert_eq!(refused.status, 6, "{refused:?}");
        assert!(
            refused.stderr.contains("cannot be reached ("),
            "{refused:?}"
        );
    }
}

#[test]
fn a_table_that_is_locked_and_connections_that_are_all_in_use_are_503s_in_time() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::own(&[]);
    let url = cluster.new_database();
    let env = TestEnv::at(&url);
    env.add_user("ada@example.com", PASSWORD);
    let variables = [
        ("AUTHD_DATABASE_TIMEOUT", "2s"),
        ("AUTHD_DATABASE_CONNECTIONS", "2"),
    ];
    let authd = env.authd_with(&[], &variables);
    let token = authd.login("ada@example.com", PASSWORD);
    thread::scope(|scope| {
        scope.spawn(|| {
            let hold = "BEGIN; LOCK TABLE users; SELECT pg_sleep(4); COMMIT";
            cluster.psql(name_of(&url), hold);
        });
        thread::sleep(Duration::from_millis(500));
        let ask = || in_time(|| authd.verify(&token)).is_problem(503, "overloaded");
        let asking: Vec<_> = (0..6).map(|_| scope.spawn(ask)).collect();
        for asked in asking {
            asked.join().expect("is answered");
        }
    });
    let log = authd.log();
    // Whose wait is over first depends on how long the connection took.
    let sentences = [
        "stayed locked by another process past the time-out",
        "did not answer within",
    ];
    assert!(
        sentences.iter().any(|sentence| log.contains(sentence)),
        "{log}"
    );
    assert!(log.contains("has no free connection"), "{log}");
    returns(&authd, &token);
}

#[test]
fn a_statement_that_takes_too_long_is_a_503_in_time() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::own(&[]);
    let url = cluster.new_database();
    let env = TestEnv::at(&url);
    env.add_user("ada@example.com", PASSWORD);
    let authd = daemon(&env);
    let token = authd.login("ada@example.com", PASSWORD);
    let slow = "SET ROLE authd; ALTER TABLE users RENAME TO all_users;
        CREATE VIEW users AS SELECT all_users.* FROM all_users, pg_sleep(30)";
    cluster.psql(name_of(&url), slow);
    in_time(|| authd.verify(&token)).is_problem(503, "overloaded");
    assert!(authd.log().contains("did not answer within the time-out"));
    cluster.psql(
        name_of(&url),
        "DROP VIEW users; ALTER TABLE all_users RENAME TO users",
    );
    returns(&authd, &token);
}

/// The server waits for a standby that is not there, so that its answer to a commit never comes.
#[test]
fn a_commit_whose_outcome_is_unknown_is_told_as_such_and_not_repeated() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::own(&[]);
    let url = cluster.new_database();
    let env = TestEnv::at(&url);
    env.add_user("ada@example.com", PASSWORD);
    let authd = daemon(&env);
    let token = authd.login("ada@example.com", PASSWORD);
    let wait_for = |whom: &str| {
        let sql = format!("ALTER SYSTEM SET synchronous_standby_names = '{whom}'");
        cluster.psql("postgres", &sql);
        cluster.psql("postgres", "SELECT pg_reload_conf()");
        thread::sleep(Duration::from_millis(300));
    };
    wait_for("nobody");
    let mut command = env.authctl_command(&["user", "add", "bob@example.com", "--no-password"]);
    command.env("AUTHD_DATABASE_TIMEOUT", "2s");
    let added = crate::env::run(&mut command, "");
    assert_eq!(added.status, 6, "{added:?}");
    let sentence = "it is not known whether the change was made: look before you repeat it";
    assert!(added.stderr.contains(sentence), "{added:?}");
    wait_for("");
    returns(&authd, &token);
    wait_for("nobody");
    let login = in_time(|| authd.try_login("ada@example.com", PASSWORD));
    login.is_problem(503, "overloaded");
    // Whoever does not write himself may have lost patience first.
    let sentences = [
        "It is not known whether the change was made: look before you repeat it.",
        "what was asked for may have been done or not.",
    ];
    let detail = login.body["detail"].as_str().expect("is text");
    assert!(
        sentences.iter().any(|sentence| detail.contains(sentence)),
        "{detail}"
    );
    // The line may come after the answer.
    let deadline = Instant::now() + Duration::from_secs(5);
    while !authd
        .log()
        .contains("it is not known whether the change was made")
    {
        assert!(Instant::now() < deadline, "{}", authd.log());
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(
        in_time(|| authd.verify(&token)).status,
        200,
        "it only reads"
    );
    wait_for("");
    returns(&authd, &token);
    let bobs = "SELECT count(*) FROM users WHERE email = 'bob@example.com'";
    assert_eq!(cluster.psql(name_of(&url), bobs), "1");
}

/// The connection ends while the commit is under way, and nothing more can be written about the key.
#[test]
fn a_change_with_an_idempotency_key_whose_outcome_is_unknown_is_told_as_such() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::own(&[]);
    let url = cluster.new_database();
    let env = TestEnv::at(&url);
    env.add_user("ada@example.com", PASSWORD);
    env.authctl(&["user", "set", "ada@example.com", "--superuser", "true"])
        .succeeded();
    let authd = daemon(&env);
    let token = authd.login("ada@example.com", PASSWORD);
    let breaking = "
        CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END$$;
        CREATE CONSTRAINT TRIGGER breaks AFTER INSERT ON groups DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION break();
        CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;
        CREATE TRIGGER holds BEFORE DELETE ON idempotent_requests
            FOR EACH ROW EXECUTE FUNCTION hold()";
    cluster.psql(name_of(&url), breaking);
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "one"),
    ];
    let answer = in_time(|| authd.post("/groups", &headers, br#"{"name": "billing"}"#));
    answer.is_problem(503, "overloaded");
    let sentence = "It is not known whether the change was made: look before you repeat it.";
    assert_eq!(answer.body["detail"], sentence);
}

/// The whole of it: a standby that has everything that was acknowledged takes over, and authd,
/// which was given both addresses, goes on there by itself.
#[test]
fn a_standby_takes_over_from_a_primary_that_is_killed_under_load() {
    if only_postgres(WHY) {
        return;
    }
    let primary = Cluster::own(&["synchronous_commit=remote_apply"]);
    let first = primary.new_database();
    let name = name_of(&first);
    let standby = primary.standby();
    let second = standby.url(name);
    primary.psql(
        "postgres",
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
    );
    primary.psql("postgres", "SELECT pg_reload_conf()");
    let address = |url: &str| {
        let (_, place) = url.split_once('@').expect("names a user");
        place.split('/').next().expect("has an address").to_owned()
    };
    let both = format!("{},{}", address(&first), address(&second));
    let url = first.replace(&address(&first), &both);
    let env = TestEnv::at(format!("{url}?target_session_attrs=read-write"));
    env.add_user("ada@example.com", PASSWORD);
    let authd = daemon(&env);
    let token = authd.login("ada@example.com", PASSWORD);
    let load = under_load(&env, &authd, &token, || {
        primary.kill();
        thread::sleep(Duration::from_millis(300));
        standby.psql(
            "postgres",
            "ALTER SYSTEM SET synchronous_standby_names = ''",
        );
        standby.psql("postgres", "SELECT pg_promote()");
        thread::sleep(Duration::from_millis(1500));
    });
    returns(&authd, &token);
    load.is_kept_by(&standby, name);
}

/// A machine that was switched off refuses nothing either.
#[test]
fn a_host_that_says_nothing_leaves_time_for_the_next() {
    if only_postgres(WHY) {
        return;
    }
    let (silent, cluster) = (Cluster::own(&[]), Cluster::own(&[]));
    let url = cluster.new_database();
    let (login, place) = url.split_once('@').expect("names a user");
    let first = silent.url("postgres");
    let (_, first) = first.split_once('@').expect("names a user");
    let (first, _) = first.split_once('/').expect("names a database");
    let env = TestEnv::at(format!("{login}@{first},{place}"));
    silent.pause();
    let mut command = env.authctl_command(&["migrate"]);
    command.env("AUTHD_DATABASE_TIMEOUT", "2s");
    crate::env::run(&mut command, "").succeeded();
    let authd = daemon(&env);
    assert_eq!(authd.get("/readyz").status, 200);
}

/// The same database through the server's Unix socket.
fn by_socket(cluster: &Cluster, url: &str) -> String {
    let (login, place) = url.split_once('@').expect("names a user");
    let (address, name) = place.split_once('/').expect("names a database");
    let (_, port) = address.split_once(':').expect("has a port");
    let folder = cluster.psql("postgres", "SHOW unix_socket_directories");
    format!("{login}@/{name}?host={folder}&port={port}")
}

#[test]
fn a_server_behind_a_unix_socket_that_says_nothing_is_given_up() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::own(&[]);
    let env = TestEnv::at(by_socket(&cluster, &cluster.new_database()));
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[("AUTHD_DATABASE_TIMEOUT", "1s")]);
    let token = authd.login("ada@example.com", PASSWORD);
    cluster.pause();
    let began = Instant::now();
    in_time(|| authd.verify(&token)).is_problem(503, "overloaded");
    in_time(|| authd.try_login("ada@example.com", PASSWORD)).is_problem(503, "overloaded");
    // A second each.
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    cluster.resume();
    returns(&authd, &token);
}

#[test]
fn migrate_and_db_copy_wait_for_a_busy_server_and_give_up_one_that_is_frozen() {
    if !only_postgres(WHY) {
        give_up_a_frozen_server(|_, url| url.to_owned());
    }
}

#[test]
fn migrate_and_db_copy_give_up_a_frozen_server_behind_a_unix_socket() {
    if !only_postgres(WHY) {
        give_up_a_frozen_server(by_socket);
    }
}

/// Both wait for the lock that somebody else holds, longer than any answer may take otherwise; but when
/// the server says nothing to anybody, that is the end.
fn give_up_a_frozen_server(way: impl Fn(&Cluster, &str) -> String) {
    let cluster = Cluster::own(&[]);
    let from = way(&cluster, &cluster.new_database());
    let source = TestEnv::at(&from);
    source.add_user("ada@example.com", PASSWORD);
    let [migrated, copied] = [(); 2].map(|()| way(&cluster, &cluster.new_database()));
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    thread::scope(|scope| {
        for url in [&migrated, &copied] {
            let cluster = &cluster;
            // The write lock ("auth" in ASCII).
            let hold =
                "BEGIN; SELECT pg_advisory_xact_lock(1635087464); SELECT pg_sleep(12); COMMIT";
            scope.spawn(move || cluster.psql(name_of(url), hold));
        }
        thread::sleep(Duration::from_millis(500));
        let start = |env: &TestEnv, arguments: &[&str]| {
            let mut command = env.authctl_command(arguments);
            command.env("AUTHD_DATABASE_TIMEOUT", "1s");
            scope.spawn(move || (run(&mut command, ""), Instant::now()))
        };
        let target = TestEnv::at(&migrated);
        let copy = ["db", "copy", "--from", &from, "--to", &copied];
        let jobs = [
            (start(&target, &["migrate"]), &migrated),
            (start(&source, &copy), &copied),
        ];
        // Three time-outs, and another.
        thread::sleep(Duration::from_secs(4));
        assert_eq!(cluster.psql("postgres", waiting), "2");
        cluster.pause();
        let frozen = Instant::now();
        for (job, url) in jobs {
            let (outcome, ended) = job.join().expect("joins");
            let took = ended - frozen;
            assert!(took < Duration::from_secs(6), "{took:?}");
            assert_eq!(outcome.status, 6, "{outcome:?}");
            let sentence = format!("the database '{}' on ", name_of(url));
            assert!(outcome.stderr.contains(&sentence), "{outcome:?}");
            let reason = "did not answer within the time-out";
            assert!(outcome.stderr.contains(reason), "{outcome:?}");
        }
        cluster.resume();
    });
    let tables = "SELECT count(*) FROM pg_stat_user_tables";
    for url in [&migrated, &copied] {
        assert_eq!(cluster.psql(name_of(url), tables), "0", "nothing was kept");
    }
    let copy = ["db", "copy", "--from", &from, "--to", &copied];
    source.authctl(&copy).succeeded();
    assert_eq!(
        cluster.psql(name_of(&copied), "SELECT count(*) FROM users"),
        "1"
    );
}
