//! The rows of people who do not come: the feed of changes.

use std::time::Duration;

use authd_client::{FollowError, MirrorError, NoRow, Row, UserMirror};
use serde_json::json;

use crate::authd::{Authd, eventually};
use crate::local::on_each;
use crate::stand_in::StandIn;
use crate::verifiers::{Either, KINDS, Kind};

const CHANGES: &str = "/users/changes";

#[test]
fn all_accounts_get_rows_and_then_follow_what_changes() {
    for kind in KINDS {
        on_each(|local| {
            let authd = Authd::new(&[]);
            let users: Vec<_> = (0..5).map(|_| authd.add_user(&[])).collect();
            let verifier = Either::new(kind, authd.online());
            verifier.catch_up(local.mirror()).expect("follows");
            assert_eq!(local.count(), 5);
            verifier.follow(local.mirror());

            let [(changed, email), (disabled, other), (deleted, third), ..] = &*users else {
                panic!("there are five");
            };
            authd.authctl(&["user", "set", email, "--email", "new@example.com"], "");
            authd.authctl(&["user", "disable", other, "--yes"], "");
            authd.authctl(&["user", "delete", third, "--yes"], "");
            let (made, _) = authd.add_user(&[]);
            eventually(5, "the rows follow", || {
                local.row(changed, "email") == "new@example.com"
                    && !local.is_active(disabled)
                    && !local.is_active(deleted)
                    && !local.row(&made, "id").is_empty()
            });
            // Other tables point to it.
            assert_eq!(local.count(), 6);
            authd.authctl(&["user", "enable", other], "");
            eventually(5, "the row follows", || local.is_active(disabled));
        });
    }
}

#[test]
fn whoever_was_away_goes_on_where_it_was() {
    for kind in KINDS {
        on_each(|local| {
            let stand_in = StandIn::new();
            let authd = Authd::shared();
            let (first, _) = authd.add_user(&[]);
            Either::new(kind, stand_in.online())
                .catch_up(local.mirror())
                .expect("follows");
            assert!(local.is_active(&first));
            let cursor = local.sql("SELECT position FROM authd_cursor");
            assert_ne!(cursor, "0");
            let asked = stand_in.count(CHANGES);
            let (second, _) = authd.add_user(&[]);
            Either::new(kind, stand_in.online())
                .catch_up(local.mirror())
                .expect("follows");
            assert!(local.is_active(&second));
            let heads = stand_in.heads(CHANGES);
            assert!(
                heads[asked].contains(&format!("since={cursor}&")),
                "{}",
                heads[asked]
            );
        });
    }
}

#[test]
fn where_the_history_is_another_all_rows_are_read_anew_and_unknown_ones_go_inactive() {
    for kind in KINDS {
        on_each(|local| {
            let before = Authd::new(&[]);
            let (lost, _) = before.add_user(&[]);
            Either::new(kind, before.online())
                .catch_up(local.mirror())
                .expect("follows");
            assert!(local.is_active(&lost));
            local.sql("UPDATE authd_cursor SET position = 100000");
            // The same authd in the eyes of the service, with another history, which is shorter.
            let after = Authd::new(&[("AUTHD_TOKENS_ISSUER", &before.url())]);
            let settings = after.online().issuer(before.url());
            let (found, _) = after.add_user_as("found@example.com", &[]);
            // This row has a version that the other history gave it.
            local.sql(&format!(
                "INSERT INTO users (email, authd_sub, authd_version) VALUES ('x@example.com', '{found}', 4711)"
            ));
            let verifier = Either::new(kind, settings.audience(before.url()));
            verifier.catch_up(local.mirror()).expect("follows");
            assert!(!local.is_active(&lost) && local.is_active(&found));
            assert_eq!(local.row(&found, "email"), "found@example.com");
        });
    }
}

#[test]
fn where_the_cursor_is_deleted_all_rows_are_read_anew_whatever_their_versions() {
    for kind in KINDS {
        on_each(|local| {
            let authd = Authd::new(&[]);
            let (user, _) = authd.add_user(&["--first-name", "Ada"]);
            let (lost, _) = authd.add_user(&[]);
            let verifier = Either::new(kind, authd.online());
            verifier.catch_up(local.mirror()).expect("follows");
            // As news of a history that a restored backup has undone, though authd has come further since.
            local.sql("UPDATE users SET authd_version = 100000, first_name = 'Eve'");
            let unknown = "01a216a7-2e38-78af-8948-ad354d06575f";
            local.sql(&format!(
                "UPDATE users SET authd_sub = '{unknown}' WHERE authd_sub = '{lost}'"
            ));
            verifier.catch_up(local.mirror()).expect("follows");
            assert_eq!(local.row(&user, "first_name"), "Eve");
            local.sql("DELETE FROM authd_cursor");
            verifier.catch_up(local.mirror()).expect("follows");
            assert_eq!(local.row(&user, "first_name"), "Ada");
            assert!(local.is_active(&user) && local.is_active(&lost));
            assert!(!local.is_active(unknown));
        });
    }
}

/// A token that is still good is news of nobody, least of all of an account that is not there any more.
#[test]
fn while_all_is_read_anew_a_token_makes_no_row_active_and_keeps_none_so() {
    let authd = Authd::new(&[("AUTHD_TOKENS_CLAIMS", "email")]);
    on_each(|local| {
        let [lost, off] = [authd.signed_in(), authd.signed_in()];
        let [of_lost, of_off] = [&lost, &off].map(|user| {
            let verifier = Either::new(Kind::Threads, authd.offline());
            let found = verifier.verify(&user.token).expect("is good");
            found.user.clone().expect("is a user")
        });
        let verifier = Either::new(Kind::Threads, authd.online());
        verifier.catch_up(local.mirror()).expect("follows");
        local.sql(&format!(
            "UPDATE users SET is_active = FALSE WHERE authd_sub = '{}'",
            off.id
        ));
        let mirror = local.mirror();
        mirror
            .done(mirror.begin_again(&authd.url(), 0))
            .expect("begins");
        assert!(mirror.row(&of_lost).is_ok());
        assert!(mirror.row(&of_off).is_err() && !local.is_active(&off.id));
        mirror.done(mirror.settle()).expect("settles");
        assert!(!local.is_active(&lost.id));
        assert!(mirror.row(&of_lost).is_err());
    });
}

/// No row, because the account is no more.
fn is_deleted(found: &Result<Row, MirrorError>) -> bool {
    matches!(found, Err(MirrorError::NoRow(NoRow::Deleted)))
}

#[test]
fn whoever_was_deleted_before_there_was_a_row_gets_none_of_a_token_that_is_still_good_offline() {
    let authd = Authd::new(&[("AUTHD_TOKENS_CLAIMS", "email")]);
    for kind in KINDS {
        on_each(|local| {
            let user = authd.signed_in();
            let [told, said] = [authd.offline(), authd.online()].map(|settings| {
                let found = Either::new(kind, settings).verify(&user.token);
                found.expect("is good").user.clone().expect("is a user")
            });
            // One that would be linked by its address, if there were an account.
            local.add_row(&user.email, "");
            authd.authctl(&["user", "delete", &user.email, "--yes"], "");
            let follows = local.mirror();
            let verifier = Either::new(kind, authd.online());
            verifier.catch_up(follows).expect("follows");
            // As another process of the service, which has heard nothing itself; `said` was on its way.
            let verifier = Either::new(kind, authd.offline());
            assert!(verifier.is_good(&user.token));
            for account in [&told, &said] {
                assert!(is_deleted(&local.mirror().row(account)));
            }
            local.sql("DELETE FROM users");
            for account in [&told, &said] {
                assert!(is_deleted(&local.mirror().row(account)));
            }
            assert_eq!(local.count(), 0);
        });
    }
}

#[test]
fn whoever_is_deleted_while_the_row_is_made_has_no_active_one() {
    let authd = Authd::new(&[("AUTHD_TOKENS_CLAIMS", "email")]);
    on_each(|local| {
        let user = authd.signed_in();
        let verifier = Either::new(Kind::Threads, authd.offline());
        let found = verifier.verify(&user.token).expect("is good");
        let account = found.user.as_ref().expect("is a user");
        local.tell_of_each_new_row_that_it_was_deleted();
        for _ in 0..2 {
            assert!(local.mirror().row(account).is_err());
            assert!(!local.is_active(&user.id));
        }
    });
}

#[test]
fn whoever_has_an_account_in_another_history_has_a_row_again() {
    for kind in KINDS {
        on_each(|local| {
            let authd = Authd::new(&[("AUTHD_TOKENS_CLAIMS", "email")]);
            let user = authd.signed_in();
            let verifier = Either::new(kind, authd.online());
            let found = verifier.verify(&user.token).expect("is good");
            local.sql(&format!(
                "INSERT INTO authd_cursor VALUES ('{}', 0)",
                authd.url()
            ));
            // What this service was told before the backup was restored, up to a place that is not there any more.
            local.sql(&format!(
                "INSERT INTO authd_deleted VALUES ('{}', 4711)",
                user.id
            ));
            verifier.catch_up(local.mirror()).expect("follows");
            assert_eq!(local.count(), 0);
            local.sql("UPDATE authd_cursor SET position = 100000");
            verifier.catch_up(local.mirror()).expect("follows");
            let account = found.user.as_ref().expect("is a user");
            assert!(local.mirror().row(account).is_ok() && local.is_active(&user.id));
        });
    }
}

#[test]
fn after_a_new_beginning_of_the_feed_a_row_does_not_stay_as_a_replica_had_it() {
    const VERIFY: &str = "/auth/verify";
    let authd = Authd::shared();
    for kind in KINDS {
        on_each(|local| {
            let stand_in = StandIn::new();
            let user = authd.signed_in_with(&["--first-name", "Ada"]);
            let mut late = ureq::get(format!("{}{VERIFY}", authd.url()))
                .header("Authorization", format!("Bearer {}", user.token))
                .call()
                .expect("answers");
            let late = late.body_mut().read_json().expect("is JSON");
            // Before the feed begins, so that it does not tell of it.
            authd.authctl(&["user", "set", &user.email, "--first-name", "Eve"], "");
            let staleness = Duration::from_secs(60);
            let verifier = Either::new(kind, stand_in.cached().replica_staleness(staleness));
            eventually(10, "the feed has begun", || {
                stand_in.count("/auth/revocations") > 1
            });
            let name = || {
                let found = verifier.verify(&user.token).expect("is good");
                let account = found.user.as_ref().expect("is a user");
                local.mirror().row(account).expect("is there");
                local.row(&user.id, "first_name")
            };
            stand_in.say_json(VERIFY, &late);
            assert_eq!(name(), "Ada");
            stand_in.pass_on(VERIFY);
            assert_eq!(name(), "Eve");
        });
    }
}

#[test]
fn whoever_may_not_see_users_is_told_so() {
    let authd = Authd::new(&[]);
    let made = authd.authctl(&["client", "add", "plain"], "");
    let secret = made["client_secret"].as_str().expect("has a secret");
    for kind in KINDS {
        on_each(|local| {
            let verifier = Either::new(kind, authd.online().client("plain", secret));
            let error = verifier.catch_up(local.mirror()).expect_err("may not");
            assert!(matches!(error, FollowError::Refused(_)), "{error:?}");
            let verifier = Either::new(kind, authd.offline());
            let error = verifier
                .catch_up(local.mirror())
                .expect_err("has no client");
            assert!(matches!(error, FollowError::NoClient), "{error:?}");
        });
    }
}

#[test]
fn pages_that_are_not_authds_change_nothing() {
    for kind in KINDS {
        on_each(|local| {
            let stand_in = StandIn::new();
            let verifier = Either::new(kind, stand_in.online());
            for changes in [
                json!([5]),
                json!([{"version": 1}]),
                json!([{"version": 1, "user": {"id": "x"}}]),
                json!([{"version": -1, "deleted": {"id": "x"}}]),
            ] {
                stand_in.say_json(
                    CHANGES,
                    &json!({"changes": changes, "cursor": 5, "more": false}),
                );
                let error = verifier.catch_up(local.mirror()).expect_err("is none");
                assert!(matches!(error, FollowError::Unavailable(_)), "{error:?}");
            }
            assert_eq!(
                (
                    local.count(),
                    &*local.sql("SELECT position FROM authd_cursor")
                ),
                (0, "")
            );
        });
    }
}

#[test]
fn one_account_without_a_row_does_not_stop_the_others() {
    on_each(|local| {
        let authd = Authd::new(&[]);
        local.add_row("first@example.com", "TRUE, NULL");
        authd.add_user_as("first@example.com", &[]);
        let (second, _) = authd.add_user(&[]);
        let verifier = Either::new(Kind::Threads, authd.online());
        verifier.catch_up(local.mirror()).expect("follows");
        assert!(local.is_active(&second));
        assert_eq!(local.count(), 2);
    });
}

#[test]
fn whatever_always_says_that_all_begins_again_is_trouble_and_no_loop() {
    for kind in KINDS {
        on_each(|local| {
            let stand_in = StandIn::new();
            let gone = json!({"code": "gone", "cursor": 0});
            stand_in.say(CHANGES, "410 Gone", "", gone.to_string());
            let verifier = Either::new(kind, stand_in.online());
            let error = verifier.catch_up(local.mirror());
            let error = error.expect_err("is trouble");
            assert!(matches!(error, FollowError::Unavailable(_)), "{error:?}");
            assert_eq!(stand_in.count(CHANGES), 2);
        });
    }
}
