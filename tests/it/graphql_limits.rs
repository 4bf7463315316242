//! What `/graphql` refuses, and how little that costs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::env::PASSWORD;
use crate::graphql::{ADA, Desk};

/// How long a refusal may take.
const AT_ONCE: Duration = Duration::from_millis(50);

impl Desk {
    /// A document that is over this limit: one error, at once, and nothing was done for it.
    #[track_caller]
    fn is_over(&self, limit: &str, query: &str) {
        let before = self.env.number("SELECT count(*) FROM audit_events");
        let mut best = Duration::MAX;
        // The machine may be busy with something else for a moment.
        for _ in 0..5 {
            let began = Instant::now();
            let error = self.refused(Some(&self.root), query, &json!({}));
            best = best.min(began.elapsed());
            assert_eq!(error["extensions"]["code"], "limit_exceeded", "{error}");
            assert_eq!(error["extensions"]["limit"], limit, "{error}");
            let message = error["message"].as_str().expect("is a text");
            assert!(message.contains(limit), "{error}");
            assert_eq!(error["path"], Value::Null, "{error}");
        }
        assert!(best < AT_ONCE, "{limit}: {best:?}");
        let after = self.env.number("SELECT count(*) FROM audit_events");
        assert_eq!(before, after, "{limit}");
    }
}

fn many(count: usize, of: impl Fn(usize) -> String) -> String {
    (0..count).map(of).collect::<Vec<_>>().join(" ")
}

/// Security statement 88; RUSTSEC-2022-0037 and -0038.
#[test]
fn a_document_over_a_limit_is_one_error_at_once_and_no_work() {
    let desk = Desk::with(&[("AUTHD_SERVER_MAX_BODY_SIZE", "2MiB")]);
    let within =
        |open: &str, close: &str, times| format!("{}{}", open.repeat(times), close.repeat(times));
    desk.is_over("nesting", &within("{a", "}", 100_000));
    desk.is_over("nesting", &"{a".repeat(100_000));
    desk.is_over("nesting", &format!("{{me(a: {}", within("[", "]", 100_000)));
    desk.is_over(
        "nesting",
        &format!("{{me(a: {}", within("{a:", "}", 100_000)),
    );
    desk.is_over(
        "nesting",
        &format!("query($a: {}", within("[", "]", 100_000)),
    );
    desk.is_over("depth", &within("{a", "}", 16));
    let chain = many(100, |n| format!("fragment f{n} on User {{...f{}}}", n + 1));
    desk.is_over(
        "depth",
        &format!("{{me {{...f0}}}} {chain} fragment f100 on User {{id}}"),
    );
    desk.is_over("tokens", &format!("{{{}}}", many(100_000, |_| "id".into())));
    desk.is_over(
        "root_fields",
        &format!("{{{}}}", many(101, |n| format!("a{n}: __typename"))),
    );
    desk.is_over(
        "aliases",
        &format!("{{me {{{}}}}}", many(101, |n| format!("a{n}: id"))),
    );
    desk.is_over(
        "directives",
        &format!("{{me {{id {}}}}}", "@skip(if: false) ".repeat(50)),
    );
    desk.is_over(
        "fields",
        &format!("{{me {{{}}}}}", many(500, |_| "id".into())),
    );
    let wide = many(50, |n| {
        format!("fragment f{n} on User {{...f{0} ...f{0}}}", n + 1)
    });
    desk.is_over(
        "fields",
        &format!("{{me {{...f0}}}} {wide} fragment f50 on User {{id}}"),
    );
    let page = "users(first: 1000) {edges {cursor node {id email}}}";
    desk.is_over(
        "cost",
        &format!("{{{}}}", many(9, |n| format!("a{n}: {page}"))),
    );
    let introspection = "{__schema {types {fields {type {fields {type {fields {name}}}}}}}}";
    desk.is_over("introspection", introspection);
    // The daemon is as it was.
    desk.done("{me {id}}", &json!({}));
    assert_eq!(desk.authd.get("/readyz").status, 200);
}

/// Security statements 74 and 88; CVE-2025-64102.
#[test]
fn passwords_are_not_tried_by_alias() {
    let desk = Desk::new();
    let one =
        |n| format!("a{n}: login(email: \"{ADA}\", password: \"wrong {n}\") {{access_token}}");
    for count in [2, 10] {
        desk.is_over("logins", &format!("mutation {{{}}}", many(count, one)));
    }
    desk.is_over("root_fields", &format!("mutation {{{}}}", many(100, one)));
    let spread = format!(
        "mutation {{...a ...a}} fragment a on Mutation {{{}}}",
        one(0)
    );
    desk.is_over("logins", &spread);
    // One is what it is elsewhere: the same answer, and the same line in the audit.
    let failed = "SELECT count(*) FROM audit_events WHERE event = 'login' AND result = 'failed'";
    let before = desk.env.number(failed);
    let query = |email: &str| {
        format!("mutation {{login(email: \"{email}\", password: \"wrong\") {{access_token}}}}")
    };
    let wrong = desk.refused_with("invalid_credentials", None, &query(ADA));
    let unknown = desk.refused_with("invalid_credentials", None, &query("nobody@example.com"));
    assert_eq!(wrong, unknown);
    assert_eq!(desk.env.number(failed), before + 2);
    let right =
        format!("mutation {{login(email: \"{ADA}\", password: \"{PASSWORD}\") {{access_token}}}}");
    // Whatever a program still sends as its token.
    let answer = desk.ask(Some("old"), &right, &json!({}));
    let token = answer.body["data"]["login"]["access_token"]
        .as_str()
        .expect("is a token");
    assert_eq!(desk.authd.verify(token).status, 200);
}

/// Security statement 88: what changes something is no link.
#[test]
fn requests_come_by_post_as_json_one_at_a_time() {
    let desk = Desk::new();
    let bearer = format!("Bearer {}", desk.root);
    let authorized = ("Authorization", bearer.as_str());
    for query in ["{me{id}}", "mutation{createGroup(name:\"x\"){id}}", ""] {
        let query = query
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('"', "%22");
        let path = format!("/graphql?query={query}");
        let answer = desk
            .authd
            .get_with(&path, &[authorized, ("Accept", "application/json")]);
        answer.is_problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), "POST");
        // A browser gets the page, which runs nothing by itself.
        let page = desk
            .authd
            .get_with(&path, &[authorized, ("Accept", "text/html,*/*;q=0.8")]);
        assert_eq!(page.status, 200);
        assert!(page.text.contains("graphiql.min.js"), "{}", page.text);
    }
    let one = json!({"query": "mutation {createGroup(name: \"x\") {id}}"});
    let many = json!([one, one]).to_string();
    let json = ("Content-Type", "application/json");
    desk.authd
        .post("/graphql", &[authorized, json], many.as_bytes())
        .is_problem(400, "malformed_body");
    for media_type in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
        "application/graphql",
    ] {
        let headers = [authorized, ("Content-Type", media_type)];
        let answer = desk
            .authd
            .post("/graphql", &headers, one.to_string().as_bytes());
        answer.is_problem(415, "unsupported_media_type");
    }
    assert_eq!(desk.env.number("SELECT count(*) FROM groups"), 0);
    // "GraphQL over HTTP": with its own media type the status says whether anything was executed.
    let own = ("Accept", "application/graphql-response+json");
    for (query, status) in [
        ("{me{id}}", 200),
        ("{", 400),
        ("{nothing}", 400),
        ("{users(first:0){edges{cursor}}}", 200),
    ] {
        let body = json!({"query": query}).to_string();
        let answer = desk
            .authd
            .post("/graphql", &[authorized, json, own], body.as_bytes());
        assert_eq!(answer.status, status, "{query} {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            "application/graphql-response+json"
        );
        assert_eq!(
            answer.body.get("data").is_some(),
            status == 200,
            "{answer:?}"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

/// Security statement 88: introspection as configured; and what is not there is not guessed for anybody.
#[test]
fn the_schema_is_shown_to_whom_the_configuration_says() {
    let asks = "{__schema {queryType {name}}}";
    for (value, strangers, known) in [
        ("authenticated", false, true),
        ("on", true, true),
        ("off", false, false),
    ] {
        let desk = Desk::with(&[("AUTHD_GRAPHQL_INTROSPECTION", value)]);
        for (token, may) in [
            (None, strangers),
            (Some("bad"), strangers),
            (Some(desk.ada.as_str()), known),
        ] {
            for query in [
                asks,
                "{__type(name: \"User\") {name}}",
                "{...a} fragment a on Query {__schema {queryType {name}}}",
            ] {
                if may {
                    let answer = desk.ask(token, query, &json!({}));
                    assert_eq!(answer.body["errors"], Value::Null, "{value} {answer:?}");
                } else {
                    desk.refused_with("forbidden", token, query);
                }
            }
        }
        desk.done("{me {__typename id}}", &json!({}));
        let error = desk.refused_with("invalid_request", Some(&desk.root), "{me {emial}}");
        assert!(!error.to_string().contains("mean"), "{error}");
    }
    let desk = Desk::with(&[("AUTHD_GRAPHQL_ENABLED", "false")]);
    let answer = desk.ask(Some(&desk.root), "{me {id}}", &json!({}));
    answer.is_problem(404, "not_found");
    for path in ["/graphql", "/graphql/start.js"] {
        desk.authd
            .get_with(path, &[("Accept", "text/html")])
            .is_problem(404, "not_found");
    }
}

#[test]
fn the_page_for_browsers_needs_nothing_from_outside() {
    let desk = Desk::with(&[("AUTHD_SERVER_PUBLIC_URL", "https://example.com/auth")]);
    let page = desk.authd.get_with("/graphql/", &[("Accept", "text/html")]);
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let policy = page.header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "script-src 'self';",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    for outside in ["http://", "https://", "//cdn", "<script>", "onload"] {
        assert!(!page.text.contains(outside), "{}", page.text);
    }
    let words = page
        .text
        .split('"')
        .filter(|word| [".js", ".css"].iter().any(|end| word.ends_with(end)));
    let files: Vec<&str> = words.collect();
    assert_eq!(files.len(), 6, "{files:?}");
    for file in files {
        let path = file
            .strip_prefix("/auth")
            .expect("is below the public address");
        let asset = desk.authd.get(path);
        assert_eq!(asset.status, 200, "{file}");
        assert!(asset.text.len() > 20, "{file}");
        assert_eq!(asset.header("x-content-type-options"), "nosniff");
    }
    desk.authd
        .get("/graphql/other.js")
        .is_problem(404, "not_found");
}
