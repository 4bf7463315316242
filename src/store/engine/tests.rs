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
