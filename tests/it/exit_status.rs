//! The table of exit statuses, each row provoked once, and a CI script that relies on it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::env::{Authd, PASSWORD, TestEnv, run};

#[test]
fn authctl_has_a_status_for_each_kind_of_failure() {
    let env = TestEnv::new();
    let status = |arguments: &[&str]| env.authctl(arguments).status;
    // 6: there is no database.
    let sentence = if env.is_on_sqlite() {
        "does not exist: run 'authctl migrate' to create it, or name another with --database"
    } else {
        "holds nothing of authd yet: run 'authctl migrate', or name another with --database"
    };
    let sentence = format!("{} {sentence}", env.subject());
    env.authctl_json(&["user", "list"])
        .refused(6, "database", &sentence);
    assert_eq!(status(&["migrate", "--check"]), 6);
    assert_eq!(status(&["migrate"]), 0);
    assert_eq!(status(&["migrate", "--check"]), 0);
    let add = ["user", "add", "ada@example.com", "--no-password"];
    assert_eq!(status(&add), 0);
    // 0: already so.
    assert_eq!(status(&[&add[..], &["--if-not-exists"]].concat()), 0);
    // 1: a file that cannot be read.
    assert_eq!(
        status(&[
            "user",
            "passwd",
            "ada@example.com",
            "--password-file",
            "missing"
        ]),
        1
    );
    // 2: no such flag; no answer and no terminal.
    assert_eq!(status(&["user", "list", "--nonsense"]), 2);
    assert_eq!(status(&["user", "delete", "ada@example.com"]), 2);
    // 3, 4, 5
    assert_eq!(status(&["user", "show", "grace@example.com"]), 3);
    assert_eq!(status(&add), 4);
    assert_eq!(
        status(&["user", "set", "ada@example.com", "--phone-number", "020"]),
        5
    );
    // 6: some other file.
    env.write("other.db", &"not a database ".repeat(100));
    assert_eq!(
        status(&["user", "list", "--database", "sqlite:other.db"]),
        6
    );
    // 7: nothing listens there.
    let closed = closed_url();
    env.authctl_json(&["ping", "--url", &closed]).refused(
        7,
        "not_ready",
        &format!("authd does not answer at {closed}"),
    );
}

#[test]
fn authd_has_a_status_for_each_kind_of_failure() {
    let env = TestEnv::new();
    let status = |arguments: &[&str]| env.authd_outcome(arguments).status;
    assert_eq!(status(&["serve", "--nonsense"]), 2);
    assert_eq!(status(&["serve", "--listen", "nonsense"]), 2);
    assert_eq!(status(&["serve", "--database", "nonsense"]), 2);
    assert_eq!(env.file_names(), Vec::<String>::new());
    env.write("other.db", &"not a database ".repeat(100));
    let out = env.authd_outcome(&["serve", "--database", "sqlite:other.db"]);
    assert_eq!(out.status, 6, "{out:?}");
    assert!(
        out.stderr
            .contains("the database file 'other.db' is not an authd database"),
        "{out:?}"
    );

    let taken = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("has an address").to_string();
    let out = env.authd_outcome(&["serve", "--listen", &address]);
    assert_eq!(out.status, 1, "{out:?}");
    let sentence = format!("authd: cannot listen at http://{address}: ");
    assert!(out.stderr.contains(&sentence), "{out:?}");
    assert_eq!(out.stdout, "");

    assert_eq!(status(&["healthcheck", "--url", &closed_url()]), 7);
    assert_eq!(status(&["healthcheck", "--url", "nonsense"]), 2);
    let mut authd = env.authd();
    assert_eq!(status(&["healthcheck", "--url", &authd.url.clone()]), 0);
    authd.signal("TERM");
    assert_eq!(authd.wait(Duration::from_secs(20)), 0);
    assert_eq!(status(&["healthcheck", "--url", &authd.url.clone()]), 7);
}

#[test]
fn ping_and_healthcheck_find_the_daemon_where_it_is_configured() {
    let env = TestEnv::new();
    let socket = format!("unix:{}", env.path("authd.sock").display());
    env.write(
        "authd.toml",
        &format!("[server]\nlisten = [\"{socket}\"]\n"),
    );
    let authd = Authd::start(env.authd_command(&["serve"]), &env.path("authd.log"));
    assert_eq!(authd.greeting, format!("authd ready on {socket}"));

    let ready = format!("authd at {socket} is ready\n");
    assert_eq!(env.authctl(&["ping"]).succeeded().stdout, ready);
    assert_eq!(
        env.authctl(&["ping", "--url", &socket]).succeeded().stdout,
        ready
    );
    assert_eq!(
        env.authd_outcome(&["healthcheck"]).succeeded().stdout,
        ready
    );
    let out = env.authctl_json(&["ping"]).succeeded();
    assert_eq!(
        out.json(),
        serde_json::json!({"ready": true, "url": socket})
    );
    drop(authd);
    env.authctl_json(&["ping"]).refused(
        7,
        "not_ready",
        &format!("authd does not answer at {socket}"),
    );
}

/// Whoever reads no further takes nothing back: what was done is done, and the status says so.
#[test]
fn a_remark_that_nobody_reads_is_no_failure() {
    let env = TestEnv::new();
    let add = ["field", "add", "size", "--type", "int", "--if-not-exists"];
    for number in 0..3 {
        env.authctl(&[
            "user",
            "add",
            &format!("user{number}@example.com"),
            "--no-password",
        ])
        .succeeded();
    }
    let rows = env.path("rows.jsonl");
    std::fs::write(&rows, "{}\n{}\n").expect("writes it");
    let import = ["import", rows.to_str().expect("is text")];
    for (arguments, wanted) in [
        (&add[..], 0),
        (&add, 0),
        (&["user", "list", "--limit", "1"], 0),
        (&import, 5),
    ] {
        let (reader, writer) = std::io::pipe().expect("makes a pipe");
        drop(reader);
        let mut command = env.authctl_command(arguments);
        let status = command
            .stdout(std::process::Stdio::null())
            .stderr(writer)
            .status();
        let code = status.expect("runs").code();
        assert_eq!(code, Some(wanted), "{arguments:?}");
    }
}

/// Any web server answers something with 200.
#[test]
fn ping_does_not_take_another_server_for_authd() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let url = format!("http://{}", listener.local_addr().expect("has an address"));
    let bodies = [
        "<html>It works!</html>".to_owned(),
        r#"{"status":"ok"}"#.to_owned(),
        format!(r#"{{"status":"{}"}}"#, "k".repeat(100_000)),
    ];
    let answers = bodies.clone();
    let server = std::thread::spawn(move || {
        for body in answers {
            let (mut stream, _) = listener.accept().expect("accepts");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).expect("reads");
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
            // Whoever has read enough goes.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let env = TestEnv::new();
    for _ in bodies {
        env.authctl_json(&["ping", "--url", &url]).refused(
            7,
            "not_ready",
            &format!("what answers at {url} is not authd: check the address"),
        );
    }
    server.join().expect("ends");
}

#[test]
fn ping_waits_as_long_as_it_is_told() {
    let env = TestEnv::new();
    let began = Instant::now();
    let out = env.authctl(&["ping", "--url", &closed_url(), "--wait", "400ms"]);
    assert_eq!(out.status, 7, "{out:?}");
    assert!(began.elapsed() >= Duration::from_millis(400));
    // A listener that never answers does not make it wait for longer than a second more.
    let silent = TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://{}", silent.local_addr().expect("has an address"));
    let began = Instant::now();
    assert_eq!(
        env.authctl(&["ping", "--url", &url, "--wait", "100ms"])
            .status,
        7
    );
    assert!(began.elapsed() < Duration::from_secs(4));

    let socket = format!("unix:{}", env.path("late.sock").display());
    let mut ping = env.authctl_command(&["ping", "--url", &socket, "--wait", "20s"]);
    let mut ping = ping.stdout(Stdio::piped()).spawn().expect("starts");
    std::thread::sleep(Duration::from_millis(200));
    assert!(
        ping.try_wait().expect("waits").is_none(),
        "it does not wait"
    );
    let serve = env.authd_command(&["serve", "--listen", &socket]);
    let _authd = Authd::start(serve, &env.path("authd.log"));
    assert!(ping.wait().expect("ends").success());
    let mut said = String::new();
    ping.stdout
        .expect("is piped")
        .read_to_string(&mut said)
        .expect("reads");
    assert_eq!(said, format!("authd at {socket} is ready\n"));

    for wait in ["30", "soon", "-3s"] {
        let out = env.authctl(&["ping", &format!("--wait={wait}")]);
        assert_eq!(out.status, 5, "{out:?}");
        let sentence = format!(
            "invalid value '{wait}' for '--wait <DURATION>': write a duration with its unit, as in 30s or 2m"
        );
        assert!(out.stderr.contains(&sentence), "{out:?}");
    }
    let out = env.authctl(&["ping", "--url", "nonsense", "--wait", "30s"]);
    assert_eq!(out.status, 2, "{out:?}");
}

/// `tests/ci.sh`, as a pipeline would run it: nothing but PATH, no terminal, and twice.
#[test]
fn the_ci_script_succeeds_twice_in_a_row() {
    let env = TestEnv::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ci.sh");
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_authctl")).parent();
    for round in ["first", "second"] {
        let mut command = env.command(script);
        command
            .arg(programs.expect("is in a folder"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        let out = run(&mut command, "");
        assert_eq!(out.status, 0, "{round}: {out:?}");
        assert_eq!(out.stdout.lines().last(), Some("ci: all good"), "{out:?}");
        assert!(
            !out.stdout.contains(PASSWORD) && !out.stderr.contains(PASSWORD),
            "{out:?}"
        );
        // The daemon is gone, and has folded its journal into the database.
        assert_eq!(
            env.file_names(),
            ["authd.db", "authd.key", "authd.log", "password"],
            "{round}"
        );
    }
    let users = env.authctl(&["user", "list", "-q"]).succeeded();
    assert_eq!(users.stdout.lines().count(), 2);
}

/// A place where nothing listens: the port was ours a moment ago.
fn closed_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    format!("http://{}", listener.local_addr().expect("has an address"))
}
