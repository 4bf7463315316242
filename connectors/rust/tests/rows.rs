//! The service's own rows, as requests make them.

use std::sync::Barrier;

use authd_client::{MirrorError, NoRow, Outcome, Table, User};

use crate::authd::{Authd, SignedIn};
use crate::local::{Local, on_each};
use crate::verifiers::{Either, Kind};

/// The account behind a token.
fn account(authd: &Authd, token: &str) -> User {
    let verifier = Either::new(Kind::Threads, authd.online().check_at_start(false));
    let found = verifier.verify(token).expect("is good");
    found.user.clone().expect("is a user")
}

fn signed_in(authd: &Authd) -> (SignedIn, User) {
    let user = authd.signed_in();
    let account = account(authd, &user.token);
    (user, account)
}

#[track_caller]
fn no_row(found: Result<authd_client::Row, MirrorError>) -> NoRow {
    match found {
        Err(MirrorError::NoRow(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_first_request_makes_the_row_and_the_next_ones_leave_it() {
    on_each(|local| {
        let mirror = local.mirror();
        let authd = Authd::shared();
        let user =
            authd.signed_in_with(&["--first-name", "Ada", "--phone-number", "+442079460000"]);
        let account = account(authd, &user.token);
        let made = mirror.row(&account).expect("is made");
        assert_eq!(made.outcome, Outcome::Created);
        let row = local.row(&user.id, "id, email, first_name, phone_number, password");
        assert_eq!(
            row,
            format!("{}|{}|Ada|+442079460000|hash", made.key, user.email)
        );
        assert_eq!(
            mirror.row(&account).expect("is there").outcome,
            Outcome::Unchanged
        );
        assert_eq!(local.count(), 1);
    });
}

#[test]
fn a_change_in_authd_reaches_the_row_at_the_next_request_and_an_older_answer_does_not_undo_it() {
    on_each(|local| {
        let mirror = local.mirror();
        let authd = Authd::shared();
        let (user, before) = signed_in(authd);
        mirror.row(&before).expect("is made");
        let address = format!("new-{}", user.email);
        authd.authctl(
            &[
                "user",
                "set",
                &user.email,
                "--email",
                &address,
                "--first-name",
                "Eve",
            ],
            "",
        );
        let after = account(authd, &authd.login(&address));
        assert_eq!(
            mirror.row(&after).expect("is there").outcome,
            Outcome::Updated
        );
        assert_eq!(
            local.row(&user.id, "email, first_name"),
            format!("{address}|Eve")
        );
        assert_eq!(
            mirror.row(&before).expect("is there").outcome,
            Outcome::Unchanged
        );
        assert_eq!(
            local.row(&user.id, "email, first_name"),
            format!("{address}|Eve")
        );
    });
}

#[test]
fn fifty_first_requests_at_once_make_one_row() {
    on_each(|local| {
        let (_, account) = signed_in(Authd::shared());
        let mirrors: Vec<_> = (0..50).map(|_| local.mirror()).collect();
        let together = Barrier::new(mirrors.len());
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let requests: Vec<_> = mirrors
                .iter()
                .map(|mirror| {
                    scope.spawn(|| {
                        together.wait();
                        mirror.row(&account).expect("is there")
                    })
                })
                .collect();
            requests
                .into_iter()
                .map(|request| request.join().expect("ends"))
                .collect()
        });
        assert_eq!(local.count(), 1);
        let made = outcomes
            .iter()
            .filter(|row| row.outcome == Outcome::Created);
        assert_eq!(made.count(), 1);
        assert!(outcomes.iter().all(|row| row.key == outcomes[0].key));
    });
}

#[test]
fn fifty_first_requests_at_once_link_one_row() {
    on_each(|local| {
        let (user, account) = signed_in(Authd::shared());
        local.add_row(&user.email, "");
        let mirrors: Vec<_> = (0..50).map(|_| local.mirror()).collect();
        let together = Barrier::new(mirrors.len());
        std::thread::scope(|scope| {
            for mirror in &mirrors {
                scope.spawn(|| {
                    together.wait();
                    mirror.row(&account).expect("is there")
                });
            }
        });
        assert_eq!(local.sql("SELECT authd_sub FROM users"), user.id);
    });
}

#[test]
fn a_row_that_was_there_is_linked_by_its_address_once_and_its_password_is_no_longer_good() {
    on_each(|local| {
        let mirror = local
            .mirror_of(Table::new("users").clear_when_linked("password"))
            .expect("is good");
        let (user, account) = signed_in(Authd::shared());
        local.add_row(&user.email.to_uppercase(), "");
        assert_eq!(
            mirror.row(&account).expect("is there").outcome,
            Outcome::Linked
        );
        let row = local.row(&user.id, "email, coalesce(password, 'none')");
        assert_eq!(row, format!("{}|none", user.email));
        // Another account cannot have it by that address any more.
        let mut other = account.clone();
        other.id = "01a216a7-2e38-78af-8948-ad354d06575f".into();
        assert_eq!(no_row(mirror.row(&other)), NoRow::Refused);
        assert_eq!(local.count(), 1);
    });
}

#[test]
fn privileged_rows_are_nobodys_by_an_address_unless_that_is_allowed() {
    on_each(|local| {
        let (user, account) = signed_in(Authd::shared());
        local.add_row(&user.email, "TRUE, NULL");
        assert_eq!(no_row(local.mirror().row(&account)), NoRow::Privileged);
        assert_eq!(local.row(&user.id, "id"), "");
        let allowed = Table::new("users")
            .link_privileged(true)
            .clear_when_linked("password");
        let mirror = local.mirror_of(allowed).expect("is good");
        assert_eq!(
            mirror.row(&account).expect("is there").outcome,
            Outcome::Linked
        );
        assert_eq!(local.row(&user.id, "password"), "hash");
    });
}

#[test]
fn an_address_links_nothing_where_it_must_not() {
    on_each(|local| {
        let (user, mut account) = signed_in(Authd::shared());
        local.add_row(&format!("before-{}", user.email), "");
        local.add_row(&user.email, "");
        let never = local
            .mirror_of(Table::new("users").link_by_email(false))
            .expect("is good");
        assert_eq!(no_row(never.row(&account)), NoRow::Refused);
        account.raw.insert("email_verified".into(), false.into());
        assert_eq!(no_row(local.mirror().row(&account)), NoRow::Refused);
        assert_eq!(local.row(&user.id, "id"), "");
    });
}

#[test]
fn the_key_of_an_older_service_comes_before_the_address() {
    on_each(|local| {
        let table = Table::new("users").external_id("old_pk");
        let mirror = local.mirror_of(table).expect("is good");
        let (user, mut account) = signed_in(Authd::shared());
        local.add_row("old@example.com", "FALSE, 4711");
        account.raw.insert("external_id".into(), "4711".into());
        assert_eq!(
            mirror.row(&account).expect("is there").outcome,
            Outcome::Linked
        );
        assert_eq!(
            local.row(&user.id, "old_pk, email, password"),
            format!("4711|{}|hash", user.email)
        );
        // One that the column cannot have is no row's.
        let (other, mut account) = signed_in(Authd::shared());
        account
            .raw
            .insert("external_id".into(), "not a number".into());
        assert_eq!(
            mirror.row(&account).expect("is there").outcome,
            Outcome::Created
        );
        assert_eq!(local.row(&other.id, "email"), other.email);
    });
}

#[test]
fn what_the_table_refuses_leaves_the_row_as_it_was_but_for_is_active() {
    on_each(|local| {
        let mirror = local.mirror();
        let (user, mut account) = signed_in(Authd::shared());
        mirror.row(&account).expect("is made");
        local.add_row("taken@example.com", "");
        account.version += 1;
        account
            .raw
            .insert("email".into(), "taken@example.com".into());
        mirror.row(&account).expect("is there");
        assert_eq!(local.row(&user.id, "email"), user.email);
        account.version += 1;
        account.is_active = false;
        assert_eq!(no_row(mirror.row(&account)), NoRow::Inactive);
        assert!(!local.is_active(&user.id));
    });
}

#[test]
fn a_row_that_was_switched_off_here_stays_so_until_authd_has_news() {
    on_each(|local| {
        let mirror = local.mirror();
        let (user, account) = signed_in(Authd::shared());
        mirror.row(&account).expect("is made");
        local.sql(&format!(
            "UPDATE users SET is_active = FALSE WHERE authd_sub = '{}'",
            user.id
        ));
        assert_eq!(no_row(mirror.row(&account)), NoRow::Inactive);
    });
}

#[test]
fn own_fields_follow_and_columns_may_be_left_out() {
    let authd = Authd::new(&[]);
    authd.authctl(&["field", "add", "department", "--type", "string"], "");
    on_each(|local| {
        let table = Table::new("users")
            .column("unit", "fields.department")
            .without("first_name");
        let mirror = local.mirror_of(table).expect("is good");
        let user = authd.signed_in_with(&["--first-name", "Ada", "--field", "department=R&D"]);
        mirror.row(&account(&authd, &user.token)).expect("is made");
        assert_eq!(local.row(&user.id, "unit, first_name"), "R&D|");
        let user = authd.signed_in_with(&["--field", "department=much too long for it"]);
        assert_eq!(
            no_row(mirror.row(&account(&authd, &user.token))),
            NoRow::Refused
        );
    });
}

#[test]
fn offline_a_token_without_an_address_makes_no_row() {
    let authd = Authd::shared();
    on_each(|local| {
        let verifier = Either::new(Kind::Threads, authd.offline());
        let user = authd.signed_in();
        let found = verifier.verify(&user.token).expect("is good");
        let account = found.user.clone().expect("is a user");
        assert_eq!(no_row(local.mirror().row(&account)), NoRow::NoAddress);
        // A row that is there is found, and left as it is.
        local
            .mirror()
            .row(&self::account(authd, &user.token))
            .expect("is made");
        assert_eq!(
            local.mirror().row(&account).expect("is there").outcome,
            Outcome::Unchanged
        );
        assert_eq!(local.row(&user.id, "email"), user.email);
    });
}

#[test]
fn a_table_that_lacks_something_is_refused_at_the_start() {
    #[track_caller]
    fn refused(local: &Local, table: Table, why: &str) {
        let error = local
            .mirror_of(table)
            .err()
            .expect("is refused")
            .to_string();
        assert!(error.contains(why), "{error}");
    }
    on_each(|local| {
        let users = || Table::new("users");
        refused(local, Table::new("nobody"), "there is no column id");
        refused(
            local,
            Table::new("users; DROP TABLE users"),
            "is no plain name",
        );
        refused(
            local,
            users().column("x\" = 1 --", "email"),
            "is no plain name",
        );
        refused(local, users().key("pk"), "there is no column pk");
        refused(
            local,
            users().column("nick", "email"),
            "there is no column nick",
        );
        refused(
            local,
            users().column("unit", "shoe_size"),
            "which authd does not have",
        );
        refused(local, users().column("id", "id"), "id cannot follow id");
        refused(
            local,
            users().without("is_active"),
            "is_active must follow is_active",
        );
        local.sql("DROP TABLE authd_cursor");
        refused(local, users(), "there is no table authd_cursor");
        local.sql("CREATE TABLE authd_cursor (issuer TEXT PRIMARY KEY, position BIGINT)");
        local.sql("DROP TABLE authd_deleted");
        refused(local, users(), "there is no table authd_deleted");
        local.sql("CREATE TABLE people AS SELECT * FROM users");
        refused(local, Table::new("people"), "authd_sub is not unique");
    });
}
