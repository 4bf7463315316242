//! `authctl apply`: what a document declares, all of it or nothing.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::env::{Outcome, PASSWORD, TestEnv};
use crate::export::ada_and_bob;

const DOCUMENT: &str = r#"
[[permissions]]
name = "billing.refund"
description = "Give money back"

[[fields]]
name = "department"
type = "enum"
choices = ["sales", "research"]
required = true

[[fields]]
name = "level"
type = "int"
min = 1
default = 1

[[groups]]
name = "billing"
permissions = ["billing.refund", "users.view"]

[[clients]]
id = "gateway"
scopes = ["read", "write"]

[[users]]
email = "ada@example.com"
first_name = "Ada"
is_superuser = true
groups = ["billing"]
fields = { department = "research", level = 3 }

[[users]]
email = "bob@example.com"
permissions = ["users.view"]
fields = { department = "sales" }
"#;

fn apply(env: &TestEnv, document: &str, flags: &[&str]) -> Outcome {
    env.write("state.toml", document);
    env.authctl_json(&[&["apply", "-f", "state.toml"], flags].concat())
}

/// `add user ada@example.com` and so on, with what changes.
fn changes(out: &Outcome) -> Vec<String> {
    let changes = out.json()["changes"].take();
    let changes = changes.as_array().expect("is a list").iter();
    let word = |value: &Value| value.as_str().expect("is a text").to_owned();
    let line = |change: &Value| {
        let what = change["what"].as_array().expect("is a list").iter();
        let words = [&change["change"], &change["kind"], &change["name"]];
        words
            .into_iter()
            .chain(what)
            .map(word)
            .collect::<Vec<_>>()
            .join(" ")
    };
    changes.map(line).collect()
}

/// Of everything that could have changed.
fn state(env: &TestEnv) -> String {
    let clients = env.authctl_json(&["client", "list"]).succeeded().stdout;
    let audit = env.sql("SELECT count(*) FROM audit_events WHERE result = 'ok'");
    let all = env
        .authctl(&["export", "--format", "toml", "-q"])
        .succeeded();
    format!("{}{clients}{audit}{}", env.everything(), all.stdout)
}

#[test]
fn what_a_document_declares_is_brought_about_once() {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    let empty = state(&env);
    let dry = apply(&env, DOCUMENT, &["--dry-run"]).succeeded();
    let expected = [
        "add permission billing.refund",
        "add field department",
        "add field level",
        "add group billing +billing.refund +users.view",
        "add client gateway",
        "add user ada@example.com",
        "add user bob@example.com +users.view",
    ];
    assert_eq!(changes(&dry), expected);
    assert!(!dry.stdout.contains("client_secret"), "{dry:?}");
    assert_eq!(state(&env), empty);

    let out = apply(&env, DOCUMENT, &[]).succeeded();
    assert_eq!(changes(&out), expected);
    let secret = &out.json()["changes"][4]["client_secret"];
    assert!(secret.as_str().expect("is shown").len() > 20);
    let ada = env
        .authctl_json(&["user", "show", "ada@example.com"])
        .succeeded()
        .json();
    assert_eq!(ada["fields"], json!({"department": "research", "level": 3}));
    assert_eq!(ada["groups"], json!(["billing"]));
    assert_eq!(ada["is_superuser"], true);
    let field = env
        .authctl_json(&["field", "show", "department"])
        .succeeded()
        .json();
    assert_eq!(field["required"], true);
    env.authctl(&["audit", "verify"]).succeeded();

    let before = state(&env);
    for flags in [&[][..], &["--prune"]] {
        let again = apply(&env, DOCUMENT, flags).succeeded();
        assert_eq!(again.json()["changes"], json!([]));
    }
    assert_eq!(state(&env), before);
    let table = env.authctl(&["apply", "-f", "state.toml"]).succeeded();
    assert_eq!(
        (table.stdout.as_str(), table.stderr.as_str()),
        ("", "nothing to change\n")
    );
}

#[test]
fn what_differs_is_changed_and_what_is_not_named_stays() {
    let env = TestEnv::new();
    apply(&env, DOCUMENT, &[]).succeeded();
    let changed = DOCUMENT
        .replace("Give money back", "Refund")
        .replace(
            "\"sales\", \"research\"]",
            "\"sales\", \"research\", \"legal\"]",
        )
        .replace(
            "\"billing.refund\", \"users.view\"]\n\n[[clients",
            "\"billing.refund\"]\n\n[[clients",
        )
        .replace("[\"read\", \"write\"]", "[\"read\"]\nis_active = false")
        .replace("first_name = \"Ada\"\n", "")
        .replace("level = 3", "level = 4")
        .replace(
            "permissions = [\"users.view\"]\nfields",
            "permissions = []\nis_active = false\nfields",
        );
    let out = apply(&env, &changed, &[]).succeeded();
    let expected = [
        "change permission billing.refund description",
        "change field department choices",
        "change group billing -users.view",
        "change client gateway scopes is_active",
        "change user ada@example.com fields",
        "change user bob@example.com is_active -users.view",
    ];
    assert_eq!(changes(&out), expected);
    let ada = env
        .authctl_json(&["user", "show", "ada@example.com"])
        .succeeded()
        .json();
    assert_eq!(ada["first_name"], "Ada");
    assert_eq!(
        apply(&env, &changed, &[]).succeeded().json()["changes"],
        json!([])
    );
    env.authctl(&["audit", "verify"]).succeeded();
}

#[test]
fn what_is_not_listed_is_deleted_only_if_that_is_said_and_only_of_kinds_that_are() {
    let env = TestEnv::new();
    apply(&env, DOCUMENT, &[]).succeeded();
    let before = state(&env);
    let users = "[[users]]\nemail = \"ada@example.com\"\n";
    assert_eq!(
        apply(&env, users, &[]).succeeded().json()["changes"],
        json!([])
    );
    assert_eq!(state(&env), before);
    let out = apply(&env, users, &["--prune"]).succeeded();
    assert_eq!(changes(&out), ["delete user bob@example.com"]);
    assert_eq!(env.number("SELECT count(*) FROM groups"), 1);

    // Without Ada nobody could manage anything.
    let before = state(&env);
    let out = apply(&env, "{\"users\": []}", &["--prune"]);
    assert_eq!(out.status, 4, "{out:?}");
    assert!(out.stderr.contains("the last active superuser"), "{out:?}");
    assert_eq!(state(&env), before);

    let rest = "{\"permissions\": [], \"fields\": [], \"groups\": [], \"clients\": []}";
    let out = apply(&env, rest, &["--prune"]).succeeded();
    let expected = [
        "delete group billing",
        "delete client gateway",
        "delete field department",
        "delete field level",
        "delete permission billing.refund",
    ];
    assert_eq!(changes(&out), expected);
    assert!(
        env.number("SELECT count(*) FROM permissions") > 10,
        "those built in stay"
    );
}

#[test]
fn a_document_that_is_wrong_anywhere_is_refused_whole_with_line_and_key() {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    let before = state(&env);
    let good = "[[users]]\nemail = \"eve@example.com\"\n";
    for (document, message) in [
        (
            "[[users]]\nemail = \"EVE@example.com\"\n",
            "line 4: email: 'eve@example.com' is in line 2 already",
        ),
        (
            "frist_name = \"Eve\"\n",
            "line 3: frist_name: there is no such key: did you mean 'first_name'?",
        ),
        (
            "password = \"secret\"\n",
            "line 3: password: no passwords in here: give password_hash, or set it with 'user passwd'",
        ),
        (
            "groups = [\n  \"a\",\n  \"none\"\n]\n[[groups]]\nname = \"a\"\n",
            "line 3: groups: there is no group 'none'",
        ),
        (
            "permissions = [\"no.such\"]\n",
            "line 3: permissions: there is no permission 'no.such': see 'authctl permission list'",
        ),
        (
            "[[groups]]\nname = \"a\"\npermissions = [\"no.such\"]\n",
            "line 5: permissions: there is no permission 'no.such': see 'authctl permission list'",
        ),
        (
            "fields = { shoe_size = 40 }\n",
            "line 3: fields: shoe_size: there is no such field",
        ),
        (
            "is_staff = \"yes\"\n",
            "line 3: is_staff: it must be true or false",
        ),
        (
            "password_hash = \"secret\"\n",
            "line 3: password_hash: a password hash is Argon2id in PHC form, as $argon2id$v=19$m=19456,t=2,p=1$...$..., with m up to 1048576, t up to 64 and p up to 16, or one that Django made",
        ),
        (
            "[[users]]\nfirst_name = \"Bob\"\n",
            "line 3: email: it is needed",
        ),
        (
            "[[userz]]\nname = \"a\"\n",
            "line 3: userz: there is no such key: did you mean 'users'?",
        ),
        (
            "[[fields]]\nname = \"level\"\ntype = \"int\"\npattern = \"a\"\n",
            "line 6: pattern: a field of type int has no pattern",
        ),
        (
            "[[fields]]\nname = \"level\"\ntype = \"int\"\ndefault = nan\n",
            "line 6: nan: write a number that is neither infinite nor none",
        ),
    ] {
        let out = apply(&env, &format!("{good}{document}"), &[]);
        out.refused(5, "invalid", message);
        assert_eq!(state(&env), before, "{message}");
    }
    let out = apply(&env, "users = [", &[]);
    assert_eq!(out.status, 5, "{out:?}");
    assert!(out.stderr.contains("line 1: this is no TOML"), "{out:?}");
    for (document, message) in [
        (
            "{\n\"users\": [\n{\"email\": \"a@example.com\"},\n{\"email\": \"A@example.com\"}]}",
            "line 4: email: 'a@example.com' is in line 3 already",
        ),
        (
            "{\n\"users\": [\n{\"email\": \"a@example.com\",\n\"emial\": \"b\"}]}",
            "line 4: emial: there is no such key: did you mean 'email'?",
        ),
        (
            "{\n\"users\": [\n{\"email\": \"a@example.com\",\n\"email\": \"b@example.com\"}]}",
            "line 4: email: it is there twice",
        ),
        (
            &format!("{{\n\"users\": {}{}}}", "[".repeat(9000), "]".repeat(9000)),
            "line 2: this is no JSON: it is nested more than 100 deep",
        ),
    ] {
        apply(&env, document, &[]).refused(5, "invalid", message);
        assert_eq!(state(&env), before, "{message}");
    }
    std::fs::write(env.path("latin.toml"), b"# 1\n# J\xf6rg\n").expect("writes");
    let out = env.authctl_json(&["apply", "-f", "latin.toml"]);
    out.refused(5, "invalid", "line 2: this is no UTF-8");
    // What is there only until the end is no reference.
    env.authctl(&["group", "add", "old"]).succeeded();
    let document = "groups = []\n[[users]]\nemail = \"eve@example.com\"\ngroups = [\"old\"]\n";
    apply(&env, document, &["--prune"]).refused(
        5,
        "invalid",
        "line 4: groups: 'old' is not in the document, and what is not there is deleted",
    );
    apply(&env, document, &[]).succeeded();
}

#[test]
fn the_key_that_would_demote_the_last_superuser_is_named() {
    let env = TestEnv::new();
    let document = "[[users]]\nemail = \"ada@example.com\"\nis_superuser = true\n";
    apply(&env, document, &[]).succeeded();
    let why = "'ada@example.com' is the last active superuser: make another one first";
    for (document, place) in [
        (document.replace("true", "false"), "line 3: is_superuser"),
        (
            format!("{document}is_active = false\n"),
            "line 4: is_active",
        ),
    ] {
        apply(&env, &document, &[]).refused(4, "conflict", &format!("{place}: {why}"));
    }
}

#[test]
fn a_definition_that_is_wrong_or_broken_is_named_by_its_key() {
    let env = TestEnv::new();
    let level = "[[fields]]\nname = \"level\"\ntype = \"int\"\n";
    let ada = "[[users]]\nemail = \"ada@example.com\"\n";
    apply(&env, &format!("{level}{ada}"), &[]).succeeded();
    let longest = format!("{level}label = \"L\"\nmax_length = 9\n");
    let message = "line 5: max_length: a field of type int has no max_length";
    apply(&env, &longest, &[]).refused(5, "invalid", message);
    let required = format!("{level}label = \"L\"\nrequired = true\n");
    let message = "line 5: required: nothing was changed, and is only with 'authctl field change --force': 1 account breaks the rules: ada@example.com (a value is needed)";
    apply(&env, &required, &[]).refused(4, "conflict", message);
}

#[test]
fn a_long_document_is_read_in_seconds() {
    use std::fmt::Write as _;
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    let mut document = String::new();
    for number in 0..60_000 {
        write!(
            document,
            "[[users]]\nemail = \"u{number}@example.com\"\nfirst_name = \"Ada\"\n\n"
        )
        .expect("writes");
    }
    document.push_str("[[users]]\nemail = \"last@example.com\"\nis_staff = 1\n");
    let began = std::time::Instant::now();
    let out = apply(&env, &document, &[]);
    let message = "line 240003: is_staff: it must be true or false";
    out.refused(5, "invalid", message);
    let took = began.elapsed();
    assert!(took.as_secs() < 60, "{took:?}");
}

#[test]
fn none_is_said_by_null_and_by_an_empty_text_and_each_change_is_told_though_quiet() {
    let env = TestEnv::new();
    let fields = "[[fields]]\nname = \"level\"\ntype = \"int\"\ndefault = 3\n";
    apply(&env, fields, &[]).succeeded();
    let ada = |phone: &str, level: &str| {
        format!(
            "{{\"users\": [{{\"email\": \"ada@example.com\", \"phone_number\": {phone}, \"fields\": {{\"level\": {level}}}}}]}}"
        )
    };
    // A new account that is to have no value has none, and not the default.
    apply(&env, &ada("null", "null"), &[]).succeeded();
    let shown = || {
        let out = env.authctl_json(&["user", "show", "ada@example.com"]);
        let user = out.succeeded().json();
        [
            user["phone_number"].clone(),
            user["fields"]["level"].clone(),
        ]
    };
    assert_eq!(shown(), [json!(null), json!(null)]);
    for same in [ada("null", "null"), ada("\"\"", "\"\"")] {
        let out = apply(&env, &same, &[]).succeeded();
        assert_eq!(out.json()["changes"], json!([]), "{same}");
    }
    apply(&env, &ada("\"+442079460000\"", "4"), &[]).succeeded();
    assert_eq!(shown(), [json!("+442079460000"), json!(4)]);
    let file = env.write("state.json", &ada("null", "\"\""));
    let file = file.to_str().expect("is UTF-8");
    let out = env.authctl(&["apply", "-f", file, "-q", "-o", "tsv"]);
    let out = out.succeeded();
    assert_eq!(
        (out.stdout.as_str(), out.stderr.as_str()),
        ("change\tuser\tada@example.com\tphone_number fields\t\n", "")
    );
    assert_eq!(shown(), [json!(null), json!(null)]);
}

#[test]
fn whoever_lacks_a_right_applies_nothing() {
    let env = TestEnv::new();
    apply(&env, DOCUMENT, &[]).succeeded();
    env.authctl(&["user", "set", "bob@example.com", "--staff", "true"])
        .succeeded();
    let before = state(&env);
    let as_bob = ["--as", "bob@example.com"];
    for (document, message) in [
        (
            "[[users]]\nemail = \"eve@example.com\"\nfields = { department = \"sales\" }\n",
            "line 2: email: this needs the permission 'users.add'",
        ),
        (
            "[[users]]\nemail = \"bob@example.com\"\nis_superuser = true\n",
            "line 2: email: only superusers may do this",
        ),
        (
            "[[groups]]\nname = \"b\"\n",
            "this needs the permission 'groups.view'",
        ),
        ("clients = []\n", "only superusers may do this"),
        ("fields = []\n", "only superusers may do this"),
    ] {
        if message.contains("only superusers may do this") && document.contains("users") {
            env.authctl(&["user", "grant", "bob@example.com", "users.change"])
                .succeeded();
        }
        let before = state(&env);
        let out = apply(&env, document, &as_bob);
        out.refused(4, "conflict", message);
        assert_eq!(state(&env), before, "{message}");
    }
    assert_ne!(state(&env), before);
    assert!(env.number("SELECT count(*) FROM audit_events WHERE result = 'denied'") >= 5);
}

#[test]
fn a_password_hash_is_for_an_account_without_a_password_and_secrets_go_into_a_file() {
    let env = ada_and_bob();
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
    let users = ["ada", "bob"].map(|name| {
        format!("[[users]]\nemail = \"{name}@example.com\"\npassword_hash = \"{hash}\"\n")
    });
    let document = format!("{}[[clients]]\nid = \"gateway\"\n", users.concat());
    let flags = ["--secrets-file", "secrets.json"];
    let out = apply(&env, &document, &flags).succeeded();
    let expected = [
        "add client gateway",
        "change user bob@example.com password_hash",
    ];
    assert_eq!(changes(&out), expected);
    assert!(!out.stdout.contains("client_secret"), "{out:?}");
    let text = std::fs::read_to_string(env.path("secrets.json")).expect("is there");
    let secrets: Value = serde_json::from_str(&text).expect("is JSON");
    assert!(secrets["gateway"].as_str().expect("is a text").len() > 20);
    let mode = std::fs::metadata(env.path("secrets.json"))
        .expect("is there")
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    // The secrets in a file that is there may be the only ones.
    let again = apply(&env, &document, &flags);
    assert_eq!(again.status, 1, "{again:?}");
    assert_eq!(
        apply(&env, &document, &[]).succeeded().json()["changes"],
        json!([])
    );
    let authd = env.authd();
    authd.login("ada@example.com", PASSWORD);
}

#[test]
fn an_export_as_a_document_is_applied_elsewhere_and_then_nothing_differs() {
    let env = ada_and_bob();
    env.authctl(&[
        "permission",
        "add",
        "billing.refund",
        "--description",
        "\"quoted\" \\ text",
    ])
    .succeeded();
    env.authctl(&["group", "grant", "billing", "billing.refund"])
        .succeeded();
    env.authctl(&["user", "grant", "ada@example.com", "billing.refund"])
        .succeeded();
    for field in [
        &[
            "born",
            "--type",
            "date",
            "--min",
            "1900-01-01",
            "--self-write",
            "--label",
            "Day of birth",
        ][..],
        &[
            "size",
            "--type",
            "enum",
            "--choices",
            "s,m",
            "--default",
            "m",
            "--required",
        ],
        &[
            "web",
            "--type",
            "url",
            "--unique",
            "--max-length",
            "90",
            "--pattern",
            "https://.*",
        ],
    ] {
        env.authctl(&[&["field", "add"], field].concat())
            .succeeded();
    }
    env.authctl(&[
        "client", "add", "gateway", "--scope", "read", "--name", "Gate",
    ])
    .succeeded();
    let out = env
        .authctl(&["export", "--format", "toml", "-q"])
        .succeeded();
    assert_eq!(
        apply(&env, &out.stdout, &["--prune"]).succeeded().json()["changes"],
        json!([])
    );
    let other = TestEnv::new();
    apply(&other, &out.stdout, &[]).succeeded();
    let there = other
        .authctl(&["export", "--format", "toml", "-q"])
        .succeeded();
    // What somebody has added, or filled in, since is as the document says again.
    let old = TestEnv::new();
    apply(&old, "[[users]]\nemail = \"eve@example.com\"\n", &[]).succeeded();
    let export = ["export", "--format", "toml", "-q"];
    let saved = old.authctl(&export).succeeded().stdout;
    old.authctl(&["group", "add", "new"]).succeeded();
    let number = "+442079460000";
    old.authctl(&["user", "set", "eve@example.com", "--phone-number", number])
        .succeeded();
    apply(&old, &saved, &["--prune"]).succeeded();
    assert_eq!(old.authctl(&export).succeeded().stdout, saved);
    // Accounts made in one moment are in no order.
    let sorted = |text: &str| {
        let mut tables: Vec<&str> = text.split("\n\n").collect();
        tables.sort_unstable();
        tables.join("\n\n")
    };
    assert_eq!(sorted(there.stdout.trim()), sorted(out.stdout.trim()));
}
