//! The chain of events: what changes it, and what does not go unnoticed.

use std::collections::BTreeSet;

use cluster::Database;

use super::*;
use crate::domain::audit::{Action, Outcome, Who};
use crate::domain::user::UserId;
use crate::store::tests::new_store;
use crate::store::{Store, WriteMode};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("is within range")
}

fn id(number: i64) -> Uuid {
    Uuid::from_u128(number.unsigned_abs().into())
}

fn by_root() -> By {
    By {
        who: Who::Operator("root".into()),
        address: None,
    }
}

/// Ten events, with something in every column, second by second.
fn ten() -> (Database, Store) {
    let (database, store) = new_store(WriteMode::Direct);
    let write = store.write(|tx| {
        for number in 1..=10 {
            let mut entry = Entry {
                key: Some("k".into()),
                group: Some(crate::domain::group::GroupId(id(7))),
                permission: Some(PermissionName::from_stored("a.b".into())),
                token: Some(id(number)),
                ..Entry::new(Action::UserGranted)
                    .user(UserId(id(number % 3)))
                    .client(&ClientId::from_stored("billing".into()))
                    .session(crate::domain::session::SessionId(id(9)))
            };
            entry.note("name", "B\u{ef}lling");
            let by = By {
                who: Who::User(UserId(id(number % 2))),
                address: Some([192, 0, 2, 1].into()),
            };
            record(tx, id(number), &entry, &by, at(number))?;
        }
        Ok(())
    });
    write.expect("writes");
    (database, store)
}

fn follow_all(store: &Store, stride: u32) -> Result<i64, i64> {
    let mut at = Place::BEGINNING;
    loop {
        let step = store.read(|connection| follow(connection, at, stride, None));
        let step = step.expect("reads");
        match step.broken {
            Some(number) => return Err(number),
            None if step.is_end => return Ok(step.to.number),
            None => at = step.to,
        }
    }
}

/// The first number that does not fit after this was done to the table; what it was is put back.
#[track_caller]
fn after(change: &str) -> Result<i64, i64> {
    let (database, store) = ten();
    assert_eq!(follow_all(&store, 1000), Ok(10));
    database.sql(change);
    follow_all(&store, 1000)
}

#[test]
fn a_chain_fits_in_strides_of_any_length() {
    let (_database, store) = ten();
    for stride in [1, 3, 5, 10, 11] {
        assert_eq!(follow_all(&store, stride), Ok(10), "{stride}");
    }
}

#[test]
fn an_event_that_was_changed_in_any_column_is_found() {
    for column in [
        "form = 2",
        "id = id || 'x'",
        "created_at = created_at + 1",
        "event = 'login'",
        "result = 'denied'",
        "actor_kind = 'daemon'",
        "actor_id = NULL",
        "address = '192.0.2.2'",
        "user_id = NULL",
        "client_id = ''",
        "session_id = token_id",
        "token_id = session_id",
        "key_id = 'K'",
        "group_id = NULL",
        "permission = 'a.c'",
        "detail = '{}'",
        "detail = 'no json'",
    ] {
        let change = format!("UPDATE audit_events SET {column} WHERE number = 6");
        assert_eq!(after(&change), Err(6), "{column}");
    }
    let hash = "UPDATE audit_events SET hash = (SELECT hash FROM audit_events WHERE number = 5)
        WHERE number = 6";
    assert_eq!(after(hash), Err(6));
}

#[test]
fn events_that_were_removed_moved_or_put_between_are_found() {
    assert_eq!(after("DELETE FROM audit_events WHERE number = 6"), Err(6));
    assert_eq!(after("DELETE FROM audit_events WHERE number < 3"), Err(1));
    let swapped = "UPDATE audit_events SET number = 100 WHERE number = 4;
        UPDATE audit_events SET number = 4 WHERE number = 5;
        UPDATE audit_events SET number = 5 WHERE number = 100";
    assert_eq!(after(swapped), Err(4));
    let doubled = "INSERT INTO audit_events
        SELECT 11, form, id, created_at, event, result, actor_kind, actor_id, address, user_id,
            client_id, session_id, token_id, key_id, group_id, permission, detail, hash
        FROM audit_events WHERE number = 10";
    assert_eq!(after(doubled), Err(11));
    // What is gone from the end is known only by whoever kept its hash.
    assert_eq!(after("DELETE FROM audit_events WHERE number > 7"), Ok(7));
    assert_eq!(after("DELETE FROM audit_events"), Ok(0));
}

/// Whoever keeps a hash compares it with that of a later release: docs/audit.md says how it is made.
#[test]
fn the_hash_of_the_same_event_stays_what_it_is() {
    let (_database, store) = new_store(WriteMode::Direct);
    let entry = Entry::new(Action::Login).ended(Outcome::Failed);
    let write = store.write(move |tx| record(tx, id(1), &entry, &by_root(), at(0)));
    write.expect("writes");
    // python3 - <<'END'
    // from hashlib import sha256
    // t = lambda s: b"t" + len(s).to_bytes(8, "big") + s
    // i = lambda n: b"i" + n.to_bytes(8, "big")
    // row = [i(1), i(1), t(b"00000000-0000-0000-0000-000000000001"), i(0), t(b"login"), t(b"failed"),
    //        t(b"operator"), t(b"root")] + 8 * [b"n"] + [t(b"{}")]
    // print(sha256(t(b"audit_events") + b"x" + (32).to_bytes(8, "big") + bytes(32)
    //              + b"".join(row)).hexdigest())
    // END
    let listed = store.read(|connection| latest(connection, &EventFilter::default(), 1));
    assert_eq!(
        listed.expect("reads")[0].hash,
        "068c18c5429d77eedc08d37ef0b5ed9581e82b9925c03c6d57aad7e2e888aebd"
    );
}

#[test]
fn events_are_listed_by_account_action_and_time_forwards_and_from_the_end() {
    let (_database, store) = ten();
    let other = Entry::new(Action::Login).user(UserId(id(2)));
    let write = store.write(move |tx| record(tx, id(11), &other, &by_root(), at(3)));
    write.expect("writes");
    let numbers = |filter: &EventFilter, after: i64, limit: u32| {
        let found = store.read(|connection| list(connection, filter, after, limit));
        let found = found.expect("reads").into_iter();
        found.map(|event| event.number).collect::<Vec<_>>()
    };
    let last = |filter: &EventFilter, limit: u32| {
        let found = store.read(|connection| latest(connection, filter, limit));
        let found = found.expect("reads").into_iter();
        found.map(|event| event.number).collect::<Vec<_>>()
    };
    let all = EventFilter::default();
    assert_eq!(numbers(&all, 0, 3), [1, 2, 3]);
    assert_eq!(numbers(&all, 9, 3), [10, 11]);
    assert_eq!(last(&all, 2), [10, 11]);
    let user = |number| EventFilter {
        user: Some(UserId(id(number))),
        ..EventFilter::default()
    };
    // To it: 3, 6, 9; by it: every even one.
    assert_eq!(numbers(&user(0), 0, 100), [2, 3, 4, 6, 8, 9, 10]);
    assert_eq!(numbers(&user(0), 3, 2), [4, 6]);
    assert_eq!(last(&user(0), 3), [8, 9, 10]);
    assert_eq!(numbers(&user(2), 0, 100), [2, 5, 8, 11]);
    let logins = EventFilter {
        action: Some(Action::Login),
        ..user(2)
    };
    assert_eq!(numbers(&logins, 0, 100), [11]);
    let since = EventFilter {
        since: Some(at(9)),
        ..EventFilter::default()
    };
    assert_eq!(numbers(&since, 0, 100), [9, 10]);
    assert_eq!(last(&since, 100), [9, 10]);
    let since = EventFilter {
        since: Some(at(11)),
        ..EventFilter::default()
    };
    assert!(numbers(&since, 0, 100).is_empty());
}

#[test]
fn an_events_json_has_all_its_columns() {
    let (_database, store) = ten();
    let listed = store.read(|connection| latest(connection, &EventFilter::default(), 1));
    let json = serde_json::to_value(&listed.expect("reads")[0]).expect("serialises");
    let names: BTreeSet<&str> = json
        .as_object()
        .expect("is an object")
        .keys()
        .map(String::as_str)
        .collect();
    let columns: BTreeSet<&str> = hashed_columns!().split(", ").collect();
    let missing: Vec<_> = columns.difference(&names).collect();
    assert_eq!(missing, [&"form"]);
    assert_eq!(json["detail"]["name"], "B\u{ef}lling");
}

/// A change that is undone leaves no event, and the next one takes its number.
#[test]
fn what_is_rolled_back_leaves_no_event() {
    let (database, store) = ten();
    let undone = store.write(|tx| {
        let entry = Entry::new(Action::GroupAdded);
        record(tx, id(11), &entry, &by_root(), at(11))?;
        Err::<(), _>(StoreError::Refused)
    });
    assert!(matches!(undone, Err(StoreError::Refused)));
    assert_eq!(database.sql("SELECT count(*) FROM audit_events"), "10");
    let entry = Entry::new(Action::GroupAdded);
    let write = store.write(move |tx| record(tx, id(12), &entry, &by_root(), at(12)));
    write.expect("writes");
    assert_eq!(follow_all(&store, 1000), Ok(11));
}

/// Many writers, some in one commit and some that fail: one chain.
#[test]
fn writers_at_once_write_one_chain() {
    let (_database, store) = new_store(WriteMode::Grouped);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..20 {
                    let entry = Entry::new(Action::UserChanged);
                    let number = writer * 100 + number;
                    let written = store.write(move |tx| {
                        record(tx, id(number), &entry, &by_root(), at(number))?;
                        if number % 5 == 0 {
                            return Err(StoreError::Refused);
                        }
                        Ok(())
                    });
                    assert_eq!(written.is_err(), number % 5 == 0);
                }
            });
        }
    });
    assert_eq!(follow_all(&store, 7), Ok(8 * 16));
}

/// Migration 6 keeps what older releases wrote down, in its order.
#[test]
fn events_of_older_releases_are_carried_over_into_the_chain() {
    let (database, store) = new_store(WriteMode::Direct);
    database.sql(
        "CREATE TABLE audit_events_before (id TEXT, created_at BIGINT, event TEXT, user_id TEXT,
            client_id TEXT, session_id TEXT, key_id TEXT, address TEXT);
         INSERT INTO audit_events_before VALUES
            ('b', 5, 'key.promoted', NULL, NULL, NULL, 'k', NULL),
            ('a', 7, 'refresh_token.reused', 'u', 'c', 's', NULL, '::1')",
    );
    store.write(carry_over).expect("carries over");
    assert_eq!(follow_all(&store, 1), Ok(2));
    let listed = store.read(|connection| list(connection, &EventFilter::default(), 0, 9));
    let listed = listed.expect("reads");
    let seen: Vec<_> = listed
        .iter()
        .map(|event| {
            (
                event.id.as_str(),
                event.result.as_str(),
                event.actor_kind.as_str(),
            )
        })
        .collect();
    assert_eq!(seen, [("a", "failed", "anonymous"), ("b", "ok", "unknown")]);
    assert_eq!(listed[0].address.as_deref(), Some("::1"));
    assert_eq!(listed[1].key_id.as_deref(), Some("k"));
}
