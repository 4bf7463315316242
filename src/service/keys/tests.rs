//! The life of keys, with a clock that is moved.

use super::*;
use crate::domain::actor::Actor;
use crate::service::Services;
use crate::service::caretaker::Caretaker;
use crate::service::keys::lifecycle::{Key, LifecycleError, list, retire};
use crate::service::refresh::{self, Exchange};
use crate::service::trial::{KEYS, PASSWORD, Trial};
use crate::service::verification::Refusal;

fn keys_of(trial: &Trial) -> Vec<Key> {
    list(&trial.services.store).expect("reads")
}

/// The states of all keys, oldest first.
fn states(trial: &Trial) -> Vec<&'static str> {
    keys_of(trial).iter().map(|key| key.state).collect()
}

fn published(trial: &Trial) -> Vec<String> {
    let set = trial.services.public_jwks().expect("reads");
    let kids = set.keys.into_iter();
    kids.map(|key| key.common.key_id.expect("has one"))
        .collect()
}

fn kid_of(token: &str) -> String {
    crate::tokens::jws::claimed_kid(token)
        .expect("is a token")
        .expect("has one")
}

#[test]
fn a_new_key_is_published_before_it_signs_and_the_old_one_verifies_as_long_as_its_tokens_live() {
    let trial = Trial::new();
    let lifecycle = trial.services.lifecycle();
    let old = trial.token();
    trial.clock.advance_secs(1);
    let next = lifecycle.rotate().expect("makes one");
    assert_eq!(
        (next.state, states(&trial)),
        ("next", vec!["active", "next"])
    );
    assert_eq!(published(&trial), [kid_of(&old), next.kid.clone()]);
    assert!(matches!(
        lifecycle.rotate(),
        Err(LifecycleError::Waiting(kid)) if kid == next.kid
    ));

    trial.clock.advance_secs(KEYS.publish_before_secs - 1);
    lifecycle.tend().expect("tends");
    let last_of_old = trial.token();
    assert_eq!(kid_of(&last_of_old), kid_of(&old));
    trial.clock.advance_secs(1);
    lifecycle.tend().expect("tends");
    assert_eq!(states(&trial), ["retired", "active"]);
    let new = trial.token();
    assert_eq!(kid_of(&new), next.kid);
    for token in [&old, &last_of_old, &new] {
        assert_eq!(trial.refusal(token), None);
    }
    // Its last token is over before it is.
    trial.clock.advance_secs(KEYS.verify_after_secs - 1);
    assert_eq!(published(&trial).len(), 2);
    assert!(matches!(
        trial.refusal(&last_of_old),
        Some(Refusal::Token(_))
    ));
    trial.clock.advance_secs(1);
    assert_eq!(published(&trial), [next.kid]);
}

/// Others may keep the public keys: whoever fetched them just before a key was made has fetched
/// them again before it signs.
#[test]
fn nobody_keeps_the_keys_until_one_that_they_lack_signs() {
    for publish_before_secs in [2, 60, 600, 86_400] {
        let rules = KeyRules {
            publish_before_secs,
            ..KEYS
        };
        assert!(rules.max_age_secs() < publish_before_secs);
        assert!((1..=300).contains(&rules.max_age_secs()));
    }
    assert_eq!(KEYS.max_age_secs(), 300);
}

/// Keys are stored to the second; a second that has begun is not counted as a whole one.
#[test]
fn a_key_made_within_a_second_is_published_for_the_whole_time() {
    let trial = Trial::new();
    let lifecycle = trial.services.lifecycle();
    trial.clock.advance_millis(900);
    lifecycle.rotate().expect("makes one");
    trial.clock.advance_secs(KEYS.publish_before_secs - 1);
    trial.clock.advance_millis(999);
    lifecycle.tend().expect("tends");
    assert_eq!(states(&trial), ["active", "next"]);
    trial.clock.advance_millis(101);
    lifecycle.tend().expect("tends");
    assert_eq!(states(&trial), ["retired", "active"]);
}

#[test]
fn at_once_the_waiting_key_takes_over_or_a_new_one() {
    let trial = Trial::new();
    let lifecycle = trial.services.lifecycle();
    let old = trial.token();
    trial.clock.advance_secs(1);
    let next = lifecycle.rotate().expect("makes one");
    assert_eq!(lifecycle.rotate_now().expect("promotes").kid, next.kid);
    assert_eq!(kid_of(&trial.token()), next.kid);
    trial.clock.advance_secs(1);
    let another = lifecycle.rotate_now().expect("makes one");
    assert_eq!(kid_of(&trial.token()), another.kid);
    assert_eq!(trial.refusal(&old), None);
    assert_eq!(states(&trial), ["retired", "retired", "active"]);
}

/// Security statement 22, below the edges.
#[test]
fn a_retired_key_is_refused_at_once_and_the_signing_one_is_not_retired() {
    let trial = Trial::new();
    let (store, sources) = (&trial.services.store, &trial.services.sources);
    let root = Actor::operator("root");
    let old = trial.token();
    let kid = kid_of(&old);
    let signs = retire(store, sources, &root, &kid);
    assert!(matches!(signs, Err(LifecycleError::Signs(of)) if of == kid));
    trial.services.lifecycle().rotate_now().expect("rotates");
    let before = trial.count("SELECT count(*) FROM revocations WHERE kind = 'key'");
    let key = retire(store, sources, &root, &kid).expect("retires");
    assert_eq!(key.verifies_until, Some(trial.services.sources.clock.now()));
    assert_eq!(trial.refusal(&old), Some(Refusal::KeyRetired));
    assert_eq!(trial.refusal(&trial.token()), None);
    // Whoever follows is told, once.
    retire(store, sources, &root, &kid).expect("is retired already");
    let after = trial.count("SELECT count(*) FROM revocations WHERE kind = 'key'");
    assert_eq!(after, before + 1);
    let unknown = retire(store, sources, &root, "no key");
    assert!(matches!(unknown, Err(LifecycleError::NotFound(_))));
}

#[test]
fn a_revoked_key_that_signed_is_followed_by_another_in_the_same_moment() {
    let trial = Trial::new();
    let lifecycle = trial.services.lifecycle();
    let grant = trial.login(PASSWORD).expect("logs in");
    let kid = kid_of(&grant.access_token);
    trial.clock.advance_secs(1);
    let successor = lifecycle.revoke(&kid).expect("revokes");
    let successor = successor.expect("is followed").kid;
    assert_eq!(
        trial.refusal(&grant.access_token),
        Some(Refusal::KeyRetired)
    );
    assert_eq!(published(&trial), std::slice::from_ref(&successor));
    // The session goes on with a token of the other key.
    let exchange = Exchange {
        token: grant.refresh_token.expose(),
        client: None,
        scope: None,
        origin: crate::domain::session::Origin::default(),
    };
    let refreshed = refresh::refresh(&trial.services, exchange).expect("refreshes");
    assert_eq!(kid_of(&refreshed.access_token), successor);
    assert_eq!(trial.refusal(&refreshed.access_token), None);
    // No time brings it back, and a next key may be revoked, too.
    trial.clock.advance_secs(1);
    let next = lifecycle.rotate().expect("makes one").kid;
    assert_eq!(lifecycle.revoke(&next).expect("revokes"), None);
    assert_eq!(states(&trial), ["revoked", "active", "revoked"]);
    trial.clock.advance_secs(KEYS.publish_before_secs);
    lifecycle.tend().expect("tends");
    assert_eq!(kid_of(&trial.token()), successor);
    // Once is for good, and written down once.
    assert_eq!(lifecycle.revoke(&kid).expect("changes nothing"), None);
    let events = "SELECT count(*) FROM audit_events WHERE event = 'key.revoked'";
    assert_eq!(trial.count(events), 2);
}

#[test]
fn of_many_daemons_one_promotes_and_one_makes_the_next() {
    let trial = Trial::new();
    let rules = KeyRules {
        rotate_every_secs: Some(3600),
        ..KEYS
    };
    let daemons: Vec<Services> = (0..4).map(|_| trial.beside(rules)).collect();
    let tend_all = || {
        std::thread::scope(|scope| {
            for daemon in &daemons {
                scope.spawn(|| daemon.lifecycle().tend().expect("tends"));
            }
        });
    };
    tend_all();
    assert_eq!(states(&trial), ["active"]);
    trial.clock.advance_secs(3600 - KEYS.publish_before_secs);
    tend_all();
    assert_eq!(states(&trial), ["active", "next"]);
    trial.clock.advance_secs(KEYS.publish_before_secs);
    tend_all();
    assert_eq!(states(&trial), ["retired", "active"]);
    assert_eq!(
        trial.count("SELECT count(*) FROM audit_events WHERE event = 'key.promoted'"),
        1
    );
    // Its time counts from when it began to sign.
    trial
        .clock
        .advance_secs(3600 - KEYS.publish_before_secs - 1);
    tend_all();
    assert_eq!(states(&trial), ["retired", "active"]);
    trial.clock.advance_secs(1);
    tend_all();
    assert_eq!(states(&trial), ["retired", "active", "next"]);
}

#[test]
fn another_algorithm_begins_with_a_key_that_is_published_first() {
    let trial = Trial::new();
    let old = trial.token();
    for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::Rs256] {
        let daemon = trial.beside(KeyRules { algorithm, ..KEYS });
        let tend = || daemon.lifecycle().tend().expect("tends");
        tend();
        assert_ne!(states(&trial).last(), Some(&"next"));
        let next = daemon.lifecycle().rotate().expect("makes one");
        assert_eq!(next.algorithm, algorithm.name());
        assert_ne!(kid_of(&trial.token()), next.kid);
        trial.clock.advance_secs(KEYS.publish_before_secs);
        tend();
        let token = trial.token();
        assert_eq!(kid_of(&token), next.kid);
        assert_eq!(trial.refusal(&token), None);
        tend();
        assert_eq!(states(&trial).last(), Some(&"active"));
    }
    assert!(trial.refusal(&old).is_some());
}

#[test]
fn the_caretaker_promotes_and_prunes_by_itself() {
    let trial = Trial::new();
    let services = std::sync::Arc::new(trial.beside(KEYS));
    trial.token();
    trial.clock.advance_secs(1);
    services.lifecycle().rotate().expect("makes one");
    trial.clock.advance_secs(365 * 24 * 3600);
    let caretaker = Caretaker::start(std::sync::Arc::clone(&services)).expect("starts");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let is_done = || {
        states(&trial) == ["retired", "active"] && trial.count("SELECT count(*) FROM sessions") == 0
    };
    while !is_done() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop(caretaker);
}

/// What hangs on the secret besides the keys follows it, also where no key is due.
#[test]
fn a_daemon_notices_that_the_secret_was_changed_though_nothing_else_is_due() {
    let trial = Trial::new();
    let daemon = std::sync::Arc::new(trial.beside(KEYS));
    let source = SecretKeySource::File(trial.secret_file());
    let (store, sources) = (&trial.services.store, &trial.services.sources);
    let root = Actor::operator("root");
    crate::service::secret_rotation::rotate(store, &source, None, sources, &root).expect("rotates");
    assert!(matches!(
        daemon.lifecycle().tend(),
        Err(LifecycleError::Keys(KeysError::WrongSecret(_)))
    ));
    let caretaker = Caretaker::start(std::sync::Arc::clone(&daemon)).expect("starts");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while daemon.lifecycle().tend().is_err() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop(caretaker);
    // A daemon that starts now makes the same successors.
    let token = trial.login(PASSWORD).expect("logs in").refresh_token;
    let next = |services: &Services| {
        let exchange = Exchange {
            token: token.expose(),
            client: None,
            scope: None,
            origin: crate::domain::session::Origin::default(),
        };
        let grant = refresh::refresh(services, exchange).expect("is refreshed");
        grant.refresh_token.expose().to_owned()
    };
    assert_eq!(next(&daemon), next(&trial.beside(KEYS)));
}

#[test]
fn keys_are_made_with_the_secret_alone_that_opens_the_others() {
    let trial = Trial::new();
    let store = &trial.services.store;
    let other = SecretKeySource::given(&"0".repeat(64)).expect("is a secret");
    assert!(matches!(
        unsealing(store, &other),
        Err(KeysError::WrongSecret(_))
    ));
}

/// Shared secrets and public keys are never good side by side (RFC 8725, section 3.1).
#[test]
fn a_shared_secret_takes_over_alone_and_is_published_nowhere() {
    let trial = Trial::new();
    let old = trial.token();
    let daemon = trial.beside(KeyRules {
        algorithm: KeyAlgorithm::Hs256,
        ..KEYS
    });
    trial.clock.advance_secs(1);
    daemon.lifecycle().rotate().expect("makes one");
    assert_eq!(states(&trial), ["active", "next"]);
    assert_eq!(published(&trial), [kid_of(&old)]);
    let still = trial.token();
    assert_eq!(kid_of(&still), kid_of(&old));
    trial.clock.advance_secs(KEYS.publish_before_secs);
    daemon.lifecycle().tend().expect("tends");
    let shared = trial.token();
    assert_eq!(
        crate::tokens::jws::claimed_kid(&shared).expect("reads"),
        keys_of(&trial).last().map(|key| key.kid.clone())
    );
    assert_eq!(trial.refusal(&shared), None);
    assert!(trial.refusal(&still).is_some());
    assert!(published(&trial).is_empty());
    // And back, by a daemon with the usual algorithm.
    trial.clock.advance_secs(1);
    trial.services.lifecycle().rotate().expect("makes one");
    assert_eq!(published(&trial).len(), 1);
    assert_eq!(trial.refusal(&shared), None);
    trial.clock.advance_secs(KEYS.publish_before_secs);
    trial.services.lifecycle().tend().expect("tends");
    assert!(trial.refusal(&shared).is_some());
    assert_eq!(trial.refusal(&trial.token()), None);
    assert_eq!(states(&trial), ["retired", "retired", "active"]);
}
