//! nginx, Caddy and Envoy, started with the files of contrib/, in front of a service that authd
//! protects: who gets through, and as whom.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::proxy::{self, Listening};
use crate::raw::{Raw, RawAnswer};
use crate::scene::Scene;

/// What strangers send to be taken for somebody.
const SPOOFED: &str = "Remote-Id: 1\r\nRemote-User: root\r\nremote-user: root\r\n\
    remote-email: root@example.com\r\nREMOTE-NAME: Root\r\nRemote-Groups: root\r\n";

/// A service behind a proxy, and somebody with a good token.
struct Guarded {
    scene: Scene,
    proxy: Listening,
    _service: Listening,
}

impl Guarded {
    fn by(start: impl Fn(&Scene, &Listening) -> Listening) -> Self {
        let scene = Scene::new();
        let service = proxy::service(&scene.env);
        let proxy = start(&scene, &service);
        Self {
            scene,
            proxy,
            _service: service,
        }
    }

    fn by_nginx() -> Self {
        Self::by(|scene, service| proxy::nginx(&scene.env, &scene.authd, service))
    }

    fn by_caddy() -> Self {
        Self::by(|scene, service| proxy::caddy(&scene.env, &scene.authd, service))
    }

    fn by_envoy(listener: u16) -> Self {
        Self::by(|scene, service| proxy::envoy(&scene.env, listener, &scene.authd, service))
    }

    fn ask(&self, method: &str, target: &str, fields: &str, body: &str) -> RawAnswer {
        let mut request =
            format!("{method} {target} HTTP/1.1\r\nHost: app.example.com\r\n{fields}");
        if !body.is_empty() {
            write!(request, "Content-Length: {}\r\n", body.len()).expect("is memory");
        }
        let mut raw = Raw::connect(&self.proxy.address);
        raw.send(format!("{request}\r\n{body}"));
        match method {
            "HEAD" => raw.head(),
            _ => raw.answer(),
        }
    }

    /// `GET` with this token.
    fn get(&self, target: &str, token: &str, fields: &str) -> RawAnswer {
        let fields = format!("Authorization: Bearer {token}\r\n{fields}");
        self.ask("GET", target, &fields, "")
    }

    /// `GET` with the good token, which must get through: what the service was asked.
    #[track_caller]
    fn passes(&self, target: &str, fields: &str) -> Value {
        let answer = self.get(target, &self.scene.token, fields);
        assert_eq!(answer.status, 200, "{target} {answer:?}");
        echo(&answer).unwrap_or_else(|| panic!("the service was not asked: {answer:?}"))
    }

    #[track_caller]
    fn with(&self, target: &str, token: &str, status: u16) {
        let answer = self.get(target, token, "");
        stopped(&answer, status);
    }
}

/// What the service was asked, if it was.
fn echo(answer: &RawAnswer) -> Option<Value> {
    let mut body: Value = serde_json::from_slice(&answer.body).ok()?;
    Some(body["echo"].take()).filter(Value::is_object)
}

#[track_caller]
fn stopped(answer: &RawAnswer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(echo(answer), None);
    if status == 401 {
        assert!(
            answer.header("www-authenticate").starts_with("Bearer"),
            "{answer:?}"
        );
    }
}

/// Whatever the service might take for a word about who is asking, but for what is empty.
fn identity(echo: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("is a text").to_owned();
    let mut found: Vec<_> = echo["headers"]
        .as_array()
        .expect("is a list")
        .iter()
        .map(|field| {
            (
                text(&field[0]).to_lowercase().replace('_', "-"),
                text(&field[1]),
            )
        })
        .filter(|(name, value)| name.starts_with("remote-") && !value.is_empty())
        .collect();
    found.sort();
    found
}

fn fields(of: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    of.iter().map(own).collect()
}

/// What each proxy that asks authd must do.
fn lets_in_whom_authd_lets_in(guarded: &Guarded) {
    let scene = &guarded.scene;
    let id = scene.claims["sub"].as_str().expect("is a text");
    let ada = |name: &str| {
        let mut all = fields(&[
            ("remote-email", "ada@example.com"),
            ("remote-id", id),
            ("remote-name", name),
            ("remote-user", "ada@example.com"),
        ]);
        all.retain(|(_, value)| !value.is_empty());
        all
    };

    // Allowed; and as whom, however many others the client says it is (security statement 35).
    let echo_of_plain = guarded.passes("/a/b?c=d&group=x&redirect=1", "");
    assert_eq!(echo_of_plain["path"], "/a/b?c=d&group=x&redirect=1");
    assert_eq!(identity(&echo_of_plain), ada(""));
    assert_eq!(identity(&guarded.passes("/", SPOOFED)), ada(""));
    assert_eq!(identity(&guarded.passes("/?page=2", SPOOFED)), ada(""));
    let names = ["--first-name", "J\u{fc}rgen", "--last-name", "100%"];
    let set = [&["user", "set", "ada@example.com"], &names[..]].concat();
    scene.env.authctl(&set).succeeded();
    let named = ada("J%C3%BCrgen 100%25");
    assert_eq!(identity(&guarded.passes("/", SPOOFED)), named);
    // CGI and WSGI do not know Remote_User from Remote-User.
    let under = "Remote_User: root\r\nREMOTE_GROUPS: root\r\n";
    let answer = guarded.get("/", &scene.token, under);
    match echo(&answer) {
        Some(asked) => assert_eq!(identity(&asked), named),
        None => stopped(&answer, 400),
    }
    // A body goes to the service, not to authd.
    let good = format!("Authorization: Bearer {}\r\n", scene.token);
    let body = "hello".repeat(20_000);
    let answer = guarded.ask("POST", "/", &good, &body);
    let asked = echo(&answer).unwrap_or_else(|| panic!("{answer:?}"));
    assert_eq!(
        (&asked["method"], &asked["body"]),
        (&json!("POST"), &json!(body))
    );

    // Denied.
    stopped(&guarded.ask("GET", "/", "", ""), 401);
    stopped(&guarded.ask("GET", "/", SPOOFED, ""), 401);
    stopped(&guarded.ask("GET", "/?redirect=1", "", ""), 401);
    guarded.with("/", "abc", 401);
    let expired = scene.with_claim("exp", Some(json!(1_700_000_000)));
    guarded.with("/", &expired, 401);

    // Two tokens are none, whichever of them the proxy or the service would look at.
    for second in ["abc", &scene.token, &expired] {
        let two = format!("Authorization: Bearer {second}\r\n");
        for answer in [
            guarded.get("/", &scene.token, &two),
            guarded.ask("GET", "/", &format!("{two}{good}"), ""),
        ] {
            assert!(answer.status >= 400, "{answer:?}");
            assert_eq!(echo(&answer), None);
        }
    }

    // Not enough.
    for target in ["/billing/", "/billing/a", "/staff/a"] {
        guarded.with(target, &scene.token, 403);
        guarded.with(target, &expired, 401);
        stopped(&guarded.ask("GET", target, SPOOFED, ""), 401);
    }
    let staff = ["user", "set", "ada@example.com", "--staff", "true"];
    scene.env.authctl(&staff).succeeded();
    assert_eq!(identity(&guarded.passes("/staff/a", SPOOFED)), named);
    guarded.with("/billing/a", &scene.token, 403);
}

/// Security statement 37; CVE-2026-33494 and CVE-2026-48794.
fn is_not_fooled_by_a_spelling(guarded: &Guarded) {
    let good = format!("Authorization: Bearer {}\r\n", guarded.scene.token);
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "FOO"];
    let paths = [
        "/billing/a",
        "//billing/a",
        "/./billing/a",
        "/x/../billing/a",
        "/x/%2e%2e/billing/a",
        "/x/%2E./billing/a",
        "/%62illing/a",
        "/billing%2fa",
        "/billing%2Fa",
        "/x%2f..%2fbilling/a",
        "/billing//a",
        "/billing/./a",
        "/x//../billing/a",
        "/billing;a/b",
        "/x;/../billing/a",
        "/BILLING/a",
        "/billing\\a",
        "/x\\..\\billing/a",
        "/billing%5ca",
        "/billing?a",
        "/billing/?a=/../b",
        "/a?/../billing/",
    ];
    for path in paths {
        for method in methods {
            let answer = guarded.ask(method, path, SPOOFED, "");
            assert_ne!(answer.status, 200, "{method} {path} {answer:?}");
            assert_eq!(echo(&answer), None, "{method} {path}");
        }
        // Nor does one way of writing the place that needs a group lead there without it.
        let asked = echo(&guarded.ask("GET", path, &good, ""));
        let seen = asked.map(|asked| plain(asked["path"].as_str().expect("is a text")));
        assert!(
            !seen.as_ref().is_some_and(|it| it.starts_with("/billing/")),
            "{path} {seen:?}"
        );
    }
}

/// The path as a service may read it: decoded, with no empty or dot segments. Letter case, `;` and
/// `\` are the service's own affair: who takes these for something else must say so to its proxy.
fn plain(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let mut segments = vec![];
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    format!("/{}/", segments.join("/"))
}

/// What happens to an account shows at the next request; and nobody passes where authd is not there.
fn asks_each_time(guarded: Guarded) {
    guarded.passes("/", "");
    let disable = ["user", "disable", "ada@example.com", "--yes"];
    guarded.scene.env.authctl(&disable).succeeded();
    guarded.with("/", &guarded.scene.token, 401);

    let Scene { authd, token, .. } = guarded.scene;
    drop(authd);
    let mut raw = Raw::connect(&guarded.proxy.address);
    raw.send(format!(
        "GET / HTTP/1.1\r\nHost: app.example.com\r\nAuthorization: Bearer {token}\r\n\r\n"
    ));
    let answer = raw.answer();
    assert!([500, 502, 503].contains(&answer.status), "{answer:?}");
    assert_eq!(echo(&answer), None);
}

/// Security statements 24, 35, 37 and 38.
fn guards(guarded: Guarded) {
    lets_in_whom_authd_lets_in(&guarded);
    is_not_fooled_by_a_spelling(&guarded);
    asks_each_time(guarded);
}

#[test]
fn nginx_lets_in_whom_authd_lets_in() {
    if proxy::skipped("nginx in front of a service") {
        return;
    }
    let guarded = Guarded::by_nginx();
    // The places at which nginx asks are nobody else's.
    for target in ["/authd/any", "/authd/billing", "/authd/", "/authd/x"] {
        stopped(&guarded.ask("GET", target, "", ""), 404);
        guarded.with(target, &guarded.scene.token, 404);
    }
    guards(guarded);
}

#[test]
fn caddy_lets_in_whom_authd_lets_in() {
    if proxy::skipped("Caddy in front of a service") {
        return;
    }
    guards(Guarded::by_caddy());
}

#[test]
fn envoy_lets_in_whom_authd_lets_in() {
    if proxy::skipped("Envoy in front of a service") {
        return;
    }
    guards(Guarded::by_envoy(8080));
}

/// Security statement 35: also the one that no test runs names each field twice, where it is cleared
/// and where it is set.
#[test]
fn every_configuration_clears_and_sets_every_field_that_is_ours() {
    let files = [
        include_str!("../../contrib/nginx.conf"),
        include_str!("../../contrib/Caddyfile"),
        include_str!("../../contrib/envoy.yaml"),
        include_str!("../../contrib/traefik.yml"),
    ];
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim().to_lowercase());
        lines.filter(|line| !line.starts_with('#')).collect()
    };
    for file in files {
        for name in ["id", "user", "email", "name", "groups"] {
            let names = [
                "remote-*".to_owned(),
                format!("remote-{name}"),
                format!("_remote_{name}"),
            ];
            let naming = |line: &&String| names.iter().any(|name| line.contains(name.as_str()));
            let seen = lines(file).iter().filter(naming).count();
            assert!(seen >= 2, "remote-{name}: {seen} in {file}");
        }
    }
}

/// It has the keys, so it asks nobody: a token is good until it expires, whatever happens meanwhile.
#[test]
fn envoy_checks_tokens_by_itself_with_our_keys() {
    if proxy::skipped("Envoy with authd's keys in front of a service") {
        return;
    }
    let guarded = Guarded::by_envoy(8081);
    let scene = &guarded.scene;
    let id = scene.claims["sub"].as_str().expect("is a text");
    for spoofed in ["", SPOOFED] {
        let asked = guarded.passes("/billing/a?b=c", spoofed);
        assert_eq!(identity(&asked), fields(&[("remote-id", id)]));
        stopped(&guarded.ask("GET", "/", spoofed, ""), 401);
    }
    let in_the_query = format!("/?access_token={}", scene.token);
    stopped(&guarded.ask("GET", &in_the_query, "", ""), 401);
    for (claim, value) in [
        ("exp", json!(1_700_000_000)),
        ("iss", json!("http://evil.example")),
        ("exp", Value::Null),
    ] {
        let value = Some(value).filter(|value| !value.is_null());
        guarded.with("/", &scene.with_claim(claim, value), 401);
    }
    // The wrong audience: right, but not for here (Envoy's own choice of a status).
    guarded.with("/", &scene.with_claim("aud", Some(json!("other"))), 403);
    let stranger = crate::forger::Forger::with_foreign_key(auth::tokens::KeyAlgorithm::EdDsa);
    let forged = stranger.token(&scene.forger.header(), &scene.claims);
    guarded.with("/", &forged, 401);
    let under = guarded.get("/", &scene.token, "Remote_Id: 1\r\n");
    stopped(&under, 400);
}
