//! Several nodes on one database.

use std::thread;

use crate::env::{Authd, TestEnv};

/// Decision 2, over several machines.
#[test]
fn what_one_node_is_told_is_true_at_the_others_next_verify() {
    let env = TestEnv::new();
    let (one, token) = env.signed_in();
    let other = env.authd();
    assert_eq!(other.verify(&token).status, 200);
    env.authctl(&["user", "disable", "ada@example.com", "--yes"])
        .succeeded();
    for node in [&other, &one] {
        node.verify(&token).is_problem(401, "invalid_token");
    }
}

#[test]
fn ten_nodes_that_start_at_once_migrate_once() {
    let env = TestEnv::new();
    let nodes: Vec<Authd> = thread::scope(|scope| {
        let starting: Vec<_> = (0..10)
            .map(|_| scope.spawn(|| env.authd_with(&["--migrate"], &[])))
            .collect();
        let started = starting
            .into_iter()
            .map(|node| node.join().expect("starts"));
        started.collect()
    });
    for node in &nodes {
        assert_eq!(node.get("/readyz").status, 200);
    }
    let steps = env.number("SELECT count(*) FROM schema_migrations");
    assert_eq!(
        steps,
        env.number("SELECT max(number) FROM schema_migrations")
    );
    assert_eq!(env.number("SELECT count(*) FROM signing_keys"), 1);
}
