//! What went wrong in services like this one, where no other test tells the story already.

use serde_json::{Value, json};

use crate::env::{Answer, PASSWORD};
use crate::forger::{Forger, claims_of, with};
use crate::oauth::Scene;

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("is a text")
}

impl Scene {
    /// Ada's pair of tokens, through no client.
    fn log_in(&self) -> Value {
        let answer = self.authd.try_login("ada@example.com", PASSWORD);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Whether each way of asking with a token as the caller's own finds it good, one answer a way.
    fn ask_all(&self, token: &str) -> Vec<(&'static str, Answer)> {
        let bearer = bearer(token);
        let own = [("Authorization", bearer.as_str())];
        let body = json!({"token": token});
        let introspected = format!("token={token}");
        vec![
            ("verify", self.authd.verify(token)),
            ("a body", self.authd.post_json("/auth/verify", &body)),
            ("me", self.authd.get_with("/auth/me", &own)),
            ("forward", self.authd.get_with("/auth/forward", &own)),
            ("sessions", self.authd.get_with("/auth/sessions", &own)),
            (
                "a client's own",
                self.authd.post(
                    "/oauth/introspect",
                    &[FORM, own[0]],
                    introspected.as_bytes(),
                ),
            ),
        ]
    }

    /// Whether a token is good for whom it may concern: introspection and a batch, which have an
    /// answer for both.
    fn is_good(&self, token: &str) -> bool {
        let known = self.introspect(&self.billing, token).body["active"] == true;
        let body = json!({"tokens": [token]});
        let batch = self.authd.post_json("/auth/verify/batch", &body);
        assert_eq!(batch.status, 200, "{batch:?}");
        assert_eq!(batch.body["results"][0]["active"], known, "{batch:?}");
        known
    }

    #[track_caller]
    fn is_refused_everywhere(&self, token: &str) {
        for (way, answer) in self.ask_all(token) {
            assert_eq!(answer.status, 401, "{way} {token} {answer:?}");
        }
        assert!(!self.is_good(token), "{token}");
    }
}

/// CVE-2026-11800 (Keycloak): the confusion of algorithms was closed on every path but one. Security
/// statements 1 to 3 on each path that takes a signed token.
#[test]
fn no_path_takes_a_token_of_another_algorithm_or_key() {
    let scene = Scene::new();
    let ours = Forger::with_active_key(&scene.env);
    let foreign = Forger::with_foreign_key(auth::tokens::KeyAlgorithm::EdDsa);
    let token = scene.log_in();
    let claims = claims_of(text(&token["access_token"]));
    assert!(scene.is_good(&ours.token(&ours.header(), &claims)));
    let alg = |name: &str| with(&ours.header(), "alg", Some(name.into()));
    let unsigned = ours.token(&alg("none"), &claims);
    let (unsigned, _) = unsigned.rsplit_once('.').expect("has parts");
    for forged in [
        format!("{unsigned}."),
        ours.token(&alg("none"), &claims),
        ours.token(&alg("HS256"), &claims),
        ours.token(&alg("ES256"), &claims),
        foreign.token(&ours.header(), &claims),
        foreign.token(&foreign.header(), &claims),
    ] {
        scene.is_refused_everywhere(&forged);
        let own = bearer(&forged);
        let logout = scene
            .authd
            .post("/auth/logout", &[("Authorization", &own)], b"");
        assert_eq!(logout.status, 401, "{forged} {logout:?}");
        // Nor is it a reason to revoke anything.
        scene.revoke(&scene.billing, &forged);
    }
    assert!(scene.is_good(text(&token["access_token"])));
}

/// CVE-2026-1529 (Keycloak): one kind of token was read without a look at its signature. A letter is
/// changed in every kind that there is, all along it. Security statement 53.
#[test]
fn no_kind_of_token_is_good_with_one_letter_changed() {
    let scene = Scene::new();
    let pair = scene.log_in();
    let through = scene.log_in_through(&scene.billing, &[]);
    let own = scene.post(
        "/oauth/token",
        &scene.billing.basic(),
        &[("grant_type", "client_credentials")],
    );
    let command = ["token", "add", "--name=ci", "--user=ada@example.com", "-q"];
    let api = scene.env.authctl(&command).succeeded().stdout;
    for good in [
        text(&pair["access_token"]),
        text(&own.body["access_token"]),
        text(&through["refresh_token"]),
        api.trim(),
    ] {
        assert_eq!(
            scene.introspect(&scene.billing, good).body["active"],
            true,
            "{good}"
        );
        // The last letter of base64url may hold bits that are none; any other counts.
        for at in (0..good.len() - 1).step_by(7) {
            let other = if &good[at..=at] == "A" { "B" } else { "A" };
            let changed = format!("{}{other}{}", &good[..at], &good[at + 1..]);
            let answer = scene.introspect(&scene.billing, &changed);
            assert_eq!(answer.text, r#"{"active":false}"#, "{at} {changed}");
        }
    }
    for at in 0..text(&pair["refresh_token"]).len() {
        let good = text(&pair["refresh_token"]);
        let other = if &good[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &good[..at], &good[at + 1..]);
        let answer = refresh(&scene, &changed);
        assert_eq!(answer.body["code"], "invalid_grant", "{at} {answer:?}");
    }
    assert_eq!(refresh(&scene, text(&pair["refresh_token"])).status, 200);
}

fn refresh(scene: &Scene, token: &str) -> Answer {
    let body = json!({"refresh_token": token});
    scene.authd.post_json("/auth/refresh", &body)
}

/// CVE-2026-1609, GHSA-wv3h-x6c4-r867 (Keycloak) and CVE-2023-22492 (Zitadel): a disabled user was
/// given tokens by a grant that nobody had thought of. Security statement 56: every one of them, and
/// every question about what was given before.
#[test]
fn a_disabled_user_gets_nothing_from_any_grant() {
    let scene = Scene::new();
    let pair = scene.log_in();
    let through = scene.log_in_through(&scene.billing, &[]);
    let command = ["token", "add", "--name=ci", "--user=ada@example.com", "-q"];
    let api = scene.env.authctl(&command).succeeded().stdout;
    scene
        .env
        .authctl(&["user", "disable", "ada@example.com", "--yes"])
        .succeeded();
    let again = scene.authd.try_login("ada@example.com", PASSWORD);
    assert_eq!(again.status, 401, "{again:?}");
    let by_client = json!({
        "email": "ada@example.com", "password": PASSWORD,
        "client_id": "billing", "client_secret": scene.billing.secret,
    });
    let by_client = scene.authd.post_json("/auth/login", &by_client);
    assert_eq!(by_client.status, 401, "{by_client:?}");
    let refused = refresh(&scene, text(&pair["refresh_token"]));
    assert_eq!(refused.body["code"], "invalid_grant", "{refused:?}");
    let refused = scene.post(
        "/oauth/token",
        &scene.billing.basic(),
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", text(&through["refresh_token"])),
        ],
    );
    assert_eq!(refused.body["error"], "invalid_grant", "{refused:?}");
    for token in [&pair, &through] {
        scene.is_refused_everywhere(text(&token["access_token"]));
    }
    scene.is_refused_everywhere(api.trim());
    let made = [
        "token",
        "add",
        "--name=other",
        "--user=ada@example.com",
        "-q",
    ];
    let made = scene.env.authctl(&made).succeeded().stdout;
    scene.is_refused_everywhere(made.trim());
}

/// CVE-2026-8922 (Keycloak): of two rules on the age of tokens, introspection knew one. Ours are
/// `tokens_valid_after` and the end of the session, and each counts alone.
#[test]
fn every_rule_that_ends_tokens_is_known_wherever_is_asked() {
    let scene = Scene::new();
    let first = scene.log_in();
    scene.env.sql("DELETE FROM sessions");
    scene.is_refused_everywhere(text(&first["access_token"]));

    let second = scene.log_in();
    assert!(scene.is_good(text(&second["access_token"])));
    let far = claims_of(text(&second["access_token"]))["exp"]
        .as_i64()
        .expect("is a number");
    scene.env.sql(&format!(
        "UPDATE users SET tokens_valid_after = {}",
        far * 1000
    ));
    scene.is_refused_everywhere(text(&second["access_token"]));
}

/// CVE-2025-48370 (Supabase): an id that was none went into a path. CVE-2025-71400 (better-auth): an
/// id was enough to delete what belongs to somebody else; security statement 60 in `sessions`.
#[test]
fn an_id_in_a_path_is_an_id_or_nothing() {
    let scene = Scene::new();
    let pair = scene.log_in();
    let own = bearer(text(&pair["access_token"]));
    let sid = claims_of(text(&pair["access_token"]))["sid"].clone();
    for id in [
        "..",
        "../x",
        "%2e%2e",
        "%2e%2e%2fme",
        "..%2f..%2fauth%2fme",
        "' OR '1'='1",
        "%27%20OR%20%271%27=%271",
        "%00",
        "*",
        "null",
        &format!("{}%20", text(&sid)),
        &"9".repeat(4000),
    ] {
        let path = format!("/auth/sessions/{}", id.replace(' ', "%20"));
        let headers = [("Authorization", own.as_str())];
        let answer = scene.authd.ask("DELETE", &path, &headers, "");
        assert!((400..500).contains(&answer.status), "{id} {answer:?}");
        assert!(scene.is_good(text(&pair["access_token"])), "{id}");
    }
    assert_eq!(scene.env.number("SELECT count(*) FROM sessions"), 1);
}

/// Security statement 34: whatever holds a token, or what is known of one, is kept by nobody on the
/// way (RFC 6749, section 5.1).
#[test]
fn answers_with_tokens_or_about_them_are_not_to_be_stored() {
    let scene = Scene::new();
    let login = scene.authd.try_login("ada@example.com", PASSWORD);
    let token = text(&login.body["access_token"]).to_owned();
    let refreshed = refresh(&scene, text(&login.body["refresh_token"]));
    let known = scene.authd.verify(&token);
    let tag = known.header("etag").to_owned();
    let own = bearer(&token);
    let again = [
        ("Authorization", own.as_str()),
        ("If-None-Match", tag.as_str()),
    ];
    let again = scene.authd.get_with("/auth/verify", &again);
    assert_eq!(again.status, 304, "{again:?}");
    let basic = scene.billing.basic();
    let post = |path: &str, parameters: &[(&str, &str)]| scene.post(path, &basic, parameters);
    let mut answers = vec![login, refreshed, known, again];
    answers.extend([
        post("/oauth/token", &[("grant_type", "client_credentials")]),
        post("/oauth/token", &[("grant_type", "nothing")]),
        post("/oauth/introspect", &[("token", &token)]),
        post("/oauth/introspect", &[("token", "nothing")]),
        post("/oauth/revoke", &[("token", "nothing")]),
        scene
            .authd
            .post_json("/auth/verify/batch", &json!({"tokens": [token]})),
        scene.authd.try_login("ada@example.com", "wrong"),
        refresh(&scene, "nothing"),
    ]);
    answers.extend(scene.ask_all(&token).into_iter().map(|(_, answer)| answer));
    answers.push(
        scene
            .authd
            .post("/auth/logout", &[("Authorization", &own)], b""),
    );
    for answer in answers {
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    }
}
