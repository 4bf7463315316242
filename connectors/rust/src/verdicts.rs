//! Verdicts that were given, as long as they are good for anything: bounded, and by the token's hash.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use serde_json::Value;

use crate::answers::{Change, Verification};
use crate::clock::unix_now;
use crate::settings::Settings;
use crate::token::Digest;

/// Changes that are remembered. Verdicts from before the oldest are dropped: nothing is known of them any more.
const MAX_CHANGES: usize = 50_000;
/// For how long a verdict is kept at most, whatever the token says.
pub(crate) const MAX_LIFE: Duration = Duration::from_secs(3600);

/// A verification, and for how long it serves.
pub(crate) struct Verdict {
    pub(crate) verification: Arc<Verification>,
    /// Before it was asked for.
    pub(crate) asked_at: Instant,
    /// It may stand for an answer until then.
    pub(crate) usable_until: Instant,
    /// It is dropped then; until then its tag saves an answer.
    until: Instant,
    /// The same by the clock on the wall, which goes on while a machine sleeps: seconds since 1970.
    expires_at: u64,
    /// What it hangs on beside the account, as changes are named.
    hangs_on: Vec<(&'static str, String)>,
    /// How many changes there had been when it was last held against them.
    seen: AtomicU64,
}

impl Verdict {
    /// What is to be kept of an answer; `usable`: for how long it may stand for another.
    pub(crate) fn new(
        verification: Arc<Verification>,
        kid: Option<String>,
        asked_at: Instant,
        usable: Duration,
    ) -> Self {
        let expiry = verification.claims.get("exp").and_then(Value::as_u64);
        let rest = expiry.map_or(MAX_LIFE, |exp| {
            Duration::from_secs(exp.saturating_sub(unix_now()))
        });
        let now = Instant::now();
        let until = now + rest.min(MAX_LIFE);
        let named = [
            ("session", "sid"),
            ("token", "jti"),
            ("client", "client_id"),
        ];
        let said = named.into_iter().filter_map(|(kind, claim)| {
            let id = verification.claim(claim)?.to_owned();
            Some((kind, id))
        });
        let hangs_on = said.chain(kid.map(|kid| ("key", kid))).collect();
        Self {
            verification,
            asked_at,
            usable_until: until.min(now + usable.min(MAX_LIFE)),
            until,
            expires_at: expiry.unwrap_or(u64::MAX),
            hangs_on,
            seen: AtomicU64::new(u64::MAX),
        }
    }
}

/// The verdicts of a verifier.
pub(crate) struct Verdicts {
    kept: Cache<Digest, Arc<Verdict>>,
    changes: Mutex<Changes>,
    /// How often something was heard.
    heard: AtomicU64,
    staleness: Duration,
}

#[derive(Default)]
struct Changes {
    /// By kind and id: when it was heard, and its version.
    latest: HashMap<(String, String), (Instant, i64)>,
    in_order: VecDeque<(Instant, (String, String))>,
    /// Nothing is known of what was asked for until then.
    horizon: Option<Instant>,
}

impl Verdicts {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            kept: Cache::new(settings.cache_size),
            changes: Mutex::default(),
            heard: AtomicU64::new(0),
            staleness: settings.replica_staleness,
        }
    }

    /// The verdict about this token, unless it is over or something that it hangs on has changed since; `hour`: the
    /// seconds since 1970.
    pub(crate) fn find(&self, key: &Digest, now: Instant, hour: u64) -> Option<Arc<Verdict>> {
        let found = self.kept.get(key)?;
        if now >= found.until || hour >= found.expires_at || self.is_overtaken(&found) {
            self.kept.remove(key);
            return None;
        }
        Some(found)
    }

    /// Each verdict is held against the changes once for each time that some were heard.
    fn is_overtaken(&self, found: &Verdict) -> bool {
        if found.seen.load(Ordering::Relaxed) == self.heard.load(Ordering::Acquire) {
            return false;
        }
        let changes = self.changes();
        let heard = self.heard.load(Ordering::Acquire);
        if changes.overtake(found, self.staleness) {
            return true;
        }
        drop(changes);
        found.seen.store(heard, Ordering::Relaxed);
        false
    }

    /// Keeps it; if there are too many, one that is seldom asked for goes.
    pub(crate) fn keep(&self, key: Digest, verdict: Verdict) {
        self.kept.insert(key, Arc::new(verdict));
    }

    /// Forgets what was said of this token.
    pub(crate) fn drop(&self, key: &Digest) {
        self.kept.remove(key);
    }

    /// Nothing that hangs on these, and was asked for until now, serves any longer.
    pub(crate) fn note(&self, heard: Vec<Change>) {
        if heard.is_empty() {
            return;
        }
        let mut changes = self.changes();
        let now = Instant::now();
        for change in heard {
            let name = (change.kind, change.id);
            changes.latest.insert(name.clone(), (now, change.version));
            changes.in_order.push_back((now, name));
        }
        changes.shorten(MAX_CHANGES, self.staleness);
        self.heard.fetch_add(1, Ordering::Release);
    }

    /// Nothing that was asked for until now serves any longer.
    pub(crate) fn begin_again(&self) {
        let mut changes = self.changes();
        changes.latest.clear();
        changes.in_order.clear();
        changes.horizon = Some(Instant::now() + self.staleness);
        self.kept.clear();
        self.heard.fetch_add(1, Ordering::Release);
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    fn overtake(&self, found: &Verdict, staleness: Duration) -> bool {
        if self
            .horizon
            .is_some_and(|horizon| found.asked_at <= horizon)
        {
            return true;
        }
        let latest =
            |kind: &str, id: &str| self.latest.get(&(kind.to_owned(), id.to_owned())).copied();
        let user = found.verification.user.as_ref();
        let version = user.and_then(|user| latest("user", &user.id));
        if version.is_some_and(|(_, version)| version > found.verification.version) {
            return true;
        }
        // What was on its way when the change came may be older than that, and a replica's answer even later.
        let mut times = found
            .hangs_on
            .iter()
            .filter_map(|(kind, id)| latest(kind, id));
        times.any(|(at, _)| found.asked_at <= at + staleness)
    }

    fn shorten(&mut self, most: usize, staleness: Duration) {
        while self.in_order.len() > most
            && let Some((at, name)) = self.in_order.pop_front()
        {
            let is_latest = self
                .latest
                .get(&name)
                .is_some_and(|(latest, _)| *latest == at);
            if is_latest {
                self.latest.remove(&name);
                self.horizon = self.horizon.max(Some(at + staleness));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: Digest = [1; 32];

    fn verification(exp: u64) -> Arc<Verification> {
        let user = json!({
            "id": "01a216a7-2e38-78af-8948-ad354d06575f", "email": "ada@example.com", "is_active": true,
            "version": 7, "groups": [], "fields": {},
        });
        let claims = json!({
            "sub": user["id"], "sid": "s", "jti": "j", "client_id": "c", "exp": exp,
        });
        let answer = json!({
            "active": true, "user": user, "permissions": [], "claims": claims, "version": 7, "max_age": 5,
        });
        let body = serde_json::to_vec(&answer).expect("is JSON");
        Arc::new(crate::answers::verification(&body, "").expect("is good"))
    }

    fn verdict() -> Verdict {
        let found = verification(unix_now() + 60);
        Verdict::new(found, Some("k".into()), Instant::now(), MAX_LIFE)
    }

    fn memory() -> Verdicts {
        Verdicts::new(&Settings::online("http://localhost"))
    }

    fn change(kind: &str, id: &str, version: i64) -> Change {
        Change {
            kind: kind.into(),
            id: id.into(),
            version,
        }
    }

    fn is_kept(memory: &Verdicts) -> bool {
        memory.find(&KEY, Instant::now(), unix_now()).is_some()
    }

    #[test]
    fn a_change_of_anything_it_hangs_on_overtakes_what_was_asked_before() {
        for (kind, id) in [
            ("session", "s"),
            ("token", "j"),
            ("client", "c"),
            ("key", "k"),
        ] {
            let memory = memory();
            memory.keep(KEY, verdict());
            memory.note(vec![
                change("session", "another", 1),
                change(kind, "another", 2),
            ]);
            assert!(is_kept(&memory), "{kind}");
            memory.note(vec![change(kind, id, 3)]);
            assert!(!is_kept(&memory), "{kind}");
            // What is asked after the change knows of it.
            std::thread::sleep(Duration::from_millis(1));
            memory.keep(KEY, verdict());
            assert!(is_kept(&memory), "{kind}");
        }
    }

    #[test]
    fn of_a_user_the_version_says_which_is_newer() {
        let memory = memory();
        memory.keep(KEY, verdict());
        memory.note(vec![change(
            "user",
            "01a216a7-2e38-78af-8948-ad354d06575f",
            7,
        )]);
        assert!(is_kept(&memory));
        memory.note(vec![change(
            "user",
            "01a216a7-2e38-78af-8948-ad354d06575f",
            8,
        )]);
        assert!(!is_kept(&memory));
    }

    #[test]
    fn an_answer_that_was_on_its_way_when_the_change_came_is_not_kept() {
        let memory = memory();
        let on_its_way = verdict();
        memory.note(vec![change("session", "s", 1)]);
        memory.keep(KEY, on_its_way);
        assert!(!is_kept(&memory));
    }

    #[test]
    fn where_replicas_answer_what_is_asked_soon_after_a_change_is_not_kept() {
        let stale = Settings::online("http://localhost").replica_staleness(Duration::from_secs(10));
        let memory = Verdicts::new(&stale);
        memory.note(vec![change("key", "k", 1)]);
        memory.keep(KEY, verdict());
        assert!(!is_kept(&memory));
    }

    #[test]
    fn of_changes_that_were_forgotten_nothing_older_is_trusted() {
        let memory = memory();
        memory.keep(KEY, verdict());
        let many = (0_i64..)
            .take(MAX_CHANGES + 1)
            .map(|one| change("token", &one.to_string(), one));
        memory.note(many.collect());
        assert!(!is_kept(&memory));
        assert_eq!(memory.changes().latest.len(), MAX_CHANGES);
    }

    #[test]
    fn nothing_is_kept_longer_than_its_token_nor_than_an_hour() {
        let memory = memory();
        let over = verification(unix_now() - 1);
        memory.keep(KEY, Verdict::new(over, None, Instant::now(), MAX_LIFE));
        assert!(!is_kept(&memory));
        let endless = verification(u64::MAX);
        memory.keep(
            KEY,
            Verdict::new(endless, None, Instant::now(), Duration::MAX),
        );
        assert!(is_kept(&memory));
        let after = memory.find(&KEY, Instant::now() + MAX_LIFE, unix_now());
        assert!(after.is_none());
    }

    #[test]
    fn a_machine_that_slept_takes_no_token_after_its_end() {
        let memory = memory();
        let exp = unix_now() + 60;
        let verdict = Verdict::new(verification(exp), None, Instant::now(), MAX_LIFE);
        memory.keep(KEY, verdict);
        assert!(memory.find(&KEY, Instant::now(), exp - 1).is_some());
        // What lasts did not go on.
        assert!(memory.find(&KEY, Instant::now(), exp).is_none());
        assert!(!is_kept(&memory));
    }

    #[test]
    fn after_a_gap_nothing_serves() {
        let memory = memory();
        let on_its_way = verdict();
        memory.keep(KEY, verdict());
        memory.begin_again();
        assert!(!is_kept(&memory));
        memory.keep(KEY, on_its_way);
        assert!(!is_kept(&memory));
    }

    #[test]
    fn there_are_so_many_and_no_more() {
        let memory = Verdicts::new(&Settings::online("http://localhost").cache_size(100));
        for number in 0..10_000_u32 {
            let mut key = KEY;
            key[..4].copy_from_slice(&number.to_le_bytes());
            memory.keep(key, verdict());
        }
        assert!(memory.kept.len() <= 110, "{}", memory.kept.len());
    }
}
