//! `authctl db copy`: a whole installation, from one database into another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cluster::{Cluster, skipped, variable};
use postgres::{Client, NoTls};
use serde_json::Value;

use crate::env::{Outcome, PASSWORD, TestEnv, only_sqlite};

/// The database that commands use if none is named.
pub(crate) const ORIGINAL: &str = "sqlite:authd.db";

/// Every table, in the order in which they are copied.
const TABLES: [&str; 23] = [
    "users",
    "user_tombstones",
    "permissions",
    "groups",
    "group_members",
    "group_permissions",
    "user_permissions",
    "fields",
    "user_fields",
    "clients",
    "api_tokens",
    "sessions",
    "refresh_tokens",
    "revoked_tokens",
    "revocations",
    "account_codes",
    "outgoing_mail",
    "audit_events",
    "signing_keys",
    "idempotent_requests",
    "webhooks",
    "webhook_dead_letters",
    "change_sequence",
];

pub(crate) fn copy(env: &TestEnv, from: &str, to: &str) -> Outcome {
    env.authctl_json(&["db", "copy", "--from", from, "--to", to])
}

/// A row or two of what hangs on accounts.
const SESSION: &str = "
    INSERT INTO groups VALUES ('g', 'Größe', 0, -9);
    INSERT INTO group_members VALUES ((SELECT min(id) FROM users), 'g');
    INSERT INTO group_permissions VALUES ('g', 'users.view');
    INSERT INTO user_permissions VALUES ((SELECT max(id) FROM users), 'users.add');
    INSERT INTO fields VALUES ('size', 'enum', 'Größe', FALSE, TRUE, TRUE, NULL, '[\"s\"]', NULL,
        NULL, NULL, NULL, FALSE, FALSE, TRUE, 0, -8);
    INSERT INTO user_fields VALUES ((SELECT min(id) FROM users), 'size', '\"s\"', 's', TRUE, TRUE);
    UPDATE users SET field_values = '{\"size\":\"s\"}' WHERE id = (SELECT min(id) FROM users);
    INSERT INTO clients VALUES ('billing', 'Bïlling', x'00ff', 'read write', '', FALSE, -1, -1);
    INSERT INTO api_tokens VALUES
        ('t1', x'01', (SELECT min(id) FROM users), NULL, 'ci', '', 0, NULL),
        ('t2', x'02', NULL, 'billing', '', 'read', 1, 9);
    INSERT INTO sessions VALUES
        ('s', (SELECT max(id) FROM users), 'billing', 'pwd', '', '::1', 'curl \u{9f}', 7);
    INSERT INTO refresh_tokens VALUES ('s', 0, x'ff', 7), ('s', 1, x'', 8);
    INSERT INTO revoked_tokens VALUES ('j', 1);
    INSERT INTO revocations VALUES (-5, 'session', 'r', 0), (3, 'key', 'k', 1);
    INSERT INTO account_codes VALUES
        ('c', x'03', 'email_change', (SELECT min(id) FROM users), 'k', 'Zoë@x', 'zoë@x', 1, 2),
        ('d', x'04', 'registration', NULL, NULL, 'a@x', 'a@x', 3, 4);
    INSERT INTO outgoing_mail VALUES ('m', x'00ff', 1, 2, 3);
    UPDATE users SET confirmed_key = email_key WHERE id = (SELECT min(id) FROM users);
    INSERT INTO audit_events VALUES
        (1, 1, 'a', 1, 'login', 'failed', 'anonymous', NULL, '::1', 'u', NULL, 's', NULL, 'k', NULL,
            NULL, '{}', zeroblob(32));
    INSERT INTO idempotent_requests VALUES
        ('user:u', x'01', x'00ff', 5, 201, '{\"a\":\"Größe\"}', '/users/u', '\"5\"'),
        ('client:billing', x'02', x'', 6, NULL, NULL, NULL, NULL);
    INSERT INTO webhooks VALUES ('w', 'https://example.com/', 'user.changed', x'01', 0, 5, 1, 9, 0,
        NULL, 'Größe');
    INSERT INTO webhook_dead_letters VALUES ('w', 'u', 3, 'e', 4, TRUE);";

/// What is said of each table of a good copy.
#[track_caller]
fn tables(copied: Outcome) -> Value {
    copied.succeeded().json()["tables"].take()
}

/// Every account in a database, as `authctl export` writes it.
pub(crate) fn export(env: &TestEnv, url: &str) -> String {
    let exported = env.authctl(&["export", "--database", url]);
    exported.succeeded().stdout
}

/// Why these tests run once.
pub(crate) const BOTH: &str = "it is about both engines there";

/// An installation in the file `authd.db`; none where the run is not on SQLite.
pub(crate) fn installation(accounts: u32) -> Option<TestEnv> {
    if only_sqlite(BOTH) {
        return None;
    }
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    populate(&env, accounts);
    Some(env)
}

/// Adds accounts of all shapes, a tombstone for every tenth, and keys.
fn populate(env: &TestEnv, accounts: u32) {
    const NAMES: [&str; 7] = [
        "",
        "Ada",
        "Łukasz",
        "山田",
        "O'Brien \"\\\t",
        "e\u{301}",
        "👩‍🚀",
    ];
    let database = env.file();
    database.execute_batch("BEGIN").expect("begins");
    let mut account = database
        .prepare(
            "INSERT INTO users (id, email, email_key, first_name, last_name, phone_number,
                 password_hash, is_active, is_staff, is_superuser, date_joined, last_login,
                 tokens_valid_after, version)
             VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )
        .expect("prepares");
    let mut tombstone = database
        .prepare("INSERT INTO user_tombstones VALUES (?1, ?2, ?3)")
        .expect("prepares");
    let mut key = database
        .prepare("INSERT INTO signing_keys VALUES (?1, 'EdDSA', '{}', ?2, 'retired', -1, NULL, 0)")
        .expect("prepares");
    for number in 0..accounts {
        let name = |at: u32| NAMES[(at % 7) as usize];
        let version = i64::from(number) * 2 + 1;
        let id = |part: u32| format!("01900000-0000-7{part:03}-8000-{number:012x}");
        let row = rusqlite::params![
            id(0),
            format!("üser{number}@example.com"),
            name(number),
            name(number / 7),
            number.is_multiple_of(3).then(|| format!("+44{number:09}")),
            (!number.is_multiple_of(5)).then(|| format!("$argon2id$v=19${number:080}")),
            !number.is_multiple_of(4),
            number.is_multiple_of(6),
            number.is_multiple_of(8),
            1_700_000_000 + i64::from(number),
            number.is_multiple_of(2).then_some(1_800_000_000),
            (number % 4 == 1).then_some(i64::MAX),
            version,
        ];
        account.execute(row).expect("inserts");
        if number.is_multiple_of(10) {
            let row = rusqlite::params![id(1), -1, version + 1];
            tombstone.execute(row).expect("inserts");
        }
        if number.is_multiple_of(1000) {
            let row = rusqlite::params![format!("kid{number}"), [0_u8, 0xff, 0x80]];
            key.execute(row).expect("inserts");
        }
    }
    database.execute_batch(SESSION).expect("inserts");
    let sequence = "UPDATE change_sequence SET value = ?1; COMMIT";
    let sequence = sequence.replace("?1", &(i64::from(accounts) * 2).to_string());
    database.execute_batch(&sequence).expect("commits");
}

/// How many accounts the large installation has: `AUTHD_TEST_USERS`, or two thousand.
fn many() -> u32 {
    variable("AUTHD_TEST_USERS").map_or(2000, |text| {
        text.parse().expect("AUTHD_TEST_USERS is a number")
    })
}

#[test]
fn accounts_are_the_same_to_the_byte_on_each_engine_and_back_again() {
    if skipped("that copies between SQLite and PostgreSQL are equal") {
        return;
    }
    let Some(env) = installation(many()) else {
        return;
    };
    let cluster = Cluster::shared();
    let (there, further) = (cluster.new_database(), cluster.new_database());
    let way = [
        ORIGINAL,
        &there,
        &further,
        "sqlite:back.db",
        "sqlite:again.db",
    ];
    let original = export(&env, ORIGINAL);
    let password = there.split([':', '@']).nth(2).expect("has a password");
    let mut known = None;
    for pair in way.windows(2) {
        let began = Instant::now();
        let copied = copy(&env, pair[0], pair[1]);
        assert!(!copied.stdout.contains(password), "{copied:?}");
        let tables = tables(copied);
        let kind = |url: &str| url.split(':').next().unwrap_or_default().to_owned();
        let took = began.elapsed();
        println!("{} -> {}: {took:?}", kind(pair[0]), kind(pair[1]));
        assert!(export(&env, pair[1]) == original, "to {}", kind(pair[1]));
        assert_eq!(*known.get_or_insert(tables.clone()), tables);
    }
    let known = known.expect("was copied");
    let names: Vec<_> = (0..TABLES.len())
        .map(|at| known[at]["table"].clone())
        .collect();
    assert_eq!(names, TABLES);
    assert_eq!(known[0]["rows"], many());
    assert_eq!(known[0]["sha256"].as_str().map(str::len), Some(64));
}

/// A copy is an installation: with the same secret key, tokens stay good and passwords too.
#[test]
fn tokens_and_passwords_are_good_in_the_copy() {
    if only_sqlite(BOTH) {
        return;
    }
    let env = TestEnv::new();
    env.add_user("gone@example.com", PASSWORD);
    env.add_user("Zoë@Bücher.example", PASSWORD);
    env.add_user("eve@example.com", PASSWORD);
    let (authd, token) = env.signed_in();
    let ended = authd.login("eve@example.com", PASSWORD);
    for arguments in [
        ["user", "delete", "gone@example.com", "--yes"],
        ["user", "disable", "eve@example.com", "--yes"],
    ] {
        env.authctl(&arguments).succeeded();
    }
    let original = export(&env, ORIGINAL);

    // authd goes on; it has the secret key in this folder.
    let mut way = vec!["sqlite:copy.db".to_owned()];
    if !skipped("that tokens stay good in a copy on PostgreSQL") {
        way.push(Cluster::shared().new_database());
        way.push("sqlite:back.db".to_owned());
    }
    let mut from = ORIGINAL.to_owned();
    for to in way {
        let copied = copy(&env, &from, &to).succeeded();
        assert!(copied.stderr.contains("same secret key"), "{copied:?}");
        assert!(export(&env, &to) == original);
        from = to;
    }
    authd.stop();

    let authd = env.authd_with(&["--database", &from], &[]);
    assert_eq!(authd.verify(&token).status, 200);
    assert_eq!(authd.verify(&ended).status, 401, "of a disabled account");
    authd.login("zoë@bücher.example", PASSWORD);
    assert_eq!(authd.try_login("eve@example.com", PASSWORD).status, 401);
    assert_eq!(authd.try_login("gone@example.com", PASSWORD).status, 401);
    assert_eq!(export(&env, ORIGINAL), original, "the source has no login");
}

#[test]
fn the_source_is_not_written_to() {
    let Some(env) = installation(10) else {
        return;
    };
    let before = env.files();
    copy(&env, ORIGINAL, "sqlite:copy.db").succeeded();
    let mut after = env.files();
    assert!(after.remove("copy.db").is_some());
    assert!(after == before, "{:?}", after.keys());
}

#[test]
fn scripts_get_a_line_for_each_table() {
    let Some(env) = installation(10) else {
        return;
    };
    let arguments = ["db", "copy", "--from", ORIGINAL, "--to", "sqlite:copy.db"];
    let copied = env.authctl(&[&arguments[..], &["-q", "-o", "tsv"]].concat());
    let copied = copied.succeeded();
    let rows = [
        "10", "1", "21", "1", "1", "1", "1", "1", "1", "1", "2", "1", "2", "1", "2", "2", "1", "1",
        "1", "2", "1", "1", "1",
    ];
    assert_eq!(copied.stdout.lines().count(), TABLES.len());
    for (line, expected) in copied.stdout.lines().zip(TABLES.into_iter().zip(rows)) {
        let columns: Vec<&str> = line.split('\t').collect();
        assert_eq!((columns[0], columns[1]), expected);
        assert_eq!(columns[2].len(), 64);
    }
    assert_eq!(copied.stderr, "");
}

#[test]
fn an_installation_without_accounts_is_filled() {
    let Some(env) = installation(10) else {
        return;
    };
    let mut targets = vec!["sqlite:new.db".to_owned()];
    if !skipped("that an empty installation on PostgreSQL is filled") {
        targets.push(Cluster::shared().new_database());
    }
    for to in targets {
        env.authctl(&["migrate", "--database", &to]).succeeded();
        copy(&env, ORIGINAL, &to).succeeded();
        assert!(export(&env, &to) == export(&env, ORIGINAL));
    }
}

/// What a busy authd does, at its fastest: accounts become tombstones, one in a transaction.
const DELETE_ONE: &str = "
    BEGIN;
    UPDATE change_sequence SET value = value + 1;
    DELETE FROM users WHERE id = (SELECT min(id) FROM users);
    INSERT INTO user_tombstones SELECT 'deleted ' || value, 0, value FROM change_sequence;
    COMMIT;";

/// Copies while `delete_one` is called again and again, and counts in the copies.
fn copy_a_moving_source(env: &TestEnv, from: &str, mut delete_one: impl FnMut() + Send) {
    let stop = AtomicBool::new(false);
    let tombstones: Vec<i64> = thread::scope(|scope| {
        scope.spawn(|| {
            // Ends by itself, should a copy fail.
            for _ in 0..1900 {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                delete_one();
                thread::sleep(Duration::from_millis(1));
            }
        });
        let copied = (0..5).map(|number| {
            let name = format!("copy{number}.db");
            copy(env, from, &format!("sqlite:{name}")).succeeded();
            tombstones_of_one_moment(env, &name)
        });
        let copied = copied.collect();
        stop.store(true, Ordering::Relaxed);
        copied
    });
    assert!(tombstones[0] < tombstones[4], "it moved: {tombstones:?}");
}

/// Checks that all tables are of one moment, and counts one.
fn tombstones_of_one_moment(env: &TestEnv, name: &str) -> i64 {
    const COUNT: &str = "
        SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM user_tombstones),
            (SELECT value FROM change_sequence)";
    let copied = rusqlite::Connection::open(env.path(name)).expect("opens");
    let counts = copied.query_row(COUNT, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let (users, tombstones, changes): (i64, i64, i64) = counts.expect("counts");
    assert_eq!(users + tombstones, 2000 + 200);
    assert_eq!(changes - tombstones, 4000 - 200);
    tombstones
}

#[test]
fn a_source_that_is_written_to_is_copied_as_it_was_at_one_moment() {
    let Some(env) = installation(2000) else {
        return;
    };
    if !skipped("that a snapshot of PostgreSQL is consistent") {
        let url = Cluster::shared().new_database();
        copy(&env, ORIGINAL, &url).succeeded();
        let mut client = Client::connect(&url, NoTls).expect("connects");
        let other = TestEnv::new();
        copy_a_moving_source(&other, &url, || {
            client.batch_execute(DELETE_ONE).expect("deletes");
        });
    }
    let database = env.file();
    copy_a_moving_source(&env, ORIGINAL, move || {
        database.execute_batch(DELETE_ONE).expect("deletes");
    });
}

#[test]
fn a_standby_is_a_source_and_no_target() {
    if skipped("that a standby is copied from") {
        return;
    }
    let Some(env) = installation(100) else {
        return;
    };
    let primary = Cluster::own(&[]);
    let standby = primary.standby();
    let url = primary.new_database();
    let name = url.rsplit('/').next().expect("has a name");
    copy(&env, ORIGINAL, &url).succeeded();
    let (standby, began) = (standby.url(name), Instant::now());
    while env
        .authctl(&["migrate", "--check", "--database", &standby])
        .status
        != 0
    {
        assert!(began.elapsed() < Duration::from_secs(20), "it follows");
        thread::sleep(Duration::from_millis(20));
    }
    copy(&env, &standby, "sqlite:copy.db").succeeded();
    assert!(export(&env, "sqlite:copy.db") == export(&env, ORIGINAL));
    let refused = copy(&env, ORIGINAL, &standby);
    assert_eq!(refused.status, 4, "it is not empty: {refused:?}");
    let refused = copy(&env, ORIGINAL, &standby.replace(name, "postgres"));
    assert_eq!(refused.status, 6, "{refused:?}");
    assert!(refused.stderr.contains("is read-only, as on a standby"));
}
