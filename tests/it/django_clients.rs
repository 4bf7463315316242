//! Clients that were written for simplejwt and djoser: one of them asks a Django service and authd the
//! same, and what differs is what docs/from-django.md says.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::env::{Answer, Authd, PASSWORD, TestEnv, run};
use crate::forger::{self, Forger};
use crate::from_django::copy;
use crate::mail_server::MailServer;
use crate::oauth;
use crate::offline::python;

/// The daemon answers these clients.
const DJANGO: (&str, &str) = ("AUTHD_COMPAT_DJANGO", "true");
const JWT: (&str, &str) = ("AUTHD_COMPAT_JWT_PREFIX", "true");

/// The Django project with its accounts, and whatever it needs besides.
struct Team {
    env: TestEnv,
    /// What `manage.py team` printed.
    made: Value,
}

/// The project, served. Gone when dropped.
struct Service {
    child: Child,
    url: String,
}

impl Team {
    fn new() -> Self {
        let env = TestEnv::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/django_project");
        copy(&from, &env.path(""));
        let mut team = Self {
            env,
            made: Value::Null,
        };
        let migrate = ["migrate", "--run-syncdb", "--verbosity", "0"];
        run(&mut team.manage(&migrate), "").succeeded();
        let out = run(&mut team.manage(&["team"]), "").succeeded();
        team.made = serde_json::from_str(&out.stdout).expect("is JSON");
        team
    }

    fn manage(&self, arguments: &[&str]) -> Command {
        let mut command = self.env.command(python());
        command.arg("manage.py").args(arguments);
        command.env("DJANGO_SETTINGS_MODULE", "service");
        if !self.env.is_on_sqlite() {
            command.env("DJANGO_DATABASE", self.env.database().url());
        }
        command
    }

    fn serve(&self, mail: &MailServer) -> Service {
        let mut command = self.manage(&["serve"]);
        command.env("MAIL_PORT", mail.port.to_string());
        let log = File::create(self.env.path("django.log")).expect("makes a file");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("starts");
        let mut port = String::new();
        let stdout = child.stdout.take().expect("is piped");
        BufReader::new(stdout).read_line(&mut port).expect("reads");
        Service {
            child,
            url: format!("http://127.0.0.1:{}", port.trim()),
        }
    }

    /// The accounts come here as they are, as docs/from-django.md says.
    fn moved_to(&self, env: &TestEnv) {
        let dump = self.env.path("dump.json").display().to_string();
        let dumpdata = [
            "dumpdata",
            "contenttypes",
            "auth",
            "accounts",
            "--output",
            &dump,
        ];
        run(&mut self.manage(&dumpdata), "").succeeded();
        env.authctl(&["import", &dump, "--from", "django", "--yes"])
            .succeeded();
        for field in ["company", "seats", "is_partner", "partner_since", "seen_at"] {
            let own = ["--self-read", "true", "--self-write", "true"];
            let change: Vec<&str> = ["field", "change", field].into_iter().chain(own).collect();
            env.authctl(&change).succeeded();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the client saw: each request with the answer.
fn transcript(env: &TestEnv, url: &str, mail: &MailServer, given: &Value) -> Vec<(String, Value)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/django_client.py");
    let mut given = given.clone();
    given["mails"] = json!(mail.log());
    let mut command = env.command(python());
    let out = run(command.args([script, url]), &given.to_string()).succeeded();
    serde_json::from_str(&out.stdout).expect("is a transcript")
}

/// What differs: the request, which part of the answer, what Django says of it, and what authd says.
type Difference = [String; 4];

/// A row of the table in docs/from-django.md.
#[derive(Debug)]
struct Row {
    request: String,
    parts: Vec<String>,
    django: String,
    here: String,
}

fn rows() -> Vec<Row> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/from-django.md");
    let guide = std::fs::read_to_string(guide).expect("reads");
    let mut lines = guide.lines();
    assert!(
        lines.any(|line| line == "| request | part of the answer | Django | here | why |"),
        "the table is there"
    );
    let table = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    table
        .map(|line| {
            let [request, parts, django, here, why] = &cells(line)[..] else {
                panic!("has five cells: {line}");
            };
            assert!(!why.is_empty(), "{line}");
            Row {
                request: request.replace('`', ""),
                parts: parts
                    .replace('`', "")
                    .split(", ")
                    .map(str::to_owned)
                    .collect(),
                django: django.clone(),
                here: here.clone(),
            }
        })
        .collect()
}

impl Row {
    /// Whether the row tells this difference. A value in code is the whole value, other words are about it.
    fn tells(&self, difference: &Difference) -> bool {
        let [request, part, django, here] = difference;
        let is_code = |cell: &str| cell.len() > 1 && cell.starts_with('`') && cell.ends_with('`');
        let fits = |cell: &str, value: &str| !is_code(cell) || cell.trim_matches('`') == value;
        let case = request.split_once(", ").map(|(_, case)| case);
        let any = self.request.strip_prefix("any, ");
        (self.request == "any" || self.request == *request || any.is_some() && any == case)
            && self.parts.contains(part)
            && fits(&self.django, django)
            && fits(&self.here, here)
    }
}

/// Part by part, where the status is the same; else as a whole.
fn differences(django: &[(String, Value)], here: &[(String, Value)]) -> Vec<Difference> {
    let requests = |of: &[(String, Value)]| -> Vec<String> {
        of.iter().map(|(request, _)| request.clone()).collect()
    };
    assert_eq!(requests(django), requests(here));
    let mut found = Vec::new();
    for ((request, django), (_, here)) in django.iter().zip(here) {
        if django["status"] != here["status"] {
            let whole = |answer: &Value| match &answer["body"] {
                Value::Null => answer["status"].to_string(),
                body => format!("{} {body}", answer["status"]),
            };
            found.push([
                request.clone(),
                "all".to_owned(),
                whole(django),
                whole(here),
            ]);
            continue;
        }
        for member in ["header", "body", "claims"] {
            compare(request, member, &django[member], &here[member], &mut found);
        }
    }
    found
}

fn compare(request: &str, part: &str, django: &Value, here: &Value, found: &mut Vec<Difference>) {
    if let (Value::Object(one), Value::Object(other)) = (django, here) {
        let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        for name in names {
            let part = format!("{part}.{name}");
            compare(request, &part, &django[name], &here[name], found);
        }
    } else if let (Value::Array(one), Value::Array(other)) = (django, here)
        && one.len() == other.len()
    {
        for (place, (django, here)) in one.iter().zip(other).enumerate() {
            compare(request, &format!("{part}.{place}"), django, here, found);
        }
    } else if django != here {
        let shown = |value: &Value| match value {
            Value::Null => "nothing".to_owned(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        found.push([
            request.to_owned(),
            part.to_owned(),
            shown(django),
            shown(here),
        ]);
    }
}

/// A token of this account, signed by authd's own key, whose time was an hour ago.
fn expired(env: &TestEnv, authd: &Authd, password: &str) -> String {
    let own = Forger::with_active_key(env);
    let claims = forger::claims_of(&authd.login("ada@example.com", password));
    let earlier = |name: &str| json!(claims[name].as_i64().expect("is a number") - 7200);
    let claims = forger::with(&claims, "exp", Some(earlier("exp")));
    let claims = forger::with(&claims, "iat", Some(earlier("iat")));
    own.token(&own.header(), &claims)
}

#[test]
fn a_client_of_simplejwt_and_djoser_sees_what_it_saw_but_for_what_the_guide_lists() {
    let team = Team::new();
    let env = TestEnv::new();
    team.moved_to(&env);
    let mail = MailServer::start(&team.env);
    let service = team.serve(&mail);
    let django = transcript(&team.env, &service.url, &mail, &team.made);

    let mail = MailServer::start(&env);
    let page = |path: &str| format!("https://app.example.com/{path}/authd/{{token}}");
    let (reset, registration) = (page("password/reset/confirm"), page("activate"));
    let more = [
        DJANGO,
        JWT,
        ("AUTHD_ACCOUNTS_RESET_URL", &*reset),
        ("AUTHD_ACCOUNTS_REGISTRATION_URL", &*registration),
        ("AUTHD_ACCOUNTS_REGISTRATION", "open"),
        // The client is wrong more often than people are.
        ("AUTHD_LOGIN_ATTEMPTS", "1000"),
        ("AUTHD_LOGIN_ADDRESS_ATTEMPTS", "1000"),
        ("AUTHD_DATABASE_TIMEOUT", "60s"),
    ];
    let authd = mail.authd(&env, &more);
    let mut given = team.made.clone();
    let password = given["password"].as_str().expect("is a text").to_owned();
    given["expired"] = json!(expired(&env, &authd, &password));
    let here = transcript(&env, &authd.url, &mail, &given);

    let found = differences(&django, &here);
    let rows = rows();
    let untold: Vec<String> = found
        .iter()
        .filter(|difference| !rows.iter().any(|row| row.tells(difference)))
        .map(|[request, part, django, here]| {
            format!("| {request} | `{part}` | `{django}` | `{here}` | |")
        })
        .collect();
    let untold = untold.join("\n");
    assert!(untold.is_empty(), "not in docs/from-django.md:\n{untold}");
    for row in &rows {
        for part in &row.parts {
            let one = Row {
                parts: vec![part.clone()],
                request: row.request.clone(),
                django: row.django.clone(),
                here: row.here.clone(),
            };
            let is_there = found.iter().any(|difference| one.tells(difference));
            assert!(is_there, "does not differ any more: {one:?}");
        }
    }
}

/// A form has nothing but texts, and what a client sends back as it was shown is no change.
#[test]
fn own_fields_of_every_type_are_set_by_a_form_and_a_client_may_send_back_all_it_was_shown() {
    let env = TestEnv::new();
    for (name, kind, own) in [
        ("seats", "int", &["--self-read", "--self-write"][..]),
        ("settings", "json", &["--self-read", "--self-write"]),
        ("level", "int", &["--self-read"]),
        ("partner", "bool", &["--self-read"]),
    ] {
        let add = [&["field", "add", name, "--type", kind], own].concat();
        env.authctl(&add).succeeded();
    }
    env.add_user("ada@example.com", PASSWORD);
    let given = ["--field", "level=3", "--field", "partner=true"];
    let change = ["user", "set", "ada@example.com"].into_iter().chain(given);
    env.authctl(&change.collect::<Vec<_>>()).succeeded();
    let authd = env.authd_with(&[], &[DJANGO]);
    let bearer = format!("Bearer {}", authd.login("ada@example.com", PASSWORD));
    let patch = |form: &str| {
        let headers = [("Authorization", &*bearer), FORM];
        authd.ask("PATCH", "/auth/users/me/", &headers, form)
    };
    let answer =
        patch("seats=12&settings=%7B%22theme%22%3A%20%5B%22dark%22%5D%7D&level=3&partner=true");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["seats"], 12);
    assert_eq!(answer.body["settings"], json!({"theme": ["dark"]}));
    let version = |authd: &Authd| {
        authd
            .get_with("/auth/me", &[("Authorization", &bearer)])
            .body["version"]
            .clone()
    };
    let before = version(&authd);
    let again = patch("seats=12&settings=%7B%22theme%22%3A%5B%22dark%22%5D%7D&level=3&partner=on");
    assert_eq!((again.status, again.body), (200, answer.body));
    assert_eq!(version(&authd), before);
    // No JSON, and what is not the account's to change: nothing of it is done.
    for (form, field) in [
        ("seats=13&settings=dark", "settings"),
        ("seats=13&level=4", "level"),
        ("seats=13&partner=off", "partner"),
    ] {
        let answer = patch(form);
        assert_eq!(answer.status, 400, "{form}");
        assert!(answer.body[field][0].is_string(), "{answer:?}");
    }
    assert_eq!(version(&authd), before);
    assert_eq!(patch("settings=&seats=").body["settings"], Value::Null);
}

/// Every path of theirs, with a method that it knows.
const PATHS: [(&str, &str); 16] = [
    ("POST", "/api/token/"),
    ("POST", "/api/token/refresh/"),
    ("POST", "/api/token/verify/"),
    ("POST", "/api/token/blacklist/"),
    ("POST", "/auth/jwt/create/"),
    ("POST", "/auth/jwt/refresh/"),
    ("POST", "/auth/jwt/verify/"),
    ("GET", "/auth/users/"),
    ("POST", "/auth/users/"),
    ("GET", "/auth/users/me/"),
    ("DELETE", "/auth/users/me/"),
    ("POST", "/auth/users/set_password/"),
    ("POST", "/auth/users/reset_password/"),
    ("POST", "/auth/users/reset_password_confirm/"),
    ("POST", "/auth/users/activation/"),
    ("POST", "/auth/users/resend_activation/"),
];

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn obtain(authd: &Authd, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    authd.post_json("/api/token/", &body)
}

/// What is refused in the words of Django REST framework.
#[track_caller]
fn is_refused(answer: &Answer, status: u16, body: &Value) {
    assert_eq!((answer.status, &answer.body), (status, body), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("x-request-id").len() >= 8);
}

#[test]
fn nothing_of_this_is_there_unless_it_is_wanted() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", &*bearer),
        ("Content-Type", "application/json"),
    ];
    for (method, path) in PATHS {
        let answer = authd.ask(method, path, &headers, "{}");
        answer.is_problem(404, "not_found");
    }
    let claims = forger::claims_of(&token);
    for claim in ["token_type", "user_id"] {
        assert_eq!(claims[claim], Value::Null, "{claims}");
    }
    let jwt = format!("JWT {token}");
    let answer = authd.get_with("/auth/verify", &[("Authorization", &jwt)]);
    answer.is_problem(401, "invalid_token");
    let document = authd.get("/api/schema?format=json").body;
    assert!(document["paths"]["/auth/login"].is_object());
    for (_, path) in PATHS {
        let path = path.trim_end_matches('/');
        assert_eq!(document["paths"][path], Value::Null, "{path}");
    }
}

#[test]
fn jwt_is_another_word_for_bearer_at_every_path_if_that_is_wanted() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[JWT]);
    let token = authd.login("ada@example.com", PASSWORD);
    let ask = |scheme: &str, path: &str| {
        let value = format!("{scheme} {token}");
        authd.get_with(path, &[("Authorization", &value)])
    };
    for path in [
        "/auth/verify",
        "/auth/me",
        "/auth/forward",
        "/auth/sessions",
    ] {
        for scheme in ["JWT", "jwt", "Bearer"] {
            assert_eq!(ask(scheme, path).status, 200, "{scheme} {path}");
        }
        assert_eq!(ask("JWTs", path).status, 401, "{path}");
    }
    let value = format!("JWT {token}");
    let headers = [
        ("Authorization", &*value),
        ("Content-Type", "application/json"),
    ];
    let query = json!({"query": "{ me { email } }"}).to_string();
    let answer = authd.post("/graphql", &headers, query.as_bytes());
    assert_eq!(answer.body["data"]["me"]["email"], "ada@example.com");
    // It is no way around the rule of one token.
    ask("JWT Bearer", "/auth/me").is_problem(400, "invalid_request");
    ask("JWT a", "/auth/me").is_problem(400, "invalid_request");
    // The other key is not needed for it, and does not come with it.
    authd.get("/auth/users/me").is_problem(404, "not_found");
}

#[test]
fn the_document_has_these_paths_where_they_are() {
    let env = TestEnv::new();
    let authd = env.authd_with(&[], &[DJANGO]);
    let text = authd.get("/api/schema?format=json").text;
    let document: Value = serde_json::from_str(&text).expect("is JSON");
    for (method, path) in PATHS {
        let path = path.trim_end_matches('/');
        let operation = &document["paths"][path][method.to_lowercase()];
        assert_eq!(operation["tags"], json!(["django"]), "{path}");
        assert!(operation["responses"]["415"].is_object(), "{path}");
    }
    assert!(document["paths"]["/auth/login"].is_object());
    let file = env.write("schema.json", &text);
    let mut command = env.command(python());
    command.args(["-m", "openapi_spec_validator"]).arg(file);
    run(&mut command, "").succeeded();
    let yaml = authd.get("/api/schema").text;
    assert!(yaml.contains("/api/token/blacklist:"), "{yaml}");
}

#[test]
fn an_account_that_came_from_nowhere_has_its_own_id() {
    let env = TestEnv::new();
    let ada = env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[DJANGO]);
    let pair = obtain(&authd, "ada@example.com", PASSWORD).body;
    let access = pair["access"].as_str().expect("is a text");
    let claims = forger::claims_of(access);
    assert_eq!(claims["token_type"], "access");
    assert_eq!(claims["user_id"], ada["id"]);
    assert_eq!(claims["sub"], ada["id"]);
    let bearer = format!("Bearer {access}");
    let me = authd.get_with("/auth/users/me/", &[("Authorization", &bearer)]);
    let shown = json!({
        "id": ada["id"], "email": "ada@example.com",
        "first_name": "", "last_name": "", "phone_number": "",
    });
    assert_eq!(me.body, shown);
    // It is a token as any other.
    assert_eq!(authd.verify(access).body["user"]["id"], ada["id"]);
    let refresh = json!({"refresh_token": pair["refresh"]});
    assert_eq!(authd.post_json("/auth/refresh", &refresh).status, 200);
}

/// Security statements 67 and 74.
#[test]
fn who_is_wrong_too_often_is_throttled_in_the_words_of_the_framework() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[DJANGO, ("AUTHD_LOGIN_ATTEMPTS", "2")]);
    for email in ["ada@example.com", "nobody@example.com"] {
        let told = |answer: &Answer| (answer.status, answer.body.clone());
        let wrong = told(&obtain(&authd, email, "wrong horse battery staple"));
        let detail = "No active account found with the given credentials";
        assert_eq!(wrong, (401, json!({"detail": detail})), "{email}");
        let mut answer = obtain(&authd, email, "wrong horse battery staple");
        while answer.status == 401 {
            answer = obtain(&authd, email, PASSWORD);
        }
        let wait = answer.header("retry-after").to_owned();
        let unit = if wait == "1" { "second" } else { "seconds" };
        let detail = format!("Request was throttled. Expected available in {wait} {unit}.");
        is_refused(&answer, 429, &json!({"detail": detail}));
    }
}

/// Security statement 51.
#[test]
fn a_session_of_a_client_is_not_refreshed_seen_or_ended_here() {
    let scene = oauth::Scene::with(&[DJANGO]);
    let login = scene.log_in_through(&scene.billing, &[]);
    let refresh = login["refresh_token"].as_str().expect("is a text");
    let bad = json!({"detail": "Token is invalid", "code": "token_not_valid"});
    for path in [
        "/api/token/refresh",
        "/api/token/blacklist",
        "/auth/jwt/refresh",
    ] {
        let answer = scene.authd.post_json(path, &json!({"refresh": refresh}));
        is_refused(&answer, 401, &bad);
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"api\"");
    }
    let answer = scene
        .authd
        .post_json("/api/token/verify", &json!({"token": refresh}));
    is_refused(&answer, 401, &bad);
    let access = login["access_token"].as_str().expect("is a text");
    assert_eq!(scene.authd.verify(access).status, 200);
}

#[test]
fn whatever_is_sent_is_answered_in_the_words_of_the_framework() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[DJANGO]);
    let json_type = [("Content-Type", "application/json")];
    let large = "x".repeat(100_000);
    for (method, path) in PATHS.into_iter().filter(|(method, _)| *method == "POST") {
        let answer = authd.ask(method, path, &json_type, &large);
        let detail = "A body may have 65536 bytes at most.";
        is_refused(&answer, 413, &json!({"detail": detail}));
        for hostile in [
            "[".repeat(30_000).as_str(),
            "{\"a\":".repeat(9_000).as_str(),
            "\u{feff}{}",
            "{\"email\": \"\\ud800\"}",
            "{\"refresh\": 1e999}",
        ] {
            let answer = authd.post(path, &json_type, hostile.as_bytes());
            assert!([400, 401].contains(&answer.status), "{path} {answer:?}");
            assert!(answer.body.is_object(), "{answer:?}");
            assert_eq!(answer.header("content-type"), "application/json");
        }
        let answer = authd.post(path, &json_type, b"\xff\xfe");
        assert!([400, 401].contains(&answer.status), "{path} {answer:?}");
        let answer = authd.post(path, &[FORM], &vec![b'&'; 60_000]);
        assert!([400, 401].contains(&answer.status), "{path} {answer:?}");
        let answer = authd.post(path, &[("Content-Type", "\"")], b"{}");
        assert!([415, 401].contains(&answer.status), "{path} {answer:?}");
    }
    for path in [
        "/auth/users/me/x",
        "/auth/users/1",
        "/api/token/x",
        "/auth/jwt",
    ] {
        is_refused(&authd.get(path), 404, &json!({"detail": "Not found."}));
    }
    let answer = authd.ask("DELETE", "/api/token", &[], "");
    is_refused(
        &answer,
        405,
        &json!({"detail": "Method \"DELETE\" not allowed."}),
    );
    assert_eq!(answer.header("allow"), "POST");
    // Beside these paths nothing is in other words.
    authd.get("/api/tokens").is_problem(404, "not_found");
    authd.get("/auth/me").is_problem(401, "invalid_token");
}

/// Nobody prepares an account for somebody else (CVE-2024-38351), and a closed door stays closed.
#[test]
fn who_registers_chooses_the_password_with_the_code_and_nobody_before() {
    let env = TestEnv::new();
    let mut mail = MailServer::start(&env);
    let page = "https://app.example.com/activate/authd/{token}";
    let open = [
        DJANGO,
        ("AUTHD_ACCOUNTS_REGISTRATION", "open"),
        ("AUTHD_ACCOUNTS_REGISTRATION_URL", page),
    ];
    let authd = mail.authd(&env, &open);
    let eve = json!({"email": "eve@example.com", "password": "meadow of seven bridges"});
    let answer = authd.post_json("/auth/users/", &eve);
    assert_eq!(
        (answer.status, &answer.body),
        (201, &json!({"email": "eve@example.com"}))
    );
    assert_eq!(env.number("SELECT count(*) FROM users"), 0);
    let letter = mail.last_to("eve@example.com", 1);
    let text = letter["text"].as_str().expect("is a text");
    let place = "https://app.example.com/activate/authd/";
    let at = text.find(place).expect("has the page") + place.len();
    let token: String = text[at..]
        .chars()
        .take_while(|it| !it.is_whitespace())
        .collect();
    let mut page = json!({"uid": "authd", "token": token});
    let answer = authd.post_json("/auth/users/activation/", &page);
    is_refused(
        &answer,
        400,
        &json!({"password": ["This field is required."]}),
    );
    page["password"] = "12345".into();
    let answer = authd.post_json("/auth/users/activation/", &page);
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.body["password"][0].is_string(), "{answer:?}");
    page["password"] = "lantern over quiet harbours".into();
    page["first_name"] = "Eve".into();
    let answer = authd.post_json("/auth/users/activation/", &page);
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(
        obtain(&authd, "eve@example.com", "meadow of seven bridges").status,
        401
    );
    assert_eq!(
        obtain(&authd, "eve@example.com", "lantern over quiet harbours").status,
        200
    );
    drop(authd);

    let authd = mail.authd(&env, &[DJANGO]);
    for path in ["/auth/users/", "/auth/users/resend_activation/"] {
        let answer = authd.post_json(path, &eve);
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.body["detail"].is_string(), "{answer:?}");
    }
}

/// Security statement 84.
#[test]
fn the_last_superuser_does_not_delete_itself_and_a_deletion_is_written_down() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.authctl(&["user", "set", "ada@example.com", "--superuser", "true"])
        .succeeded();
    let authd = env.authd_with(&[], &[DJANGO]);
    let token = authd.login("ada@example.com", PASSWORD);
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", &*bearer),
        ("Content-Type", "application/json"),
    ];
    let body = json!({"current_password": PASSWORD}).to_string();
    let answer = authd.ask("DELETE", "/auth/users/me/", &headers, &body);
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(authd.verify(&token).status, 200);

    env.add_user("grace@example.com", PASSWORD);
    let token = authd.login("grace@example.com", PASSWORD);
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", &*bearer),
        ("Content-Type", "application/json"),
    ];
    let wrong = json!({"current_password": "wrong"}).to_string();
    let answer = authd.ask("DELETE", "/auth/users/me/", &headers, &wrong);
    is_refused(
        &answer,
        400,
        &json!({"current_password": ["Invalid password."]}),
    );
    let answer = authd.ask("DELETE", "/auth/users/me/", &headers, &body);
    assert_eq!(answer.status, 204, "{answer:?}");
    authd.verify(&token).is_problem(401, "invalid_token");
    let deleted = "SELECT result FROM audit_events WHERE event = 'user.deleted' ORDER BY number";
    assert_eq!(env.sql(deleted), "failed\nok");
}
