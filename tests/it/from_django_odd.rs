//! `authctl import --from django`: projects that are not like the one of `from_django.rs`, and files that are none.

use serde_json::{Value, json};

use crate::env::{TestEnv, run};
use crate::from_django::{Project, import};

/// A column of each type whose values a dump and a database write their own ways.
const MODELS: &str = r"
import uuid
from django.contrib.auth.models import AbstractUser
from django.db import models

class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(null=True)
    credit = models.DecimalField(max_digits=20, decimal_places=2, null=True)
    prefs = models.JSONField(default=dict)
    picture = models.BinaryField(null=True)
    old_id = models.UUIDField(null=True)
    since = models.DateField(null=True)
    big = models.BigIntegerField(null=True)
    objects = models.Manager()
";

/// Only on PostgreSQL.
const MORE: &str = r#"
from django.contrib.postgres.fields import ArrayField
User.add_to_class("tags", ArrayField(models.CharField(max_length=5), null=True))
User.add_to_class("spent", models.DurationField(null=True))
"#;

const PEOPLE: &str = r#"
import uuid
from datetime import date, timedelta
from decimal import Decimal
from accounts.models import User
more = {"tags": ["a", "b"], "spent": timedelta(days=2)} if hasattr(User, "tags") else {}
User.objects.create(
    username="ada", email="ada@example.com", password="!", credit=Decimal("12345678.25"), since=date(2020, 2, 29),
    prefs={"theme": "dark", "sizes": [1, 2]}, picture=b"\x00\xff" * 60, old_id=uuid.UUID(int=7), **more)
User.objects.create(id=uuid.UUID(int=5), username="bob", email=None, password="!")
"#;

#[test]
fn a_database_and_its_dump_bring_the_same_values() {
    let on_sqlite = TestEnv::new().is_on_sqlite();
    let models = if on_sqlite {
        MODELS.to_owned()
    } else {
        format!("{MODELS}{MORE}")
    };
    let project = Project::of_models(&models, PEOPLE);
    let mut seen = Vec::new();
    for source in [project.dump("dump.json", &[]), project.database()] {
        let env = TestEnv::new();
        let out = import(&env, &source, &["--yes", "--keep-going"]);
        // Whoever has no address is named by the key, which is no number.
        assert_eq!(out.status, 5, "{source}: {out:?}");
        assert_eq!(out.json()["created"], 1, "{source}: {out:?}");
        let refused = out.json()["errors"][0]["message"].to_string();
        let said = "\"00000000-0000-0000-0000-000000000005: email: ";
        assert!(refused.starts_with(said), "{source}: {refused}");
        let ada = env.authctl_json(&["user", "show", "ada@example.com"]);
        let fields = ada.succeeded().json()["fields"].clone();
        assert_eq!(fields["credit"], "12345678.25", "{source}");
        assert_eq!(fields["prefs"], json!({"theme": "dark", "sizes": [1, 2]}));
        assert_eq!(fields["old_id"], "00000000-0000-0000-0000-000000000007");
        assert_eq!(fields["since"], "2020-02-29", "{source}");
        seen.push(fields["picture"].clone());
        if !on_sqlite {
            let tags = &fields["tags"];
            assert!([json!(["a", "b"]), json!("[\"a\", \"b\"]")].contains(tags));
            assert!(fields["spent"].is_string(), "{fields}");
        }
    }
    assert_eq!(seen[0], seen[1]);
    assert!(
        seen[0]
            .as_str()
            .is_some_and(|text| text.starts_with("AP8A"))
    );
}

pub(crate) fn user(pk: &Value, fields: &Value) -> Value {
    let mut all = json!({"password": "!", "last_login": null});
    let given = fields.as_object().expect("is an object");
    let all_fields = all.as_object_mut().expect("is one");
    all_fields.extend(given.clone());
    let mut object = json!({"model": "accounts.user", "fields": all});
    if !pk.is_null() {
        object["pk"] = pk.clone();
    }
    object
}

pub(crate) fn write(env: &TestEnv, objects: &[Value]) -> &'static str {
    env.write("dump.json", &json!(objects).to_string());
    "dump.json"
}

#[test]
fn without_primary_keys_one_of_those_who_collide_comes_and_everybody_else() {
    let env = TestEnv::new();
    let people = ["ada@example.com", "ADA@example.com", "bob@example.com"];
    let people = people.map(|email| user(&Value::Null, &json!({"email": email})));
    let dump = write(&env, &people);
    let out = import(&env, dump, &["--yes", "--on-collision", "first"]).succeeded();
    assert_eq!(out.json()["created"], 2, "{out:?}");
    let said = "without external ids: 3 accounts;";
    assert!(out.stderr.contains(said), "{out:?}");
    let emails = env.sql("SELECT email FROM users ORDER BY email");
    assert!(!emails.contains("ADA"), "{emails}");
}

#[test]
fn a_key_that_is_no_external_id_is_sent_elsewhere_or_nowhere() {
    let people = [user(&json!("müller@example.com"), &json!({"nick": "m"}))];
    let env = TestEnv::new();
    let dump = write(&env, &people);
    let out = import(&env, dump, &["--yes"]);
    assert_eq!(out.status, 5, "{out:?}");
    let said = out.json()["errors"][0]["message"].to_string();
    assert!(said.contains("an external id has"), "{said}");
    import(
        &env,
        dump,
        &["--yes", "--map", "pk=email", "--map", "nick=external_id"],
    )
    .succeeded();
    let shown = env
        .authctl_json(&["user", "show", "external:m"])
        .succeeded();
    assert_eq!(shown.json()["email"], "müller@example.com");
    let check = ["--check", "müller@example.com", "--map", "pk=email"];
    let out = import(&env, dump, &check);
    assert!(out.stdout.contains("it has no password") || out.stderr.contains("it has no password"));
}

#[test]
fn each_column_goes_to_one_place_and_each_place_has_one_column() {
    let person = json!({"email": "ada@example.com", "username": "ada@example.org", "nick": "a", "unit": "b"});
    let env = TestEnv::new();
    let dump = write(&env, &[user(&json!(1), &person)]);
    for (maps, said) in [
        (
            ["nick=field:x", "unit=field:x"],
            "'nick' and 'unit' cannot go to one place",
        ),
        (
            ["nick=field:x", "nick=field:y"],
            "'nick' can go to one place",
        ),
        (
            ["password=field:x", "nick=-"],
            "'password' goes where it belongs by itself",
        ),
        (
            ["groups=-", "nick=-"],
            "'groups' goes where it belongs by itself",
        ),
        (["pk=field:x", "nick=-"], "pk goes to external_id, email"),
    ] {
        let [one, two] = maps;
        let out = env.authctl(&[
            "import", dump, "--from", "django", "--yes", "--map", one, "--map", two,
        ]);
        assert_eq!(out.status, 5, "{said}: {out:?}");
        assert!(out.stderr.contains(said), "{said}: {out:?}");
    }
    // What is sent somewhere takes the place of what goes there by itself.
    let out = import(
        &env,
        dump,
        &[
            "--yes",
            "--map",
            "username=email",
            "--map",
            "nick=field:unit",
        ],
    );
    let out = out.succeeded();
    assert!(
        out.stderr
            .contains("left out: the column 'email': 'username' goes there"),
        "{out:?}"
    );
    let shown = env
        .authctl_json(&["user", "show", "ada@example.org"])
        .succeeded();
    assert_eq!(shown.json()["fields"], json!({"unit": "a"}));
}

#[test]
fn whole_numbers_that_are_too_large_for_a_number_are_texts() {
    let env = TestEnv::new();
    let person = json!({"email": "ada@example.com", "card": 9_007_199_254_740_993_i64});
    let dump = write(&env, &[user(&json!(1), &person)]);
    import(&env, dump, &["--yes"]).succeeded();
    let shown = env
        .authctl_json(&["user", "show", "external:1"])
        .succeeded();
    assert_eq!(shown.json()["fields"], json!({"card": "9007199254740993"}));
}

#[test]
fn a_file_that_is_no_json_is_told_for_what_it_is() {
    let env = TestEnv::new();
    let dump = json!([user(&json!(1), &json!({"email": "ada@example.com"}))]).to_string();
    let utf16: Vec<u8> = [0xfeff_u16]
        .into_iter()
        .chain(dump.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let xml = b"<?xml version=\"1.0\"?><django-objects/>".to_vec();
    for (bytes, said) in [
        (utf16, "this is UTF-16"),
        (b"\x1f\x8b\x08\x00".to_vec(), "this is compressed"),
        (xml, "this is XML"),
        (dump[..40].into(), "cut off"),
        (
            format!("{dump}\n{dump}").into(),
            "there is a second document",
        ),
    ] {
        std::fs::write(env.path("strange"), bytes).expect("is written");
        let out = env.authctl(&["import", "strange", "--from", "django", "--yes"]);
        assert_eq!(out.status, 5, "{said}: {out:?}");
        assert!(out.stderr.contains(said), "{said}: {out:?}");
        assert!(!out.stderr.contains("line 0"), "{said}: {out:?}");
    }
    env.write("marked.json", &format!("\u{feff}{dump}"));
    import(&env, "marked.json", &["--yes"]).succeeded();
    let out = env.authctl(&[
        "import",
        "mysql://root:secret@localhost/shop",
        "--from",
        "django",
    ]);
    assert_eq!(out.status, 5, "{out:?}");
    assert!(
        out.stderr
            .contains("of another give what 'manage.py dumpdata' writes"),
        "{out:?}"
    );
    assert!(!out.stderr.contains("secret"), "{out:?}");
}

#[test]
fn the_password_of_the_source_may_come_from_the_environment() {
    let project = Project::of_models(
        MODELS,
        "from accounts.models import User; User.objects.create(email='ada@example.com')",
    );
    if project.env.is_on_sqlite() {
        return;
    }
    let env = TestEnv::new();
    let url = project.database();
    let (user, rest) = url
        .split_once("://")
        .expect("is a URL")
        .1
        .split_once('@')
        .expect("has a user");
    let (user, password) = user.split_once(':').expect("has a password");
    let url = format!("postgres://{user}@{rest}");
    let import = |password: &str| {
        let mut command = env.command(env!("CARGO_BIN_EXE_authctl"));
        command.args(["import", &url, "--from", "django", "--yes"]);
        if !password.is_empty() {
            command.env("PGPASSWORD", password);
        }
        run(&mut command, "")
    };
    let out = import("");
    assert_eq!(out.status, 6, "{out:?}");
    assert!(
        out.stderr
            .contains("put it into the environment as PGPASSWORD"),
        "{out:?}"
    );
    let out = import("wrong");
    assert_eq!(out.status, 6, "{out:?}");
    assert!(
        out.stderr
            .contains("the password in the URL or in PGPASSWORD"),
        "{out:?}"
    );
    import(password).succeeded();
}
