//! `authctl db copy` where it may not, and where it is cut short: nothing is left of it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cluster::{Cluster, skipped};
use postgres::{Client, NoTls};

use crate::db_copy::{ORIGINAL, copy, export, installation};
use crate::terminal::Terminal;

/// A filling of an installation, for both engines, and what is said of it.
const FILLINGS: [(&str, &str); 4] = [
    (
        "INSERT INTO users (id, email, email_key, first_name, last_name, phone_number,
            password_hash, is_active, is_staff, is_superuser, date_joined, last_login,
            tokens_valid_after, version) VALUES
            ('i', 'e', 'k', '', '', NULL, NULL, TRUE, TRUE, TRUE, 0, NULL, NULL, 1)",
        "users: 1",
    ),
    (
        "INSERT INTO user_tombstones VALUES ('i', 0, 1), ('j', 0, 2)",
        "user_tombstones: 2",
    ),
    (
        "INSERT INTO signing_keys VALUES ('k', 'EdDSA', '{}', x'00', 'retired', 0, NULL, 0)",
        "signing_keys: 1",
    ),
    ("UPDATE change_sequence SET value = 7", "change_sequence: 1"),
];

#[test]
fn a_target_that_is_not_empty_is_refused_and_stays_as_it_is() {
    for (sql, holds) in FILLINGS {
        let Some(env) = installation(3) else {
            return;
        };
        env.authctl(&["migrate", "--database", "sqlite:new.db"])
            .succeeded();
        let target = rusqlite::Connection::open(env.path("new.db")).expect("opens");
        target.execute_batch(sql).expect("is SQL");
        drop(target);
        let before = env.files();
        let words = format!("is not empty ({holds}): name one that does not exist yet");
        copy(&env, ORIGINAL, "sqlite:new.db").refused(
            4,
            "conflict",
            &format!("the database file 'new.db' {words}"),
        );
        assert!(env.files() == before);
        if skipped("that a filled target on PostgreSQL is refused") {
            continue;
        }
        let url = Cluster::shared().new_database();
        env.authctl(&["migrate", "--database", &url]).succeeded();
        let mut client = Client::connect(&url, NoTls).expect("connects");
        client
            .batch_execute(&sql.replace("x'00'", "'\\x00'"))
            .expect("is SQL");
        // The second time it says the same: the first has added nothing.
        for _ in 0..2 {
            let refused = copy(&env, ORIGINAL, &url);
            assert_eq!(refused.status, 4, "{refused:?}");
            assert!(refused.stderr.contains(&words), "{refused:?}");
        }
    }
}

#[test]
fn source_and_target_must_not_be_one_database() {
    let Some(env) = installation(3) else {
        return;
    };
    std::fs::hard_link(env.path("authd.db"), env.path("link.db")).expect("links");
    let before = env.files();
    for to in ["sqlite:./authd.db", "sqlite:link.db"] {
        let file = to.trim_start_matches("sqlite:");
        let words = format!(
            "the database file '{file}' is both source and target: name another for one of them"
        );
        copy(&env, ORIGINAL, to).refused(2, "usage", &words);
    }
    assert!(env.files() == before);
    if skipped("that a database on PostgreSQL is not copied to itself") {
        return;
    }
    let url = Cluster::shared().new_database();
    env.authctl(&["migrate", "--database", &url]).succeeded();
    let by_name = url.replace("127.0.0.1", "localhost");
    let refused = copy(&env, &url, &by_name);
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(refused.stderr.contains("both source and target"));
    let another = Cluster::shared().new_database();
    copy(&env, &url, &another).succeeded();
}

#[test]
fn a_target_of_another_program_is_refused_and_stays_as_it_is() {
    let Some(env) = installation(3) else {
        return;
    };
    env.write("notes.db", &"not a database ".repeat(100));
    env.write("empty.db", "");
    let other = rusqlite::Connection::open(env.path("other.db")).expect("opens");
    other.execute_batch("CREATE TABLE t (x)").expect("is SQL");
    drop(other);
    let before = env.files();
    for (file, words) in [
        ("notes.db", "is not an authd database"),
        ("other.db", "is not an authd database"),
        ("empty.db", "is empty: restore it"),
        ("missing/new.db", "its directory does not exist"),
    ] {
        let refused = copy(&env, ORIGINAL, &format!("sqlite:{file}"));
        assert_eq!(refused.status, 6, "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    assert!(env.files() == before);
    if skipped("that a foreign database on PostgreSQL is refused") {
        return;
    }
    let url = Cluster::shared().new_database();
    let mut client = Client::connect(&url, NoTls).expect("connects");
    client
        .batch_execute("CREATE TABLE t (x int)")
        .expect("is SQL");
    let refused = copy(&env, ORIGINAL, &url);
    assert_eq!(refused.status, 6, "{refused:?}");
    assert!(refused.stderr.contains("is not an authd database"));
    assert_eq!(tables(&mut client), 1);
}

/// How many tables a database has.
fn tables(client: &mut Client) -> i64 {
    let count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    client.query_one(count, &[]).expect("counts").get(0)
}

#[test]
fn a_source_that_cannot_be_used_makes_no_target() {
    let Some(env) = installation(3) else {
        return;
    };
    copy(&env, "sqlite:old.db", "sqlite:new.db").refused(
        6,
        "database",
        "the database file 'old.db' does not exist: run 'authctl migrate' to create it, or name another with --database",
    );
    let ledger = "DELETE FROM schema_migrations WHERE number > 1";
    env.file().execute_batch(ledger).expect("is SQL");
    let refused = copy(&env, ORIGINAL, "sqlite:new.db");
    assert_eq!(refused.status, 6, "{refused:?}");
    assert!(
        refused.stderr.contains("'authd.db' has schema 1"),
        "{refused:?}"
    );
    assert_eq!(env.file_names(), ["authd.db"]);
}

#[test]
fn of_copies_to_one_target_at_once_one_succeeds() {
    let Some(env) = installation(200) else {
        return;
    };
    let mut targets = vec!["sqlite:new.db".to_owned()];
    if !skipped("that one of several copies to PostgreSQL succeeds") {
        targets.push(Cluster::shared().new_database());
    }
    for to in targets {
        let mut statuses: Vec<i32> = thread::scope(|scope| {
            let copy = || copy(&env, ORIGINAL, &to).status;
            let copying: Vec<_> = (0..4).map(|_| scope.spawn(copy)).collect();
            let ended = copying.into_iter().map(|one| one.join().expect("joins"));
            ended.collect()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [0, 4, 4, 4]);
        assert!(export(&env, &to) == export(&env, ORIGINAL));
    }
    assert_eq!(env.file_names(), ["authd.db", "new.db"]);
}

/// A row that the target's rules forbid: the copy fails there, and nothing of it stays.
#[test]
fn a_copy_that_fails_on_the_way_leaves_nothing() {
    if skipped("that a failed copy leaves nothing on PostgreSQL") {
        return;
    }
    let Some(env) = installation(200) else {
        return;
    };
    // SQLite takes a NUL in a text, PostgreSQL does not.
    let spoil = "UPDATE signing_keys SET public_jwk = CAST(x'00' AS TEXT)";
    env.file().execute_batch(spoil).expect("is SQL");
    let url = Cluster::shared().new_database();
    let refused = copy(&env, ORIGINAL, &url);
    assert_eq!(refused.status, 6, "{refused:?}");
    assert!(
        refused.stderr.contains("the database 'test_"),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("on 127.0.0.1:"), "{refused:?}");
    let mut client = Client::connect(&url, NoTls).expect("connects");
    assert_eq!(tables(&mut client), 0);
}

#[test]
fn what_the_target_changes_on_the_way_in_fails_the_copy() {
    let Some(env) = installation(3) else {
        return;
    };
    env.authctl(&["migrate", "--database", "sqlite:new.db"])
        .succeeded();
    let target = rusqlite::Connection::open(env.path("new.db")).expect("opens");
    let trigger = "CREATE TRIGGER t AFTER INSERT ON users BEGIN
        UPDATE users SET is_staff = 1 WHERE id = new.id; END";
    target.execute_batch(trigger).expect("is SQL");
    copy(&env, ORIGINAL, "sqlite:new.db").refused(
        6,
        "database",
        "the database file 'new.db' gives back other rows of users than were copied: nothing of the copy was kept",
    );
    let count = target.query_row("SELECT count(*) FROM users", [], |row| row.get(0));
    assert_eq!(count, Ok(0));
}

#[test]
fn what_is_no_url_is_refused_without_its_password() {
    let Some(env) = installation(3) else {
        return;
    };
    let refused = copy(&env, "authd.db", "sqlite:new.db");
    assert_eq!(refused.status, 5, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("--from: 'authd.db' names no database")
    );
    for to in [
        "postgres://ada:hunter2@db/",
        "mysql://ada:hunter2@db/auth",
        "postgres://ada:hunter2@127.0.0.1:1/auth",
    ] {
        for pair in [[ORIGINAL, to], [to, ORIGINAL]] {
            let refused = copy(&env, pair[0], pair[1]);
            assert!([5, 6].contains(&refused.status), "{refused:?}");
            assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
        }
    }
    let positional = ["db", "copy", ORIGINAL, "postgres://ada:hunter2@db/auth"];
    let repeated = [
        "db",
        "copy",
        "--to",
        "--from=postgres://ada:hunter2@db/auth",
    ];
    for arguments in [&positional[..], &positional[..2], &repeated] {
        for refused in [env.authctl(arguments), env.authctl_json(arguments)] {
            assert_eq!(refused.status, 2, "{refused:?}");
            assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
        }
    }
}

/// Whether a file of a database that is being made lies in this folder.
fn is_being_made(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).expect("lists the folder");
    let mut names = entries.map(|entry| entry.expect("reads").file_name());
    names.any(|name| name.to_string_lossy().starts_with(".authd-new-"))
}

#[test]
fn a_killed_copy_leaves_a_whole_file_or_none() {
    let Some(env) = installation(2000) else {
        return;
    };
    let original = export(&env, ORIGINAL);
    let mut cut_short = 0;
    for round in 0..12 {
        let name = format!("copy{round}.db");
        let to = format!("sqlite:{name}");
        let folder = env.path(&format!("round{round}"));
        std::fs::create_dir(&folder).expect("makes a folder");
        let to = to.replace("copy", &format!("{}/copy", folder.display()));
        let mut command = env.authctl_command(&["db", "copy", "--from", ORIGINAL, "--to", &to]);
        let mut copying = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("starts");
        while !is_being_made(&folder) && copying.try_wait().expect("waits").is_none() {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(Duration::from_millis(5 * round));
        copying.kill().expect("is killed");
        copying.wait().expect("ends");
        if folder.join(&name).exists() {
            assert!(export(&env, &to) == original, "in round {round}");
        } else {
            cut_short += 1;
            copy(&env, ORIGINAL, &to).succeeded();
        }
    }
    assert!(cut_short > 0, "some were early enough");
}

/// A session that holds back whoever comes to the same row or table.
fn holding(url: &str, sql: &str) -> Client {
    let mut client = Client::connect(url, NoTls).expect("connects");
    client.batch_execute("BEGIN").expect("begins");
    client.batch_execute(sql).expect("locks");
    client
}

/// Waits until somebody waits for the lock of such a session.
#[track_caller]
fn wait_until_held_back(url: &str) {
    const WAITING: &str = "SELECT EXISTS (SELECT 1 FROM pg_locks l WHERE NOT granted
        AND (SELECT datname FROM pg_stat_activity a WHERE a.pid = l.pid) = current_database())";
    let mut client = Client::connect(url, NoTls).expect("connects");
    let began = Instant::now();
    while !client
        .query_one(WAITING, &[])
        .expect("asks")
        .get::<_, bool>(0)
    {
        assert!(began.elapsed() < Duration::from_secs(20), "nobody waits");
        thread::sleep(Duration::from_millis(5));
    }
}

/// It is killed with everything written but the last row, in an installation that was there.
#[test]
fn a_killed_copy_leaves_nothing_on_a_server() {
    if skipped("that a killed copy leaves nothing on PostgreSQL") {
        return;
    }
    let Some(env) = installation(200) else {
        return;
    };
    let url = Cluster::shared().new_database();
    env.authctl(&["migrate", "--database", &url]).succeeded();
    let mut holder = holding(&url, "SELECT * FROM change_sequence FOR UPDATE");
    let mut command = env.authctl_command(&["db", "copy", "--from", ORIGINAL, "--to", &url]);
    let mut copying = command.spawn().expect("starts");
    wait_until_held_back(&url);
    copying.kill().expect("is killed");
    copying.wait().expect("ends");
    holder.batch_execute("ROLLBACK").expect("lets go");
    // This one waits for the server to notice, and finds the installation empty.
    copy(&env, ORIGINAL, &url).succeeded();
    assert!(export(&env, &url) == export(&env, ORIGINAL));
}

#[test]
fn a_person_sees_how_far_it_is() {
    let Some(env) = installation(2000) else {
        return;
    };
    let mut terminal = Terminal::authctl(&env, "db copy --from sqlite:authd.db --to sqlite:new.db");
    terminal.shows("copying users");
    terminal.shows("/4,494 rows");
    let (screen, ending) = terminal.ends();
    assert!(
        screen.contains("user_tombstones      \u{2506}  200 "),
        "{screen}"
    );
    assert!(screen.contains("same secret key"), "{screen}");
    assert_eq!(ending.status, 0);
    let quiet = "db copy -q --from sqlite:authd.db --to sqlite:quiet.db";
    let (screen, _) = Terminal::authctl(&env, quiet).ends();
    assert!(!screen.contains("copying"), "{screen}");
    assert!(!screen.contains("secret key"), "{screen}");
}

#[test]
fn ctrl_c_ends_a_copy_and_leaves_nothing() {
    if skipped("that Ctrl-C leaves nothing of a copy") {
        return;
    }
    let Some(env) = installation(200) else {
        return;
    };
    let url = Cluster::shared().new_database();
    copy(&env, ORIGINAL, &url).succeeded();
    let before = env.files();
    let mut holder = holding(&url, "LOCK TABLE signing_keys");
    let line = format!("db copy --from {url} --to sqlite:new.db");
    let mut terminal = Terminal::authctl(&env, &line);
    wait_until_held_back(&url);
    terminal.presses_ctrl_c();
    thread::sleep(Duration::from_millis(200));
    holder.batch_execute("ROLLBACK").expect("lets go");
    terminal.shows("interrupted: nothing was copied");
    let (_, ending) = terminal.ends();
    assert_eq!(ending.status, 130);
    assert!(ending.echo);
    assert!(env.files() == before, "{:?}", env.file_names());
}
