//! What a PostgreSQL server that cannot be used is told about, and that its password is not.

use std::io::{Read, Write};

use cluster::Cluster;

use crate::env::{Outcome, PASSWORD, TestEnv, only_postgres};

const WHY: &str = "it is about servers";

/// `authctl` and `authd` both refuse the database, with status 6 and the same sentence.
#[track_caller]
fn both_refuse(url: &str, sentence: &str) {
    let env = TestEnv::at(url);
    let listed = env.authctl(&["user", "list"]);
    let served = env.authd_refusal(&[], &[]);
    for (program, outcome) in [("authctl", listed), ("authd", served)] {
        is_refusal(url, program, &outcome, sentence);
    }
}

#[track_caller]
fn is_refusal(url: &str, program: &str, outcome: &Outcome, sentence: &str) {
    assert_eq!(outcome.status, 6, "{outcome:?}");
    let (login, place) = url.split_once('@').expect("names a user");
    let (address, name) = place.split_once('/').expect("names a database");
    let name = name.split('?').next().unwrap_or_default();
    let subject = format!("{program}: the database '{name}' on {address} ");
    assert!(outcome.stderr.starts_with(&subject), "{outcome:?}");
    assert!(outcome.stderr.contains(sentence), "{outcome:?}");
    let (_, password) = login.rsplit_once(':').expect("has a password");
    assert!(!outcome.stderr.contains(password), "{outcome:?}");
}

fn name_of(url: &str) -> &str {
    url.rsplit('/').next().expect("names a database")
}

#[test]
fn whoever_cannot_connect_is_told_what_to_mend() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::shared();
    let url = cluster.new_database();
    let (before, place) = url.rsplit_once('@').expect("names a user");
    let password = before.rsplit(':').next().expect("has a password");
    both_refuse(
        &url.replace(password, "not-the-password"),
        "refuses the login (authd; SQLSTATE 28P01): check user and password in database.url",
    );
    let without = url.replace(&format!(":{password}@"), "@");
    let missing = TestEnv::at(&without).authctl(&["user", "list"]);
    assert_eq!(missing.status, 6, "{missing:?}");
    let subject = format!("authctl: the database '{}' on ", name_of(&url));
    assert!(missing.stderr.starts_with(&subject), "{missing:?}");
    let sentence = " asks for a password, and database.url has none: write it after the user";
    assert!(missing.stderr.contains(sentence), "{missing:?}");
    both_refuse(
        &url.replace("//authd:", "//nobody:"),
        "refuses the login (nobody; SQLSTATE 28P01)",
    );
    both_refuse(
        &cluster.url("not_there"),
        "does not exist: create it (CREATE DATABASE), or name another with --database",
    );
    let (address, _) = place.split_once('/').expect("names a database");
    let (_, port) = address.split_once(':').expect("has a port");
    both_refuse(
        &url.replace(address, &format!("no-such-host.invalid:{port}")),
        "cannot be reached (failed to lookup address information",
    );
    both_refuse(
        &url.replace(address, "127.0.0.1:1"),
        "cannot be reached (Connection refused (os error 111)): check the host, the port",
    );
    both_refuse(
        &format!("{url}?sslmode=require"),
        "cannot be reached over TLS (the server offers none): check sslmode in database.url",
    );
}

#[test]
fn tls_is_as_the_url_asks_for_it() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::own(&[]);
    let certificate = cluster.enable_tls();
    let url = cluster.new_database();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE ssl AND application_name = 'authd'";
    let root = certificate.display();
    let verified = format!("{url}?sslmode=verify-full&sslrootcert={root}");
    for (url, is_encrypted) in [
        (url.clone(), true),
        (format!("{url}?sslmode=prefer"), true),
        (format!("{url}?sslmode=require"), true),
        (verified.clone(), true),
        (verified.replace("127.0.0.1", "localhost"), true),
        (format!("{url}?sslmode=disable"), false),
    ] {
        let env = TestEnv::at(&url);
        env.write("authd.key", &format!("{}\n", "5a".repeat(32)));
        let authd = env.authd();
        assert_eq!(authd.get("/readyz").status, 200, "{url}");
        let sessions = cluster.psql("postgres", encrypted);
        assert_eq!(sessions != "0", is_encrypted, "{url}: {sessions}");
    }
    // Nobody on this machine vouches for the certificate, and it has no other name.
    both_refuse(
        &format!("{url}?sslmode=verify-full"),
        "cannot be reached over TLS (invalid peer certificate: ",
    );
    let elsewhere = verified.replace("127.0.0.1", "wrong.example");
    both_refuse(
        &format!("{elsewhere}&hostaddr=127.0.0.1"),
        "cannot be reached over TLS (invalid peer certificate: certificate not valid for name \"wrong.example\"",
    );
}

/// A listener that asks for the password as soon as it is connected to, in clear.
#[test]
fn a_password_never_goes_to_whom_the_url_does_not_trust() {
    if only_postgres(WHY) {
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
    let address = listener.local_addr().expect("has an address");
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("accepts");
        let mut heard = Vec::new();
        // "Say it in clear": what asks for TLS takes it for nonsense.
        stream.write_all(b"R\0\0\0\x08\0\0\0\x03").expect("writes");
        // Until the client has had enough of it.
        let _ = stream.read_to_end(&mut heard);
        heard
    });
    for (url, status) in [
        (
            format!("postgres://ada:hunter2@%2Fnowhere,{address}/auth?sslmode=verify-full"),
            2,
        ),
        (
            format!("postgres://ada:hunter2@{address}/auth?host=/nowhere&sslmode=require"),
            2,
        ),
        (
            format!("postgres://ada:hunter2@{address}/auth?sslmode=verify-full"),
            6,
        ),
    ] {
        let refused = TestEnv::at(url).authctl(&["user", "list"]);
        assert_eq!(refused.status, status, "{refused:?}");
        assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
    }
    let heard = heard.join().expect("listens");
    let heard = String::from_utf8_lossy(&heard);
    assert!(!heard.contains("hunter2"), "{heard:?}");
}

#[test]
fn tables_that_we_may_not_read_are_another_programs_too() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::shared();
    let url = cluster.new_database();
    cluster.psql(name_of(&url), "CREATE TABLE theirs (x int); CREATE ROLE blind LOGIN PASSWORD 'blinds-password'; GRANT CREATE ON SCHEMA public TO blind");
    let (_, place) = url.split_once('@').expect("names a user");
    let url = format!("postgres://blind:blinds-password@{place}");
    let refused = TestEnv::at(&url).authctl(&["migrate"]);
    is_refusal(&url, "authctl", &refused, "is not an authd database");
}

#[test]
fn a_server_below_13_is_refused() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::shared();
    let url = cluster.new_database();
    // There is none to be had any more: this one says that it is.
    cluster.psql(
        name_of(&url),
        &format!(
            "CREATE SCHEMA old; GRANT USAGE ON SCHEMA old TO authd;
             CREATE FUNCTION old.current_setting(text) RETURNS text LANGUAGE sql AS
                 $$SELECT CASE $1 WHEN 'server_version_num' THEN '120022'
                     WHEN 'server_version' THEN '12.22'
                     ELSE pg_catalog.current_setting($1) END$$;
             ALTER DATABASE {} SET search_path = old, pg_catalog, public",
            name_of(&url)
        ),
    );
    both_refuse(
        &url,
        "is on PostgreSQL 12.22, and authd needs 13 or newer: upgrade the server",
    );
}

#[test]
fn a_database_that_cannot_hold_every_name_is_refused() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::shared();
    cluster.psql(
        "postgres",
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
    );
    both_refuse(
        &cluster.url("latin"),
        "has the encoding LATIN1, and authd needs UTF8: create it with ENCODING 'UTF8'",
    );
}

#[test]
fn a_user_without_the_right_to_make_tables_is_told() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::shared();
    let url = cluster.new_database();
    cluster.psql(
        name_of(&url),
        "CREATE ROLE guest LOGIN PASSWORD 'guests-password'",
    );
    let (_, place) = url.split_once('@').expect("names a user");
    let url = format!("postgres://guest:guests-password@{place}");
    let refused = TestEnv::at(&url).authctl(&["migrate"]);
    is_refusal(
        &url,
        "authctl",
        &refused,
        "refuses (permission denied for schema public (SQLSTATE 42501)): give the user",
    );
}

#[test]
fn a_table_that_somebody_altered_is_told_and_nothing_is_guessed() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::shared();
    for change in [
        "ALTER TABLE users DROP COLUMN phone_number",
        "ALTER TABLE users RENAME TO people",
        "ALTER TABLE users RENAME COLUMN email_key TO email_lower",
        "ALTER TABLE users ALTER COLUMN is_staff TYPE TEXT",
        "ALTER TABLE users ALTER COLUMN date_joined TYPE NUMERIC",
        "ALTER TABLE users DROP COLUMN last_name",
        "DROP TABLE user_tombstones",
        "DELETE FROM change_sequence",
        // Every statement goes on without these, and what it relies on is lost.
        "ALTER TABLE users DROP CONSTRAINT users_email_key_key",
        "DROP INDEX signing_keys_in_turn",
        "ALTER TABLE sessions DROP CONSTRAINT sessions_user_id_fkey",
        "ALTER TABLE sessions DROP CONSTRAINT sessions_user_id_fkey, ADD FOREIGN KEY (user_id) REFERENCES users (id)",
        "ALTER TABLE refresh_tokens DROP CONSTRAINT refresh_tokens_pkey",
        "ALTER TABLE user_tombstones DROP CONSTRAINT user_tombstones_version_key, ADD UNIQUE (version) DEFERRABLE",
        "ALTER TABLE users ALTER COLUMN email DROP NOT NULL",
        "ALTER TABLE api_tokens DROP CONSTRAINT api_tokens_check",
        "ALTER TABLE audit_events DROP CONSTRAINT audit_events_hash_check, ADD CHECK (length(hash) = 32) NOT VALID",
    ] {
        let url = cluster.new_database();
        let env = TestEnv::at(&url);
        env.add_user("ada@example.com", PASSWORD);
        cluster.psql(name_of(&url), change);
        let refused = env.authctl(&["user", "list"]);
        is_refusal(&url, "authctl", &refused, "is not as authd made it (");
        let refused = env.authctl(&["user", "set", "ada@example.com", "--first-name", "Ada"]);
        is_refusal(&url, "authctl", &refused, "is not as authd made it (");
        let refused = env.authd_refusal(&[], &[]);
        is_refusal(&url, "authd", &refused, "is not as authd made it (");
    }
}

#[test]
fn a_column_that_somebody_added_and_nobody_fills_is_told_by_the_write_that_meets_it() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::shared();
    let url = cluster.new_database();
    let env = TestEnv::at(&url);
    env.authctl(&["migrate"]).succeeded();
    cluster.psql(
        name_of(&url),
        "ALTER TABLE groups ADD COLUMN cost_center TEXT NOT NULL",
    );
    let refused = env.authctl(&["group", "add", "billing"]);
    is_refusal(&url, "authctl", &refused, "is not as authd made it (");
}

/// A terminal would obey them, and a second line could say that all is well.
#[test]
fn control_characters_in_a_servers_words_are_escaped() {
    if only_postgres(WHY) {
        return;
    }
    let cluster = Cluster::shared();
    let url = cluster.new_database();
    let env = TestEnv::at(&url);
    env.authctl(&["migrate"]).succeeded();
    cluster.psql(
        name_of(&url),
        r"CREATE FUNCTION speak() RETURNS trigger LANGUAGE plpgsql AS $$
              BEGIN RAISE E'\x1b[2Jno\nauthctl: all is well\u009b2J\r'; END $$;
          CREATE TRIGGER speaks BEFORE INSERT ON groups EXECUTE FUNCTION speak()",
    );
    let refused = env.authctl(&["group", "add", "billing"]);
    let words = r"failed: \u{1b}[2Jno\nauthctl: all is well\u{9b}2J\r (SQLSTATE P0001)";
    is_refusal(&url, "authctl", &refused, words);
    let line = refused.stderr.trim_end_matches('\n');
    assert!(!line.contains(char::is_control), "{line:?}");
}
