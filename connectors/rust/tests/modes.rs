//! What each mode asks, what it keeps, and what it still knows when authd is down.

use std::time::{Duration, Instant};

use authd_client::{Reason, Settings, VerifyError, WhenDown};
use serde_json::json;

use crate::authd::{Authd, claim, eventually, part};
use crate::stand_in::StandIn;
use crate::verifiers::{Either, KINDS, Kind, runtime};

const VERIFY: &str = "/auth/verify";

/// Asks until the verdict is kept: until then each request asks.
fn warm(verifier: &Either, stand_in: &StandIn, token: &str) {
    eventually(10, "the feed is heard", || {
        assert!(verifier.is_good(token));
        let asked = stand_in.count(VERIFY);
        assert!(verifier.is_good(token));
        stand_in.count(VERIFY) == asked
    });
}

#[test]
fn online_asks_each_time_and_an_answer_that_is_the_same_is_not_sent_again() {
    let authd = Authd::shared();
    for kind in KINDS {
        let stand_in = StandIn::new();
        let verifier = Either::new(kind, stand_in.online());
        let user = authd.signed_in();
        for _ in 0..3 {
            let found = verifier.verify(&user.token).expect("is good");
            assert_eq!(found.user.as_ref().expect("is a user").email, user.email);
        }
        let tags = stand_in.heads(VERIFY);
        let has_tag = |head: &String| head.to_ascii_lowercase().contains("if-none-match: ");
        assert_eq!(
            tags.iter().map(has_tag).collect::<Vec<_>>(),
            [false, true, true],
            "{kind:?}"
        );
        authd.authctl(&["user", "disable", &user.email, "--yes"], "");
        assert!(verifier.is_refused(&user.token));
    }
}

#[test]
fn online_keeps_an_answer_for_as_long_as_authd_and_the_settings_allow() {
    for kind in KINDS {
        let stand_in = StandIn::new();
        let user = Authd::shared().signed_in();
        let verifier = Either::new(kind, stand_in.online().max_age(Duration::from_secs(3600)));
        // authd says five seconds.
        assert!((0..5).all(|_| verifier.is_good(&user.token)));
        assert_eq!(stand_in.count(VERIFY), 1);
        let verifier = Either::new(kind, stand_in.online().max_age(Duration::from_millis(200)));
        assert!(verifier.is_good(&user.token) && verifier.is_good(&user.token));
        assert_eq!(stand_in.count(VERIFY), 2);
        std::thread::sleep(Duration::from_millis(250));
        assert!(verifier.is_good(&user.token));
        assert_eq!(stand_in.count(VERIFY), 3);
    }
}

#[test]
fn cached_asks_once_for_each_token_and_drops_within_a_second_what_ended() {
    let authd = Authd::shared();
    for kind in KINDS {
        let stand_in = StandIn::new();
        let verifier = Either::new(kind, stand_in.cached());
        let user = authd.signed_in();
        warm(&verifier, &stand_in, &user.token);
        let asked = stand_in.count(VERIFY);
        assert!((0..100).all(|_| verifier.is_good(&user.token)));
        assert_eq!(stand_in.count(VERIFY), asked);

        authd.authctl(&["user", "set", &user.email, "--first-name", "Eve"], "");
        eventually(2, "the change is seen", || {
            let found = verifier.verify(&user.token).expect("is good");
            found.user.as_ref().expect("is a user").raw["first_name"] == "Eve"
        });
        authd.authctl(&["session", "revoke", &claim(&user.token, "sid")], "");
        let revoked_at = Instant::now();
        eventually(2, "the session's end is seen", || {
            verifier.is_refused(&user.token)
        });
        assert!(revoked_at.elapsed() < Duration::from_secs(1), "{kind:?}");
    }
}

#[test]
fn cached_does_not_trouble_authd_with_what_is_not_signed() {
    for kind in KINDS {
        let stand_in = StandIn::new();
        let verifier = Either::new(kind, stand_in.cached());
        let token = Authd::shared().signed_in().token;
        let forged = format!("{}AAAA", &token[..token.len() - 4]);
        assert_eq!(
            verifier.verify(&forged).expect_err("is forged"),
            VerifyError::InvalidToken(Reason::NotValid)
        );
        assert_eq!(stand_in.count(VERIFY), 0);
    }
}

#[test]
fn api_tokens_are_taken_where_authd_is_asked_until_they_are_revoked() {
    let authd = Authd::shared();
    for kind in KINDS {
        let stand_in = StandIn::new();
        let (_, email) = authd.add_user(&[]);
        let made = authd.authctl(
            &[
                "token",
                "add",
                "--user",
                &email,
                "--name",
                "x",
                "--expires",
                "never",
            ],
            "",
        );
        let token = made["token"].as_str().expect("is a text");
        let (cached, online) = (
            Either::new(kind, stand_in.cached()),
            Either::new(kind, stand_in.online()),
        );
        warm(&cached, &stand_in, token);
        assert!(online.is_good(token));
        let offline = Either::new(kind, stand_in.offline());
        let refusal = offline.verify(token).expect_err("cannot be checked");
        assert_eq!(refusal, VerifyError::InvalidToken(Reason::NotSigned));
        let id = made["api_token"]["id"].as_str().expect("is a text");
        authd.authctl(&["token", "revoke", id, "--yes"], "");
        assert!(online.is_refused(token));
        eventually(2, "the revocation is seen", || cached.is_refused(token));
    }
}

#[test]
fn a_clients_own_token_has_no_user() {
    let authd = Authd::shared();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "billing"),
        ("client_secret", &authd.secret),
    ];
    let mut answer = ureq::post(format!("{}/oauth/token", authd.url()))
        .send_form(form)
        .expect("answers");
    let body: serde_json::Value = answer.body_mut().read_json().expect("is JSON");
    let token = body["access_token"].as_str().expect("is a text");
    for kind in KINDS {
        for settings in [authd.online(), authd.cached(), authd.offline()] {
            let found = Either::new(kind, settings).verify(token).expect("is good");
            assert_eq!(found.user, None);
            assert!(
                !found.has_scope("anything") && found.has_scope("users.view"),
                "{:?}",
                found.claims
            );
        }
    }
}

#[test]
fn offline_asks_nobody_and_tells_what_the_token_says() {
    let mut authd = Authd::new(&[("AUTHD_TOKENS_CLAIMS", "email")]);
    for kind in KINDS {
        let verifier = Either::new(kind, authd.offline().when_down(WhenDown::Serve));
        let (user, other) = (authd.signed_in(), authd.signed_in());
        assert!(verifier.is_good(&user.token));
        authd.stop();
        let found = verifier.verify(&other.token).expect("is good");
        let account = found.user.as_ref().expect("is a user");
        assert_eq!(
            (&account.id, &account.email, account.version),
            (&other.id, &other.email, 0)
        );
        authd.start();
    }
}

#[test]
fn offline_knows_permissions_and_groups_as_far_as_the_token_names_them() {
    let name = "billing.pay";
    for (claims, knows) in [("email", false), ("groups,permissions", true)] {
        let authd = Authd::new(&[("AUTHD_TOKENS_CLAIMS", claims)]);
        authd.authctl(&["permission", "add", name], "");
        authd.authctl(&["group", "add", "payers"], "");
        let (_, email) = authd.add_user(&[]);
        authd.authctl(&["user", "grant", &email, name], "");
        authd.authctl(&["group", "add-user", "payers", &email], "");
        let token = authd.login(&email);
        for kind in KINDS {
            let found = Either::new(kind, authd.offline()).verify(&token);
            let found = found.expect("is good");
            assert_eq!(found.has_permission(name), knows);
            assert_eq!(found.is_in_group("payers"), knows);
        }
    }
}

#[test]
fn no_mode_takes_a_token_whose_time_is_over() {
    let authd = Authd::new(&[
        ("AUTHD_TOKENS_ACCESS_TTL", "10s"),
        ("AUTHD_TOKENS_LEEWAY", "0s"),
    ]);
    let strict = |settings: Settings| settings.leeway(Duration::ZERO);
    let modes = [authd.online(), authd.cached(), authd.offline()].map(strict);
    let both = modes.map(|settings| KINDS.map(|kind| Either::new(kind, settings.clone())));
    let token = authd.signed_in().token;
    assert!(
        both.iter()
            .flatten()
            .all(|verifier| verifier.is_good(&token))
    );
    std::thread::sleep(Duration::from_secs(7));
    assert!(
        both.iter()
            .flatten()
            .all(|verifier| verifier.is_good(&token))
    );
    for verifier in both.iter().flatten() {
        eventually(8, "it is over", || verifier.is_refused(&token));
    }
}

#[test]
fn a_key_that_is_revoked_takes_its_tokens_with_it_and_the_next_one_is_found() {
    let authd = Authd::new(&[]);
    for kind in KINDS {
        let cached = Either::new(kind, authd.cached());
        let offline = Either::new(kind, authd.offline());
        let token = authd.signed_in().token;
        assert!(cached.is_good(&token) && offline.is_good(&token));
        let kid = part(&token, 0)["kid"]
            .as_str()
            .expect("is a text")
            .to_owned();
        authd.authctl(&["key", "revoke", &kid, "--yes"], "");
        eventually(2, "the key's end is seen", || cached.is_refused(&token));
        let token = authd.signed_in().token;
        assert_ne!(part(&token, 0)["kid"], kid.as_str());
        eventually(10, "the new key is found", || {
            cached.is_good(&token) && offline.is_good(&token)
        });
    }
}

#[test]
fn whoever_hangs_up_while_the_keys_are_fetched_keeps_nobody_from_fetching_them() {
    const JWKS: &str = "/.well-known/jwks.json";
    let stand_in = StandIn::new();
    let token = Authd::shared().signed_in().token;
    stand_in.answer(JWKS, |_| std::thread::sleep(Duration::from_secs(10)));
    let verifier = Either::new(
        Kind::Tasks,
        stand_in.offline().timeout(Duration::from_secs(10)),
    );
    let request = || {
        let (verifier, token) = (verifier.clone(), token.clone());
        let Either::Tasks(verifier) = verifier else {
            panic!("a thread does not hang up");
        };
        runtime().spawn(async move { verifier.verify(&token).await.is_ok() })
    };
    let first = request();
    eventually(5, "the keys are asked for", || stand_in.count(JWKS) == 1);
    // It waits for what the first one has asked for.
    let second = request();
    std::thread::sleep(Duration::from_millis(100));
    stand_in.pass_on(JWKS);
    assert!(!second.is_finished());
    first.abort();
    let is_good = runtime().block_on(second);
    assert!(is_good.expect("ends") && stand_in.count(JWKS) == 2);
}

#[test]
fn while_authd_is_down_requests_are_refused_and_served_again_after() {
    let mut authd = Authd::new(&[]);
    for kind in KINDS {
        let online = Either::new(kind, authd.online());
        let cached = Either::new(kind, authd.cached().max_silence(Duration::from_secs(3)));
        let (user, other) = (authd.signed_in(), authd.signed_in());
        assert!(online.is_good(&user.token) && cached.is_good(&user.token));
        std::thread::sleep(Duration::from_millis(500));
        assert!(cached.is_good(&user.token));
        authd.stop();
        // Within the silence that is borne, what is kept serves.
        assert!(cached.is_good(&user.token));
        assert!(cached.is_unavailable(&other.token) && online.is_unavailable(&user.token));
        eventually(6, "the silence is too long", || {
            cached.is_unavailable(&user.token)
        });
        authd.start();
        eventually(10, "it is up again", || {
            cached.is_good(&user.token) && online.is_good(&other.token)
        });
    }
}

#[test]
fn what_is_kept_may_serve_within_its_life_while_authd_is_down() {
    let life = [
        ("AUTHD_TOKENS_VERIFY_MAX_AGE", "2s"),
        ("AUTHD_TOKENS_ACCESS_TTL", "10s"),
    ];
    let mut authd = Authd::new(&life);
    let serving = |settings: Settings| {
        let settings = settings
            .when_down(WhenDown::Serve)
            .max_silence(Duration::from_secs(3));
        KINDS.map(|kind| Either::new(kind, settings.clone()))
    };
    let (online, cached) = (serving(authd.online()), serving(authd.cached()));
    let (user, other) = (authd.signed_in(), authd.signed_in());
    let all_good = |verifiers: &[Either; 2]| verifiers.iter().all(|one| one.is_good(&user.token));
    assert!(all_good(&cached));
    // Until the feed is heard nothing is kept.
    std::thread::sleep(Duration::from_millis(500));
    assert!(all_good(&cached) && all_good(&online));
    authd.stop();
    assert!(all_good(&online) && online.iter().all(|one| one.is_unavailable(&other.token)));
    // A verify answer is over after its max_age; cached, the token's own end counts.
    for verifier in &online {
        eventually(4, "the answer is over", || {
            verifier.is_unavailable(&user.token)
        });
    }
    std::thread::sleep(Duration::from_secs(2));
    assert!(all_good(&cached) && cached.iter().all(|one| one.is_unavailable(&other.token)));
    for verifier in &cached {
        eventually(10, "the token is over", || !verifier.is_good(&user.token));
    }
}

#[test]
fn after_a_gap_in_what_is_heard_nothing_kept_is_trusted() {
    for kind in KINDS {
        let stand_in = StandIn::new();
        let verifier = Either::new(kind, stand_in.cached().max_silence(Duration::from_secs(3)));
        let token = Authd::shared().signed_in().token;
        warm(&verifier, &stand_in, &token);
        let asked = stand_in.count(VERIFY);
        let gone = json!({"code": "gone", "cursor": 0});
        stand_in.say("/auth/revocations", "410 Gone", "", gone.to_string());
        eventually(5, "it is asked about anew", || {
            verifier.is_good(&token) && stand_in.count(VERIFY) > asked
        });
    }
}

#[test]
fn a_client_that_may_not_follow_has_every_request_asked_about() {
    for kind in KINDS {
        let stand_in = StandIn::new();
        let verifier = Either::new(kind, stand_in.cached().client("billing", "wrong"));
        let token = Authd::shared().signed_in().token;
        assert!((0..3).all(|_| verifier.is_good(&token)));
        assert_eq!(stand_in.count(VERIFY), 3);
    }
}

#[test]
fn the_feed_ends_with_its_verifier() {
    for kind in KINDS {
        let stand_in = StandIn::new();
        let verifier = Either::new(kind, stand_in.cached().max_silence(Duration::from_secs(3)));
        eventually(5, "it follows", || stand_in.count("/auth/revocations") > 1);
        drop(verifier);
        std::thread::sleep(Duration::from_millis(1500));
        let asked = stand_in.count("/auth/revocations");
        std::thread::sleep(Duration::from_millis(2500));
        assert_eq!(stand_in.count("/auth/revocations"), asked, "{kind:?}");
    }
}
