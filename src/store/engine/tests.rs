//! What holds of every engine.

use super::*;
use crate::store::tests::{new_database, new_file};

#[test]
fn a_savepoint_that_cannot_be_released_takes_the_transaction_along() {
    let (_folder, url) = new_database();
    let connection = open(&url, Duration::from_secs(1)).expect("opens");
    let sequence = "UPDATE change_sequence SET value = value + 1";
    let outcome = transaction(&connection, |tx| {
        tx.execute(sequence, &[])?;
        let inner = savepoint(tx, |tx| {
            tx.execute(sequence, &[])?;
            tx.batch("RELEASE one")
        });
        assert!(inner.is_err());
        assert!(!tx.in_transaction(), "half a savepoint is not kept");
        Ok(())
    });
    assert!(outcome.is_err(), "there was nothing left to commit");
    let value: i64 = connection
        .query_value("SELECT value FROM change_sequence", &[])
        .expect("reads");
    assert_eq!(value, 0);
}

#[test]
fn a_snapshot_stays_what_it_is_while_others_write_and_writes_nothing() {
    let (_folder, url) = new_database();
    let opened = || open(&url, Duration::from_secs(1)).expect("opens");
    let (connection, other) = (opened(), opened());
    let value =
        |connection: &Conn| connection.query_value::<i64>("SELECT value FROM change_sequence", &[]);
    let sequence = "UPDATE change_sequence SET value = value + 1";
    let seen = snapshot(&connection, |connection| {
        let first = value(connection)?;
        transaction(&other, |tx| tx.execute(sequence, &[]))?;
        let seen = (first, value(connection)?);
        assert!(connection.execute(sequence, &[]).is_err(), "reads only");
        Ok(seen)
    });
    assert_eq!(seen.expect("reads"), (0, 0));
    assert_eq!(value(&connection).expect("reads"), 1, "it is over");
    transaction(&connection, |tx| tx.execute(sequence, &[])).expect("writes again");
}

#[test]
fn one_file_is_one_database_by_any_name() {
    let (database, url) = new_file();
    let (_other_database, other) = new_file();
    let link = database.folder().join("link.db");
    std::fs::hard_link(url.file().expect("is a file"), &link).expect("links");
    assert!(is_one_file(&url, &DatabaseUrl::Sqlite(link)));
    assert!(!is_one_file(&url, &other));
    let missing = DatabaseUrl::Sqlite(database.folder().join("new.db"));
    assert!(!is_one_file(&missing, &missing), "there is none");
}

#[test]
fn what_is_recalled_is_what_would_be_read() {
    let (_database, url) = new_database();
    let opened = || open(&url, Duration::from_secs(1)).expect("opens");
    let (connection, other) = (opened(), opened());
    let recalled = |question: u8| {
        let value = connection.recalled(&[question; 32], |connection| {
            connection.query_value::<i64>("SELECT value FROM change_sequence", &[])
        });
        *value.expect("reads")
    };
    let sequence = "UPDATE change_sequence SET value = value + 1";
    for round in 0..3 {
        assert_eq!(
            (recalled(1), recalled(1), recalled(2)),
            (round * 3, round * 3, round * 3)
        );
        transaction(&other, |tx| tx.execute(sequence, &[])).expect("writes");
        assert_eq!(
            recalled(1),
            round * 3 + 1,
            "another connection has committed"
        );
        transaction(&connection, |tx| tx.execute(sequence, &[])).expect("writes");
        assert_eq!(recalled(1), round * 3 + 2, "this one has");
        for connection in [&connection, &other] {
            let rolled_back = transaction(connection, |tx| {
                tx.execute(sequence, &[])?;
                recalled(1);
                Err::<(), _>(StoreError::from(Reason::Empty))
            });
            assert!(rolled_back.is_err());
        }
        assert_eq!(recalled(1), round * 3 + 2, "nothing was committed");
        transaction(&other, |tx| tx.execute(sequence, &[])).expect("writes");
    }
}

#[test]
fn a_look_at_the_state_counts_for_what_was_asked_before_it_and_for_nothing_else() {
    let (_database, url) = new_file();
    let opened = || open(&url, Duration::from_secs(1)).expect("opens");
    let (connection, other) = (opened(), opened());
    let commit = || {
        let sequence = "UPDATE change_sequence SET value = value + 1";
        transaction(&other, |tx| tx.execute(sequence, &[])).expect("writes");
    };
    let recalled = |asked: Instant| {
        let read = |connection: &Conn| {
            connection.query_value::<i64>("SELECT value FROM change_sequence", &[])
        };
        let value = answering(asked, || connection.recalled(&[7; 32], read));
        *value.expect("reads")
    };
    let together = (Instant::now(), Instant::now());
    assert_eq!(recalled(together.0), 0);
    commit();
    // Asked before the look: nothing had been committed then, and one look is enough for both.
    assert_eq!(recalled(together.1), 0);
    let later = Instant::now();
    assert_eq!(recalled(later), 1, "asked after the commit");
    commit();
    assert_eq!(recalled(later), 1);
    assert_eq!(recalled(Instant::now()), 2);
    commit();
    let unasked = connection.recalled(&[7; 32], |connection| {
        connection.query_value::<i64>("SELECT value FROM change_sequence", &[])
    });
    assert_eq!(
        *unasked.expect("reads"),
        3,
        "whoever does not say gets the latest"
    );
}

#[test]
fn nothing_is_asked_twice_of_a_file_that_nobody_changed() {
    let (_database, url) = new_file();
    let connection = open(&url, Duration::from_secs(1)).expect("opens");
    let asked = std::cell::Cell::new(0);
    for _ in 0..3 {
        let answer = connection.recalled(&[7; 32], |_| {
            asked.set(asked.get() + 1);
            Ok(asked.get())
        });
        assert_eq!(*answer.expect("is answered"), 1);
    }
    assert_eq!(asked.get(), 1);
    let failed = connection.recalled(&[8; 32], |_| Err::<i64, _>(Reason::Empty.into()));
    assert!(failed.is_err(), "a failure is no answer");
    let answer = connection.recalled(&[8; 32], |_| Ok(1_i64));
    assert_eq!(*answer.expect("is answered"), 1);
}
