//! The API's document and its page, judged by others' tools.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::env::{Authd, PASSWORD, TestEnv, run};
use crate::login_security::UNLIMITED;
use crate::raw::{ask, get};

/// The Python that has the tools of `tests/python/requirements.txt`; `make test` makes one.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its caller where the tools are"
)]
pub(crate) fn python() -> String {
    std::env::var("AUTHD_TEST_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// Examples of each operation that schemathesis makes up.
const EXAMPLES: &str = "25";

/// For what is right of its form and may be refused all the same.
const FORM_ALONE: [&str; 2] = ["--exclude-checks", "positive_data_acceptance"];

/// Each of these after this flag.
fn each<'a>(flag: &'a str, ids: &[&'a str]) -> Vec<&'a str> {
    ids.iter().flat_map(|id| [flag, *id]).collect()
}

/// The ids of the operations with one of these tags.
fn operations(authd: &Authd, tags: &[&str]) -> Vec<String> {
    let document = authd.get("/api/schema?format=json").body;
    let paths = document["paths"].as_object().expect("has paths");
    let all = paths.values().filter_map(serde_json::Value::as_object);
    all.flat_map(serde_json::Map::values)
        .filter(|operation| tags.iter().any(|tag| operation["tags"][0] == *tag))
        .map(|operation| {
            operation["operationId"]
                .as_str()
                .expect("has one")
                .to_owned()
        })
        .collect()
}

/// Security statement 89.
#[test]
fn the_document_is_valid_openapi_3_1_in_yaml_and_json() {
    let env = TestEnv::new();
    let authd = env.authd();
    for (target, media_type, file) in [
        ("/api/schema", "application/yaml", "schema.yaml"),
        ("/api/schema?format=json", "application/json", "schema.json"),
    ] {
        let answer = authd.get(target);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), media_type);
        let file = env.write(file, &answer.text);
        let mut check = env.command(python());
        check.args(["-m", "openapi_spec_validator", "--schema", "3.1.0"]);
        run(check.arg(file), "").succeeded();
    }
    assert_eq!(
        authd.get("/api/schema?format=json").body["openapi"],
        "3.1.0"
    );
}

#[track_caller]
fn lives(authd: &Authd) {
    assert_eq!(authd.get("/readyz").status, 200);
    let requests = authd.requests();
    let failed = requests
        .iter()
        .find(|line| line["status"].as_u64() >= Some(500));
    assert_eq!(failed, None);
}

/// Security statement 89: no server error, and nothing that the document does not say.
#[test]
fn schemathesis_finds_nothing() {
    let env = TestEnv::new();
    for email in ["ada@example.com", "root@example.com"] {
        env.add_user(email, PASSWORD);
    }
    env.authctl(&["user", "set", "root@example.com", "--superuser", "true"])
        .succeeded();
    let authd = env.authd_with(&[], &UNLIMITED);
    let token = authd.login("ada@example.com", PASSWORD);
    let secret = env.authctl(&["client", "add", "billing", "-q"]).succeeded();
    let secret = secret.stdout.trim();
    // From a file, for it leaves out the operation that it loads the document from.
    let document = env.write("schema.json", &authd.get("/api/schema?format=json").text);
    let check = |more: &[&str]| {
        let mut check: Command = env.command(python());
        check.args(["-m", "schemathesis.cli", "run", "--url", &authd.url]);
        check.args(["--max-examples", EXAMPLES, "--seed", "2", "--no-color"]);
        check.args(["--generation-database", "none", "--continue-on-failure"]);
        let out = run(check.args(more).arg(&document), "");
        assert_eq!(out.status, 0, "{}\n{}", out.stdout, out.stderr);
        out.stdout
    };
    let bearer = format!("Authorization: Bearer {token}");
    let header = ["--header", &bearer];
    let oauth = ["token", "introspect", "revoke"];
    let alone = ["verifyToken", "logout", "endSession"];
    let managing = operations(&authd, &["users", "groups", "fields", "audit"]);
    let managing: Vec<&str> = managing.iter().map(String::as_str).collect();
    let helping = operations(&authd, &["account"]);
    let helping: Vec<&str> = helping.iter().map(String::as_str).collect();
    let own = ["changeMe", "changePassword"];
    let free = ["graphql", "graphqlPage"];
    let apart = [&alone[..], &own, &oauth, &managing, &helping, &free].concat();
    let exclude = each("--exclude-operation-id", &apart);
    let said = check(&[&header[..], &exclude].concat());
    assert!(said.contains("Tested: 23"), "{said}");
    // A token in the header and one in the body are refused together, so this one comes without.
    let said = check(&["--include-operation-id", "verifyToken"]);
    assert!(said.contains("Tested: 1"), "{said}");
    // What is right of its form may still be another's to change, or a wrong password.
    let include = each("--include-operation-id", &own);
    let said = check(&[&header[..], &FORM_ALONE, &include].concat());
    assert!(said.contains("Tested: 2"), "{said}");
    // A text of the right form is hardly ever a document: what is wrong with it is in the answer. And the
    // page is for those who ask for one.
    let include = each("--include-operation-id", &free);
    let said = check(&[&header[..], &FORM_ALONE, &include].concat());
    assert!(said.contains("Tested: 2"), "{said}");
    // These end the token's session, and the others would only see 401.
    for id in ["endSession", "logout"] {
        let said = check(&[&header[..], &["--include-operation-id", id]].concat());
        assert!(said.contains("Tested: 1"), "{said}");
    }
    // What is right of its form is still no code that anybody was given.
    let include = each("--include-operation-id", &helping);
    let token = authd.login("ada@example.com", PASSWORD);
    let bearer = format!("Authorization: Bearer {token}");
    let said = check(&[&["--header", &bearer][..], &FORM_ALONE, &include].concat());
    let count = format!("Tested: {}", helping.len());
    assert!(said.contains(&count), "{said}");
    // What is right of its form may still be no cursor, no address, or no version that there is. Those who
    // may everything, and those who may nothing.
    for email in ["ada@example.com", "root@example.com"] {
        let token = authd.login(email, PASSWORD);
        let bearer = format!("Authorization: Bearer {token}");
        let include = each("--include-operation-id", &managing);
        let said = check(&[&["--header", &bearer][..], &FORM_ALONE, &include].concat());
        assert!(
            said.contains(&format!("Tested: {}", managing.len())),
            "{said}"
        );
    }
    // Clients have something else to show. What is right of its form may still ask for more than the
    // client has, or show a second one.
    let basic = format!(
        "Authorization: Basic {}",
        STANDARD.encode(format!("billing:{secret}"))
    );
    let include = each("--include-operation-id", &oauth);
    let said = check(&[&["--header", &basic][..], &FORM_ALONE, &include].concat());
    assert!(said.contains("Tested: 3"), "{said}");
    lives(&authd);
}

/// Own fields of each type, as they are added.
const OF_EACH_TYPE: [&str; 10] = [
    "level --type int --min 1 --max 5 --default 1 --required --self-read",
    "size --type enum --choices s,m --self-write",
    "born --type date --min 1900-01-01",
    "seen --type datetime",
    "code --type string --max-length 9 --pattern [a-z]+ --unique --label Code",
    "badge --type bool",
    "mail --type email",
    "cell --type phone",
    "site --type url",
    "extra --type json",
];

/// Own fields are typed here as everywhere, at the next request and on every node; what an installation calls
/// them is told to nobody without a token.
#[test]
fn own_fields_are_in_the_document_with_their_types_for_whoever_has_a_token() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    env.authctl(&["user", "set", "ada@example.com", "--superuser", "true"])
        .succeeded();
    let other = env.authd();
    let plain = authd.get("/api/schema?format=json").text;
    for flags in OF_EACH_TYPE {
        let arguments: Vec<&str> = ["field", "add"]
            .into_iter()
            .chain(flags.split(' '))
            .collect();
        env.authctl(&arguments).succeeded();
    }
    let bearer = format!("Bearer {token}");
    let with_token =
        |authd: &Authd, target: &str| authd.get_with(target, &[("Authorization", bearer.as_str())]);
    let target = "/api/schema?format=json";
    let typed = with_token(&authd, target);
    let schemas = &typed.body["components"]["schemas"];
    let of = |schema: &str| schemas[schema]["properties"]["fields"]["properties"].clone();
    let shown = of("User");
    let types = |name: &str| (shown[name]["type"].clone(), shown[name]["format"].clone());
    for (name, kind, format) in [
        ("level", "integer", json!("int64")),
        ("size", "string", json!(null)),
        ("born", "string", json!("date")),
        ("seen", "string", json!("date-time")),
        ("code", "string", json!(null)),
        ("badge", "boolean", json!(null)),
        ("mail", "string", json!("email")),
        ("cell", "string", json!(null)),
        ("site", "string", json!("uri")),
    ] {
        assert_eq!(types(name), (json!([kind, "null"]), format), "{name}");
    }
    assert_eq!(shown["extra"], json!({}));
    for schema in ["NewUser", "UserPatch"] {
        let given = of(schema);
        assert_eq!(
            given.as_object().map(serde_json::Map::len),
            Some(10),
            "{given}"
        );
        let level = &given["level"];
        let rules = (&level["minimum"], &level["maximum"], &level["default"]);
        assert_eq!(rules, (&json!(1), &json!(5), &json!(1)), "{level}");
        assert_eq!(given["size"]["enum"], json!(["s", "m", null]));
        assert_eq!(given["code"]["maxLength"], 9);
        let about = "Code; no two accounts have the same; all of it matches [a-z]+";
        assert_eq!(given["code"]["description"], about);
        assert_eq!(given["born"]["description"], "from 1900-01-01");
    }
    for schema in ["OwnPatch", "RegistrationConfirmation"] {
        let given = of(schema);
        let names: Vec<&String> = given.as_object().expect("is one").keys().collect();
        assert_eq!(names, ["size"]);
    }
    let parameters = typed.body["paths"]["/users"]["get"]["parameters"].to_string();
    assert!(parameters.contains("\"field.level\""), "{parameters}");
    assert!(!parameters.contains("field.extra"), "{parameters}");

    // Who has none, or a bad one, sees what everybody sees.
    for authorization in ["Bearer x", "Basic eDp4", ""] {
        let seen = authd.get_with(target, &[("Authorization", authorization)]);
        assert_eq!((seen.status, &seen.text), (200, &plain), "{authorization}");
    }
    env.authctl(&["field", "rename", "code", "nick"])
        .succeeded();
    env.authctl(&["field", "delete", "badge", "--yes"])
        .succeeded();
    for node in [&authd, &other] {
        let schemas = &with_token(node, target).body["components"]["schemas"];
        let now = &schemas["User"]["properties"]["fields"]["properties"];
        assert_eq!(now["nick"]["type"], json!(["string", "null"]));
        assert_eq!((&now["code"], &now["badge"]), (&json!(null), &json!(null)));
    }
    // Others' tools take it, and what is answered is as it says.
    for (target, file) in [("/api/schema", "typed.yaml"), (target, "typed.json")] {
        let file = env.write(file, &with_token(&authd, target).text);
        let mut check = env.command(python());
        check.args(["-m", "openapi_spec_validator", "--schema", "3.1.0"]);
        run(check.arg(file), "").succeeded();
    }
    let mut check: Command = env.command(python());
    check.args(["-m", "schemathesis.cli", "run", "--url", &authd.url]);
    check.args(["--max-examples", EXAMPLES, "--seed", "2", "--no-color"]);
    check.args(["--generation-database", "none", "--continue-on-failure"]);
    check.args(["--header", &format!("Authorization: {bearer}")]);
    check.args(FORM_ALONE);
    let about = ["listUsers", "addUser", "changeUser", "me", "changeMe"];
    check.args(each("--include-operation-id", &about));
    let out = run(check.arg(env.path("typed.json")), "");
    assert_eq!(out.status, 0, "{}\n{}", out.stdout, out.stderr);
    assert!(out.stdout.contains("Tested: 5"), "{}", out.stdout);
    lives(&authd);
}

#[test]
fn the_page_works_without_the_internet() {
    let env = TestEnv::new();
    let authd = env.authd();
    for path in ["/api/docs", "/api/docs/"] {
        let answer = authd.get(path);
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), "/api/docs/index.html");
    }
    let page = authd.get("/api/docs/index.html");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    let files: Vec<&str> = page
        .text
        .split(['"', '\''])
        .filter(|word| {
            [".js", ".css", ".png"]
                .iter()
                .any(|end| word.ends_with(end))
        })
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let path = format!("/api/docs/{}", file.trim_start_matches("./"));
        let asset = ask(authd.address(), get(&path));
        assert_eq!(asset.status, 200, "{file}");
        assert!(!asset.header("content-type").is_empty());
        assert_eq!(asset.header("x-content-type-options"), "nosniff");
    }
    let script = authd.get("/api/docs/swagger-initializer.js");
    assert!(
        script.text.contains("../schema?format=json"),
        "{}",
        script.text
    );
    for outside in ["http://", "https://", "//cdn"] {
        assert!(!page.text.contains(outside), "{}", page.text);
        assert!(!script.text.contains(outside), "{}", script.text);
    }
}

#[test]
fn the_page_runs_its_own_scripts_only() {
    let env = TestEnv::new();
    let authd = env.authd();
    let page = authd.get("/api/docs/index.html");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let policy = page.header("content-security-policy");
    let rules: Vec<&str> = policy.split(';').map(str::trim).collect();
    for rule in [
        "default-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(rules.contains(&rule), "{policy}");
    }
    assert!(
        !policy.contains("script-src") && !policy.contains("unsafe-eval"),
        "{policy}"
    );
    // Nothing in the page needs what the policy forbids.
    for inline in ["<script>", "onclick", "onload", "javascript:"] {
        assert!(!page.text.contains(inline), "{}", page.text);
    }
}
