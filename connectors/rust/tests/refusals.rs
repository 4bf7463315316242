//! A follower whom authd refuses, for a while or for good.

use std::time::{Duration, Instant};

use authd_client::FollowError;
use serde_json::json;

use crate::authd::{Authd, eventually, part};
use crate::local::on_each;
use crate::log::log_of;
use crate::stand_in::StandIn;
use crate::verifiers::{Either, KINDS, runtime};

const CHANGES: &str = "/users/changes";
const TOKEN: &str = "/oauth/token";
const PROBLEM: &str = "Content-Type: application/problem+json\r\n";

/// What the client's own tokens are worth: the status of what they are for.
fn status(authd: &Authd, token: &str) -> u16 {
    let asked = ureq::get(format!("{}{CHANGES}?since=0&wait=0s", authd.url()))
        .header("Authorization", format!("Bearer {token}"))
        .config()
        .http_status_as_error(false)
        .build();
    asked.call().expect("answers").status().as_u16()
}

fn own_token(authd: &Authd) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "billing"),
        ("client_secret", &authd.secret),
        ("scope", "users.view"),
    ];
    let asked = ureq::post(format!("{}{TOKEN}", authd.url())).send_form(form);
    let mut answer = asked.expect("answers");
    let found: serde_json::Value = answer.body_mut().read_json().expect("is JSON");
    found["access_token"].as_str().expect("has one").into()
}

#[test]
fn rows_follow_on_after_the_clients_own_token_has_ended_early() {
    for kind in KINDS {
        on_each(|local| {
            let authd = Authd::new(&[]);
            let verifier = Either::new(kind, authd.online());
            verifier.catch_up(local.mirror()).expect("follows");
            let before = own_token(&authd);
            let head = part(&before, 0);
            let kid = head["kid"].as_str().expect("has one");
            authd.authctl(&["key", "revoke", kid, "--yes"], "");
            eventually(10, "the token has ended", || status(&authd, &before) == 401);
            let (user, _) = authd.add_user(&[]);
            verifier.catch_up(local.mirror()).expect("follows");
            assert!(local.is_active(&user));
        });
    }
}

#[test]
fn a_client_that_was_disabled_for_a_while_follows_on() {
    for kind in KINDS {
        on_each(|local| {
            let authd = Authd::new(&[]);
            let (before, _) = authd.add_user(&[]);
            let verifier = Either::new(kind, authd.online());
            verifier.follow(local.mirror());
            eventually(10, "there is a row", || local.is_active(&before));
            let token = own_token(&authd);
            authd.authctl(&["client", "disable", "billing", "--yes"], "");
            eventually(10, "it is refused", || status(&authd, &token) == 401);
            // What waits for news was let in before, and is answered.
            authd.add_user(&[]);
            std::thread::sleep(Duration::from_secs(1));
            let (after, _) = authd.add_user(&[]);
            std::thread::sleep(Duration::from_secs(3));
            assert_eq!(local.row(&after, "id"), "");
            authd.authctl(&["client", "enable", "billing"], "");
            eventually(20, "there is a row", || local.is_active(&after));
        });
    }
}

#[test]
fn a_fresh_token_that_is_refused_is_a_refusal_and_so_is_what_a_good_one_may_not_see() {
    for kind in KINDS {
        on_each(|local| {
            let stand_in = StandIn::new();
            let verifier = Either::new(kind, stand_in.online());
            // In the order of what is asked for: tokens and pages.
            for (status, code, tokens, why) in [
                (
                    "401 Unauthorized",
                    "invalid_token",
                    2,
                    "check its id and secret",
                ),
                (
                    "403 Forbidden",
                    "insufficient_scope",
                    1,
                    "it needs the scope users.view",
                ),
            ] {
                let before = (stand_in.count(TOKEN), stand_in.count(CHANGES));
                let body = json!({"code": code}).to_string();
                stand_in.say(CHANGES, status, PROBLEM, body);
                let error = verifier.catch_up(local.mirror()).expect_err("is refused");
                assert!(matches!(error, FollowError::Refused(_)), "{error:?}");
                assert!(error.to_string().ends_with(why), "{error}");
                assert_eq!(stand_in.count(TOKEN) - before.0, tokens);
                assert_eq!(stand_in.count(CHANGES) - before.1, tokens);
            }
            // A proxy's.
            stand_in.say(CHANGES, "403 Forbidden", "", "go away");
            let error = verifier.catch_up(local.mirror()).expect_err("is none");
            assert!(matches!(error, FollowError::Unavailable(_)), "{error:?}");
            stand_in.pass_on(CHANGES);
            verifier.catch_up(local.mirror()).expect("follows");
        });
    }
}

#[test]
fn a_follower_that_ends_or_is_refused_says_why_once() {
    let authd = Authd::shared();
    for kind in KINDS {
        on_each(|local| {
            let said = log_of(|| {
                let verifier = Either::new(kind, authd.offline());
                let error = verifier.follow_here(local.mirror());
                assert!(matches!(error, FollowError::NoClient), "{error:?}");
            });
            let why = "the rows do not follow authd: only clients are told of users";
            assert_eq!(said.matches(why).count(), 1, "{said}");
        });
    }
    on_each(|local| {
        let stand_in = StandIn::new();
        stand_in.say(
            CHANGES,
            "403 Forbidden",
            PROBLEM,
            r#"{"code": "forbidden"}"#,
        );
        let (stopped, mirror) = (Instant::now() + Duration::from_secs(6), local.mirror());
        let said = log_of(|| {
            let verifier = runtime()
                .block_on(authd_client::Verifier::start(stand_in.online()))
                .expect("starts");
            runtime().block_on(async {
                let left = stopped.saturating_duration_since(Instant::now());
                let run = verifier.follow(mirror).run();
                tokio::time::timeout(left, run).await.expect_err("goes on");
            });
        });
        assert!(stand_in.count(CHANGES) > 1);
        let why =
            "the rows do not follow authd: authd does not tell this client of users (forbidden)";
        assert_eq!(said.matches(why).count(), 1, "{said}");
    });
}
