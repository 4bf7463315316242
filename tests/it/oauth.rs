//! `/oauth/...` as other services meet it: getting tokens, asking about them, ending them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::env::{Answer, Authd, PASSWORD, TestEnv};
use crate::forger::{Forger, claims_of, with};

/// What every token that is not good is answered with, to the byte.
const INACTIVE: &str = r#"{"active":false}"#;

/// A daemon, an account, and two clients: `billing`, whose audience is the usual one, and `stock`,
/// which has another.
pub(crate) struct Scene {
    pub(crate) env: TestEnv,
    pub(crate) authd: Authd,
    pub(crate) billing: Client,
    pub(crate) stock: Client,
}

/// A client's id and secret.
pub(crate) struct Client {
    id: &'static str,
    pub(crate) secret: String,
}

impl Client {
    /// Adds one to the database.
    pub(crate) fn add(env: &TestEnv, id: &'static str, more: &[&str]) -> Self {
        let command = [&["client", "add", id, "-q"], more].concat();
        let secret = env.authctl(&command).succeeded().stdout;
        let secret = secret.trim().to_owned();
        Self { id, secret }
    }

    pub(crate) fn basic(&self) -> String {
        basic(self.id, &self.secret)
    }
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// Parameters as a form.
fn form(parameters: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let letter = |byte: u8| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(letter).collect()
    };
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With these variables in the daemon's environment.
    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        let env = TestEnv::new();
        env.add_user("ada@example.com", PASSWORD);
        let billing = Client::add(&env, "billing", &["--scope", "read write"]);
        let stock = Client::add(&env, "stock", &["--audience", "https://stock.example.com"]);
        Self {
            authd: env.authd_with(&[], variables),
            billing,
            stock,
            env,
        }
    }

    /// A form, sent with this `Authorization`.
    pub(crate) fn post(
        &self,
        path: &str,
        authorization: &str,
        parameters: &[(&str, &str)],
    ) -> Answer {
        let headers = [FORM, ("Authorization", authorization)];
        self.authd.post(path, &headers, form(parameters).as_bytes())
    }

    /// A form without `Authorization`.
    fn post_plain(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.authd.post(path, &[FORM], form(parameters).as_bytes())
    }

    pub(crate) fn introspect(&self, caller: &Client, token: &str) -> Answer {
        let answer = self.post("/oauth/introspect", &caller.basic(), &[("token", token)]);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            answer.header("content-type"),
            "application/json; charset=utf-8"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        answer
    }

    #[track_caller]
    pub(crate) fn is_active(&self, token: &str) -> Value {
        let answer = self.introspect(&self.billing, token);
        assert_eq!(answer.body["active"], true, "{answer:?}");
        answer.body
    }

    #[track_caller]
    pub(crate) fn is_inactive(&self, token: &str) {
        assert_eq!(self.introspect(&self.billing, token).text, INACTIVE);
    }

    pub(crate) fn revoke(&self, caller: &Client, token: &str) {
        let answer = self.post("/oauth/revoke", &caller.basic(), &[("token", token)]);
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        assert_eq!(answer.header("cache-control"), "no-store");
    }

    /// A token of a client's own.
    pub(crate) fn own_token(&self, client: &Client, more: &[(&str, &str)]) -> Value {
        let parameters = [&[("grant_type", "client_credentials")], more].concat();
        let answer = self.post("/oauth/token", &client.basic(), &parameters);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("pragma"), "no-cache");
        answer.body
    }

    /// The tokens of a login through a client.
    pub(crate) fn log_in_through(&self, client: &Client, more: &[(&str, &str)]) -> Value {
        let mut body = json!({
            "email": "ada@example.com", "password": PASSWORD,
            "client_id": client.id, "client_secret": client.secret,
        });
        for (name, value) in more {
            body[*name] = (*value).into();
        }
        let answer = self.authd.post_json("/auth/login", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    fn refresh(&self, client: &Client, token: &str, more: &[(&str, &str)]) -> Answer {
        let own = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post("/oauth/token", &client.basic(), &[&own, more].concat())
    }
}

#[track_caller]
fn is_error(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.body["error"], error, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        "application/json; charset=utf-8"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.body["error_description"].is_string());
}

fn text(value: &Value) -> &str {
    value.as_str().expect("is a text")
}

/// Security statement 23.
#[test]
fn a_client_gets_a_token_of_its_own_that_names_it() {
    let scene = Scene::new();
    let given = scene.own_token(&scene.billing, &[]);
    assert_eq!(given["token_type"], "Bearer");
    assert_eq!(given["expires_in"], 900);
    assert_eq!(given["scope"], "read write");
    assert_eq!(given.get("refresh_token"), None);
    let token = text(&given["access_token"]);
    let header = crate::forger::header_of(token);
    assert_eq!(header["typ"], "at+jwt");
    let claims = claims_of(token);
    let mut names: Vec<&String> = claims.as_object().expect("is an object").keys().collect();
    names.sort();
    let expected = [
        "aud",
        "client_id",
        "exp",
        "iat",
        "iss",
        "jti",
        "scope",
        "sub",
    ];
    assert_eq!(names, expected);
    assert_eq!(claims["sub"], "billing");
    assert_eq!(claims["client_id"], "billing");
    let answer = scene.authd.verify(token);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["user"], Value::Null);
    assert_eq!(answer.body["client"]["id"], "billing");
    // It stands for no user.
    let bearer = format!("Bearer {token}");
    let answer = scene
        .authd
        .get_with("/auth/me", &[("Authorization", &bearer)]);
    assert_eq!(answer.status, 403);
}

#[test]
fn a_client_gets_no_more_than_it_has() {
    let scene = Scene::new();
    let given = scene.own_token(&scene.billing, &[("scope", "read")]);
    assert_eq!(given["scope"], "read");
    let given = scene.own_token(&scene.stock, &[("resource", "https://stock.example.com")]);
    let claims = claims_of(text(&given["access_token"]));
    assert_eq!(claims["aud"], "https://stock.example.com");
    assert_eq!(claims.get("scope"), None);
    for (name, value, error) in [
        ("scope", "read admin", "invalid_scope"),
        ("scope", "\"", "invalid_scope"),
        ("resource", "https://stock.example.com", "invalid_target"),
        ("resource", "http://localhost:8000/", "invalid_target"),
    ] {
        let parameters = [("grant_type", "client_credentials"), (name, value)];
        let answer = scene.post("/oauth/token", &scene.billing.basic(), &parameters);
        is_error(&answer, 400, error);
    }
}

#[test]
fn an_unknown_grant_is_unsupported_and_a_missing_one_invalid() {
    let scene = Scene::new();
    let caller = scene.billing.basic();
    for grant in ["password", "authorization_code", "client_credentials "] {
        let answer = scene.post("/oauth/token", &caller, &[("grant_type", grant)]);
        is_error(&answer, 400, "unsupported_grant_type");
    }
    for none in [&[][..], &[("grant_type", "")], &[("grant", "password")]] {
        is_error(
            &scene.post("/oauth/token", &caller, none),
            400,
            "invalid_request",
        );
    }
    let twice = "grant_type=client_credentials&grant_type=client_credentials";
    let headers = [FORM, ("Authorization", &caller)];
    let answer = scene.authd.post("/oauth/token", &headers, twice.as_bytes());
    is_error(&answer, 400, "invalid_request");
}

const ENDPOINTS: [&str; 3] = ["/oauth/introspect", "/oauth/revoke", "/oauth/token"];

/// Security statement 27, at each endpoint; whatever the token.
#[test]
fn whoever_is_no_client_is_told_so_whatever_the_token() {
    let scene = Scene::new();
    let token = scene.authd.login("ada@example.com", PASSWORD);
    let Client { id, secret } = &scene.billing;
    let off = scene.env.authctl(&["client", "add", "off", "-q"]).stdout;
    let off = off.trim().to_owned();
    let disabled = ["client", "disable", "off", "--yes"];
    scene.env.authctl(&disabled).succeeded();
    let wrong = [
        basic(id, "wrong"),
        basic(id, ""),
        basic("", ""),
        basic("nobody", secret),
        basic("BILLING", secret),
        basic("off", &off),
        basic("stock", secret),
        basic(id, &secret[..secret.len() - 1]),
        basic(id, &format!("{secret}A")),
        format!("Digest username=\"{id}\""),
    ];
    let challenged = |answer: &Answer| {
        is_error(answer, 401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"authd\"");
    };
    let mut texts = Vec::new();
    for path in ENDPOINTS {
        for token in [token.as_str(), "garbage", ""] {
            let grant = ("grant_type", "client_credentials");
            for wrong in &wrong {
                let answer = scene.post(path, wrong, &[("token", token), grant]);
                challenged(&answer);
                texts.push(answer.text);
            }
            challenged(&scene.post_plain(path, &[("token", token), grant]));
            for pair in [(*id, "wrong"), ("nobody", secret.as_str())] {
                let own = [("client_id", pair.0), ("client_secret", pair.1)];
                challenged(&scene.post_plain(path, &[&own[..], &[grant]].concat()));
            }
            challenged(&scene.post_plain(path, &[("client_id", id), grant]));
        }
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "one answer for all: {texts:?}");
}

#[test]
fn a_client_shows_itself_in_one_way_at_a_time() {
    let scene = Scene::new();
    let token = scene.authd.login("ada@example.com", PASSWORD);
    let Client { id, secret } = &scene.billing;
    let by_form = [("client_id", *id), ("client_secret", secret.as_str())];
    let own = scene.own_token(&scene.billing, &[]);
    let bearer = format!("Bearer {}", text(&own["access_token"]));
    for path in ENDPOINTS {
        let rest = [
            ("token", token.as_str()),
            ("grant_type", "client_credentials"),
        ];
        for two in [&scene.billing.basic(), &bearer] {
            let answer = scene.post(path, two, &[&by_form[..], &rest].concat());
            is_error(&answer, 400, "invalid_request");
            let answer = scene.post(path, two, &[&by_form[1..], &rest].concat());
            is_error(&answer, 400, "invalid_request");
        }
        // The id alone shows nothing: it may repeat what the header says, and nothing else.
        let basic = scene.billing.basic();
        let answer = scene.post(
            path,
            &basic,
            &[&[("client_id", "stock")], &rest[..]].concat(),
        );
        is_error(&answer, 400, "invalid_request");
        let headers = [FORM, ("Authorization", &basic), ("Authorization", &basic)];
        let answer = scene.authd.post(path, &headers, form(&rest).as_bytes());
        is_error(&answer, 400, "invalid_request");
        for malformed in ["Basic !", "Basic", "Bearer a b", "Bearer"] {
            is_error(&scene.post(path, malformed, &rest), 400, "invalid_request");
        }
    }
    // The last word is that of a good token: nothing above has ended it.
    let answer = scene.post_plain(
        "/oauth/introspect",
        &[&by_form[..], &[("token", &token)]].concat(),
    );
    assert_eq!(answer.body["active"], true, "{answer:?}");
    let repeated = [("client_id", *id), ("token", &token)];
    let answer = scene.post("/oauth/introspect", &scene.billing.basic(), &repeated);
    assert_eq!(answer.body["active"], true, "{answer:?}");
}

/// Security statement 41: what a bearer must be.
#[test]
fn a_client_may_ask_with_a_token_of_its_own_and_nobody_else_with_theirs() {
    let scene = Scene::new();
    let token = scene.authd.login("ada@example.com", PASSWORD);
    let own = scene.own_token(&scene.billing, &[]);
    let own = format!("bearer {}", text(&own["access_token"]));
    let ask =
        |authorization: &str| scene.post("/oauth/introspect", authorization, &[("token", &token)]);
    assert_eq!(ask(&own).body["active"], true);
    // For another audience than this service's it proves nothing here: that service has it too.
    let stock = scene.own_token(&scene.stock, &[]);
    let stock = format!("Bearer {}", text(&stock["access_token"]));
    for wrong in [&format!("Bearer {token}"), "Bearer garbage", &stock] {
        let answer = ask(wrong);
        is_error(&answer, 401, "invalid_token");
        let challenge = "Bearer realm=\"authd\", error=\"invalid_token\"";
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    // A bearer gets no other token, and ends none.
    for path in ["/oauth/token", "/oauth/revoke"] {
        let parameters = [("grant_type", "client_credentials"), ("token", &token)];
        is_error(&scene.post(path, &own, &parameters), 401, "invalid_client");
    }
    let disable = ["client", "disable", "billing", "--yes"];
    scene.env.authctl(&disable).succeeded();
    is_error(&ask(&own), 401, "invalid_token");
}

#[test]
fn introspection_tells_who_is_behind_a_token_at_this_moment() {
    let scene = Scene::new();
    let pair = scene.log_in_through(&scene.billing, &[]);
    let token = text(&pair["access_token"]);
    let claims = claims_of(token);
    let said = scene.is_active(token);
    let user = scene.authd.verify(token).body["user"].clone();
    let expected = json!({
        "active": true, "scope": "read write", "client_id": "billing",
        "username": "ada@example.com", "token_type": "Bearer", "exp": claims["exp"],
        "iat": claims["iat"], "sub": claims["sub"], "aud": claims["aud"], "iss": claims["iss"],
        "jti": claims["jti"], "sid": claims["sid"], "user": user,
        "permissions": [],
    });
    assert_eq!(said, expected);
    let own = scene.own_token(&scene.billing, &[("scope", "read")]);
    let said = scene.is_active(text(&own["access_token"]));
    let mut names: Vec<&String> = said.as_object().expect("is an object").keys().collect();
    names.sort();
    let expected = [
        "active",
        "aud",
        "client_id",
        "exp",
        "iat",
        "iss",
        "jti",
        "scope",
        "sub",
        "token_type",
    ];
    assert_eq!(names, expected);
    assert_eq!(
        (&said["sub"], &said["client_id"]),
        (&json!("billing"), &json!("billing"))
    );
}

/// Security statement 28.
#[test]
fn whatever_is_wrong_with_a_token_the_answer_is_the_same_to_the_byte() {
    let scene = Scene::new();
    let token = scene.authd.login("ada@example.com", PASSWORD);
    let claims = claims_of(&token);
    let forger = Forger::with_active_key(&scene.env);
    let forge = |name: &str, value: Value| {
        forger.token(&forger.header(), &with(&claims, name, Some(value)))
    };
    scene.is_active(&forger.token(&forger.header(), &claims));
    let signature = token.rfind('.').expect("has a signature");
    for bad in [
        forge("exp", json!(1_000_000_000)),
        forge("iss", json!("https://other.example.com")),
        forge("aud", json!("https://stock.example.com")),
        forge("aud", json!([])),
        forge("sub", json!("0192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f")),
        forge("sid", json!("0192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f")),
        forge("sid", Value::Null),
        token[..=signature].to_owned(),
        format!("{token}A"),
        "garbage".to_owned(),
        "\u{0}".to_owned(),
        "a.b.c".to_owned(),
        "authd_pat_nothing".to_owned(),
        "authd_rt_nothing".to_owned(),
        scene.billing.secret.clone(),
        "a".repeat(20_000),
    ] {
        scene.is_inactive(&bad);
    }
    scene.is_active(&token);
    let logout = [("Authorization", &*format!("Bearer {token}"))];
    assert_eq!(scene.authd.post("/auth/logout", &logout, b"").status, 204);
    scene.is_inactive(&token);
}

/// Security statement 29; CVE-2026-58425.
#[test]
fn tokens_of_others_audiences_and_refresh_tokens_of_others_are_nobodys_business() {
    let scene = Scene::new();
    let pair = scene.log_in_through(&scene.billing, &[]);
    let (token, refresh) = (text(&pair["access_token"]), text(&pair["refresh_token"]));
    let direct = scene.authd.try_login("ada@example.com", PASSWORD).body;
    let own = scene.own_token(&scene.stock, &[]);
    scene.is_active(token);
    let own = text(&own["access_token"]);
    assert_eq!(scene.introspect(&scene.stock, own).body["active"], true);
    scene.is_inactive(own);
    for of_billing in [token, refresh] {
        assert_eq!(scene.introspect(&scene.stock, of_billing).text, INACTIVE);
    }
    // A refresh token of no client is no client's business.
    scene.is_inactive(text(&direct["refresh_token"]));
    let forger = Forger::with_active_key(&scene.env);
    let both = json!(["https://stock.example.com", "http://localhost:8000"]);
    let claims = with(&claims_of(token), "aud", Some(both.clone()));
    let for_both = forger.token(&forger.header(), &claims);
    assert_eq!(scene.is_active(&for_both)["aud"], both);
    let answer = scene.introspect(&scene.stock, &for_both);
    assert_eq!(answer.body["active"], true);
}

/// Security statements 30 and 42.
#[test]
fn introspection_is_posted_with_the_token_in_the_form() {
    let scene = Scene::new();
    let token = scene.authd.login("ada@example.com", PASSWORD);
    let basic = scene.billing.basic();
    let header = [("Authorization", basic.as_str())];
    let in_query = format!("/oauth/introspect?token={token}&client_secret=secret-in-query");
    let answer = scene.authd.get_with(&in_query, &header);
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), "POST");
    is_error(&scene.post(&in_query, &basic, &[]), 400, "invalid_request");
    let answer = scene.authd.post(&in_query, &header, b"");
    is_error(&answer, 400, "invalid_request");
    // What the query says counts for nothing, neither for nor against.
    let other = [("token", "garbage")];
    assert_eq!(scene.post(&in_query, &basic, &other).text, INACTIVE);
    for path in ENDPOINTS {
        let json = [("Content-Type", "application/json"), header[0]];
        let body = json!({"token": token}).to_string();
        is_error(
            &scene.authd.post(path, &json, body.as_bytes()),
            415,
            "invalid_request",
        );
    }
    let log = scene.authd.log();
    assert!(
        !log.contains(&token) && !log.contains("secret-in-query"),
        "{log}"
    );
    assert!(
        !log.contains(&scene.billing.secret) && !log.contains(&basic),
        "{log}"
    );
    assert!(log.contains("\"/oauth/introspect\""), "{log}");
}

/// Security statement 33.
#[test]
fn a_wrong_hint_misleads_nobody_and_a_secret_is_no_token() {
    let scene = Scene::new();
    let pair = scene.log_in_through(&scene.billing, &[]);
    let basic = scene.billing.basic();
    for hint in ["refresh_token", "access_token", "id_token", "nonsense"] {
        for token in ["access_token", "refresh_token"] {
            let parameters = [("token", text(&pair[token])), ("token_type_hint", hint)];
            let answer = scene.post("/oauth/introspect", &basic, &parameters);
            assert_eq!(answer.body["active"], true, "{hint} {answer:?}");
        }
    }
    let parameters = [("token", scene.billing.secret.as_str())];
    let answer = scene.post("/oauth/revoke", &basic, &parameters);
    is_error(&answer, 400, "unsupported_token_type");
    let refresh = text(&pair["refresh_token"]);
    let parameters = [("token", refresh), ("token_type_hint", "access_token")];
    let answer = scene.post("/oauth/revoke", &basic, &parameters);
    assert_eq!(answer.status, 200);
    scene.is_inactive(text(&pair["access_token"]));
    scene.is_inactive(refresh);
}

/// Security statements 32 and 55.
///
/// CVE-2020-10594 (drf-jwt): a revoked token could be refreshed.
#[test]
fn a_revoked_refresh_token_takes_its_session_along() {
    let scene = Scene::new();
    let pair = scene.log_in_through(&scene.billing, &[]);
    let (token, first) = (text(&pair["access_token"]), text(&pair["refresh_token"]));
    let other = scene.log_in_through(&scene.billing, &[]);
    assert_eq!(scene.is_active(first)["sid"], claims_of(token)["sid"]);
    let second = scene.refresh(&scene.billing, first, &[]).body;
    let second = text(&second["refresh_token"]);
    for _ in 0..2 {
        scene.revoke(&scene.billing, second);
        is_error(
            &scene.refresh(&scene.billing, second, &[]),
            400,
            "invalid_grant",
        );
        for ended in [token, first, second] {
            scene.is_inactive(ended);
        }
        assert_eq!(scene.authd.verify(token).status, 401);
    }
    let rows = "SELECT count(*) FROM revocations WHERE kind = 'session'";
    assert_eq!(scene.env.number(rows), 1);
    scene.is_active(text(&other["access_token"]));
    scene.is_active(text(&other["refresh_token"]));
}

/// Security statements 31 and 32; CVE-2026-68481.
#[test]
fn a_revoked_access_token_is_refused_everywhere_and_nothing_else_is() {
    let scene = Scene::new();
    let pair = scene.log_in_through(&scene.billing, &[]);
    let own = scene.own_token(&scene.billing, &[]);
    let untouched = scene.own_token(&scene.billing, &[]);
    for (token, count) in [(&pair, 1), (&own, 2)] {
        let token = text(&token["access_token"]);
        // Known to be good, so that nothing that was remembered keeps it good.
        assert_eq!(scene.authd.verify(token).status, 200);
        scene.is_active(token);
        for _ in 0..2 {
            scene.revoke(&scene.billing, token);
            assert_eq!(scene.authd.verify(token).status, 401);
            scene.is_inactive(token);
            let body = json!({"tokens": [token]});
            let batch = scene.authd.post_json("/auth/verify/batch", &body);
            assert_eq!(batch.body["results"][0], json!({"active": false}));
        }
        let jti = claims_of(token)["jti"].clone();
        let told = format!(
            "SELECT count(*) FROM revocations WHERE kind = 'token' AND id = '{}'",
            text(&jti)
        );
        assert_eq!(scene.env.number(&told), 1);
        let kept = "SELECT count(*) FROM revoked_tokens";
        assert_eq!(scene.env.number(kept), count);
    }
    scene.is_active(text(&untouched["access_token"]));
    scene.is_active(text(&pair["refresh_token"]));
    let (env, billing) = (scene.env, scene.billing);
    scene.authd.stop();
    let authd = env.authd();
    assert_eq!(authd.verify(text(&own["access_token"])).status, 401);
    assert_eq!(authd.verify(text(&untouched["access_token"])).status, 200);
    drop(billing);
}

/// Security statement 32.
#[test]
fn revoking_what_is_unknown_or_somebody_elses_changes_nothing() {
    let scene = Scene::new();
    let pair = scene.log_in_through(&scene.billing, &[]);
    let direct = scene.authd.try_login("ada@example.com", PASSWORD).body;
    let own = scene.own_token(&scene.billing, &[]);
    let tokens = [
        &pair["access_token"],
        &pair["refresh_token"],
        &direct["access_token"],
        &direct["refresh_token"],
        &own["access_token"],
    ];
    let changes = "SELECT count(*) FROM revocations";
    for token in tokens {
        scene.revoke(&scene.stock, text(token));
    }
    for of_nobody in [&direct["access_token"], &direct["refresh_token"]] {
        scene.revoke(&scene.billing, text(of_nobody));
    }
    for garbage in ["garbage", "a.b.c", "authd_rt_x", "authd_pat_x", "\u{0}"] {
        scene.revoke(&scene.billing, garbage);
    }
    assert_eq!(scene.env.number(changes), 0);
    for still in [
        &pair["access_token"],
        &direct["access_token"],
        &own["access_token"],
    ] {
        scene.is_active(text(still));
    }
    scene.is_active(text(&pair["refresh_token"]));
    let refresh = json!({"refresh_token": direct["refresh_token"]});
    assert_eq!(scene.authd.post_json("/auth/refresh", &refresh).status, 200);
}

/// Security statement 51; CVE-2026-55672.
#[test]
fn a_refresh_token_is_of_use_to_the_client_it_was_made_through_alone() {
    let scene = Scene::new();
    let pair = scene.log_in_through(&scene.billing, &[]);
    let token = text(&pair["refresh_token"]);
    is_error(
        &scene.refresh(&scene.stock, token, &[]),
        400,
        "invalid_grant",
    );
    let unbound = scene
        .authd
        .post_json("/auth/refresh", &json!({"refresh_token": token}));
    assert_eq!(
        (unbound.status, &unbound.body["code"]),
        (401, &json!("invalid_grant"))
    );
    for wider in ["read write admin", "\""] {
        let answer = scene.refresh(&scene.billing, token, &[("scope", wider)]);
        is_error(&answer, 400, "invalid_scope");
    }
    let answer = scene.refresh(
        &scene.billing,
        token,
        &[("resource", "https://x.example.com")],
    );
    is_error(&answer, 400, "invalid_target");
    scene.is_active(token);
    // An access token gets no other.
    let access = text(&pair["access_token"]);
    is_error(
        &scene.refresh(&scene.billing, access, &[]),
        400,
        "invalid_grant",
    );

    let answer = scene.refresh(&scene.billing, token, &[("scope", "read")]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["scope"], "read");
    let said = scene.is_active(text(&answer.body["access_token"]));
    assert_eq!(
        (&said["scope"], &said["client_id"]),
        (&json!("read"), &json!("billing"))
    );
    // A narrower access token leaves the session as it was.
    let next = text(&answer.body["refresh_token"]);
    let answer = scene.refresh(&scene.billing, next, &[]);
    assert_eq!(answer.body["scope"], "read write");
    // One of no client is of no use to a client.
    let direct = scene.authd.try_login("ada@example.com", PASSWORD).body;
    let direct = text(&direct["refresh_token"]);
    is_error(
        &scene.refresh(&scene.billing, direct, &[]),
        400,
        "invalid_grant",
    );
    let body = json!({"refresh_token": direct});
    assert_eq!(scene.authd.post_json("/auth/refresh", &body).status, 200);
}

#[test]
fn a_login_through_a_client_wants_the_clients_secret_and_no_more_than_its_scopes() {
    let scene = Scene::new();
    let login = |more: Value, authorization: Option<&str>| {
        let mut body = json!({"email": "ada@example.com", "password": PASSWORD});
        for (name, value) in more.as_object().expect("is an object") {
            body[name] = value.clone();
        }
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        let body = body.to_string();
        scene.authd.post("/auth/login", &headers, body.as_bytes())
    };
    let (basic, secret) = (scene.billing.basic(), &scene.billing.secret);
    let answer = login(json!({"scope": "read"}), Some(&basic));
    assert_eq!(
        (answer.status, &answer.body["scope"]),
        (200, &json!("read"))
    );
    let claims = claims_of(text(&answer.body["access_token"]));
    assert_eq!(
        (&claims["client_id"], &claims["scope"]),
        (&json!("billing"), &json!("read"))
    );
    let row = scene.env.sql("SELECT client_id, scope FROM sessions");
    assert!(row.contains("billing"), "{row}");
    for (more, authorization) in [
        (
            json!({"client_id": "billing", "client_secret": "wrong"}),
            None,
        ),
        (
            json!({"client_id": "nobody", "client_secret": secret}),
            None,
        ),
        (json!({"client_id": "billing"}), None),
        (json!({"client_secret": secret}), None),
        (json!({}), Some("Basic YTpi")),
    ] {
        let answer = login(more.clone(), authorization);
        answer.is_problem(401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"authd\"");
    }
    let both = json!({"client_id": "billing", "client_secret": secret});
    login(both, Some(&basic)).is_problem(400, "invalid_request");
    login(json!({"scope": "admin"}), Some(&basic)).is_problem(403, "invalid_scope");
    login(json!({"scope": "read"}), None).is_problem(403, "invalid_scope");
    assert_eq!(scene.env.number("SELECT count(*) FROM sessions"), 1);
    // Whoever still sends an old token logs in all the same.
    assert_eq!(login(json!({}), Some("Bearer old")).status, 200);
    assert_eq!(
        login(json!({"scope": null, "client_id": null}), None).status,
        200
    );
}

/// Security statement 58.
///
/// GHSA-895x-rfqp-jh5c (Keycloak) and GHSA-x883-2vmg-xwf7 (Authelia): it showed late or never.
#[test]
fn a_change_of_role_shows_at_the_next_introspection() {
    let scene = Scene::new();
    let token = scene.authd.login("ada@example.com", PASSWORD);
    assert_eq!(scene.is_active(&token)["user"]["is_staff"], false);
    let change = ["user", "set", "ada@example.com", "--staff", "true"];
    scene.env.authctl(&change).succeeded();
    assert_eq!(scene.is_active(&token)["user"]["is_staff"], true);
    let disable = ["user", "disable", "ada@example.com", "--yes"];
    scene.env.authctl(&disable).succeeded();
    scene.is_inactive(&token);
}

#[test]
fn a_client_that_is_disabled_or_deleted_loses_its_tokens_and_sessions_at_once() {
    let scene = Scene::new();
    for verb in ["disable", "delete"] {
        let pair = scene.log_in_through(&scene.billing, &[]);
        let own = scene.own_token(&scene.billing, &[]);
        let tokens = [text(&pair["access_token"]), text(&own["access_token"])];
        for token in tokens {
            assert_eq!(scene.authd.verify(token).status, 200);
        }
        let command = ["client", verb, "billing", "--yes"];
        scene.env.authctl(&command).succeeded();
        for token in tokens {
            assert_eq!(scene.authd.verify(token).status, 401, "{verb}");
        }
        let answer = scene.refresh(&scene.billing, text(&pair["refresh_token"]), &[]);
        is_error(&answer, 401, "invalid_client");
        assert_eq!(scene.env.number("SELECT count(*) FROM sessions"), 0);
        if verb == "disable" {
            scene
                .env
                .authctl(&["client", "enable", "billing"])
                .succeeded();
            assert_eq!(scene.authd.verify(tokens[0]).status, 401);
        }
    }
}

#[test]
fn another_secret_takes_the_place_of_the_old_one_at_once() {
    let scene = Scene::new();
    let rotate = ["client", "rotate-secret", "billing", "--yes", "-q"];
    let new = scene.env.authctl(&rotate).succeeded().stdout;
    let grant = [("grant_type", "client_credentials")];
    let answer = scene.post("/oauth/token", &scene.billing.basic(), &grant);
    is_error(&answer, 401, "invalid_client");
    let answer = scene.post("/oauth/token", &basic("billing", new.trim()), &grant);
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Security statement 52.
#[test]
fn no_secret_stands_readable_in_the_database_or_the_log() {
    let scene = Scene::new();
    let pair = scene.log_in_through(&scene.billing, &[]);
    let next = scene.refresh(&scene.billing, text(&pair["refresh_token"]), &[]);
    scene.revoke(&scene.billing, text(&pair["access_token"]));
    let log = scene.authd.log();
    let secrets = [
        scene.billing.secret.as_str(),
        text(&pair["refresh_token"]),
        text(&next.body["refresh_token"]),
        text(&next.body["access_token"]),
    ];
    let files = scene.env.files();
    assert!(files.contains_key("authd.db"));
    for secret in secrets {
        // What is behind the prefix and is nobody else's.
        let part = &secret[12..40];
        assert!(!log.contains(part), "{log}");
        for (name, content) in &files {
            let found = content
                .windows(part.len())
                .any(|bytes| bytes == part.as_bytes());
            assert!(!found, "{name} has {secret}");
        }
    }
}

#[test]
fn libraries_find_everything_by_the_metadata() {
    let scene = Scene::new();
    let standard = scene.authd.get("/.well-known/oauth-authorization-server");
    let openid = scene.authd.get("/.well-known/openid-configuration");
    assert_eq!(standard.status, 200);
    assert_eq!(standard.text, openid.text);
    assert_eq!(standard.header("cache-control"), "public, max-age=300");
    let token = scene.authd.login("ada@example.com", PASSWORD);
    let said = standard.body.as_object().expect("is an object");
    assert_eq!(said["issuer"], claims_of(&token)["iss"]);
    for (name, value) in said {
        if name.ends_with("_endpoint") || name.ends_with("_uri") {
            let path = text(value)
                .strip_prefix("http://localhost:8000")
                .expect("is at the public URL");
            let answer = scene.authd.get(path);
            assert!(matches!(answer.status, 200 | 405), "{name} {answer:?}");
        }
    }
}
