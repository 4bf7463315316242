//! Writing, alone and in company.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::MARGIN;
use crate::store::tests::{new_database, new_file_store, new_store, reason};
use crate::store::{Conn, DatabaseSettings, Reason, Store, StoreError, Tx, WriteMode};

fn bump(tx: &Tx<'_>) -> Result<i64, StoreError> {
    const SQL: &str = "UPDATE change_sequence SET value = value + 1 RETURNING value";
    tx.query_value(SQL, &[])
}

#[test]
fn concurrent_writes_all_happen_once() {
    let (_folder, store) = new_store(WriteMode::Grouped);
    let store = Arc::new(store);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                (0..50)
                    .map(|_| store.write(bump).expect("writes"))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let mut seen: Vec<i64> = threads
        .into_iter()
        .flat_map(|thread| thread.join().expect("joins"))
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=400).collect::<Vec<_>>());
}

#[test]
fn a_failed_write_leaves_nothing_and_spares_its_neighbours() {
    let (_folder, store) = new_store(WriteMode::Grouped);
    let failed = store.write(|tx| {
        bump(tx)?;
        Err::<(), _>(Reason::Full.into())
    });
    assert_eq!(reason(failed), Reason::Full);
    assert_eq!(store.write(bump).expect("writes"), 1);
}

/// Security statement 96, within one process.
#[test]
fn a_full_disk_fails_writes_alone_and_they_go_on_when_there_is_room() {
    let (_folder, store) = new_file_store(WriteMode::Grouped);
    let fill = |tx: &Tx<'_>| -> Result<(), StoreError> {
        bump(tx)?;
        tx.batch(
            "CREATE TABLE IF NOT EXISTS filler (x BLOB);
             INSERT INTO filler VALUES (zeroblob(100000))",
        )
    };
    let room =
        |pages: u32| store.write(move |tx| tx.batch(&format!("PRAGMA max_page_count = {pages}")));
    room(1).expect("no page more than there are");
    for _ in 0..3 {
        let full = store.write(fill);
        assert_eq!(reason(full), Reason::Full);
    }
    let value =
        |connection: &Conn| connection.query_value::<i64>("SELECT value FROM change_sequence", &[]);
    assert_eq!(store.read(value).expect("reads go on"), 0);
    room(1000).expect("there is room again");
    store.write(fill).expect("writes");
    assert_eq!(store.read(value).expect("reads"), 1);
}

#[test]
fn a_lock_held_past_the_time_out_fails_all_that_wait_in_time() {
    let (_folder, url) = new_database();
    let timeout = Duration::from_millis(300);
    let settings = DatabaseSettings::new(url.clone(), timeout);
    let store = Store::open(&settings, WriteMode::Grouped).expect("opens");
    // A server ends a change that does nothing for as long as its own time-out.
    let patient = DatabaseSettings::new(url, Duration::from_secs(60));
    let other = Store::open(&patient, WriteMode::Direct).expect("opens");
    let (locked, is_locked) = bounded(0);
    let (unlock, is_unlocked) = bounded::<()>(0);
    thread::scope(|scope| {
        let holder = scope.spawn(|| {
            other.write(move |_| {
                locked.send(()).expect("is awaited");
                // Nothing is ever sent: the other end is dropped.
                let _ = is_unlocked.recv();
                Ok(())
            })
        });
        is_locked.recv().expect("locks");
        let began = Instant::now();
        let waits = || {
            let plain = scope.spawn(|| store.write(bump));
            [
                plain,
                scope.spawn(|| store.write_while(bump, |value| value)),
            ]
        };
        let waiting: Vec<_> = (0..4).map(|_| waits()).collect();
        for write in waiting.into_iter().flatten() {
            // The first waits for the lock, the others for their turn.
            let reason = reason(write.join().expect("joins"));
            assert!(
                matches!(reason, Reason::Locked | Reason::TimedOut),
                "{reason}"
            );
        }
        assert!(
            began.elapsed() < timeout + 2 * MARGIN,
            "{:?}",
            began.elapsed()
        );
        drop(unlock);
        holder.join().expect("joins").expect("ends");
    });
    assert_eq!(store.write(bump).expect("writes"), 1);
}

#[test]
fn a_write_that_loses_the_transaction_is_not_acknowledged_and_says_why() {
    let (_folder, store) = new_store(WriteMode::Grouped);
    let lost = store.write(|tx| -> Result<(), StoreError> {
        bump(tx)?;
        tx.batch("ROLLBACK")?;
        Err(Reason::Full.into())
    });
    assert_eq!(reason(lost), Reason::Full);
    let swallowed = store.write(|tx| {
        bump(tx)?;
        tx.batch("ROLLBACK")
    });
    assert!(matches!(reason(swallowed), Reason::Failed(_)));
    assert_eq!(store.write(bump).expect("writes"), 1);
}

#[test]
fn what_was_made_of_a_write_while_it_was_committed_is_given_out_if_it_was() {
    for mode in [WriteMode::Grouped, WriteMode::Direct] {
        let (_folder, store) = new_store(mode);
        let made = store.write_while(bump, |value| value * 10);
        assert_eq!(made.expect("writes"), 10);
        let lost = store.write_while(
            |tx| {
                let value = bump(tx)?;
                tx.batch("ROLLBACK")?;
                Ok(value)
            },
            |value| value * 10,
        );
        assert!(lost.is_err(), "{lost:?}");
        let failed = store.write_while(
            |tx| bump(tx).and_then(|_| Err::<i64, _>(Reason::Full.into())),
            |value| value,
        );
        assert_eq!(reason(failed), Reason::Full);
        assert_eq!(store.write(bump).expect("writes"), 2);
    }
}

#[test]
fn a_panicking_write_is_reported_and_leaves_nothing() {
    let (_folder, store) = new_store(WriteMode::Grouped);
    let failed = store.write(|tx| -> Result<(), StoreError> {
        bump(tx)?;
        panic!("on purpose")
    });
    assert!(failed.is_err());
    assert_eq!(store.write(bump).expect("writes"), 1);
}
