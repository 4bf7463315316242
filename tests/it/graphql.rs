//! `/graphql`: what the other edges do, with one schema. `graphql_limits` is about what is refused.

use serde_json::{Value, json};

use crate::daemon::Answer;
use crate::env::{Authd, PASSWORD, TestEnv, run};
use crate::offline::python;

pub(crate) const ROOT: &str = "root@example.com";
pub(crate) const ADA: &str = "ada@example.com";
/// Another password.
pub(crate) const NEW: &str = "violet lantern orbits quartz";

/// A superuser and a plain account, and the daemon.
pub(crate) struct Desk {
    pub(crate) env: TestEnv,
    pub(crate) authd: Authd,
    pub(crate) root: String,
    pub(crate) ada: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        Self::started(|env| env.authd_with(&[], variables))
    }

    /// With a daemon that is started like this.
    pub(crate) fn started(start: impl FnOnce(&TestEnv) -> Authd) -> Self {
        let env = TestEnv::new();
        for email in [ROOT, ADA] {
            env.add_user(email, PASSWORD);
        }
        env.authctl(&["user", "set", ROOT, "--superuser", "true"])
            .succeeded();
        let authd = start(&env);
        let (root, ada) = (authd.login(ROOT, PASSWORD), authd.login(ADA, PASSWORD));
        Self {
            env,
            authd,
            root,
            ada,
        }
    }

    /// Sends a document with variables.
    pub(crate) fn ask(&self, token: Option<&str>, query: &str, variables: &Value) -> Answer {
        let bearer = format!("Bearer {}", token.unwrap_or_default());
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(token.map(|_| ("Authorization", bearer.as_str())));
        let body = json!({"query": query, "variables": variables});
        self.authd
            .post("/graphql", &headers, body.to_string().as_bytes())
    }

    /// As the superuser, and all of it must work.
    #[track_caller]
    pub(crate) fn done(&self, query: &str, variables: &Value) -> Value {
        let answer = self.ask(Some(&self.root), query, variables);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["errors"], Value::Null, "{answer:?}");
        answer.body["data"].clone()
    }

    /// The one error that a document is answered with, and the data beside it.
    #[track_caller]
    pub(crate) fn refused(&self, token: Option<&str>, query: &str, variables: &Value) -> Value {
        let answer = self.ask(token, query, variables);
        assert_eq!(answer.status, 200, "{answer:?}");
        let errors = answer.body["errors"].as_array();
        assert_eq!(errors.map(Vec::len), Some(1), "{answer:?}");
        answer.body["errors"][0].clone()
    }

    #[track_caller]
    pub(crate) fn refused_with(&self, code: &str, token: Option<&str>, query: &str) -> Value {
        let error = self.refused(token, query, &json!({}));
        assert_eq!(error["extensions"]["code"], code, "{error}");
        error
    }

    pub(crate) fn id(&self, email: &str) -> String {
        let found = self.done(
            "query($e: String) {user(email: $e) {id}}",
            &json!({"e": email}),
        );
        found["user"]["id"].as_str().expect("is a text").to_owned()
    }
}

/// Every query and mutation of docs/graphql.md, in a client that is not ours, which judges the schema that
/// is served, too: it is the one in docs/schema.graphql.
#[test]
fn the_page_about_graphql_works_as_printed() {
    let desk = Desk::with(&[
        ("AUTHD_MAIL_TRANSPORT", "file:letters"),
        ("AUTHD_ACCOUNTS_REGISTRATION", "open"),
    ]);
    let root = env!("CARGO_MANIFEST_DIR");
    let (page, schema) = (
        format!("{root}/docs/graphql.md"),
        format!("{root}/docs/schema.graphql"),
    );
    let script = format!("{root}/tests/python/graphql_client.py");
    let mut client = desk.env.command(python());
    client.args([&script, &desk.authd.url, &page, &schema, ROOT, PASSWORD]);
    client.arg(desk.env.path("letters"));
    let answers = run(&mut client, "").succeeded().json();
    let answers = answers.as_array().expect("is a list");
    let blocks = std::fs::read_to_string(&page)
        .expect("reads")
        .matches("```graphql\n")
        .count();
    assert_eq!(answers.len(), blocks);
    let answer = |name: &str| {
        let found = answers.iter().find(|answer| answer["name"] == name);
        &found.unwrap_or_else(|| panic!("{name}"))["data"]
    };
    assert_eq!(answer("Me")["me"]["email"], ROOT);
    assert_eq!(answer("Verify")["verify"]["active"], true);
    let eve = &answer("CreateUser")["createUser"];
    assert_eq!(eve["permissions"], json!(["billing.refund"]));
    assert_eq!(answer("User")["byAddress"]["id"], eve["id"]);
    let page = &answer("Users")["users"]["pageInfo"];
    assert_eq!(page["hasNextPage"], true);
    let unit = json!([{"node": {"email": "eve@example.com", "fields": {"unit": "R&D"}}}]);
    assert_eq!(answer("OfUnit")["users"]["edges"], unit);
    assert_eq!(answer("Clear")["deleteGroup"]["name"], "finance");
    assert_eq!(answer("UpdateMe")["updateMe"]["first_name"], "Ada");
    let grace = &answer("ConfirmRegistration")["confirmRegistration"];
    assert_eq!(grace["email"], "grace@example.com");
    for (email, password) in [("ada@example.org", NEW), ("grace@example.com", NEW)] {
        desk.authd.login(email, password);
    }
    // Every field at the top of the schema is asked for.
    let (sdl, all) = (
        std::fs::read_to_string(&schema).expect("reads"),
        json!(answers).to_string(),
    );
    for object in ["Query", "Mutation"] {
        let (_, rest) = sdl
            .split_once(&format!("type {object} {{\n"))
            .expect("is there");
        let (body, _) = rest.split_once("\n}").expect("ends");
        let names = body.lines().filter_map(|line| line.strip_prefix("  "));
        let names = names.filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
        for line in names {
            let name = line.split(['(', ':']).next().expect("has a name");
            assert!(all.contains(&format!("\"{name}\":")), "{object}.{name}");
        }
    }
}

#[test]
fn an_own_field_is_a_typed_field_at_the_next_request_and_nothing_to_strangers() {
    let desk = Desk::new();
    let ada = json!({"id": desk.id(ADA)});
    let set =
        "mutation($id: ID!) {updateUser(id: $id, changes: {fields: {level: 3}}) {fields {level}}}";
    desk.refused_with("invalid_request", Some(&desk.root), "{me {fields {level}}}");
    let add = [
        "field",
        "add",
        "level",
        "--type",
        "int",
        "--min",
        "1",
        "--self-read",
    ];
    desk.env.authctl(&add).succeeded();
    let changed = desk.done(set, &ada);
    assert_eq!(changed["updateUser"]["fields"], json!({"level": 3}));
    // The type is the schema's, the rules are the field's.
    let typed = set.replace("level: 3", "level: \"3\"");
    let error = desk.refused(Some(&desk.root), &typed, &ada);
    assert_eq!(error["extensions"]["code"], "invalid_request", "{error}");
    let low = set.replace("level: 3", "level: 0");
    let error = desk.refused(Some(&desk.root), &low, &ada);
    assert_eq!(error["extensions"]["code"], "invalid", "{error}");
    assert!(
        error["extensions"]["errors"]["fields.level"].is_array(),
        "{error}"
    );
    let found = desk.done(
        "{users(field: {level: 3}) {edges {node {email}}}}",
        &json!({}),
    );
    assert_eq!(found["users"]["edges"], json!([{"node": {"email": ADA}}]));

    // Ada's breaks this rule.
    let rule = "mutation {changeField(name: \"level\", changes: {min: 4}) {min}}";
    let error = desk.refused_with("conflict", Some(&desk.root), rule);
    let message = error["message"].as_str().expect("is a text");
    assert!(message.contains("'force: true': 1 account"), "{error}");
    let force = rule.replace("}) {min}", "}, force: true) {min}");
    desk.done(&force, &json!({}));

    // What Ada sees of herself, and what she does not.
    desk.env
        .authctl(&["field", "add", "note", "--type", "string", "--default", "x"])
        .succeeded();
    let me = desk.ask(Some(&desk.ada), "{me {fields {level note}}}", &json!({}));
    assert_eq!(
        me.body["data"]["me"]["fields"],
        json!({"level": 3, "note": null})
    );

    // To strangers there is no such field: nothing tells one that there is from one that there is not.
    let said = |name: &str| {
        let query = format!("{{me {{fields {{{name}}}}}}}");
        desk.refused_with("invalid_request", None, &query)["message"]
            .as_str()
            .expect("is a text")
            .replace(name, "NAME")
    };
    assert_eq!(said("level"), said("other"));

    desk.env
        .authctl(&["field", "rename", "level", "grade"])
        .succeeded();
    let renamed = desk.done("query($id: ID!) {user(id: $id) {fields {grade}}}", &ada);
    assert_eq!(renamed["user"]["fields"], json!({"grade": 3}));
    for name in ["grade", "note"] {
        desk.env
            .authctl(&["field", "delete", name, "--yes"])
            .succeeded();
    }
    desk.refused_with("invalid_request", Some(&desk.root), "{me {fields {grade}}}");
    desk.done("{me {id}}", &json!({}));
}

#[test]
fn two_administrators_do_not_overwrite_each_other_here_either() {
    let desk = Desk::new();
    let id = desk.id(ADA);
    let read = desk.done(
        "query($id: ID!) {user(id: $id) {version}}",
        &json!({"id": id}),
    );
    let version = &read["user"]["version"];
    let change = "mutation($id: ID!, $v: Int64) {updateUser(id: $id, version: $v, changes: {first_name: \"A\"}) {version}}";
    let seen = json!({"id": id, "v": version});
    let now = desk.done(change, &seen)["updateUser"]["version"].clone();
    let late = change.replace("\"A\"", "\"B\"");
    let error = desk.refused(Some(&desk.root), &late, &seen);
    assert_eq!(
        error["extensions"],
        json!({"code": "precondition_failed", "version": now})
    );
    assert_eq!(error["path"], json!(["updateUser"]));
    let delete = "mutation($id: ID!, $v: Int64) {deleteUser(id: $id, version: $v) {id}}";
    let error = desk.refused(Some(&desk.root), delete, &seen);
    assert_eq!(error["extensions"]["code"], "precondition_failed");
    let read = desk.done(
        "query($id: ID!) {user(id: $id) {first_name}}",
        &json!({"id": id}),
    );
    assert_eq!(read["user"]["first_name"], "A");
}

#[test]
fn what_is_left_out_stays_and_null_empties() {
    let desk = Desk::new();
    let id = desk.id(ADA);
    let change = "mutation($id: ID!, $phone: String, $name: String) {
        updateUser(id: $id, changes: {phone_number: $phone, last_name: $name}) {phone_number last_name}}";
    let to = |more: Value| {
        let mut variables = json!({"id": id});
        for (name, value) in more.as_object().expect("is an object") {
            variables[name] = value.clone();
        }
        desk.done(change, &variables)["updateUser"].clone()
    };
    let set = to(json!({"phone": "+442079460000", "name": "King"}));
    assert_eq!(
        set,
        json!({"phone_number": "+442079460000", "last_name": "King"})
    );
    assert_eq!(
        to(json!({"name": "Byron"})),
        json!({"phone_number": "+442079460000", "last_name": "Byron"})
    );
    assert_eq!(
        to(json!({"phone": null})),
        json!({"phone_number": null, "last_name": "Byron"})
    );
    // A last name is a text, if perhaps an empty one.
    let error = desk.refused(Some(&desk.root), change, &json!({"id": id, "name": null}));
    assert_eq!(error["extensions"]["code"], "invalid_request", "{error}");
}

#[test]
fn a_mutation_that_is_refused_leaves_the_others_done() {
    let desk = Desk::new();
    let query = "mutation {
        a: createGroup(name: \"a\") {name}
        again: createGroup(name: \"a\") {name}
        bad: createUser(user: {email: \"x\", phone_number: \"1\", groups: [\"\"]}) {id}
        b: createGroup(name: \"b\") {name}
    }";
    let answer = desk.ask(Some(&desk.root), query, &json!({}));
    assert_eq!(answer.status, 200, "{answer:?}");
    let data = json!({"a": {"name": "a"}, "again": null, "bad": null, "b": {"name": "b"}});
    assert_eq!(answer.body["data"], data, "{answer:?}");
    let errors = &answer.body["errors"];
    assert_eq!(errors[0]["path"], json!(["again"]));
    assert_eq!(errors[0]["extensions"]["code"], "conflict");
    assert_eq!(errors[1]["extensions"]["code"], "invalid");
    let fields = errors[1]["extensions"]["errors"]
        .as_object()
        .expect("has fields");
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["email", "groups", "phone_number"]);
}

/// Security statements 82 and 83, over GraphQL.
#[test]
fn nobody_raises_themselves_and_anybody_elses_id_is_as_good_as_none() {
    let desk = Desk::new();
    let (ada, root) = (desk.id(ADA), desk.id(ROOT));
    let nobody = "0192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f";
    for changes in [
        "is_superuser: true",
        "is_staff: true",
        "is_active: false",
        "groups: []",
    ] {
        let query =
            format!("mutation {{updateUser(id: \"{ada}\", changes: {{{changes}}}) {{id}}}}");
        desk.refused_with("forbidden", Some(&desk.ada), &query);
    }
    for unknown in [
        "id: \"x\"",
        "version: 1",
        "date_joined: \"2026-01-01T00:00:00Z\"",
        "permissions: []",
    ] {
        let query =
            format!("mutation {{updateUser(id: \"{ada}\", changes: {{{unknown}}}) {{id}}}}");
        desk.refused_with("invalid_request", Some(&desk.root), &query);
    }
    for id in [&root, nobody, "x"] {
        for query in [
            format!("{{user(id: \"{id}\") {{email}}}}"),
            format!("mutation {{deleteUser(id: \"{id}\") {{email}}}}"),
        ] {
            let error = desk.refused(Some(&desk.ada), &query, &json!({}));
            let code = error["extensions"]["code"].as_str().expect("is a text");
            assert!(["forbidden", "not_found"].contains(&code), "{error}");
        }
        desk.refused_with(
            "invalid_token",
            None,
            &format!("{{user(id: \"{id}\") {{email}}}}"),
        );
    }
    for id in [nobody, "x"] {
        desk.refused_with(
            "not_found",
            Some(&desk.root),
            &format!("{{user(id: \"{id}\") {{email}}}}"),
        );
    }
    // An API token does what its scopes say, and no more.
    let token = [
        "token",
        "add",
        "--user",
        ROOT,
        "--name",
        "ci",
        "--scope",
        "users.view",
        "-q",
    ];
    let token = desk.env.authctl(&token).succeeded().stdout;
    let token = Some(token.trim());
    assert_eq!(
        desk.ask(token, "{users {edges {node {id}}}}", &json!({}))
            .body["errors"],
        Value::Null
    );
    desk.refused_with(
        "forbidden",
        token,
        "mutation {createGroup(name: \"x\") {id}}",
    );
}

/// Security statement 87, over GraphQL.
#[test]
fn a_cursor_is_good_unchanged_and_in_its_own_list_alone() {
    let desk = Desk::new();
    let page = "query($after: String) {users(first: 1, order: EMAIL, after: $after) {
        edges {node {email}} pageInfo {hasNextPage endCursor}}}";
    let first = desk.done(page, &json!({}));
    assert_eq!(first["users"]["edges"], json!([{"node": {"email": ADA}}]));
    let cursor = first["users"]["pageInfo"]["endCursor"]
        .as_str()
        .expect("is a text");
    let second = desk.done(page, &json!({"after": cursor}));
    assert_eq!(second["users"]["edges"], json!([{"node": {"email": ROOT}}]));
    assert_eq!(second["users"]["pageInfo"]["hasNextPage"], false);
    let mut changed = cursor.to_owned();
    changed.replace_range(..1, if cursor.starts_with('A') { "B" } else { "A" });
    let random = "A".repeat(60);
    let other_list = page.replace("order: EMAIL", "order: EMAIL, active: true");
    for (query, after) in [
        (page, changed.as_str()),
        (page, ""),
        (page, &random),
        (&other_list, cursor),
    ] {
        let error = desk.refused(Some(&desk.root), query, &json!({"after": after}));
        assert_eq!(error["extensions"]["code"], "invalid_request", "{error}");
        assert!(
            !error.to_string().to_lowercase().contains("select"),
            "{error}"
        );
    }
}
