//! Whatever ended is inactive at introspection and refused by verify, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::env::PASSWORD;
use crate::forger::header_of;
use crate::oauth::{Client, Scene};

const ADA: &str = "ada@example.com";

/// One token of each kind, by the name of the kind.
type Tokens = BTreeMap<&'static str, String>;

/// A login without a client, and through one; with the refresh token of that.
const SESSIONS: [&str; 3] = ["direct", "through", "refresh"];

/// One of each kind, all good, and who asks about them.
struct Stage {
    scene: Scene,
    asker: Client,
    tokens: Tokens,
    /// Of the API tokens.
    ids: BTreeMap<&'static str, String>,
}

fn text(value: &Value) -> String {
    value.as_str().expect("is a text").to_owned()
}

impl Stage {
    fn new() -> Self {
        let scene = Scene::new();
        let asker = Client::add(&scene.env, "asker", &[]);
        let through = scene.log_in_through(&scene.billing, &[]);
        let own = scene.own_token(&scene.billing, &[]);
        let mut ids = BTreeMap::new();
        let mut api_token = |name: &'static str, owner: [&str; 2]| {
            let command = [&["token", "add", "--name", name], &owner[..]].concat();
            let made = scene.env.authctl_json(&command).succeeded().json();
            ids.insert(name, text(&made["api_token"]["id"]));
            (name, text(&made["token"]))
        };
        let tokens = BTreeMap::from([
            ("direct", scene.authd.login(ADA, PASSWORD)),
            ("through", text(&through["access_token"])),
            ("refresh", text(&through["refresh_token"])),
            ("client's own", text(&own["access_token"])),
            api_token("user's API token", ["--user", ADA]),
            api_token("client's API token", ["--client", "billing"]),
        ]);
        let stage = Self {
            scene,
            asker,
            tokens,
            ids,
        };
        assert_eq!(stage.ended(), BTreeSet::new());
        stage
    }

    /// Which of the tokens are not good any more: introspection says so to the byte, and verify agrees.
    fn ended(&self) -> BTreeSet<&'static str> {
        let is_ended = |(name, token): &(&&'static str, &String)| {
            // A refresh token is the business of its client alone.
            if **name == "refresh" {
                let billing = self.scene.billing.basic();
                let answer =
                    self.scene
                        .post("/oauth/introspect", &billing, &[("token", token.as_str())]);
                // A client that is gone is told nothing of what was its own.
                return answer.status == 401 || is_inactive(&answer.text);
            }
            let said = self.scene.introspect(&self.asker, token).text;
            let status = self.scene.authd.verify(token).status;
            assert_eq!(status == 401, is_inactive(&said), "{name}: {status} {said}");
            let body = json!({"tokens": [token]});
            let batch = self.scene.authd.post_json("/auth/verify/batch", &body);
            let is_good = &batch.body["results"][0]["active"];
            assert_eq!(*is_good, status == 200, "{name}: {batch:?}");
            status == 401
        };
        let ended = self.tokens.iter().filter(is_ended);
        ended.map(|(name, _)| *name).collect()
    }

    fn ctl(&self, arguments: &[&str]) {
        self.scene.env.authctl(arguments).succeeded();
    }

    fn ask(&self, method: &str, path: &str, token: &str, body: &str) {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let answer = self
            .scene
            .authd
            .ask(method, path, &headers, body.as_bytes());
        assert_eq!(answer.status, 204, "{answer:?}");
    }
}

fn is_inactive(said: &str) -> bool {
    let is_inactive = said == r#"{"active":false}"#;
    assert!(
        is_inactive || said.starts_with(r#"{"active":true,"#),
        "{said}"
    );
    is_inactive
}

/// This ends these, and nothing else.
#[track_caller]
fn ends(end: impl FnOnce(&Stage), kinds: &[&str]) {
    let stage = Stage::new();
    end(&stage);
    assert_eq!(stage.ended(), kinds.iter().copied().collect());
}

/// Security statement 31, and CVE-2026-68481: ended by the user.
#[test]
fn what_a_user_ends_is_inactive_and_nothing_else_is() {
    let log_out = |body: &'static str| {
        move |stage: &Stage| stage.ask("POST", "/auth/logout", &stage.tokens["direct"], body)
    };
    ends(log_out(""), &["direct"]);
    ends(log_out(r#"{"all": true}"#), &SESSIONS);
    ends(log_out(r#"{"others": true}"#), &["through", "refresh"]);
}

/// Security statement 31, and CVE-2026-68481: ended by an administrator, for one account.
#[test]
fn what_an_administrator_ends_for_a_user_is_inactive_and_nothing_else_is() {
    ends(
        |stage| stage.ctl(&["session", "revoke", "--user", ADA, "--yes"]),
        &SESSIONS,
    );
    ends(
        |stage| {
            stage.scene.env.add_user("root@example.com", PASSWORD);
            stage.ctl(&["user", "set", "root@example.com", "--superuser", "true"]);
            let root = stage.scene.authd.login("root@example.com", PASSWORD);
            let ada = stage.scene.authd.verify(&stage.tokens["direct"]);
            let id = text(&ada.body["user"]["id"]);
            stage.ask("DELETE", &format!("/users/{id}/sessions"), &root, "");
        },
        &SESSIONS,
    );
    let all = [&SESSIONS[..], &["user's API token"]].concat();
    let passwd = ["user", "passwd", ADA, "--password-stdin"];
    ends(
        |stage| {
            let set = stage
                .scene
                .env
                .authctl_reading("violet lantern orbits quartz", &passwd);
            set.succeeded();
        },
        &all,
    );
    ends(|stage| stage.ctl(&["user", "disable", ADA, "--yes"]), &all);
    ends(|stage| stage.ctl(&["user", "delete", ADA, "--yes"]), &all);
}

/// Security statement 31, and CVE-2026-68481: API tokens and a client's own.
#[test]
fn what_is_ended_for_a_client_or_a_script_is_inactive_and_nothing_else_is() {
    for kind in ["user's API token", "client's API token"] {
        let revoke = |stage: &Stage| stage.ctl(&["token", "revoke", &stage.ids[kind], "--yes"]);
        ends(revoke, &[kind]);
    }
    for kind in ["client's own", "client's API token", "through"] {
        let revoke = |stage: &Stage| {
            let billing = &stage.scene.billing;
            stage.scene.revoke(billing, &stage.tokens[kind]);
        };
        ends(revoke, &[kind]);
    }
    let by_refresh = |stage: &Stage| {
        let billing = &stage.scene.billing;
        stage.scene.revoke(billing, &stage.tokens["refresh"]);
    };
    ends(by_refresh, &["through", "refresh"]);
    let own = ["client's own", "client's API token"];
    let all = [&own[..], &["through", "refresh"]].concat();
    let disable = ["client", "disable", "billing", "--yes"];
    ends(|stage| stage.ctl(&disable), &all);
    let delete = ["client", "delete", "billing", "--yes"];
    ends(|stage| stage.ctl(&delete), &all);
}

/// Security statement 31, and CVE-2026-68481: everything that one key has signed.
#[test]
fn what_a_revoked_key_has_signed_is_inactive_and_nothing_else_is() {
    ends(
        |stage| {
            let kid = text(&header_of(&stage.tokens["direct"])["kid"]);
            stage.ctl(&["key", "revoke", &kid, "--yes"]);
        },
        &["direct", "through", "client's own"],
    );
}
