//! Addresses that go on to other accounts, and rows that the table refuses.

use authd_client::{MirrorError, NoRow, Table, User};

use crate::authd::Authd;
use crate::local::{Local, on_each};
use crate::verifiers::{Either, KINDS, Kind};

fn set(authd: &Authd, who: &str, address: &str) {
    authd.authctl(&["user", "set", who, "--email", address], "");
}

fn emails(local: &Local, ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| local.row(id, "email")).collect()
}

fn account(authd: &Authd, token: &str) -> User {
    let verifier = Either::new(Kind::Threads, authd.online());
    let found = verifier.verify(token).expect("is good");
    found.user.clone().expect("is a user")
}

#[test]
fn two_that_swap_their_addresses_have_their_own() {
    for kind in KINDS {
        on_each(|local| {
            let authd = Authd::new(&[]);
            let (ada, _) = authd.add_user_as("ada@example.com", &[]);
            let (eve, _) = authd.add_user_as("eve@example.com", &[]);
            let verifier = Either::new(kind, authd.online());
            verifier.catch_up(local.mirror()).expect("follows");
            for _ in 0..2 {
                set(&authd, "ada@example.com", "other@example.com");
                set(&authd, "eve@example.com", "ada@example.com");
                set(&authd, "other@example.com", "eve@example.com");
                let before = emails(local, &[&eve, &ada]);
                verifier.catch_up(local.mirror()).expect("follows");
                assert_eq!(emails(local, &[&ada, &eve]), before);
            }
            assert_eq!(local.count(), 2);
        });
    }
}

#[test]
fn addresses_that_are_passed_on_in_a_chain_are_where_they_are_in_authd() {
    for kind in KINDS {
        on_each(|local| {
            let authd = Authd::new(&[]);
            let ids = ["a", "b", "c"].map(|name| {
                let (id, _) = authd.add_user_as(&format!("{name}@example.com"), &[]);
                id
            });
            let ids = ids.each_ref().map(|id| &**id);
            let verifier = Either::new(kind, authd.online());
            verifier.catch_up(local.mirror()).expect("follows");
            set(&authd, "a@example.com", "free@example.com");
            set(&authd, "b@example.com", "a@example.com");
            set(&authd, "c@example.com", "b@example.com");
            // So that the news of whoever has an address come before those of whoever had it.
            for (address, name) in [("a@example.com", "B"), ("free@example.com", "A")] {
                authd.authctl(&["user", "set", address, "--first-name", name], "");
            }
            let (new, _) = authd.add_user_as("c@example.com", &[]);
            verifier.catch_up(local.mirror()).expect("follows");
            let expected = ["free@example.com", "a@example.com", "b@example.com"];
            assert_eq!(emails(local, &ids), expected);
            assert_eq!(local.row(&new, "email"), "c@example.com");
        });
    }
}

#[test]
fn whoever_has_a_deleted_ones_address_has_it_in_a_row_of_their_own() {
    on_each(|local| {
        let authd = Authd::new(&[]);
        let (before, _) = authd.add_user_as("one@example.com", &[]);
        let verifier = Either::new(Kind::Threads, authd.online());
        verifier.catch_up(local.mirror()).expect("follows");
        authd.authctl(&["user", "delete", "one@example.com", "--yes"], "");
        let (after, _) = authd.add_user_as("one@example.com", &[]);
        verifier.catch_up(local.mirror()).expect("follows");
        assert_eq!(local.row(&after, "email"), "one@example.com");
        assert_eq!(
            local.row(&before, "email"),
            format!("{before}@replaced.invalid")
        );
        assert!(local.is_active(&after) && !local.is_active(&before));
    });
}

#[test]
fn an_address_is_taken_by_newer_news_alone_and_its_row_takes_its_own_and_no_older_ones() {
    on_each(|local| {
        let (mirror, authd) = (local.mirror(), Authd::shared());
        let [ada, eve] = [authd.signed_in(), authd.signed_in()];
        let [mut of_ada, mut of_eve] = [&ada, &eve].map(|user| account(authd, &user.token));
        for (account, version) in [(&mut of_ada, 20), (&mut of_eve, 10)] {
            account.version = version;
            mirror.row(account).expect("is made");
        }
        // Older than what the other row has: it proves nothing.
        of_eve.version = 15;
        of_eve.email.clone_from(&ada.email);
        of_eve.raw.insert("email".into(), ada.email.clone().into());
        mirror.row(&of_eve).expect("is there");
        assert_eq!(
            emails(local, &[&ada.id, &eve.id]),
            [&*ada.email, &*eve.email]
        );
        of_eve.version = 30;
        mirror.row(&of_eve).expect("is there");
        let nobodys = format!("{}@replaced.invalid", ada.id);
        assert_eq!(emails(local, &[&ada.id, &eve.id]), [&*nobodys, &*ada.email]);
        let mut older = of_ada.clone();
        older.version = 19;
        older.raw.insert("first_name".into(), "Old".into());
        mirror.row(&older).expect("is there");
        assert_eq!(local.row(&ada.id, "first_name"), "");
        // What it has by now, be it the version that it had.
        of_ada.email = "now@example.com".into();
        of_ada.raw.insert("email".into(), "now@example.com".into());
        mirror.row(&of_ada).expect("is there");
        assert_eq!(local.row(&ada.id, "email"), "now@example.com");
        // It is none where the column takes that.
        local.sql("ALTER TABLE users ADD COLUMN login text");
        local.sql("CREATE UNIQUE INDEX by_login ON users (login)");
        let table = Table::new("users")
            .column("login", "email")
            .without("email");
        let mirror = local.mirror_of(table).expect("is good");
        of_ada.version = 31;
        mirror.row(&of_ada).expect("is there");
        of_eve.version = 32;
        of_eve.email = "now@example.com".into();
        of_eve.raw.insert("email".into(), "now@example.com".into());
        mirror.row(&of_eve).expect("is there");
        assert_eq!(local.row(&ada.id, "coalesce(login, 'none')"), "none");
        assert_eq!(local.row(&eve.id, "login"), "now@example.com");
    });
}

#[test]
fn no_row_that_is_nobodys_loses_its_address_and_what_was_refused_is_taken_once_it_can_be() {
    on_each(|local| {
        let authd = Authd::new(&[]);
        local.add_row("staff@example.com", "TRUE, NULL");
        let (user, _) = authd.add_user_as("ada@example.com", &[]);
        let verifier = Either::new(Kind::Threads, authd.online());
        verifier.catch_up(local.mirror()).expect("follows");
        let token = authd.login("ada@example.com");
        set(&authd, "ada@example.com", "staff@example.com");
        verifier.catch_up(local.mirror()).expect("follows");
        let nobodys = "SELECT email FROM users WHERE authd_sub IS NULL";
        assert_eq!(local.sql(nobodys), "staff@example.com");
        assert_eq!(local.row(&user, "email"), "ada@example.com");
        local.sql("DELETE FROM users WHERE authd_sub IS NULL");
        // The same version as that of the news that were refused.
        local
            .mirror()
            .row(&account(&authd, &token))
            .expect("is there");
        assert_eq!(local.row(&user, "email"), "staff@example.com");
    });
}

#[test]
fn whatever_is_not_clearly_no_marks_a_row_as_privileged() {
    let authd = Authd::shared();
    on_each(|local| {
        local.sql("ALTER TABLE users ADD COLUMN role text");
        local.sql("ALTER TABLE users ADD COLUMN level integer");
        let day = local.day();
        local.sql(&format!("ALTER TABLE users ADD COLUMN admin_since {day}"));
        let table = || Table::new("users").privileged(["role", "level", "admin_since", "is_staff"]);
        let mirror = local.mirror_of(table()).expect("is good");
        for (marks, is_privileged) in [
            ("'admin', 0, NULL", true),
            ("'TRUE', NULL, NULL", true),
            ("'no', NULL, NULL", true),
            ("NULL, 2, NULL", true),
            ("NULL, -1, NULL", true),
            ("'', 0, '2020-01-01'", true),
            ("NULL, NULL, NULL", false),
            ("'', 0, NULL", false),
            ("'FALSE', NULL, NULL", false),
            ("'F', NULL, NULL", false),
            ("'0', NULL, NULL", false),
        ] {
            let user = authd.signed_in();
            local.sql(&format!(
                "INSERT INTO users (email, role, level, admin_since) VALUES ('{}', {marks})",
                user.email
            ));
            let found = mirror.row(&account(authd, &user.token));
            let refused = matches!(found, Err(MirrorError::NoRow(NoRow::Privileged)));
            assert!(
                refused == is_privileged && found.is_err() == refused,
                "{marks}: {found:?}"
            );
        }
    });
}

#[test]
fn a_row_that_a_trigger_refuses_is_no_worse_for_the_others() {
    for (kind, raise) in KINDS.into_iter().zip(["ABORT", "ROLLBACK"]) {
        on_each(|local| {
            let authd = Authd::new(&[]);
            let ids = ["odd", "gone", "even"].map(|name| {
                let (id, _) = authd.add_user_as(&format!("{name}@example.com"), &[]);
                id
            });
            let [odd, gone, even] = &ids;
            let verifier = Either::new(kind, authd.online());
            verifier.catch_up(local.mirror()).expect("follows");
            local.refuse_to_change(&[odd, gone], raise);
            set(&authd, "even@example.com", "two@example.com");
            authd.authctl(&["user", "delete", "gone@example.com", "--yes"], "");
            set(&authd, "odd@example.com", "one@example.com");
            verifier.catch_up(local.mirror()).expect("follows");
            assert_eq!(
                emails(local, &[odd, even]),
                ["odd@example.com", "two@example.com"]
            );
            // Where rows of another history go inactive, too.
            local.allow_all();
            local.sql("UPDATE users SET authd_version = -1");
            local.refuse_to_change(&[gone], raise);
            verifier.catch_up(local.mirror()).expect("follows");
            assert!(local.is_active(gone) && !local.is_active(even));
        });
    }
}
