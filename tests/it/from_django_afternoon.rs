//! docs/from-django.md, line by line: a project that moves, and a service whose rows are for the same people.

use std::path::Path;

use crate::documentation::code_blocks;
use crate::env::{TestEnv, run};
use crate::from_django::Project;
use crate::offline::python;

const PAGE: &str = include_str!("../../docs/from-django.md");

const URL: &str = "\"URL\": \"http://localhost:8000\"";

const SETTINGS: &str = r#"
import os
SECRET_KEY = "of this test alone, and long enough for anything that looks"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "people"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
AUTH_USER_MODEL = "people.Person"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "orders.sqlite3"}}
USE_TZ = True
"#;

const MODELS: &str = r"
from django.contrib.auth.models import AbstractUser
from django.db import models

class Person(AbstractUser):
    auth_id = models.IntegerField(null=True, unique=True)
";

/// Two people have rows since before, one of them under an address that is another now.
const ROWS: &str = "
from people.models import Person
Person.objects.create(id=70, username='a', email='before@example.com', auth_id=1)
Person.objects.create(id=80, username='b', email='pbkdf2_sha256@example.com', auth_id=2)
";

const SHOW: &str = "
from people.models import Person
print(sorted(Person.objects.filter(auth_id__isnull=False).values_list('id', 'email', 'auth_id')))
print(Person.objects.filter(authd_link__isnull=False).count(), 'rows stand for accounts')
";

/// The service, in a folder of the project's.
fn orders(project: &Project, authd: &str) {
    let folder = project.env.path("orders");
    std::fs::create_dir_all(folder.join("people")).expect("is made");
    let more = code_blocks(PAGE, "python").join("\n");
    // It listens elsewhere, and calls itself what it does by default.
    let here = format!("\"URL\": \"{authd}\", \"ISSUER\": \"http://localhost:8000\"");
    let settings = format!("{SETTINGS}{more}");
    assert!(settings.contains(URL), "{settings}");
    let settings = settings.replace(URL, &here);
    project.env.write("orders/settings.py", &settings);
    project.env.write("orders/people/__init__.py", "");
    project.env.write("orders/people/models.py", MODELS);
    project.env.write("rows.py", ROWS);
    project.env.write("show.py", SHOW);
    let manage = project.env.path("manage.py");
    std::fs::copy(manage, folder.join("manage.py")).expect("is copied");
}

#[test]
fn the_afternoon_works_as_printed() {
    let project = Project::new(&[]);
    let env = TestEnv::new();
    let authd = env.authd_with(&[], &[("AUTHD_DATABASE_TIMEOUT", "60s")]);
    orders(&project, &authd.url);
    let blocks = code_blocks(PAGE, "sh");
    assert!(blocks.len() >= 10, "{blocks:?}");
    let folder = |program: &str| {
        let folder = Path::new(program).parent().expect("is in a folder");
        folder.display().to_string()
    };
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        folder(env!("CARGO_BIN_EXE_authctl")),
        folder(&python())
    );
    project.env.write("password", project.password());
    let connector = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/django");
    let connector = format!("export PYTHONPATH={}", connector.display());
    let mut script = format!("set -e\nexport PATH={path}\n");
    for block in blocks {
        // What it needs is here; its own suite installs it.
        let block = block.replace("pip install ./connectors/django", &connector);
        // The service's rows are older than the afternoon.
        let rows = "python manage.py migrate --run-syncdb -v0\npython manage.py shell -c \"$(cat ../rows.py)\"\n";
        let block = block.replace("python manage.py migrate\n", rows);
        let show =
            "python manage.py authd_sync --once\npython manage.py shell -c \"$(cat ../show.py)\"\n";
        script += &block.replace("python manage.py authd_sync --once\n", show);
    }
    let script = script.replace("http://localhost:8000", &authd.url);
    let script = project.env.write("afternoon", &script);
    let mut command = env.command("bash");
    command.arg(script).current_dir(project.env.path(""));
    if env.is_on_sqlite() {
        let database = format!("sqlite:{}", env.path("authd.db").display());
        command.env("AUTHD_DATABASE_URL", database);
    } else {
        command.env("DJANGO_DATABASE", project.env.database().url());
    }
    let out = run(&mut command, "").succeeded();
    for said in [
        // Steps 3 and 4.
        "could log in",
        "9 created",
        "\"external_id\":\"1\"",
        "access_token",
        // Step 5: two rows keep their keys, one has the address that the account has; seven are new.
        "The client may see users",
        "(70, 'Ada@Example.com', 1), (80, 'pbkdf2_sha256@example.com', 2)",
        "9 rows stand for accounts",
        // Steps 6 to 8. One has logged in.
        "0 created, 0 updated, 9 unchanged",
        "\n7\n",
        "as before: True",
        "Unapplying authd.0001_initial... OK",
    ] {
        assert!(out.stdout.contains(said), "{said} in {out:?}");
    }
}
