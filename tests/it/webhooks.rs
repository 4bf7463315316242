//! Webhooks: a receiver that is not ours is told what becomes of accounts, and checks who says so.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::env::{Authd, PASSWORD, TestEnv};

const RULES: [(&str, &str); 2] = [
    ("AUTHD_WEBHOOKS_ALLOW_PRIVATE", "true"),
    ("AUTHD_WEBHOOKS_RETRIES", "1s,1s"),
];

/// `tests/python/webhook_receiver.py`: answers what the file `status` says, and writes down what came.
struct Receiver {
    process: Child,
    port: u16,
}

impl Receiver {
    fn start_at(env: &TestEnv, secret: &str, port: u16) -> Self {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/python/webhook_receiver.py"
        );
        let mut command: Command = env.command(crate::openapi::python());
        command.arg(script).arg(port.to_string()).arg(secret);
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts the receiver");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("says its port");
        let port = line.trim().parse().expect("is a port");
        Self { process, port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks", self.port)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A webhook at a port where nobody listens yet: its id, its secret and the port.
fn add(env: &TestEnv, more: &[&str]) -> (String, String, u16) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("finds a port");
    let port = port.local_addr().expect("has one").port();
    let url = format!("http://127.0.0.1:{port}/hooks");
    let arguments = [&["webhook", "add", &url, "-o", "json"], more].concat();
    let mut command = env.authctl_command(&arguments);
    command.envs(RULES);
    let made = crate::env::run(&mut command, "").succeeded().json();
    let text = |value: &Value| value.as_str().expect("is a text").to_owned();
    (text(&made["webhook"]["id"]), text(&made["secret"]), port)
}

/// What has come and was signed as it should.
fn received(env: &TestEnv) -> Vec<Value> {
    let text = std::fs::read_to_string(env.path("received.jsonl")).unwrap_or_default();
    let lines = text.lines().map(serde_json::from_str);
    lines.map(|line| line.expect("is JSON")).collect()
}

#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what} does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn shown(env: &TestEnv, id: &str) -> Value {
    env.authctl_json(&["webhook", "show", id])
        .succeeded()
        .json()
}

fn started(env: &TestEnv) -> Authd {
    env.authd_with(&[], &RULES)
}

#[test]
fn a_receiver_is_told_what_becomes_of_accounts_signed_and_in_order() {
    let env = TestEnv::new();
    env.add_user("before@example.com", PASSWORD);
    env.authd().stop();
    let (id, secret, port) = add(&env, &[]);
    let receiver = Receiver::start_at(&env, &secret, port);
    assert_eq!(receiver.url(), shown(&env, &id)["webhook"]["url"]);
    let authd = started(&env);
    let ada = env.add_user("ada@example.com", PASSWORD);
    let came = wait_for("the account", || received(&env).first().cloned());
    assert_eq!(came["body"]["type"], "user.changed");
    assert_eq!(came["body"]["data"]["user"], ada);
    assert_eq!(came["body"]["data"]["version"], ada["version"]);
    assert_eq!(came["content_type"], "application/json");
    let sent = came["body"]["timestamp"].as_str().expect("is a text");
    assert_eq!(sent.len(), "2026-11-23T10:00:00Z".len(), "{sent}");
    env.authctl(&["user", "delete", "ada@example.com", "--yes"])
        .succeeded();
    let came = wait_for("the deletion", || received(&env).get(1).cloned());
    assert_eq!(came["body"]["type"], "user.deleted");
    assert_eq!(came["body"]["data"]["deleted"]["id"], ada["id"]);
    let ids: Vec<String> = received(&env)
        .iter()
        .map(|came| came["id"].to_string())
        .collect();
    assert_ne!(ids[0], ids[1]);
    let shown = wait_for("the note of it", || {
        let shown = shown(&env, &id);
        (!shown["webhook"]["delivered_at"].is_null()).then_some(shown)
    });
    assert_eq!(shown["webhook"]["failures"], 0);
    // Neither the log nor the database tells the secret.
    assert!(!authd.log().contains(&secret));
    assert!(!env.sql("SELECT * FROM webhooks").contains(&secret[6..]));
    assert!(!shown.to_string().contains(&secret[6..]));
}

#[test]
fn what_is_not_asked_for_is_not_told() {
    let env = TestEnv::new();
    env.authd().stop();
    let (_, secret, port) = add(&env, &["--event", "user.deleted"]);
    let _receiver = Receiver::start_at(&env, &secret, port);
    let _authd = started(&env);
    env.add_user("ada@example.com", PASSWORD);
    env.authctl(&["user", "delete", "ada@example.com", "--yes"])
        .succeeded();
    wait_for("the deletion", || (received(&env).len() == 1).then_some(()));
    assert_eq!(received(&env)[0]["body"]["type"], "user.deleted");
}

#[test]
fn what_fails_is_tried_again_and_nothing_is_lost_while_nobody_listens() {
    let env = TestEnv::new();
    env.authd().stop();
    let (id, secret, port) = add(&env, &[]);
    let authd = started(&env);
    let emails: Vec<String> = (0..5).map(|at| format!("a{at}@example.com")).collect();
    for email in &emails {
        env.authctl(&["user", "add", email, "--no-password"])
            .succeeded();
    }
    let shown = wait_for("a failure", || {
        let shown = shown(&env, &id);
        (shown["webhook"]["failures"] != 0).then_some(shown)
    });
    assert!(!shown["webhook"]["last_error"].is_null(), "{shown}");
    // Nor is it lost with the daemon.
    authd.stop();
    let _receiver = Receiver::start_at(&env, &secret, port);
    let _authd = started(&env);
    wait_for("all of them", || {
        let came = received(&env);
        let told: std::collections::BTreeSet<String> = came
            .iter()
            .filter_map(|came| came["body"]["data"]["user"]["email"].as_str())
            .map(str::to_owned)
            .collect();
        let dead = self::shown(&env, &id)["webhook"]["dead_letters"].as_u64();
        (told.len() as u64 + dead.unwrap_or(0) >= 5).then_some(())
    });
}

#[test]
fn what_fails_too_often_is_given_up_and_comes_when_somebody_says_so() {
    let env = TestEnv::new();
    env.authd().stop();
    let (id, secret, port) = add(&env, &[]);
    let _receiver = Receiver::start_at(&env, &secret, port);
    env.write("status", "500");
    let authd = started(&env);
    let ada = env.add_user("ada@example.com", PASSWORD);
    let given_up = wait_for("the end of it", || {
        let shown = shown(&env, &id);
        (shown["webhook"]["dead_letters"] == 1).then_some(shown)
    });
    assert_eq!(given_up["dead_letters"][0]["user_id"], ada["id"]);
    assert_eq!(given_up["dead_letters"][0]["error"], "the answer was 500");
    // The first attempt and two more, all under one name.
    let attempts = received(&env);
    assert_eq!(attempts.len(), 3, "{attempts:?}");
    assert!(attempts.iter().all(|came| came["id"] == attempts[0]["id"]));
    env.write("status", "204");
    env.authctl_json(&["webhook", "retry", &id]).succeeded();
    wait_for("it again", || {
        let shown = shown(&env, &id);
        (shown["webhook"]["dead_letters"] == 0).then_some(())
    });
    let last = received(&env).pop().expect("came");
    assert_eq!(last["id"], attempts[0]["id"]);
    assert_eq!(last["body"]["data"]["user"], ada);
    assert!(authd.log().contains("a webhook was not told"));
}

#[test]
fn a_webhook_that_is_removed_is_told_no_more() {
    let env = TestEnv::new();
    env.authd().stop();
    let (id, secret, port) = add(&env, &[]);
    let _receiver = Receiver::start_at(&env, &secret, port);
    env.write("delay", "0.3");
    let row = |at| format!("{{\"email\": \"a{at}@example.com\"}}\n");
    let rows: Vec<String> = (0..40).map(row).collect();
    env.write("users.jsonl", &rows.concat());
    env.authctl(&["import", "users.jsonl"]).succeeded();
    let _authd = started(&env);
    wait_for("some of them", || (received(&env).len() >= 3).then_some(()));
    env.authctl(&["webhook", "delete", &id, "--yes"])
        .succeeded();
    // One may be under way.
    let most = received(&env).len() + 1;
    std::thread::sleep(Duration::from_secs(3));
    let came = received(&env).len();
    assert!(came <= most, "{came} came, of which {most} before");
}

#[test]
fn a_redirect_is_not_followed() {
    let env = TestEnv::new();
    env.authd().stop();
    let (id, secret, port) = add(&env, &[]);
    let _receiver = Receiver::start_at(&env, &secret, port);
    env.write("status", "302");
    let _authd = started(&env);
    env.add_user("ada@example.com", PASSWORD);
    let shown = wait_for("a failure", || {
        let shown = shown(&env, &id);
        (!shown["webhook"]["last_error"].is_null()).then_some(shown)
    });
    assert_eq!(shown["webhook"]["last_error"], "the answer was 302");
    assert!(received(&env).iter().all(|came| came["path"] == "/hooks"));
}

#[test]
fn a_test_is_sent_at_once_and_private_addresses_are_left_alone() {
    let env = TestEnv::new();
    env.authd().stop();
    let (id, secret, port) = add(&env, &[]);
    let mut command = env.authctl_command(&["webhook", "test", &id, "-o", "json"]);
    let refused = crate::env::run(command.envs(RULES), "");
    assert_eq!(refused.status, 1, "{refused:?}");
    let _receiver = Receiver::start_at(&env, &secret, port);
    let mut command = env.authctl_command(&["webhook", "test", &id, "-o", "json"]);
    crate::env::run(command.envs(RULES), "").succeeded();
    assert_eq!(received(&env)[0]["body"]["type"], "test");

    // By default neither plain text nor an address of one's own network.
    let refused = env.authctl_json(&["webhook", "test", &id]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("not https"), "{refused:?}");
    let refused = env.authctl_json(&["webhook", "add", "http://example.com/"]);
    assert_eq!(refused.status, 5, "{refused:?}");
    for url in [
        "https://127.0.0.1:1/",
        "https://localhost:1/",
        "https://[::1]:1/",
        "https://169.254.169.254/",
    ] {
        let made = env
            .authctl_json(&["webhook", "add", url])
            .succeeded()
            .json();
        let id = made["webhook"]["id"].as_str().expect("is a text");
        let refused = env.authctl_json(&["webhook", "test", id]);
        assert_eq!(refused.status, 1, "{refused:?}");
        assert!(refused.stderr.contains("a private one"), "{refused:?}");
    }
    assert_eq!(received(&env).len(), 1);
}

#[test]
fn webhooks_are_listed_and_deleted_and_bad_ones_refused() {
    let env = TestEnv::new();
    env.authd().stop();
    let (id, ..) = add(&env, &[]);
    let listed = env.authctl_json(&["webhook", "list"]).succeeded().json();
    assert_eq!(listed["webhooks"][0]["id"], json!(id));
    let events = json!(["user.changed", "user.deleted"]);
    assert_eq!(listed["webhooks"][0]["events"], events);
    let nobody = "01a207da-808f-7a02-b6e4-2c9f1d7a3e58";
    for verb in ["show", "test", "retry"] {
        assert_eq!(env.authctl_json(&["webhook", verb, nobody]).status, 3);
    }
    assert_eq!(
        env.authctl_json(&["webhook", "delete", nobody, "--yes"])
            .status,
        3
    );
    for bad in [
        "example.com",
        "ftp://example.com/",
        "https://u:p@example.com/",
    ] {
        assert_eq!(
            env.authctl_json(&["webhook", "add", bad]).status,
            5,
            "{bad}"
        );
    }
    env.authctl_json(&["webhook", "delete", &id, "--yes"])
        .succeeded();
    env.write("authd.toml", "[webhooks]\nallow_private = true\n");
    let made = env.authctl_json(&["webhook", "add", "http://localhost:1/"]);
    let made = made.succeeded().json();
    let other = made["webhook"]["id"]
        .as_str()
        .expect("is a text")
        .to_owned();
    env.authctl_json(&["webhook", "delete", &other, "--yes"])
        .succeeded();
    let listed = env.authctl_json(&["webhook", "list"]).succeeded().json();
    assert_eq!(listed, json!({"webhooks": []}));
    let events = env.authctl_json(&["audit", "--action", "webhook.deleted"]);
    let events = events.succeeded().json();
    assert_eq!(events["events"][0]["detail"]["webhook"], json!(id));
}

#[test]
fn a_secret_survives_another_secret_key() {
    let env = TestEnv::new();
    env.authd().stop();
    let (_, secret, port) = add(&env, &[]);
    let _receiver = Receiver::start_at(&env, &secret, port);
    let _authd = started(&env);
    env.authctl(&["secret", "rotate"]).succeeded();
    env.add_user("ada@example.com", PASSWORD);
    // The receiver writes down only what is signed with the first secret.
    wait_for("the account", || received(&env).first().cloned());
}

#[test]
fn of_several_nodes_one_tells() {
    let env = TestEnv::new();
    env.authd().stop();
    let (_, secret, port) = add(&env, &[]);
    let _receiver = Receiver::start_at(&env, &secret, port);
    let (_one, _two) = (started(&env), started(&env));
    for at in 0..10 {
        let email = format!("a{at}@example.com");
        env.authctl(&["user", "add", &email, "--no-password"])
            .succeeded();
    }
    wait_for("all of them", || (received(&env).len() >= 10).then_some(()));
    std::thread::sleep(Duration::from_secs(3));
    let came = received(&env);
    let ids: std::collections::BTreeSet<String> =
        came.iter().map(|came| came["id"].to_string()).collect();
    assert_eq!(ids.len(), came.len(), "{came:?}");
}
