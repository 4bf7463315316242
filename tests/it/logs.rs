//! What is told to those who run the service, and to nobody else.

use serde_json::json;

use crate::env::{PASSWORD, TestEnv};
use crate::graphql::Desk;
use crate::raw::Raw;

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Security statement 91.
#[test]
fn an_error_says_nothing_about_the_inside() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    env.sql(
        "DROP TABLE refresh_tokens; DROP TABLE sessions; DROP TABLE api_tokens;
        DROP TABLE group_members; DROP TABLE user_permissions; DROP TABLE user_fields;
        DROP TABLE account_codes; DROP TABLE users; DROP TABLE signing_keys",
    );
    let failures = [
        authd.verify(&token),
        authd.try_login("ada@example.com", PASSWORD),
        authd.get("/readyz"),
    ];
    for answer in &failures {
        let codes = [(500, "internal"), (503, "overloaded")];
        let code = codes.iter().find(|(status, _)| *status == answer.status);
        answer.is_problem(answer.status, code.expect("is a failure").1);
    }
    let refusals = [
        authd.post("/auth/login", &[JSON], b"{"),
        authd.get("/api/docs/x.rs"),
        authd.get("/auth/me"),
    ];
    let folder = env.path("");
    let folder = folder.to_str().expect("is UTF-8");
    let inside = [
        "panick",
        "src/",
        ".rs:",
        "SELECT",
        "no such table",
        "does not exist",
        "relation",
        "sqlite",
        "postgres",
        env.database().name(),
        folder,
    ];
    for answer in failures.iter().chain(&refusals) {
        for word in inside {
            assert!(!answer.text.contains(word), "{word}: {}", answer.text);
        }
    }
    // It is in the log, for those who run the service.
    let words = if env.is_on_sqlite() {
        "no such table"
    } else {
        "does not exist"
    };
    assert!(authd.log().contains(words), "{}", authd.log());
    assert_eq!(authd.get("/livez").status, 200);
}

/// Whoever is told that something failed can name it to those who run the service.
#[test]
fn what_fails_in_graphql_is_in_the_log_under_the_requests_id() {
    let desk = Desk::new();
    desk.env
        .sql("ALTER TABLE audit_events RENAME TO audit_events_elsewhere");
    let bearer = format!("Bearer {}", desk.root);
    let body = json!({"query": "{me {id} events: audit(first: 1) {edges {cursor}}}"}).to_string();
    for given in ["request-1", "not plain"] {
        let headers = [
            ("Authorization", bearer.as_str()),
            JSON,
            ("X-Request-Id", given),
        ];
        let answer = desk.authd.post("/graphql", &headers, body.as_bytes());
        let error = &answer.body["errors"][0];
        let code = error["extensions"]["code"].as_str().expect("is a text");
        assert!(["internal", "overloaded"].contains(&code), "{answer:?}");
        assert!(!answer.text.contains("audit_events"), "{answer:?}");
        assert!(answer.body["data"]["me"]["id"].is_string(), "{answer:?}");
        let id = answer.header("x-request-id");
        assert_eq!(id == given, given == "request-1");
        let lines = desk.authd.log_lines();
        let failed = "a field of a GraphQL request failed";
        let mut lines = lines.iter().filter(|line| line["id"] == id);
        let line = lines.find(|line| line["message"] == failed);
        let line = line.unwrap_or_else(|| panic!("{}", desk.authd.log()));
        assert_eq!(line["field"], "audit");
        assert!(line["error"].to_string().contains("audit_events"), "{line}");
    }
}

/// Security statement 91.
#[test]
fn each_request_has_one_line_in_the_log() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let id = |number: usize| format!("request-{number}");
    let asked: [(&str, &str, Option<&str>, u64); 7] = [
        ("GET", "/auth/verify", Some("/auth/verify"), 200),
        ("GET", "/auth/me/?secret=hush", Some("/auth/me"), 200),
        ("HEAD", "/livez", Some("/livez"), 200),
        (
            "GET",
            "/api/docs/swagger-ui.css",
            Some("/api/docs/{file}"),
            200,
        ),
        ("GET", "/ada@example.com", None, 404),
        ("DELETE", "/auth/me", None, 405),
        ("BREW", "/livez", None, 405),
    ];
    for (number, (method, target, _, status)) in asked.iter().enumerate() {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: a\r\nX-Request-Id: {}\r\n\
             Authorization: Bearer {token}\r\nConnection: close\r\n\r\n",
            id(number)
        );
        let mut raw = Raw::connect(authd.address());
        raw.send(request);
        let answer = raw.head();
        assert_eq!(u64::from(answer.status), *status);
        assert_eq!(answer.header("x-request-id"), id(number));
    }
    let lines = authd.requests();
    for (number, (method, _, route, status)) in asked.iter().enumerate() {
        let mine: Vec<_> = lines
            .iter()
            .filter(|line| line["id"] == id(number))
            .collect();
        let [line] = mine[..] else {
            panic!("not one line: {mine:?}");
        };
        let logged = if *method == "BREW" { "other" } else { method };
        assert_eq!(line["method"], logged);
        assert_eq!(line["route"], route.unwrap_or("-"));
        assert_eq!(line["status"], *status);
        assert!(line["micros"].is_u64() && line["timestamp"].is_string());
    }
    assert_eq!(lines.len(), asked.len() + 1, "and the login's");
}

/// Security statement 91: at any level, and whatever a client sends.
#[test]
fn the_log_holds_no_secret_and_no_line_of_a_clients_making() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[("AUTHD_LOG_LEVEL", "trace")]);
    let token = authd.login("ada@example.com", PASSWORD);
    let wrong = "wr0ng horse battery staple";
    let forged = "x\r\n{\"message\":\"forged\"}\n\u{1b}[2Jforged";
    assert_eq!(authd.try_login("ada@example.com", wrong).status, 401);
    assert_eq!(authd.try_login(forged, forged).status, 401);
    assert_eq!(authd.try_login("eve@example.org", forged).status, 401);
    assert_eq!(authd.verify(&token).status, 200);
    assert_eq!(authd.verify(&format!("{token}A")).status, 401);
    assert_eq!(
        authd
            .post_json("/auth/verify", &json!({"token": token}))
            .status,
        200
    );
    assert_eq!(
        authd
            .post_json("/auth/verify", &json!({"token": forged}))
            .status,
        401
    );
    assert_eq!(authd.get("/auth/me?access_token=hush-hush&x=y").status, 401);
    assert_eq!(authd.get("/livez?q=%0d%0aforged").status, 200);
    assert_eq!(authd.get("/api/docs/forged%0d%0a.txt").status, 400);
    let body = format!("{{\"email\": 1, \"{PASSWORD}\": 2}}");
    assert_eq!(
        authd.post("/auth/login", &[JSON], body.as_bytes()).status,
        400
    );
    let agent = [
        ("User-Agent", "forged agent"),
        ("X-Forwarded-For", "forged"),
    ];
    assert_eq!(authd.get_with("/livez", &agent).status, 200);

    let log = authd.log();
    let (signed, signature) = token.rsplit_once('.').expect("has a signature");
    // User and password, where the database is on a server.
    let url = env.database().url();
    let user = url.split_once('@').map(|(user, _)| user);
    let login = user.and_then(|user| user.split_once("//"));
    assert!(login.is_none_or(|(_, login)| !log.contains(login)));
    for secret in [
        PASSWORD,
        wrong,
        signature,
        signed,
        "ada@example.com",
        "eve@example.org",
        "hush",
        "?",
        "forged",
        "\u{1b}",
        "$argon2",
    ] {
        assert!(!log.contains(secret), "{secret:?} is in the log");
    }
    // Every line is ours, and whole.
    assert_eq!(authd.requests().len(), 13);
    assert!(
        authd
            .log_lines()
            .iter()
            .all(|line| line["level"].is_string())
    );
}
