//! `AUTHD_SUPERUSER_...` at the first start of `authd serve`, as containers are set up.

use std::process::Stdio;

use crate::env::{PASSWORD, TestEnv};

const EMAIL: (&str, &str) = ("AUTHD_SUPERUSER_EMAIL", "ada@example.com");

fn superusers(env: &TestEnv) -> Vec<String> {
    let listed = env.authctl_json(&["user", "list", "--superuser"]);
    let listed = listed.succeeded().json();
    let users = listed["users"].as_array().expect("is a list").iter();
    users.map(|user| user["email"].to_string()).collect()
}

/// Security statement 78.
#[test]
fn the_first_start_makes_the_superuser_that_the_environment_names_and_no_other_start_does() {
    let env = TestEnv::new();
    let file = env.write("password", &format!("{PASSWORD}\n"));
    let password = (
        "AUTHD_SUPERUSER_PASSWORD_FILE",
        file.to_str().expect("is UTF-8"),
    );
    let names = [
        ("AUTHD_SUPERUSER_FIRST_NAME", "Ada"),
        ("AUTHD_SUPERUSER_PHONE_NUMBER", "+44 20 7946 0000"),
    ];
    let authd = env.authd_with(&[], &[&[EMAIL, password], &names[..]].concat());
    let token = authd.login("ada@example.com", PASSWORD);
    let user = authd.verify(&token).body["user"].clone();
    assert_eq!(user["first_name"], "Ada");
    assert_eq!(user["phone_number"], "+442079460000");
    assert_eq!(user["is_staff"], true);
    assert_eq!(user["is_superuser"], true);
    drop(authd);
    let events = env.authctl_json(&["audit", "--action", "user.added"]);
    let events = events.succeeded().json();
    assert_eq!(events["events"].as_array().expect("is a list").len(), 1);
    let log = std::fs::read_to_string(env.path("authd.log")).expect("reads");
    assert!(
        !log.contains("ada@example.com") && !log.contains(PASSWORD),
        "{log}"
    );

    // Nobody reads the file again, and nobody else is made.
    std::fs::remove_file(&file).expect("removes");
    let other = ("AUTHD_SUPERUSER_EMAIL", "grace@example.com");
    for variables in [[EMAIL, password], [other, password]] {
        drop(env.authd_with(&[], &variables));
        assert_eq!(superusers(&env), ["\"ada@example.com\""]);
    }
}

#[test]
fn many_that_start_at_once_make_one_superuser() {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    let mut all = Vec::new();
    for number in 0..4 {
        let email = format!("admin{number}@example.com");
        let mut command = env.authd_command(&["serve", "--listen", "127.0.0.1:0"]);
        command
            .env("AUTHD_SUPERUSER_EMAIL", email)
            .env("AUTHD_SUPERUSER_PASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        all.push(command.spawn().expect("starts"));
    }
    for child in &mut all {
        let mut ready = std::io::BufReader::new(child.stdout.take().expect("is piped"));
        let mut line = String::new();
        std::io::BufRead::read_line(&mut ready, &mut line).expect("reads");
        assert!(line.starts_with("authd ready on "), "{line}");
        child.kill().expect("is killed");
        child.wait().expect("ends");
    }
    assert_eq!(superusers(&env).len(), 1);
}

#[test]
fn a_superuser_that_cannot_be_made_is_a_reason_not_to_start() {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    let said = |variables: &[(&str, &str)]| {
        let out = env.authd_refusal(&[], variables);
        (out.status, out.stderr)
    };
    let (status, why) = said(&[EMAIL]);
    assert_eq!(status, 2);
    assert_eq!(
        why,
        "authd: the superuser's password is needed: give AUTHD_SUPERUSER_PASSWORD_FILE\n"
    );
    let (status, why) = said(&[EMAIL, ("AUTHD_SUPERUSER_PASSWORD", "secret")]);
    assert_eq!(status, 5);
    assert!(why.contains("at least 15 are needed"), "{why}");
    let (status, why) = said(&[EMAIL, ("AUTHD_SUPERUSER_PASSWORD_FILE", "missing")]);
    assert_eq!(status, 1);
    assert!(why.contains("'missing'"), "{why}");
    let empty = env.write("empty", "\n");
    let empty = empty.to_str().expect("is UTF-8");
    let (status, why) = said(&[EMAIL, ("AUTHD_SUPERUSER_PASSWORD_FILE", empty)]);
    assert_eq!(status, 5);
    assert_eq!(
        why,
        format!("authd: password: the file '{empty}' is empty\n")
    );
    let password = ("AUTHD_SUPERUSER_PASSWORD", PASSWORD);
    let (status, why) = said(&[EMAIL, password, ("AUTHD_SUPERUSER_PASSWORD_FILE", empty)]);
    assert_eq!(status, 2);
    assert_eq!(
        why,
        "authd: AUTHD_SUPERUSER_PASSWORD and AUTHD_SUPERUSER_PASSWORD_FILE are both set: keep one of them\n"
    );
    let (status, why) = said(&[("AUTHD_SUPERUSER_EMAIL", "nonsense"), password]);
    assert_eq!(status, 5);
    assert!(why.starts_with("authd: AUTHD_SUPERUSER_EMAIL: "), "{why}");
    assert_eq!(superusers(&env), Vec::<String>::new());

    // An account that is there already gets no rights by the environment.
    env.add_user("ada@example.com", PASSWORD);
    let (status, why) = said(&[EMAIL, password]);
    assert_eq!(status, 4);
    assert!(why.contains("it is not a superuser"), "{why}");
    assert_eq!(superusers(&env), Vec::<String>::new());
}

#[test]
fn a_password_without_an_address_makes_nobody_and_says_so() {
    let env = TestEnv::new();
    let authd = env.authd_with(&[], &[("AUTHD_SUPERUSER_PASSWORD", PASSWORD)]);
    let log = authd.log();
    assert!(log.contains("AUTHD_SUPERUSER_EMAIL is not set"), "{log}");
    assert!(!log.contains(PASSWORD), "{log}");
    assert_eq!(superusers(&env), Vec::<String>::new());
}
