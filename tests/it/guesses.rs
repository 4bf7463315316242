//! Wrong passwords are counted, and whoever gives too many waits.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::env::{Answer, Authd, PASSWORD, TestEnv};

const ADA: &str = "ada@example.com";
const WRONG: &str = "wrong horse battery staple";
/// `authd` itself believes what a test says of where a request comes from.
const BEHIND_PROXY: (&str, &str) = ("AUTHD_SERVER_TRUSTED_PROXIES", "127.0.0.1");

fn login_from(authd: &Authd, address: &str, email: &str, password: &str) -> Answer {
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Forwarded-For", address),
    ];
    let body = json!({"email": email, "password": password});
    authd.ask("POST", "/auth/login", &headers, body.to_string())
}

fn change_password(authd: &Authd, token: &str, current: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = json!({"current_password": current, "new_password": "violet lantern orbits quartz"});
    authd.ask("POST", "/auth/password/change", &headers, body.to_string())
}

fn change_email(authd: &Authd, token: &str, password: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = json!({"password": password, "email": "ada@example.org"});
    authd.ask("POST", "/auth/email/change", &headers, body.to_string())
}

/// 429, and for how many seconds.
#[track_caller]
fn limited(answer: &Answer) -> u64 {
    answer.is_problem(429, "too_many_requests");
    answer.header("retry-after").parse().expect("is a number")
}

/// Security statement 70: whoever waits is not told whether there is such an account.
#[test]
fn who_was_wrong_too_often_waits_whether_there_is_an_account_or_not() {
    let env = TestEnv::new();
    env.add_user(ADA, PASSWORD);
    let authd = env.authd();
    let mut said = Vec::new();
    for email in [ADA, "nobody@example.com", "no address"] {
        for _ in 0..6 {
            let answer = authd.try_login(email, WRONG);
            assert!([401, 429].contains(&answer.status), "{answer:?}");
        }
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!(authd.try_login(email, WRONG).status, 401);
        // The right one is not looked at either.
        let answer = authd.try_login(email, PASSWORD);
        assert!((1..=2).contains(&limited(&answer)), "{answer:?}");
        said.push(answer.text.replace(" 1 ", " 2 "));
    }
    assert_eq!(said[0], said[1]);
    assert_eq!(said[0], said[2]);
    std::thread::sleep(Duration::from_millis(2100));
    // After the wait the right one is good, and ends the row.
    authd.login(ADA, PASSWORD);
    for _ in 0..5 {
        assert_eq!(authd.try_login(ADA, WRONG).status, 401);
    }
    let out = env.authctl_json(&["audit", "--action", "login"]);
    let events = out.succeeded().json()["events"].take();
    let events = events.as_array().expect("is a list");
    assert!(events.iter().any(|event| event["detail"]["wait_secs"] == 1));
}

/// Security statement 72; CVE-2023-47111.
#[test]
fn two_hundred_guesses_at_once_do_not_pass_the_limit() {
    let env = TestEnv::new();
    env.add_user(ADA, PASSWORD);
    let limits = [
        ("AUTHD_PASSWORDS_THREADS", "2"),
        ("AUTHD_PASSWORDS_QUEUE", "1000"),
    ];
    let authd = env.authd_with(&[], &limits);
    let start = Instant::now();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guess = || authd.try_login(ADA, WRONG).status;
        let running: Vec<_> = (0..200).map(|_| scope.spawn(guess)).collect();
        running
            .into_iter()
            .map(|one| one.join().expect("answers"))
            .collect()
    });
    // After each second, or two, or four, another may be looked at.
    let waits = 64 - start.elapsed().as_secs().leading_zeros();
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    let most = 5 + 2 * (1 + usize::try_from(waits).expect("is small"));
    assert!((5..=most).contains(&looked_at), "{looked_at} of {most}");
    let refused = statuses
        .iter()
        .filter(|status| [429, 503].contains(*status))
        .count();
    assert_eq!(looked_at + refused, 200, "{statuses:?}");
}

/// Security statements 67 and 74; CVE-2025-64102.
#[test]
fn every_way_of_saying_a_password_is_counted_together() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    for _ in 0..3 {
        assert_eq!(authd.try_login(ADA, WRONG).status, 401);
    }
    assert_eq!(change_password(&authd, &token, WRONG).status, 422);
    assert_eq!(change_email(&authd, &token, WRONG).status, 422);
    limited(&change_email(&authd, &token, PASSWORD));
    limited(&change_password(&authd, &token, WRONG));
    limited(&change_password(&authd, &token, PASSWORD));
    limited(&authd.try_login("ADA@Example.com", PASSWORD));
    // Who has nothing to do with it is not kept out, and good tokens stay good.
    assert_eq!(authd.try_login("eve@example.com", WRONG).status, 401);
    assert_eq!(authd.verify(&token).status, 200);
}

/// Security statement 76.
#[test]
fn an_attacker_does_not_keep_the_owner_out() {
    let env = TestEnv::new();
    env.add_user(ADA, PASSWORD);
    let limits = [BEHIND_PROXY, ("AUTHD_LOGIN_ACCOUNT_ATTEMPTS", "12")];
    let authd = env.authd_with(&[], &limits);
    let home = "192.0.2.1";
    assert_eq!(login_from(&authd, home, ADA, PASSWORD).status, 200);
    for _ in 0..8 {
        login_from(&authd, "198.51.100.1", ADA, WRONG);
    }
    limited(&login_from(&authd, "198.51.100.1", ADA, PASSWORD));
    // One address alone does not even bring others to wait.
    assert_eq!(login_from(&authd, "192.0.2.2", ADA, PASSWORD).status, 200);
    for address in 0..40 {
        let address = format!("203.0.113.{address}");
        login_from(&authd, &address, ADA, WRONG);
    }
    // Many do; whoever is at home is let in all the same.
    limited(&login_from(&authd, "198.51.100.2", ADA, WRONG));
    assert_eq!(login_from(&authd, home, ADA, PASSWORD).status, 200);
}

/// Security statement 36: who may not say where a request comes from has no more tries by saying so.
#[test]
fn a_forged_address_gives_no_more_tries() {
    let env = TestEnv::new();
    env.add_user(ADA, PASSWORD);
    let authd = env.authd();
    for number in 0..5 {
        let address = format!("203.0.113.{number}");
        assert_eq!(login_from(&authd, &address, ADA, WRONG).status, 401);
    }
    limited(&login_from(&authd, "203.0.113.9", ADA, PASSWORD));
}

#[test]
fn right_passwords_are_never_too_many() {
    let env = TestEnv::new();
    env.add_user(ADA, PASSWORD);
    let limits = [
        ("AUTHD_LOGIN_ATTEMPTS", "1"),
        ("AUTHD_LOGIN_ACCOUNT_ATTEMPTS", "1"),
        ("AUTHD_LOGIN_ADDRESS_ATTEMPTS", "1"),
        ("AUTHD_PASSWORDS_QUEUE", "1000"),
    ];
    let authd = env.authd_with(&[], &limits);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    authd.login(ADA, PASSWORD);
                }
            });
        }
    });
}
