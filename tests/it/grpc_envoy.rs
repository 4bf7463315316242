//! Envoy with `contrib/envoy-grpc.yaml` in front of a small service.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::env::{Authd, PASSWORD, TestEnv};
use crate::forger::{Forger, claims_of, with};
use crate::grpc_client::GRPC;
use crate::proxy::{self, Listening};

/// Envoy, in front of a service.
struct Proxy {
    envoy: Listening,
    _service: Listening,
}

impl Proxy {
    fn start(env: &TestEnv, authd: &Authd) -> Self {
        let service = proxy::service(env);
        Self {
            envoy: proxy::envoy_grpc(env, authd, &service),
            _service: service,
        }
    }

    /// A request with these header fields, past any client that would tidy it up.
    #[track_caller]
    fn get(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.ask("GET", path, fields)
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut stream = TcpStream::connect(&self.envoy.address).expect("connects");
        let patience = Some(Duration::from_secs(10));
        stream.set_read_timeout(patience).expect("is set");
        let fields = fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let fields: String = fields.collect();
        let first = format!("{method} {path} HTTP/1.1\r\nHost: a.example\r\n");
        let request = format!("{first}{fields}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("is sent");
        let text = std::io::read_to_string(stream).expect("is answered");
        let (head, body) = text.split_once("\r\n\r\n").expect("has a head");
        let status = head.split(' ').nth(1).expect("has a status");
        Reply {
            status: status.parse().expect("is a number"),
            head: head.to_lowercase(),
            body: serde_json::from_str(body)
                .map_or(Value::Null, |mut body: Value| body["echo"].take()),
        }
    }
}

/// What came through Envoy.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    /// What the service saw; null if it was not asked.
    body: Value,
}

impl Reply {
    /// The service saw this field so, exactly once; `None`: not at all.
    #[track_caller]
    fn has(&self, name: &str, value: Option<&str>) {
        assert_eq!(self.status, 200, "{self:?}");
        let fields = self.body["headers"].as_array().expect("is a list");
        let seen = fields.iter().filter(|field| {
            let found = field[0].as_str().expect("is text");
            found.eq_ignore_ascii_case(name)
        });
        let seen: Vec<&Value> = seen.map(|field| &field[1]).collect();
        let expected: Vec<Value> = value.into_iter().map(Value::from).collect();
        assert_eq!(
            seen,
            expected.iter().collect::<Vec<_>>(),
            "{name}: {self:?}"
        );
    }

    /// The service was not asked, and the client was challenged so.
    #[track_caller]
    fn is_refused(&self, status: u16, challenge: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.body, Value::Null, "{self:?}");
        let field = format!("www-authenticate: {challenge}\r\n").to_lowercase();
        assert!(format!("{}\r\n", self.head).contains(&field), "{self:?}");
        assert!(!self.head.contains("remote-"), "{self:?}");
    }
}

const INVALID: &str = "Bearer realm=\"authd\", error=\"invalid_token\"";
const BARE: &str = "Bearer realm=\"authd\"";

struct Scene {
    env: TestEnv,
    authd: Authd,
    proxy: Proxy,
    ada: Value,
    token: String,
}

impl Scene {
    fn new() -> Self {
        let env = TestEnv::new();
        let command = [
            "user",
            "add",
            "ada@example.com",
            "--first-name",
            "Ada",
            "--last-name",
        ];
        let command = [
            &command[..],
            &["Łovelace", "--password-stdin", "-o", "json"],
        ]
        .concat();
        let ada = env.authctl_reading(PASSWORD, &command).succeeded().json()["user"].take();
        let authd = env.authd_with(&[], &[GRPC]);
        let token = authd.login("ada@example.com", PASSWORD);
        let proxy = Proxy::start(&env, &authd);
        Self {
            env,
            authd,
            proxy,
            ada,
            token,
        }
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// Security statement 38: a name is encoded where a header cannot hold it.
#[test]
fn a_good_token_is_let_in_and_the_service_is_told_who_it_is() {
    if proxy::skipped("Envoy over gRPC") {
        return;
    }
    let scene = Scene::new();
    let bearer = scene.bearer();
    let reply = scene
        .proxy
        .get("/a/path?x=1", &[("Authorization", &bearer)]);
    assert_eq!(reply.body["path"], "/a/path?x=1");
    reply.has("remote-id", scene.ada["id"].as_str());
    reply.has("remote-user", Some("ada@example.com"));
    reply.has("remote-email", Some("ada@example.com"));
    reply.has("remote-name", Some("Ada %C5%81ovelace"));
    reply.has("remote-groups", None);
    // The service may look at the token itself.
    reply.has("authorization", Some(&bearer));
}

#[test]
fn without_a_good_token_the_service_is_not_asked() {
    if proxy::skipped("Envoy over gRPC") {
        return;
    }
    let scene = Scene::new();
    let get = |value: &str| scene.proxy.get("/", &[("Authorization", value)]);
    scene.proxy.get("/", &[]).is_refused(401, BARE);
    get("Basic YTpi").is_refused(401, BARE);
    get("Bearer no-token").is_refused(401, INVALID);
    let malformed = "Bearer realm=\"authd\", error=\"invalid_request\"";
    get("Bearer a b").is_refused(400, malformed);
    let bearer = scene.bearer();
    let twice = [("Authorization", bearer.as_str()); 2];
    scene.proxy.get("/", &twice).is_refused(400, malformed);

    let forger = Forger::with_active_key(&scene.env);
    let claims = claims_of(&scene.token);
    let hour_ago = claims["iat"].as_i64().expect("is a number") - 3600;
    let expired = with(&claims, "exp", Some(hour_ago.into()));
    let expired = forger.token(&forger.header(), &expired);
    get(&format!("Bearer {expired}")).is_refused(401, INVALID);

    let disable = ["user", "disable", "ada@example.com", "--yes"];
    assert_eq!(get(&bearer).status, 200);
    scene.env.authctl(&disable).succeeded();
    get(&bearer).is_refused(401, INVALID);
}

#[test]
fn a_route_for_a_group_or_for_staff_is_for_nobody_else() {
    if proxy::skipped("Envoy over gRPC") {
        return;
    }
    let scene = Scene::new();
    let bearer = scene.bearer();
    let get = |path: &str| scene.proxy.get(path, &[("Authorization", &bearer)]);
    get("/billing/invoices").is_refused(403, BARE);
    get("/office").is_refused(403, BARE);
    assert_eq!(get("/officer").status, 200);
    let set = ["user", "set", "ada@example.com", "--staff", "true"];
    scene.env.authctl(&set).succeeded();
    // Security statement 58: at the next request.
    assert_eq!(get("/office").status, 200);
    get("/billing/invoices").is_refused(403, BARE);
    assert_eq!(scene.proxy.get("/office", &[]).status, 401);
}

/// Security statement 37: whatever way a path is written, a rule holds for it.
#[test]
fn no_spelling_of_a_path_or_method_walks_around_a_rule() {
    if proxy::skipped("Envoy over gRPC") {
        return;
    }
    let scene = Scene::new();
    let bearer = scene.bearer();
    let bearer = [("Authorization", bearer.as_str())];
    for path in [
        "//office",
        "/./office",
        "/x/../office",
        "/%6fffice",
        "/x/%2e%2e/office",
        "/office/",
        "/office?x=/",
        "/office/../office/a",
    ] {
        let reply = scene.proxy.get(path, &bearer);
        assert_eq!(reply.status, 403, "{path} {reply:?}");
    }
    for path in ["/x%2f..%2foffice", "/x/..%5coffice", "/x\\..\\office"] {
        let reply = scene.proxy.get(path, &bearer);
        assert!([307, 400, 403].contains(&reply.status), "{path} {reply:?}");
    }
    for method in ["HEAD", "OPTIONS", "POST", "PROPFIND"] {
        let reply = scene.proxy.ask(method, "/office", &bearer);
        assert_eq!(reply.status, 403, "{method} {reply:?}");
        let reply = scene.proxy.ask(method, "/", &[]);
        assert_eq!(reply.status, 401, "{method} {reply:?}");
    }
    // Envoy knows no such method.
    assert_eq!(scene.proxy.ask("FOO", "/office", &bearer).status, 400);
}

/// Security statement 35.
#[test]
fn nobody_gives_himself_a_name() {
    if proxy::skipped("Envoy over gRPC") {
        return;
    }
    let scene = Scene::new();
    let bearer = scene.bearer();
    let root = "root";
    let reply = scene.proxy.get(
        "/",
        &[
            ("Authorization", &bearer),
            ("Remote-Id", root),
            ("Remote-User", root),
            ("remote-user", root),
            ("REMOTE-EMAIL", root),
            ("Remote-Name", root),
            ("Remote-Groups", "billing"),
        ],
    );
    reply.has("remote-id", scene.ada["id"].as_str());
    reply.has("remote-user", Some("ada@example.com"));
    reply.has("remote-email", Some("ada@example.com"));
    reply.has("remote-name", Some("Ada %C5%81ovelace"));
    reply.has("remote-groups", None);
    let underscore = [("Authorization", bearer.as_str()), ("Remote_User", root)];
    assert_eq!(scene.proxy.get("/", &underscore).status, 400);
    let without = [("Remote-User", root)];
    scene.proxy.get("/", &without).is_refused(401, BARE);
}

#[test]
fn nobody_is_let_in_while_authd_is_away() {
    if proxy::skipped("Envoy over gRPC") {
        return;
    }
    let Scene {
        env: _env,
        authd,
        proxy,
        token,
        ..
    } = Scene::new();
    let bearer = format!("Bearer {token}");
    assert_eq!(proxy.get("/", &[("Authorization", &bearer)]).status, 200);
    authd.stop();
    let reply = proxy.get("/", &[("Authorization", &bearer)]);
    assert_eq!((reply.status, reply.body), (503, Value::Null));
}
