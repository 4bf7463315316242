//! A service that keeps verdicts for as long as tokens live, and follows the feed of what ended.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::thread;
use std::time::{Duration, Instant};

use auth::tokens::KeyAlgorithm;
use serde_json::{Value, json};

use crate::env::{Authd, PASSWORD};
use crate::forger::{Forger, add_key, claims_of};
use crate::oauth::{Client, Scene};

/// Verdicts by token, and up to where the feed is known.
struct VerdictCache<'a> {
    authd: &'a Authd,
    credentials: String,
    kept: HashMap<String, Verdict>,
    cursor: i64,
}

/// What a verdict hangs on, as the feed names it.
struct Verdict {
    claims: Value,
    kid: Option<String>,
}

impl Verdict {
    /// Kind and id of everything whose change ends it.
    fn hangs_on(&self) -> impl Iterator<Item = (&str, &str)> {
        let claims = [
            ("session", "sid"),
            ("token", "jti"),
            ("user", "sub"),
            ("client", "sub"),
            ("client", "client_id"),
        ];
        let claims = claims
            .into_iter()
            .filter_map(|(kind, claim)| Some((kind, self.claims[claim].as_str()?)));
        claims.chain(self.kid.as_deref().map(|kid| ("key", kid)))
    }
}

impl<'a> VerdictCache<'a> {
    /// Follows from now on.
    fn new(authd: &'a Authd, client: &Client) -> Self {
        let mut cache = Self {
            authd,
            credentials: client.basic(),
            kept: HashMap::new(),
            cursor: 0,
        };
        cache.cursor = cache.feed("")["cursor"].as_i64().expect("is a number");
        cache
    }

    /// Has tokens verified, many at a time, and keeps the verdicts, which must be good.
    fn verify(&mut self, tokens: &[String]) {
        for part in tokens.chunks(256) {
            let answer = self.batch(part);
            for (token, result) in part.iter().zip(&answer) {
                assert_eq!(result["active"], true, "{token} {result}");
                let verdict = Verdict {
                    claims: result["claims"].clone(),
                    kid: kid_of(token),
                };
                self.kept.insert(token.clone(), verdict);
            }
        }
    }

    fn batch(&self, tokens: &[String]) -> Vec<Value> {
        let mut answer = self
            .authd
            .post_json("/auth/verify/batch", &json!({"tokens": tokens}));
        assert_eq!(answer.status, 200, "{}", answer.body["detail"]);
        match answer.body["results"].take() {
            Value::Array(results) => results,
            other => panic!("no list: {other}"),
        }
    }

    fn feed(&self, query: &str) -> Value {
        let path = format!("/auth/revocations{query}");
        let headers = [("Authorization", self.credentials.as_str())];
        let answer = self.authd.get_with(&path, &headers);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Waits for changes and drops what hangs on them.
    fn follow(&mut self) {
        let page = self.feed(&format!("?since={}&wait=5s", self.cursor));
        let changes = page["changes"].as_array().expect("is a list");
        let changed = changes.iter().map(|change| {
            let word = |name: &str| change[name].as_str().expect("is a text");
            (word("kind"), word("id"))
        });
        let changed: HashSet<(&str, &str)> = changed.collect();
        if !changed.is_empty() {
            self.kept
                .retain(|_, verdict| verdict.hangs_on().all(|it| !changed.contains(&it)));
        }
        self.cursor = page["cursor"].as_i64().expect("is a number");
    }

    /// Exactly these are dropped within a second after `end` is done, and they are good no more.
    #[track_caller]
    fn drops(&mut self, what: &str, tokens: &[String], end: impl FnOnce() + Send) {
        let before: BTreeSet<String> = self.kept.keys().cloned().collect();
        let is_there = |cache: &Self| tokens.iter().any(|token| cache.kept.contains_key(token));
        let took = thread::scope(|scope| {
            let ending = scope.spawn(|| {
                // While the follower waits already.
                thread::sleep(Duration::from_millis(300));
                end();
                Instant::now()
            });
            while is_there(self) {
                self.follow();
            }
            let dropped = Instant::now();
            dropped.saturating_duration_since(ending.join().expect("joins"))
        });
        assert!(took < Duration::from_secs(1), "{what}: {took:?}");
        let left: BTreeSet<String> = self.kept.keys().cloned().collect();
        let dropped: BTreeSet<&String> = before.difference(&left).collect();
        assert_eq!(dropped, tokens.iter().collect(), "{what}");
        let dropped: Vec<String> = dropped.into_iter().cloned().collect();
        for part in dropped.chunks(256) {
            let verdicts = self.batch(part);
            let is_ended = |verdict: &Value| *verdict == json!({"active": false});
            assert!(verdicts.iter().all(is_ended), "{what}");
        }
    }
}

fn kid_of(token: &str) -> Option<String> {
    let is_signed = token.matches('.').count() == 2;
    is_signed.then(|| text(&crate::forger::header_of(token)["kid"]))
}

fn text(value: &Value) -> String {
    value.as_str().expect("is a text").to_owned()
}

fn uuid(of: u32, number: usize) -> String {
    format!("0190{of:04x}-0000-7000-8000-{number:012x}")
}

/// Sessions of these users, so many of each, and so many tokens of each session: like one that authd
/// signed, and with its key.
fn sign_in(
    scene: &Scene,
    like: &str,
    users: &[String],
    (sessions, tokens): (usize, usize),
) -> Vec<String> {
    let forger = Forger::with_active_key(&scene.env);
    let mut claims = claims_of(like);
    let now_ms = claims["iat"].as_i64().expect("is a number") * 1000;
    let mut rows = Vec::new();
    let mut made = Vec::new();
    for (place, user) in users.iter().enumerate() {
        for number in 0..sessions {
            let sid = uuid(1, place * sessions + number);
            rows.push(format!("('{sid}', '{user}', 'pwd', {now_ms})"));
            for _ in 0..tokens {
                claims["sub"] = user.clone().into();
                claims["sid"] = sid.clone().into();
                claims["jti"] = uuid(2, made.len()).into();
                made.push(forger.token(&forger.header(), &claims));
            }
        }
    }
    scene.env.sql(&format!(
        "INSERT INTO sessions (id, user_id, method, created_at) VALUES {}",
        rows.join(", ")
    ));
    made
}

/// Security statement 40, and what the feed is for: ten thousand verdicts, each given by authd, of which
/// every kind of end drops in time what hangs on it, and nothing else.
#[test]
fn a_cache_of_ten_thousand_verdicts_drops_what_ends_within_a_second() {
    let scene = Scene::new();
    let (env, authd) = (&scene.env, &scene.authd);
    let users: Vec<String> = ["bob", "cora", "dan", "eve"]
        .iter()
        .map(|name| text(&env.add_user(&format!("{name}@example.com"), PASSWORD)["id"]))
        .collect();
    let ada = authd.login("ada@example.com", PASSWORD);
    let many = sign_in(&scene, &ada, &users, (500, 5));
    assert_eq!(many.len(), 10_000);
    let gateway = Client::add(env, "gateway", &[]);
    let own = text(&scene.own_token(&scene.billing, &[])["access_token"]);
    let command = ["token", "add", "--name", "x", "--user", "ada@example.com"];
    let made = env.authctl_json(&command).succeeded().json();
    let (api_token, api_token_id) = (text(&made["token"]), text(&made["api_token"]["id"]));
    let old_kid = add_key(env, KeyAlgorithm::Es256, "retired");
    let old = Forger::with_key_of(env, KeyAlgorithm::Es256);
    let of_old_key = old.token(&old.header(), &claims_of(&ada));

    let mut cache = VerdictCache::new(authd, &gateway);
    cache.verify(&many);
    let few = [
        ada.clone(),
        own.clone(),
        api_token.clone(),
        of_old_key.clone(),
    ];
    cache.verify(&few);
    assert_eq!(cache.kept.len(), 10_004);

    let ctl = |arguments: &[&str]| {
        env.authctl(arguments).succeeded();
    };
    let of = |tokens: &[String], claim: &str, value: &str| -> Vec<String> {
        let is_so = |token: &&String| claims_of(token)[claim] == value;
        tokens.iter().filter(is_so).cloned().collect()
    };
    let sid = uuid(1, 7);
    let of_session = of(&many, "sid", &sid);
    assert_eq!(of_session.len(), 5);
    let bobs: Vec<String> = of(&many, "sub", &users[0])
        .into_iter()
        .filter(|token| !of_session.contains(token))
        .collect();
    assert_eq!(bobs.len(), 2_495);
    for (what, tokens, command) in [
        (
            "a session",
            of_session.clone(),
            &["session", "revoke", &sid][..],
        ),
        (
            "a user",
            bobs,
            &["user", "disable", "bob@example.com", "--yes"],
        ),
        (
            "a token",
            vec![api_token],
            &["token", "revoke", &api_token_id, "--yes"],
        ),
        (
            "a key",
            vec![of_old_key],
            &["key", "revoke", &old_kid, "--yes"],
        ),
        (
            "a client",
            vec![own],
            &["client", "disable", "billing", "--yes"],
        ),
    ] {
        cache.drops(what, &tokens, || ctl(command));
    }
    // What it keeps is what authd says.
    let kept: Vec<String> = cache.kept.keys().cloned().collect();
    assert_eq!(kept.len(), 7_501);
    cache.verify(&kept);
}
