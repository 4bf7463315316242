//! The public keys of authd, kept for as long as it says.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use crate::error::Trouble;
use crate::settings::WhenDown;

/// Keys in a set at most.
const MAX_KEYS: usize = 100;
/// Seconds for which keys may be kept at most.
const MAX_AGE: u64 = 300;
/// Between two looks for a key that is not there: anybody can make up names of keys.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same after a look that failed.
const AGAIN: Duration = Duration::from_secs(1);

/// A public key; the algorithm is the key's, whatever a token says.
pub(crate) struct Key {
    pub(crate) key: DecodingKey,
    pub(crate) algorithm: Algorithm,
}

/// What is to be done for a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It is there.
    Nothing,
    /// It is there, and half its life is over: one fetches them anew, and the others go on.
    Renewal,
    /// It is not there, or too old: all wait.
    Wait,
}

/// The keys by their ids.
#[derive(Default)]
pub(crate) struct KeySet(RwLock<Kept>);

#[derive(Default)]
struct Kept {
    keys: HashMap<String, Arc<Key>>,
    fetched_at: Option<Instant>,
    max_age: Duration,
    ask_after: Option<Instant>,
    /// How often they were forgotten.
    forgotten: u64,
}

impl Kept {
    fn age(&self, now: Instant) -> Option<Duration> {
        self.fetched_at.map(|at| now.saturating_duration_since(at))
    }
}

/// Somebody asks for the keys. A request that is given up takes its future along, wherever that is.
pub(crate) struct Asking<'a> {
    keys: Option<&'a KeySet>,
    /// How often they had been forgotten before.
    forgotten: u64,
}

impl<'a> Asking<'a> {
    pub(crate) fn of(keys: &'a KeySet) -> Self {
        let forgotten = keys.forgotten();
        Self {
            keys: Some(keys),
            forgotten,
        }
    }

    /// It was answered, or not: nobody has gone. False: they were forgotten meanwhile, so that it does not count.
    pub(crate) fn done(mut self, answer: Option<(Vec<Value>, Duration)>, now: Instant) -> bool {
        let keys = self.keys.take();
        keys.is_some_and(|keys| keys.take(answer, self.forgotten, now))
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(keys) = self.keys {
            keys.unasked();
        }
    }
}

impl KeySet {
    pub(crate) fn need(&self, kid: &str, now: Instant) -> Need {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match kept.age(now) {
            Some(age) if kept.keys.contains_key(kid) && age < kept.max_age / 2 => Need::Nothing,
            Some(age) if kept.keys.contains_key(kid) && age < kept.max_age => Need::Renewal,
            _ => Need::Wait,
        }
    }

    /// Whether to ask for them now; whoever is told so does, and nobody else for a while.
    pub(crate) fn may_ask(&self, now: Instant) -> bool {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let may = kept.ask_after.is_none_or(|after| now >= after);
        if may {
            kept.ask_after = Some(now + PATIENCE);
        }
        may
    }

    fn forgotten(&self) -> u64 {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.forgotten
    }

    /// Takes what was answered, unless it was asked for before they were forgotten.
    fn take(&self, answer: Option<(Vec<Value>, Duration)>, forgotten: u64, now: Instant) -> bool {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.forgotten != forgotten {
            return false;
        }
        match answer {
            None => kept.ask_after = Some(now + AGAIN),
            Some((found, max_age)) => {
                kept.keys = found.into_iter().take(MAX_KEYS).filter_map(key).collect();
                (kept.fetched_at, kept.max_age) = (Some(now), max_age);
            }
        }
        true
    }

    /// Whoever asked is gone before the answer came: the next one may ask at once.
    fn unasked(&self) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.ask_after = None;
    }

    /// The key of this id, if authd has published it.
    pub(crate) fn find(
        &self,
        kid: &str,
        when_down: WhenDown,
        now: Instant,
    ) -> Result<Option<Arc<Key>>, Trouble> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_good = kept.age(now).is_some_and(|age| age < kept.max_age);
        if !is_good && (when_down == WhenDown::Refuse || kept.keys.is_empty()) {
            return Err(Trouble::OldKeys);
        }
        Ok(kept.keys.get(kid).cloned())
    }

    /// One of them was retired or revoked: none is used any more, however silent authd is ([`WhenDown::Serve`]), until
    /// they come in an answer that is asked for from now on.
    pub(crate) fn forget(&self) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let forgotten = kept.forgotten + 1;
        *kept = Kept {
            forgotten,
            ..Kept::default()
        };
    }
}

/// For how long a `Cache-Control` lets keys be kept.
pub(crate) fn max_age(cache_control: &str) -> Duration {
    let directives = cache_control
        .split(',')
        .filter_map(|one| one.trim().split_once('='));
    let mut ages = directives.filter(|(name, _)| name.eq_ignore_ascii_case("max-age"));
    let found = ages.find_map(|(_, value)| value.parse().ok());
    Duration::from_secs(found.unwrap_or(MAX_AGE).min(MAX_AGE))
}

/// A key of the set with its id, if it is one to check signatures with.
fn key(found: Value) -> Option<(String, Arc<Key>)> {
    let jwk: Jwk = serde_json::from_value(found).ok()?;
    let is_for_signatures = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        _ => return None,
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let kid = jwk.common.key_id.filter(|_| is_for_signatures)?;
    Some((kid, Arc::new(Key { key, algorithm })))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIFE: Duration = Duration::from_secs(60);

    fn set(kid: &str) -> (Vec<Value>, Duration) {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let keys = json!([
            "x", {},
            {"kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "no-x"},
            {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "for-encryption", "use": "enc"},
            {"kty": "OKP", "crv": "Ed25519", "x": x},
            {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid},
        ]);
        (keys.as_array().expect("is a list").clone(), LIFE)
    }

    fn answered(keys: &KeySet, answer: Option<(Vec<Value>, Duration)>, now: Instant) -> bool {
        Asking::of(keys).done(answer, now)
    }

    #[test]
    fn whoever_goes_before_the_answer_keeps_nobody_from_asking() {
        let (keys, now) = (KeySet::default(), Instant::now());
        assert!(keys.may_ask(now));
        let asking = Asking::of(&keys);
        assert!(!keys.may_ask(now));
        drop(asking);
        assert!(keys.may_ask(now));
        assert!(answered(&keys, Some(set("good")), now));
        assert!(!keys.may_ask(now));
    }

    #[test]
    fn only_public_keys_for_signatures_count() {
        let (keys, now) = (KeySet::default(), Instant::now());
        assert!(answered(&keys, Some(set("good")), now));
        assert_eq!(keys.0.read().expect("is whole").keys.len(), 1);
        assert!(matches!(
            keys.find("good", WhenDown::Refuse, now),
            Ok(Some(_))
        ));
    }

    #[test]
    fn they_are_kept_as_long_as_authd_says_and_five_minutes_at_most() {
        let seconds = |said: &str| max_age(said).as_secs();
        assert_eq!(seconds("public, max-age=10, max-age=x"), 10);
        assert_eq!(
            [seconds(""), seconds("max-age=x"), seconds("max-age=9000")],
            [300; 3]
        );
    }

    #[test]
    fn they_are_renewed_at_half_their_life_and_over_at_its_end() {
        let (keys, now) = (KeySet::default(), Instant::now());
        assert_eq!(keys.need("good", now), Need::Wait);
        assert!(answered(&keys, Some(set("good")), now));
        assert_eq!(keys.need("good", now), Need::Nothing);
        assert_eq!(keys.need("good", now + LIFE / 2), Need::Renewal);
        assert_eq!(keys.need("good", now + LIFE), Need::Wait);
        let found = keys.find("good", WhenDown::Refuse, now + LIFE);
        assert!(matches!(found, Err(Trouble::OldKeys)));
        let found = keys.find("good", WhenDown::Serve, now + LIFE);
        assert!(matches!(found, Ok(Some(_))));
    }

    #[test]
    fn names_that_are_made_up_do_not_make_us_ask() {
        let (keys, now) = (KeySet::default(), Instant::now());
        assert!(keys.may_ask(now));
        assert!(answered(&keys, Some(set("good")), now));
        assert_eq!(keys.need("made-up", now), Need::Wait);
        assert!(!keys.may_ask(now) && !keys.may_ask(now + PATIENCE / 2));
        assert!(keys.may_ask(now + PATIENCE));
        assert!(answered(&keys, None, now + PATIENCE));
        assert!(!keys.may_ask(now + PATIENCE) && keys.may_ask(now + PATIENCE + AGAIN));
    }

    #[test]
    fn a_key_that_is_taken_back_makes_us_ask_at_once() {
        let (keys, now) = (KeySet::default(), Instant::now());
        assert!(keys.may_ask(now));
        assert!(answered(&keys, Some(set("good")), now));
        keys.forget();
        assert!(keys.need("good", now) == Need::Wait && keys.may_ask(now));
    }

    #[test]
    fn keys_that_were_forgotten_serve_nobody_until_they_are_answered_anew() {
        let (keys, now) = (KeySet::default(), Instant::now());
        let is_there = || {
            [WhenDown::Refuse, WhenDown::Serve].map(|when_down| {
                keys.find("good", when_down, now)
                    .is_ok_and(|key| key.is_some())
            })
        };
        assert!(answered(&keys, Some(set("good")), now));
        assert_eq!(is_there(), [true, true]);
        keys.forget();
        assert_eq!(is_there(), [false, false]);
        // An answer that was on its way may have the key that was revoked.
        let on_its_way = Asking::of(&keys);
        keys.forget();
        assert!(!on_its_way.done(Some(set("good")), now));
        assert_eq!(is_there(), [false, false]);
        assert!(keys.may_ask(now));
        assert!(answered(&keys, Some(set("good")), now));
        assert_eq!(is_there(), [true, true]);
    }
}
