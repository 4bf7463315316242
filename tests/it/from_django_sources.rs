//! `authctl import --from django`: tables and dumps that are written in other ways, and what is said of them.

use serde_json::{Value, json};

use crate::env::{Outcome, TestEnv, run};
use crate::from_django::{Project, import};
use crate::from_django_odd::{user, write};

fn models(table: &str) -> String {
    format!(
        r#"
from django.contrib.auth.models import AbstractUser
from django.db import models

class User(AbstractUser):
    email = models.EmailField()
    class Meta:
        db_table = "{table}"
"#
    )
}

/// Beside the accounts there is a view that looks like them.
const ADA: &str = r#"
from django.contrib.auth.models import Group, Permission
from django.db import connection
from accounts.models import User
ada = User.objects.create(username="ada", email="ada@example.com", password="!")
User.objects.create(username="bob", email="bob@example.com", password="!")
ada.groups.add(Group.objects.create(name="Sales"))
ada.user_permissions.add(Permission.objects.get(codename="view_user"))
connection.cursor().execute(f"CREATE VIEW a_view AS SELECT * FROM {User._meta.db_table}")
"#;

/// Nobody can tell what it joins.
const STRANGE: &str = r#"
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("DROP TABLE users_groups")
    cursor.execute("CREATE TABLE users_groups (id integer PRIMARY KEY, a integer, b integer, group_id integer)")
"#;

#[test]
fn groups_and_permissions_come_from_a_database_whatever_the_table_is_called() {
    for (table, flags) in [
        ("user_accounts_user", &["--map", "username=field:login"][..]),
        ("users", &[]),
        ("users", &["--model", "accounts.User"]),
        ("users", &["--model", "users"]),
    ] {
        let project = Project::of_models(&models(table), ADA);
        let env = TestEnv::new();
        let flags = [&["--yes"], flags].concat();
        let out = import(&env, &project.database(), &flags).succeeded();
        assert_eq!(out.json()["created"], 2, "{table}: {out:?}");
        let ada = env.authctl_json(&["user", "show", "ada@example.com"]);
        let ada = ada.succeeded().json();
        assert_eq!(ada["groups"], json!(["Sales"]), "{table}: {out:?}");
        let login = if flags.contains(&"--map") {
            json!({"login": "ada"})
        } else {
            json!({})
        };
        assert_eq!(ada["fields"], login, "{table}");
        let direct = "SELECT permission FROM user_permissions";
        assert_eq!(env.sql(direct), "accounts.view_user", "{table}");
    }
    let project = Project::of_models(&models("users"), ADA);
    project.manage(&["shell", "-v0", "--no-imports", "-c", STRANGE]);
    let env = TestEnv::new();
    let out = import(&env, &project.database(), &["--yes"]);
    assert_eq!(out.status, 5, "{out:?}");
    for said in ["users_groups", "(id, a, b, group_id)", "manage.py dumpdata"] {
        assert!(out.stderr.contains(said), "{said}: {out:?}");
    }
    let out = import(&env, &project.database(), &["--model", "accounts.Person"]);
    assert!(
        out.stderr.contains("what looks like accounts is users"),
        "{out:?}"
    );
}

#[test]
fn a_dump_without_content_types_is_refused_and_what_is_not_named_is_counted() {
    let project = Project::of_models(&models("users"), ADA);
    let dump = project.dump("part.json", &["-e", "contenttypes"]);
    let env = TestEnv::new();
    let out = import(&env, &dump, &["--yes"]);
    assert_eq!(out.status, 5, "{out:?}");
    for said in ["content type", "'manage.py dumpdata contenttypes auth'"] {
        assert!(out.stderr.contains(said), "{said}: {out:?}");
    }
    assert!(!env.path("authd.db").exists());

    let kind = json!({"model": "contenttypes.contenttype", "pk": 1, "fields": {"app_label": "shop", "model": "x"}});
    let permission = |number: u64| {
        let fields =
            json!({"name": "", "content_type": 1, "codename": format!("not one {number:02}")});
        json!({"model": "auth.permission", "pk": number, "fields": fields})
    };
    let mut objects = vec![kind, user(&json!(1), &json!({"email": "ada@example.com"}))];
    objects.extend((1..=23).map(permission));
    let out = import(&env, write(&env, &objects), &["--yes"]).succeeded();
    assert!(out.stderr.contains("'shop.not one 20'"), "{out:?}");
    assert!(!out.stderr.contains("'shop.not one 21'"), "{out:?}");
    assert!(out.stderr.contains("and 3 more permissions"), "{out:?}");
    assert!(
        out.stderr
            .contains("1 account of accounts.user, 0 permissions")
    );
}

#[test]
fn what_can_be_read_once_alone_is_opened_once() {
    let env = TestEnv::new();
    let person = user(&json!(1), &json!({"email": "ada@example.com"}));
    let dump = write(&env, &[person]);
    let authctl = env!("CARGO_BIN_EXE_authctl");
    for (source, how) in [
        ("<(cat dump.json)", ""),
        ("/dev/stdin", "cat dump.json |"),
        ("/dev/stdin <dump.json", ""),
        ("- <dump.json", ""),
        ("pipe", "rm -f pipe; mkfifo pipe; cat dump.json >pipe &"),
    ] {
        let script = format!(
            "{how} {authctl} import {source} --from django --yes --on-conflict update -o json"
        );
        let mut command = env.command("timeout");
        command.args(["60", "bash", "-c", &script]);
        command.current_dir(env.path(""));
        let out = run(&mut command, "").succeeded();
        let came = &out.json();
        let all = came["created"].as_u64().zip(came["unchanged"].as_u64());
        assert_eq!(
            all.map(|(new, old)| new + old),
            Some(1),
            "{source}: {out:?}"
        );
    }
    let check = ["--check", "ada@example.com", "--password-stdin"];
    for source in ["-", "/dev/stdin"] {
        let arguments = [&["import", source, "--from", "django"], &check[..]].concat();
        let text = std::fs::read_to_string(env.path(dump)).expect("reads");
        let out = env.authctl_reading(&text, &arguments);
        assert_eq!(out.status, 2, "{out:?}");
        assert!(out.stderr.contains("--password-file"), "{out:?}");
    }
}

fn refusal(objects: &[Value]) -> Outcome {
    let env = TestEnv::new();
    let out = import(&env, write(&env, objects), &["--yes"]);
    assert!([4, 5].contains(&out.status), "{out:?}");
    out
}

#[test]
fn what_would_become_one_is_told_for_what_it_is() {
    let people = |emails: &[&str]| {
        let people = (1..).zip(emails);
        let people = people.map(|(pk, email)| user(&json!(pk), &json!({"email": email})));
        people.collect::<Vec<_>>()
    };
    let out = refusal(&people(&["a@example.com", "A@example.com"]));
    let said = "the same address: 1 address, but for the case of letters: nothing";
    assert!(out.stderr.contains(said), "{out:?}");
    let both = [
        "a@example.com",
        "A@example.com",
        "b@example.com",
        "b@example.com",
    ];
    let out = refusal(&people(&both));
    let said = "1 address, but for the case of letters; 1 address, letter by letter: nothing";
    assert!(out.stderr.contains(said), "{out:?}");

    let many: Vec<String> = (0..44)
        .map(|at| format!("u{}@example.com", at / 2))
        .collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let out = refusal(&people(&many));
    assert!(out.stderr.contains("and 2 more addresses"), "{out:?}");

    let group = |pk: u64, name: &str| json!({"model": "auth.group", "pk": pk, "fields": {"name": name, "permissions": []}});
    let mut objects = people(&["a@example.com"]);
    objects.extend([group(1, "Sales"), group(2, "Sales ")]);
    let out = refusal(&objects);
    assert!(out.stderr.contains("is the same name here"), "{out:?}");

    // A check says which of two it is about.
    let env = TestEnv::new();
    let dump = write(&env, &people(&["Ada@example.com", "ada@example.com"]));
    let check = ["--check", "ada@example.com", "--password-stdin"];
    let arguments = [&["import", dump, "--from", "django"], &check[..]].concat();
    let out = env.authctl_reading("x", &arguments);
    let said =
        "2 accounts have this address, and it is that of Ada@example.com (1) that is checked";
    assert!(out.stderr.contains(said), "{out:?}");
}
