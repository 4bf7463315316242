//! A reverse proxy asks whether to let a request pass: what it is told, and what has no say in that.
//! `proxies` has the real ones.

use serde_json::{Value, json};

use crate::env::{Answer, Authd, PASSWORD, TestEnv};
use crate::raw::{Raw, RawAnswer, ask};
use crate::scene::Scene;

/// What a service reads, in this order.
const IDENTITY: [&str; 5] = [
    "Remote-Id",
    "Remote-User",
    "Remote-Email",
    "Remote-Name",
    "Remote-Groups",
];

/// What strangers send to be taken for somebody.
const SPOOFED: &str = "Remote-Id: 1\r\nRemote-User: root\r\nremote-email: root@example.com\r\n\
    REMOTE-NAME: Root\r\nRemote-Groups: admins\r\nX-User: root\r\nX-Forwarded-User: root\r\n";

/// Asks with this token and more header fields.
fn forward(authd: &Authd, target: &str, token: &str, fields: &str) -> RawAnswer {
    asked_with(
        authd,
        "GET",
        target,
        &format!("Authorization: Bearer {token}\r\n{fields}"),
    )
}

fn asked_with(authd: &Authd, method: &str, target: &str, fields: &str) -> RawAnswer {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    if method == "HEAD" {
        let mut raw = Raw::connect(authd.address());
        raw.send(request);
        return raw.head();
    }
    ask(authd.address(), request)
}

/// The fields that are there, with their values.
fn identity(answer: &RawAnswer) -> Vec<(&'static str, String)> {
    let there = |name: &&&str| {
        let start = format!("\n{}:", name.to_lowercase());
        answer.head.to_lowercase().contains(&start)
    };
    let fields = IDENTITY.iter().filter(there);
    fields.map(|name| (*name, value(answer, name))).collect()
}

/// A field's value; it is there once.
fn value(answer: &RawAnswer, name: &str) -> String {
    let fields = answer.head.lines().filter_map(|line| line.split_once(':'));
    let mut values = fields
        .filter(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned());
    let value = values.next().unwrap_or_default();
    assert_eq!(
        values.next(),
        None,
        "{name} is there twice: {}",
        answer.head
    );
    value
}

#[track_caller]
fn is_refused(answer: &RawAnswer, status: u16, code: &str) {
    answer.is_problem(status, code);
    assert_eq!(identity(answer), [], "{answer:?}");
    assert_eq!(answer.header("location"), "");
}

/// Security statement 35.
#[test]
fn a_service_is_told_who_is_asking_and_never_what_a_stranger_says() {
    let env = TestEnv::new();
    let ada = env.add_user("Ada@example.com", PASSWORD);
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    let id = ada["id"].as_str().expect("is a text").to_owned();
    for spoofed in ["", SPOOFED] {
        let answer = forward(&authd, "/auth/forward", &token, spoofed);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.is_marked();
        // What there is nothing to say about is there all the same, and empty.
        let expected = [
            ("Remote-Id", id.clone()),
            ("Remote-User", "Ada@example.com".into()),
            ("Remote-Email", "Ada@example.com".into()),
            ("Remote-Name", String::new()),
            ("Remote-Groups", String::new()),
        ];
        assert_eq!(identity(&answer), expected);
        assert!(!answer.head.to_lowercase().contains("root"), "{answer:?}");

        let bad = forward(&authd, "/auth/forward", "abc", spoofed);
        is_refused(&bad, 401, "invalid_token");
        let challenge = "Bearer realm=\"authd\", error=\"invalid_token\"";
        assert_eq!(bad.header("www-authenticate"), challenge);
        let none = asked_with(&authd, "GET", "/auth/forward", spoofed);
        is_refused(&none, 401, "invalid_token");
        assert_eq!(none.header("www-authenticate"), "Bearer realm=\"authd\"");
        let lacking = forward(&authd, "/auth/forward?group=admins", &token, spoofed);
        is_refused(&lacking, 403, "forbidden");
        for answer in [&bad, &none, &lacking] {
            let all = format!("{}{}", answer.head, String::from_utf8_lossy(&answer.body));
            assert!(!all.contains("root"), "{all}");
        }
    }
}

/// Security statement 37; CVE-2026-33494 and CVE-2026-48794: what is known of the request that is
/// held decides nothing.
#[test]
fn no_method_and_no_spelling_of_a_path_makes_anything_public() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    // Also what a trusted proxy says of it.
    let authd = env.authd_with(&[], &[("AUTHD_SERVER_TRUSTED_PROXIES", "127.0.0.1")]);
    let token = authd.login("ada@example.com", PASSWORD);
    let paths = [
        "/",
        "/public",
        "//",
        "/./",
        "/a/../public",
        "/a/%2e%2e/public",
        "/a%2fb",
        "/a%2F..%2Fb",
        "/a;b=c",
        "/a;/..;/b",
        "/PUBLIC",
        "/a\\b",
        "/a%5cb",
        "/a%00",
        "/favicon.ico",
        "/livez",
        "/auth/forward",
        "/.well-known/jwks.json",
        "http://localhost/livez",
    ];
    let good = format!("Authorization: Bearer {token}\r\n");
    for method in [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "FOO", "get",
    ] {
        for path in paths {
            let told = format!(
                "X-Forwarded-Uri: {path}\r\nX-Original-URI: {path}\r\nX-Original-Method: GET\r\n\
                 X-Forwarded-Method: GET\r\nX-HTTP-Method-Override: GET\r\nX-Rewrite-Url: {path}\r\n"
            );
            let answer = asked_with(&authd, method, "/auth/forward", &told);
            assert_eq!(answer.status, 401, "{method} {path} {answer:?}");
            let required = format!("{told}{good}");
            let answer = asked_with(&authd, method, "/auth/forward?superuser=1", &required);
            assert_eq!(answer.status, 403, "{method} {path} {answer:?}");
            let answer = asked_with(&authd, method, "/auth/forward", &required);
            assert_eq!(answer.status, 200, "{method} {path} {answer:?}");
        }
    }
    // Appended to the path, as Envoy does: 401 or what is no request, and nothing better.
    for method in ["GET", "POST", "OPTIONS", "FOO"] {
        for path in paths {
            for prefix in ["/auth/forward", "/auth/forward?superuser=1&ignore_rest="] {
                let target = format!("{prefix}{path}");
                let answer = asked_with(&authd, method, &target, "");
                // "/auth/forwardhttp:" is another path altogether.
                let is_denial = [400, 401, 404].contains(&answer.status);
                assert!(is_denial, "{method} {target} {answer:?}");
                assert_eq!(identity(&answer), []);
                let answer = asked_with(&authd, method, &target, &good);
                let is_required = prefix.contains("superuser");
                assert!(
                    !is_required || answer.status == 403,
                    "{method} {target} {answer:?}"
                );
            }
        }
    }
}

/// What a client puts into the query of its own request is not what the proxy requires.
#[test]
fn an_appended_query_neither_adds_a_requirement_nor_takes_one_away() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let status = |target: &str| forward(&authd, target, &token, "").status;
    for query in [
        "",
        "?page=2",
        "?group=x&redirect=1",
        "?superuser=1",
        "?x=%",
        "?a?b=/",
    ] {
        assert_eq!(
            status(&format!("/auth/forward/shop{query}")),
            200,
            "{query}"
        );
        assert_eq!(
            status(&format!("/auth/forward?ignore_rest=/shop{query}")),
            200,
            "{query}"
        );
        let required = format!("/auth/forward?superuser=1&ignore_rest=/shop{query}");
        assert_eq!(status(&required), 403, "{query}");
    }
    // Without the mark the client's path would be a part of what is required: nobody gets in.
    assert_eq!(status("/auth/forward?group=billing/shop"), 403);
    assert_eq!(status("/auth/forward?staff=1/shop"), 400);
    // A slash at the end is the same path, and the query then the proxy's.
    assert_eq!(status("/auth/forward/?superuser=1"), 403);
    assert_eq!(status("/auth/forward/?page=2"), 400);
}

/// A misspelt requirement lets nobody in.
#[test]
fn what_is_required_is_met_or_the_answer_is_no() {
    let scene = Scene::new();
    let Scene { env, authd, .. } = &scene;
    let status = |query: &str| forward(authd, &format!("/auth/forward{query}"), &scene.token, "");
    for query in [
        "?gruop=billing",
        "?group=",
        "?staff=true",
        "?staff=0",
        "?staf=1",
        "?scope=",
        "?SCOPE=read",
        "?redirect=https://evil.example",
        "?token=x",
        "?staff=1&x=y",
        "?group",
    ] {
        is_refused(&status(query), 400, "invalid_request");
    }
    for query in ["?group=billing", "?staff=1", "?superuser=1", "?scope=read"] {
        is_refused(&status(query), 403, "forbidden");
    }
    let set = |flag: &str| {
        let arguments = ["user", "set", "ada@example.com", flag, "true"];
        env.authctl(&arguments).succeeded();
    };
    set("--staff");
    assert_eq!(status("?staff=1").status, 200);
    is_refused(&status("?staff=1&superuser=1"), 403, "forbidden");
    set("--superuser");
    assert_eq!(status("?staff=1&superuser=1").status, 200);
    // Nobody is in a group yet.
    is_refused(&status("?group=billing&superuser=1"), 403, "forbidden");
}

/// Security statements 40 and 41; CVE-2026-33496 and CVE-2021-32701: what is remembered of a token is
/// its signature, never what it was let in for.
#[test]
fn each_question_about_one_token_gets_its_own_answer() {
    let scene = Scene::new();
    let token = scene.with_claim("scope", Some("read write".into()));
    for _ in 0..2 {
        for (query, status) in [
            ("?scope=read", 200),
            ("?scope=admin", 403),
            ("?scope=read+write", 200),
            ("?scope=read&scope=admin", 403),
            ("?scope=write&scope=read", 200),
            ("?scope=rea", 403),
            ("?scope=READ", 403),
            ("", 200),
            ("?superuser=1", 403),
        ] {
            let answer = forward(&scene.authd, &format!("/auth/forward{query}"), &token, "");
            assert_eq!(answer.status, status, "{query} {answer:?}");
        }
        // Another token of the same account has the scope no more than the account has.
        let answer = forward(&scene.authd, "/auth/forward?scope=read", &scene.token, "");
        is_refused(&answer, 403, "forbidden");
        let challenge = "Bearer realm=\"authd\", error=\"insufficient_scope\", scope=\"read\"";
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    for odd in [
        json!(["read"]),
        json!({"read": true}),
        json!(null),
        json!(1),
    ] {
        let token = scene.with_claim("scope", Some(odd));
        let answer = forward(&scene.authd, "/auth/forward?scope=read", &token, "");
        is_refused(&answer, 401, "invalid_token");
    }
}

/// Security statement 24.
#[test]
fn a_disabled_account_is_out_at_the_next_request() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    assert_eq!(forward(&authd, "/auth/forward", &token, "").status, 200);
    env.authctl(&["user", "disable", "ada@example.com", "--yes"])
        .succeeded();
    is_refused(
        &forward(&authd, "/auth/forward", &token, ""),
        401,
        "invalid_token",
    );
}

/// Trouble is no verdict: nobody is let in, and nobody is sent to log in again.
#[test]
fn what_cannot_be_told_is_a_failure() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let page = ("AUTHD_FORWARD_LOGIN_URL", "https://login.example.com");
    let authd = env.authd_with(&[], &[page]);
    let token = authd.login("ada@example.com", PASSWORD);
    env.sql("ALTER TABLE users RENAME TO lost");
    let answer = forward(&authd, "/auth/forward?redirect=1", &token, "");
    assert!(answer.status >= 500, "{answer:?}");
    assert_eq!(identity(&answer), []);
    assert_eq!(answer.header("location"), "");
}

/// Security statement 42.
#[test]
fn a_token_in_the_query_is_none() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    for target in [
        format!("/auth/forward/?ignore_rest=&access_token={token}"),
        format!("/auth/forward/a?access_token={token}"),
        format!("/auth/forward/{token}"),
    ] {
        is_refused(
            &asked_with(&authd, "GET", &target, ""),
            401,
            "invalid_token",
        );
    }
    let target = format!("/auth/forward?access_token={token}");
    is_refused(
        &asked_with(&authd, "GET", &target, ""),
        400,
        "invalid_request",
    );
    assert!(!authd.log().contains(&token));
}

#[test]
fn a_browser_brings_its_token_in_the_cookie_that_is_named() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let cookie = |authd: &Authd, fields: &str| asked_with(authd, "GET", "/auth/forward", fields);
    let there = format!("Cookie: theme=dark; session={token}; a=b\r\n");
    // By default no cookie is looked at.
    is_refused(&cookie(&authd, &there), 401, "invalid_token");
    drop(authd);

    let authd = env.authd_with(&[], &[("AUTHD_FORWARD_COOKIE", "session")]);
    let email = |answer: &RawAnswer| value(answer, "Remote-Email");
    assert_eq!(email(&cookie(&authd, &there)), "ada@example.com");
    let quoted = format!("Cookie: session=\"{token}\"\r\n");
    assert_eq!(email(&cookie(&authd, &quoted)), "ada@example.com");
    let basic = format!("{there}Authorization: Basic YTpi\r\n");
    assert_eq!(email(&cookie(&authd, &basic)), "ada@example.com");
    for bad in [
        "Cookie: session=\r\n".to_owned(),
        "Cookie: session=abc\r\n".to_owned(),
        "Cookie: session\r\n".to_owned(),
        format!("Cookie: Session={token}\r\n"),
        format!("Cookie: xsession={token}\r\n"),
        format!("Cookie: a=session={token}\r\n"),
        // The header goes first, whatever the cookie would say.
        format!("{there}Authorization: Bearer abc\r\n"),
    ] {
        is_refused(&cookie(&authd, &bad), 401, "invalid_token");
    }
    for two in [
        format!("Cookie: session={token}; session={token}\r\n"),
        format!("Cookie: session={token}; session=abc\r\n"),
        format!("{there}{there}"),
    ] {
        is_refused(&cookie(&authd, &two), 400, "invalid_request");
    }
    // A verify is for services, which have no cookies.
    let verify = asked_with(&authd, "GET", "/auth/verify", &there);
    is_refused(&verify, 401, "invalid_token");
}

/// nginx would pass a redirect on as an error, so nobody gets one without having asked for it.
#[test]
fn people_are_sent_to_the_login_page_where_a_proxy_asks_for_that_alone() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let ask =
        |authd: &Authd, query: &str| asked_with(authd, "GET", &format!("/auth/forward{query}"), "");
    // Without a page there is nowhere to go.
    is_refused(&ask(&authd, "?redirect=1"), 401, "invalid_token");
    drop(authd);

    let page = ("AUTHD_FORWARD_LOGIN_URL", "https://login.example.com/in");
    let authd = env.authd_with(&[], &[page]);
    is_refused(&ask(&authd, ""), 401, "invalid_token");
    is_refused(&ask(&authd, "/a?redirect=1"), 401, "invalid_token");
    is_refused(
        &ask(&authd, "?ignore_rest=/&redirect=1"),
        401,
        "invalid_token",
    );
    for answer in [
        ask(&authd, "?redirect=1"),
        ask(&authd, "?group=a&redirect=1&ignore_rest=/"),
        forward(&authd, "/auth/forward?redirect=1", "abc", ""),
    ] {
        assert_eq!(answer.status, 302, "{answer:?}");
        assert_eq!(answer.header("location"), "https://login.example.com/in");
        assert_eq!(identity(&answer), []);
        answer.is_marked();
    }
    // Logging in again gives nobody what the account has not.
    let lacking = forward(&authd, "/auth/forward?redirect=1&staff=1", &token, "");
    is_refused(&lacking, 403, "forbidden");
    assert_eq!(
        forward(&authd, "/auth/forward?redirect=1", &token, "").status,
        200
    );
}

/// Security statement 36; CVE-2025-64101, CVE-2025-71401 and CVE-2026-33495: what a stranger says of
/// where it comes from, and of where we are, is heard by nobody; what a trusted proxy says, is.
#[test]
fn forwarded_fields_are_believed_from_a_trusted_proxy_alone() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let forwarded = "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n\
        X-Forwarded-Host: app.example.com\r\nX-Forwarded-Uri: /a?b=c&d\r\n";
    let page = ("AUTHD_FORWARD_LOGIN_URL", "https://login.example.com");
    let location = |authd: &Authd, fields: &str| {
        let answer = asked_with(authd, "GET", "/auth/forward?redirect=1", fields);
        assert_eq!(answer.status, 302);
        answer.header("location").to_owned()
    };
    let address = |authd: &Authd| {
        let body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
        let fields = [
            ("Content-Type", "application/json"),
            ("X-Forwarded-For", "203.0.113.9, 198.51.100.7"),
        ];
        let answer: Answer = authd.post("/auth/login", &fields, body.as_bytes());
        assert_eq!(answer.status, 200);
        let lines = authd.log_lines();
        let line = lines.iter().rfind(|line| line["message"] == "logged in");
        line.expect("is logged")["address"].clone()
    };
    for trusted in ["", "10.0.0.0/8,unix"] {
        let authd = env.authd_with(&[], &[page, ("AUTHD_SERVER_TRUSTED_PROXIES", trusted)]);
        // The first request that a daemon gets tells it nothing either.
        let odd = format!("{forwarded}Forwarded: host=evil.example\r\n");
        let answer = ask(
            authd.address(),
            format!("GET /auth/forward?redirect=1 HTTP/1.1\r\nHost: evil.example\r\n{odd}\r\n"),
        );
        assert_eq!(answer.header("location"), "https://login.example.com");
        assert_eq!(location(&authd, forwarded), "https://login.example.com");
        assert_eq!(address(&authd), "127.0.0.1");
        assert!(!authd.log().contains("198.51.100.7") && !authd.log().contains("evil"));
    }
    for trusted in ["127.0.0.1", "10.0.0.0/8, 127.0.0.0/8", "::ffff:127.0.0.1"] {
        let authd = env.authd_with(&[], &[page, ("AUTHD_SERVER_TRUSTED_PROXIES", trusted)]);
        let there = "https://login.example.com?rd=https%3A%2F%2Fapp.example.com%2Fa%3Fb%3Dc%26d";
        assert_eq!(location(&authd, forwarded), there);
        let twice = format!("{forwarded}X-Forwarded-Host: evil.example\r\n");
        assert_eq!(location(&authd, &twice), "https://login.example.com");
        assert_eq!(location(&authd, ""), "https://login.example.com");
        assert_eq!(address(&authd), "198.51.100.7");
        assert!(!authd.log().contains("203.0.113.9"));
    }
}

/// Security statement 36: a Unix socket has no address, and is trusted only where it is named.
#[test]
fn a_proxy_at_a_unix_socket_is_believed_if_unix_is_trusted() {
    let env = TestEnv::new();
    let socket = env.path("authd.sock");
    let listen = format!("unix:{}", socket.display());
    for (trusted, location) in [
        ("0.0.0.0/0,::/0", "https://login.example.com"),
        (
            "unix",
            "https://login.example.com?rd=https%3A%2F%2Fapp.example.com%2Fa",
        ),
    ] {
        let variables = [
            ("AUTHD_FORWARD_LOGIN_URL", "https://login.example.com"),
            ("AUTHD_SERVER_TRUSTED_PROXIES", trusted),
        ];
        let _authd = env.authd_with(&["--listen", &listen], &variables);
        let mut proxy = Raw::connect_unix(&socket);
        proxy.send(
            "GET /auth/forward?redirect=1 HTTP/1.1\r\nHost: localhost\r\n\
             X-Forwarded-Proto: https\r\nX-Forwarded-Host: app.example.com\r\n\
             X-Forwarded-Uri: /a\r\n\r\n",
        );
        assert_eq!(proxy.answer().header("location"), location, "{trusted}");
    }
}

/// Security statement 38; CVE-2026-66753.
#[test]
fn a_name_reaches_a_service_whole_and_on_one_line() {
    let env = TestEnv::new();
    env.add_user("j\u{fc}rgen@b\u{fc}cher.example", PASSWORD);
    let authd = env.authd();
    let token = authd.login("j\u{fc}rgen@b\u{fc}cher.example", PASSWORD);
    let set = |first: &str, last: &str| {
        let user = "j\u{fc}rgen@b\u{fc}cher.example";
        let names = ["--first-name", first, "--last-name", last];
        env.authctl(&[&["user", "set", user], &names[..]].concat())
    };
    for (first, last, sent) in [
        ("Ada", "Lovelace", "Ada Lovelace"),
        ("", "Cher", "Cher"),
        ("J\u{fc}rgen", "", "J%C3%BCrgen"),
        ("\u{1f984}", "100%", "%F0%9F%A6%84 100%25"),
        ("\u{674e}", "O'Neil, \"Bo\"", "%E6%9D%8E O'Neil, \"Bo\""),
    ] {
        set(first, last).succeeded();
        let answer = forward(&authd, "/auth/forward", &token, "");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(value(&answer, "Remote-Name"), sent);
        let user = "j%C3%BCrgen@b%C3%BCcher.example";
        assert_eq!(value(&answer, "Remote-User"), user);
        assert_eq!(value(&answer, "Remote-Email"), user);
    }
    for bad in [
        "A\r\nRemote-Groups: admins",
        "A\nB",
        "A\rB",
        "A\u{2028}B",
        "A\u{85}B",
    ] {
        assert_eq!(set(bad, "").status, 5, "{bad:?}");
        assert_eq!(set("", bad).status, 5, "{bad:?}");
    }
    let answer = forward(&authd, "/auth/forward", &token, "");
    assert_eq!(value(&answer, "Remote-Groups"), "");
}

#[test]
fn the_fields_have_the_names_that_are_configured() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.write(
        "authd.toml",
        "[forward]\nuser_header = \"X-Forwarded-User\"\nid_header = \"X-Auth-Id\"\n",
    );
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    let answer = forward(&authd, "/auth/forward", &token, "");
    assert_eq!(value(&answer, "X-Forwarded-User"), "ada@example.com");
    assert_eq!(value(&answer, "X-Auth-Id").len(), 36);
    let there: Vec<&str> = identity(&answer).iter().map(|(name, _)| *name).collect();
    assert_eq!(there, ["Remote-Email", "Remote-Name", "Remote-Groups"]);
}

#[test]
fn a_configuration_that_would_mislead_a_service_is_refused() {
    let env = TestEnv::new();
    let refused = |text: &str, sentence: &str| {
        env.write("authd.toml", text);
        let out = env.authctl_json(&["config", "check"]);
        assert_eq!(out.status, 2, "{out:?}");
        let said: Value = serde_json::from_str(&out.stderr).expect("is JSON");
        assert_eq!(said["error"]["message"], sentence);
    };
    refused(
        "[forward]\nuser_header = \"remote-email\"\n",
        "authd.toml:2: forward.user_header: 'remote-email' is named twice: each forward.*_header needs a name of its own",
    );
    refused(
        "[forward]\nname_header = \"Remote_Name\"\n",
        "authd.toml:2: forward.name_header: 'Remote_Name' is no header field: letters, digits and '-' make its name, as in Remote-User",
    );
    refused(
        "[forward]\nlogin_url = \"/login\"\n",
        "authd.toml:2: forward.login_url: '/login' is no URL: write http(s)://host[:port][/path]",
    );
    refused(
        "[server]\ntrusted_proxies = [\"localhost\"]\n",
        "authd.toml:2: server.trusted_proxies: 'localhost' is no proxy: write an address (10.0.0.7), a network (10.0.0.0/8, fd00::/8) or unix",
    );
}
