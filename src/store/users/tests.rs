//! What the statements over accounts hold to.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use super::*;
use crate::domain::user::NewUser;
use crate::store::tests::{new_database, new_store};
use crate::store::{DatabaseSettings, Store, WriteMode};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn new_user(email: &str) -> NewUser {
    NewUser {
        email: email.parse().expect("is an address"),
        first_name: "Ada".parse().expect("is a name"),
        last_name: PersonName::default(),
        phone_number: None,
        external_id: None,
        is_active: true,
        is_staff: false,
        is_superuser: false,
        groups: std::collections::BTreeSet::new(),
        fields: std::collections::BTreeMap::new(),
    }
}

fn add(store: &Store, email: &str) -> Result<User, StoreError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let (id, new) = (
        UserId(uuid::Uuid::from_u128(number.into())),
        new_user(email),
    );
    store.write(move |tx| insert(tx, id, &new, Some("hash"), NOW))
}

#[test]
fn an_address_is_taken_whatever_its_letter_case() {
    let (_folder, store) = new_store(WriteMode::Direct);
    let ada = add(&store, "Ada@example.com").expect("is new");
    assert_eq!(ada.email.as_str(), "Ada@example.com");
    assert!(matches!(
        add(&store, "ada@EXAMPLE.com"),
        Err(StoreError::EmailTaken(_))
    ));
    let bob = add(&store, "bob@example.com").expect("is new");
    let change = UserChange {
        email: Some(ada.email.clone()),
        ..UserChange::default()
    };
    let taken = store.write(move |tx| update(tx, bob.id, &change));
    assert!(matches!(taken, Err(StoreError::EmailTaken(_))));
}

#[test]
fn every_change_has_a_higher_version_and_a_deletion_leaves_a_tombstone() {
    let (_folder, store) = new_store(WriteMode::Direct);
    let ada = add(&store, "ada@example.com").expect("is new");
    let id = ada.id;
    let off = store
        .write(move |tx| set_active(tx, id, false, NOW))
        .expect("writes");
    let off = off.expect("is there");
    assert!(off.version > ada.version && !off.is_active);
    assert!(store.write(move |tx| delete(tx, id, NOW)).expect("writes"));
    assert!(!store.write(move |tx| delete(tx, id, NOW)).expect("writes"));
    let tombstone: i64 = store
        .read(|connection| connection.query_value("SELECT version FROM user_tombstones", &[]))
        .expect("reads");
    assert!(tombstone > off.version);
}

#[test]
fn a_login_under_a_password_that_was_changed_meanwhile_is_not_recorded() {
    let (_folder, store) = new_store(WriteMode::Direct);
    let id = add(&store, "ada@example.com").expect("is new").id;
    store
        .write(move |tx| set_password(tx, id, "other", NOW))
        .expect("writes");
    assert_eq!(
        store
            .write(move |tx| record_login(tx, id, "hash", NOW))
            .expect("writes"),
        None
    );
    let ada = store
        .write(move |tx| record_login(tx, id, "other", NOW))
        .expect("writes");
    assert_eq!(ada.expect("logs in").user.last_login, Some(NOW));
}

#[test]
fn pages_follow_one_another_without_gap_or_overlap_and_wildcards_are_plain_text() {
    let (_folder, store) = new_store(WriteMode::Direct);
    for number in 0..5 {
        add(&store, &format!("user{number}@example.com")).expect("is new");
    }
    let mut filter = UserFilter::default();
    let mut seen = Vec::new();
    loop {
        let page = store
            .read(|connection| list(connection, &filter, 2))
            .expect("reads");
        let Some(last) = page.last() else { break };
        filter.after = Some(filter.order.place(last));
        seen.extend(page.into_iter().map(|user| user.email.to_string()));
    }
    assert_eq!(seen.len(), 5);
    let search = |text: &str| {
        let filter = UserFilter {
            search: Some(text.into()),
            ..UserFilter::default()
        };
        store
            .read(|connection| list(connection, &filter, 9))
            .expect("reads")
            .len()
    };
    assert_eq!(
        (search("USER3"), search("%"), search("_"), search("ada")),
        (1, 0, 0, 5)
    );
}

#[test]
fn only_a_taken_address_is_reported_as_taken() {
    let (_folder, store) = new_store(WriteMode::Direct);
    let ada = add(&store, "ada@example.com").expect("is new");
    add(&store, "bob@example.com").expect("is new");
    let id = ada.id;
    let change = UserChange {
        email: Some("ada@EXAMPLE.com".parse().expect("is an address")),
        ..UserChange::default()
    };
    // The numbers of changes have been set back by hand: the next one is in use.
    let broken = store.write(move |tx| {
        tx.batch("UPDATE change_sequence SET value = value - 1")?;
        update(tx, id, &change)
    });
    assert!(
        matches!(broken, Err(StoreError::Unavailable(_))),
        "{broken:?}"
    );
    let now = store.read(|connection| find(connection, &UserRef::Id(id)));
    assert_eq!(now.expect("reads"), Some(ada), "nothing was changed");
}

#[test]
fn the_numbers_of_a_change_that_failed_are_never_seen() {
    let (_folder, store) = new_store(WriteMode::Grouped);
    let ada = add(&store, "ada@example.com").expect("is new");
    for _ in 0..3 {
        add(&store, "ADA@example.com").expect_err("is taken");
    }
    let bob = add(&store, "bob@example.com").expect("is new");
    assert_eq!((ada.version, bob.version), (1, 2));
}

#[test]
fn a_clock_that_jumps_back_revives_no_ended_token() {
    let (_folder, store) = new_store(WriteMode::Direct);
    let id = add(&store, "ada@example.com").expect("is new").id;
    let hour_ago = Timestamp::constant(NOW.as_second() - 3600, 0);
    let ended = |store: &Store| {
        let standing = store.read(|connection| {
            standing(
                connection,
                &[0; 32],
                id,
                "none",
                SessionId(Uuid::nil()),
                (Uuid::nil(), i64::MAX),
            )
        });
        let standing = standing.expect("reads");
        standing
            .as_ref()
            .as_ref()
            .expect("is there")
            .tokens_valid_after_ms
    };
    store
        .write(move |tx| set_password(tx, id, "other", NOW))
        .expect("writes");
    assert_eq!(ended(&store), Some(NOW.as_millisecond()));
    store
        .write(move |tx| set_password(tx, id, "third", hour_ago))
        .expect("writes");
    assert_eq!(ended(&store), Some(NOW.as_millisecond()));
    for is_active in [false, true] {
        store
            .write(move |tx| set_active(tx, id, is_active, hour_ago))
            .expect("writes");
        assert_eq!(ended(&store), Some(NOW.as_millisecond()));
    }
}

#[test]
fn a_password_hash_does_not_show_in_debug_output() {
    let (_folder, store) = new_store(WriteMode::Direct);
    let ada = add(&store, "ada@example.com").expect("is new");
    let found = store.read(|connection| credentials(connection, &ada.email));
    let text = format!("{:?}", found.expect("reads").expect("is there"));
    assert!(
        text.contains("[redacted]") && !text.contains("\"hash\""),
        "{text}"
    );
}

#[test]
fn a_search_finds_names_and_addresses_as_they_are_written() {
    let (_folder, store) = new_store(WriteMode::Direct);
    let id = add(&store, "ada@Bücher.example").expect("is new").id;
    let change = UserChange {
        first_name: Some("Émilie".parse().expect("is a name")),
        last_name: Some("du Châtelet".parse().expect("is a name")),
        ..UserChange::default()
    };
    store
        .write(move |tx| update(tx, id, &change))
        .expect("writes");
    let finds = |text: &str| {
        let filter = UserFilter {
            search: Some(text.into()),
            ..UserFilter::default()
        };
        let found = store.read(|connection| list(connection, &filter, 9));
        found.expect("reads").len() == 1
    };
    for text in [
        "Émilie",
        "Émilie DU",
        "MILIE",
        "CHâTELET",
        "Bücher",
        "bücher",
        "ADA@",
    ] {
        assert!(finds(text), "{text}");
    }
    for text in ["Bob", "'; DROP TABLE users; --", "\\", "%_%", "\0", "Ém\0"] {
        assert!(!finds(text), "{text}");
    }
}

/// Decision 9: numbers become visible in their order, whoever draws them.
#[test]
fn whoever_follows_the_numbers_misses_no_change() {
    let (_database, url) = new_database();
    let settings = DatabaseSettings::new(url, Duration::from_secs(30));
    let node = |mode| Store::open(&settings, mode).expect("opens");
    // Two daemons and two commands, on one database.
    let nodes = [
        node(WriteMode::Grouped),
        node(WriteMode::Grouped),
        node(WriteMode::Direct),
        node(WriteMode::Direct),
    ];
    let is_over = AtomicBool::new(false);
    let after = |last: i64| {
        // One statement: between two there may be a change in each table.
        const SQL: &str = "
            SELECT version FROM users WHERE version > ?1
            UNION ALL SELECT version FROM user_tombstones WHERE version > ?1
            ORDER BY version";
        let rows = nodes[0]
            .read(|connection| connection.query(SQL, &[last.into()], |row| row.get::<i64>(0)));
        rows.expect("reads")
    };
    let follow = || {
        let mut seen = Vec::new();
        loop {
            let was_over = is_over.load(Ordering::Acquire);
            let new = after(seen.last().copied().unwrap_or(0));
            if new.is_empty() && was_over {
                return seen;
            }
            seen.extend(new);
        }
    };
    let seen = thread::scope(|scope| {
        let follower = scope.spawn(follow);
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let store = &nodes[writer % nodes.len()];
                scope.spawn(move || {
                    for number in 0..30 {
                        let email = format!("user{writer}.{number}@example.com");
                        let id = add(store, &email).expect("is new").id;
                        // Draws a number too, and takes it back.
                        add(store, &email).expect_err("is taken");
                        if number % 3 == 0 {
                            let deleted = store.write(move |tx| delete(tx, id, NOW));
                            assert!(deleted.expect("writes"));
                        }
                    }
                })
            })
            .collect();
        let outcomes: Vec<_> = writers.into_iter().map(ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Release);
        assert!(outcomes.iter().all(Result::is_ok), "a writer failed");
        follower.join().expect("follows")
    });
    // An account that was deleted before its turn is seen as a tombstone alone.
    let all = after(0);
    assert_eq!(all.len(), 240);
    assert!(all.iter().all(|version| seen.contains(version)));
    assert!(seen.is_sorted());
}
