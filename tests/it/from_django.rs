//! `authctl import --from django`: a real Django project, whose people log in here with the passwords they
//! had there.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::daemon::Authd;
use crate::env::{Outcome, TestEnv, run};
use crate::offline::python;

const ENCODINGS: [&str; 6] = [
    "pbkdf2_sha256",
    "pbkdf2_sha1",
    "argon2",
    "bcrypt_sha256",
    "bcrypt",
    "scrypt",
];

/// A Django project, in a folder of its own.
pub(crate) struct Project {
    pub(crate) env: TestEnv,
    django: Django,
    /// What `manage.py people` printed.
    made: Value,
}

/// Which Django it is made with.
#[derive(Clone, Copy)]
enum Django {
    /// That of tests/python/requirements.txt.
    Present,
    /// That of tests/python/django-4.2.txt, which `make test` puts beside it.
    Old,
}

impl Project {
    /// On the engine of this run, with some people.
    pub(crate) fn new(flags: &[&str]) -> Self {
        Self::of(Django::Present, flags)
    }

    fn of(django: Django, flags: &[&str]) -> Self {
        let mut project = Self::without_people(django, None);
        let out = project.manage(&[&["people"], flags].concat());
        project.made = serde_json::from_str(&out.stdout).expect("is JSON");
        project
    }

    /// With another model of accounts, and what this script makes.
    pub(crate) fn of_models(models: &str, script: &str) -> Self {
        let project = Self::without_people(Django::Present, Some(models));
        project.manage(&["shell", "--no-imports", "-c", script]);
        project
    }

    fn without_people(django: Django, models: Option<&str>) -> Self {
        let env = TestEnv::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/django_project");
        copy(&from, &env.path(""));
        if let Some(models) = models {
            env.write("accounts/models.py", models);
        }
        let project = Self {
            env,
            django,
            made: Value::Null,
        };
        project.manage(&["migrate", "--run-syncdb", "--verbosity", "0"]);
        project
    }

    pub(crate) fn manage(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.env.command(python());
        command.arg("manage.py").args(arguments);
        if let Django::Old = self.django {
            let python = PathBuf::from(python());
            let folder = python.parent().and_then(Path::parent);
            command.env("PYTHONPATH", folder.expect("has one").join("django-4.2"));
        }
        if !self.env.is_on_sqlite() {
            command.env("DJANGO_DATABASE", self.env.database().url());
        }
        run(&mut command, "").succeeded()
    }

    /// A dump, as an absolute path.
    pub(crate) fn dump(&self, name: &str, flags: &[&str]) -> String {
        let dumpdata = ["dumpdata", "contenttypes", "auth", "accounts", "--output"];
        self.manage(&[&dumpdata, &[name][..], flags].concat());
        self.env.path(name).display().to_string()
    }

    /// The database itself.
    pub(crate) fn database(&self) -> String {
        if self.env.is_on_sqlite() {
            self.env.path("db.sqlite3").display().to_string()
        } else {
            self.env.database().url()
        }
    }

    pub(crate) fn password(&self) -> &str {
        self.made["password"].as_str().expect("is a text")
    }

    fn key(&self, email: &str) -> &str {
        self.made["people"][email].as_str().expect("is there")
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("lists the folder") {
        let path = entry.expect("reads").path();
        let name = path.file_name().expect("has a name");
        let to: PathBuf = to.join(name);
        if path.is_dir() {
            fs::create_dir_all(&to).expect("is made");
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("is copied");
        }
    }
}

/// A daemon that has time: a refusal does the work of every kind of hash that there still is.
pub(crate) fn patient(env: &TestEnv) -> Authd {
    env.authd_with(&[], &[("AUTHD_DATABASE_TIMEOUT", "60s")])
}

pub(crate) fn import(env: &TestEnv, source: &str, flags: &[&str]) -> Outcome {
    env.authctl_json(&[&["import", source, "--from", "django"], flags].concat())
}

/// Everybody of the project is here, as they were there.
fn are_all_there(project: &Project, env: &TestEnv, source: &str) {
    let out = import(env, source, &["--yes"]).succeeded();
    assert_eq!(out.json()["created"], 9, "{source}: {out:?}");
    let foreign = "SELECT count(*) FROM users WHERE password_hash >= 'a'";
    assert_eq!(env.number(foreign), 8, "{source}");

    let authd = patient(env);
    // Composed, it is another text, which Django does not take for the same.
    let composed = project.password().replace("e\u{301}", "\u{e9}");
    for (left, encoding) in (0..ENCODINGS.len()).rev().zip(ENCODINGS) {
        let email = format!("{encoding}@example.com");
        // A refusal is dear while there are hashes of every kind: `passwords` has this for each of them.
        if left == 0 {
            assert_eq!(authd.try_login(&email, &composed).status, 401, "{email}");
        }
        let answer = authd.verify(&authd.login(&email, project.password()));
        assert_eq!(answer.body["user"]["external_id"], project.key(&email));
        // From now on the hash is ours, and every keyboard's spelling is the same.
        authd.login(&email, &composed);
    }
    assert_eq!(env.number(foreign), 2, "{source}");
    for email in ["unusable@example.com", "inactive@example.com"] {
        assert_eq!(authd.try_login(email, project.password()).status, 401);
    }

    let token = authd.login("ada@example.com", project.password());
    let user = &authd.verify(&token).body["user"];
    let ada = json!({
        "email": "Ada@Example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "phone_number": "+442079460000",
        "external_id": project.key("Ada@Example.com"),
        "is_active": true,
        "is_staff": true,
        "is_superuser": true,
        "groups": ["Billing, EMEA"],
        "fields": {
            "company": "Analytical Engines",
            "is_partner": true,
            "partner_since": "2020-02-29",
            "seats": 3,
            "seen_at": "2024-05-06T07:08:09Z",
        },
        "date_joined": "2019-01-02T03:04:05Z",
    });
    for (name, value) in ada.as_object().expect("is an object") {
        assert_eq!(&user[name], value, "{source}: {name}");
    }
    let group = env.authctl_json(&["group", "show", "Billing, EMEA"]);
    let group = group.succeeded().json();
    assert_eq!(group["permissions"], json!(["accounts.change_user"]));
    let name = format!("external:{}", project.key("Ada@Example.com"));
    let shown = env
        .authctl_json(&["user", "show", &name])
        .succeeded()
        .json();
    assert_eq!(shown["id"], user["id"]);
    let direct = "SELECT permission FROM user_permissions";
    assert_eq!(env.sql(direct), "accounts.view_user");
    let unusable = "SELECT count(*) FROM users WHERE password_hash IS NULL";
    assert_eq!(env.number(unusable), 1);
}

#[test]
fn everybody_logs_in_with_the_password_they_had_in_django() {
    let project = Project::new(&[]);
    for source in [
        project.dump("dump.json", &[]),
        project.dump("natural.json", &["--natural-foreign"]),
        project.dump("dump.jsonl", &["--format", "jsonl"]),
        project.database(),
    ] {
        are_all_there(&project, &TestEnv::new(), &source);
    }
}

#[test]
fn people_of_an_older_django_log_in_as_well() {
    let project = Project::of(Django::Old, &[]);
    let version = project.manage(&["version"]).stdout;
    assert!(version.starts_with("4.2."), "{version}");
    are_all_there(&project, &TestEnv::new(), &project.dump("dump.json", &[]));
    are_all_there(&project, &TestEnv::new(), &project.database());
}

#[test]
fn a_second_import_undoes_nothing_that_people_did_meanwhile() {
    let project = Project::new(&[]);
    let dump = project.dump("dump.json", &[]);
    let env = TestEnv::new();
    import(&env, &dump, &["--yes"]).succeeded();
    let authd = patient(&env);
    let token = authd.login("bcrypt@example.com", project.password());
    env.authctl(&[
        "user",
        "set",
        "scrypt@example.com",
        "--email",
        "new@example.com",
    ])
    .succeeded();
    assert_eq!(import(&env, &dump, &["--yes"]).status, 4);
    let out = import(&env, &dump, &["--yes", "--on-conflict", "skip"]);
    assert_eq!(out.succeeded().json()["skipped"], 9);
    let out = import(&env, &dump, &["--yes", "--on-conflict", "update"]);
    let out = out.succeeded().json();
    assert_eq!(out["unchanged"], 8, "{out}");
    // Known by its old key, though its address was another.
    assert_eq!(out["updated"], 1, "{out}");
    assert_eq!(authd.verify(&token).status, 200);
    assert_eq!(
        authd
            .try_login("new@example.com", project.password())
            .status,
        401
    );
}

#[test]
fn fields_are_shown_before_they_are_made() {
    let project = Project::new(&[]);
    let source = project.database();
    let env = TestEnv::new();
    env.add_user("root@example.com", "lantern over quiet harbours");
    let before = env.everything();
    let out = import(
        &env,
        &source,
        &["--map", "company=field:employer", "--map", "seats=-"],
    );
    assert_eq!(out.status, 2, "{out:?}");
    for line in [
        "9 accounts of accounts.user",
        "new field employer: string, at most 80 characters",
        "new field is_partner: bool",
        "new field partner_since: date",
        "new field seen_at: datetime",
    ] {
        assert!(out.stderr.contains(line), "{line} in {out:?}");
    }
    assert!(!out.stderr.contains("field seats"), "{out:?}");
    assert_eq!(env.everything(), before);
    let out = import(&env, &source, &["--dry-run"]).succeeded();
    assert_eq!(out.json()["created"], 9, "{out:?}");
    assert_eq!(env.everything(), before);
}

#[test]
fn one_login_is_proved_without_importing_anything() {
    let project = Project::new(&[]);
    let env = TestEnv::new();
    let check = |email: &str, password: &str| {
        let dump = project.dump("dump.json", &[]);
        let flags = ["--from", "django", "--check", email, "--password-stdin"];
        env.authctl_reading(password, &[&["import", &dump], &flags[..]].concat())
    };
    let good = check("ADA@example.com", project.password()).succeeded();
    assert!(good.stdout.contains("could log in"), "{good:?}");
    for (email, password, status, said) in [
        ("ada@example.com", "wrong", 5, "this is not its password"),
        ("unusable@example.com", "wrong", 5, "it has no password"),
        (
            "inactive@example.com",
            project.password(),
            5,
            "it is not active",
        ),
        ("nobody@example.com", "wrong", 3, "no account"),
    ] {
        let out = check(email, password);
        assert_eq!(out.status, status, "{email}: {out:?}");
        assert!(out.stderr.contains(said), "{email}: {out:?}");
    }
    assert!(!env.path("authd.db").exists());
}

#[test]
fn addresses_that_collide_are_reported_and_nothing_is_imported_until_decided() {
    let project = Project::new(&["--collision"]);
    let source = project.database();
    let (first, second) = (
        project.key("Ada@Example.com"),
        project.key("ADA@example.com"),
    );
    let env = TestEnv::new();
    env.add_user("root@example.com", "lantern over quiet harbours");
    let before = env.everything();
    let out = import(&env, &source, &["--yes"]);
    assert_eq!(out.status, 4, "{out:?}");
    let said = format!("one address: Ada@Example.com ({first}), ADA@example.com ({second})");
    assert!(out.stderr.contains(&said), "{out:?}");
    assert_eq!(env.everything(), before);
    for (choice, kept) in [("first", first), ("latest-login", second)] {
        let env = TestEnv::new();
        let out = import(&env, &source, &["--yes", "--on-collision", choice]).succeeded();
        assert_eq!(out.json()["created"], 9, "{out:?}");
        let ada = env.authctl_json(&["user", "show", "ada@example.com"]);
        assert_eq!(ada.succeeded().json()["external_id"], kept);
    }
}

#[test]
fn md5_comes_only_if_that_is_asked_for() {
    let project = Project::new(&["--legacy"]);
    let source = project.database();
    let env = TestEnv::new();
    let out = import(&env, &source, &["--yes"]);
    assert_eq!(out.status, 5, "{out:?}");
    let error = &out.json()["errors"][0];
    assert_eq!(error["user"].to_string(), project.key("md5@example.com"));
    assert!(error.to_string().contains("--accept-legacy"), "{error}");
    assert_eq!(env.number("SELECT count(*) FROM users"), 0);
    import(&env, &source, &["--yes", "--accept-legacy"]).succeeded();
    let authd = patient(&env);
    authd.login("md5@example.com", project.password());
    let md5 = "SELECT count(*) FROM users WHERE password_hash LIKE 'md5%'";
    assert_eq!(env.number(md5), 0);
}

/// What hashes that come from elsewhere may cost is bounded: in a file, and in a row.
#[test]
fn absurd_costs_are_refused_and_never_run() {
    let project = Project::new(&[]);
    let dump = fs::read_to_string(project.dump("dump.json", &[])).expect("reads");
    let env = TestEnv::new();
    let absurd = dump
        .replace("pbkdf2_sha1$1000000$", "pbkdf2_sha1$1000000000$")
        .replace("scrypt$16384$", "scrypt$1073741824$");
    assert_ne!(absurd, dump);
    env.write("absurd.json", &absurd);
    let out = import(&env, "absurd.json", &["--yes"]);
    assert_eq!(out.status, 5, "{out:?}");
    let errors = out.json()["errors"].as_array().expect("is a list").clone();
    assert_eq!(errors.len(), 2, "{errors:?}");
    for error in errors {
        assert!(error.to_string().contains("would cost too much"), "{error}");
    }
    assert_eq!(env.number("SELECT count(*) FROM users"), 0);

    // Nor does the daemon run what a row has all the same.
    env.write("dump.json", &dump);
    import(&env, "dump.json", &["--yes"]).succeeded();
    env.sql(
        "UPDATE users SET password_hash = replace(password_hash, '$1000000$', '$1000000000$')
         WHERE email_key = 'pbkdf2_sha1@example.com'",
    );
    let authd = patient(&env);
    let start = std::time::Instant::now();
    for email in ["pbkdf2_sha1@example.com", "nobody@example.com"] {
        assert_eq!(authd.try_login(email, project.password()).status, 401);
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    assert!(authd.log().contains("damaged"), "{}", authd.log());
}

#[test]
fn what_is_no_dump_of_such_a_project_is_told() {
    let project = Project::new(&[]);
    let path = project.dump("dump.json", &[]);
    let dump = fs::read_to_string(&path).expect("reads");
    let between = dump.rfind(", {\"model\"").expect("has some");
    let env = TestEnv::new();
    for (text, flags, said) in [
        (&dump[..dump.len() - 100], &[][..], "cut off"),
        (&dump[..between], &[], "cut off"),
        ("", &[], "cut off"),
        ("[]", &[], "nothing in it looks like accounts"),
        (
            "[{\"id\": 1}]",
            &[],
            "this is not what 'manage.py dumpdata' writes",
        ),
        (
            "model,pk\n",
            &[],
            "this is not what 'manage.py dumpdata' writes",
        ),
        (
            &dump[..],
            &["--model", "accounts.Person"],
            "what looks like accounts is accounts.user",
        ),
        (
            &dump[..],
            &["--map", "shoe=field:shoe"],
            "has no column 'shoe'",
        ),
        (
            &dump[..],
            &["--map", "company=username"],
            "a column goes to",
        ),
    ] {
        env.write("bad.json", text);
        let out =
            env.authctl(&[&["import", "bad.json", "--from", "django", "--yes"], flags].concat());
        assert!([2, 5].contains(&out.status), "{said}: {out:?}");
        assert!(out.stderr.contains(said), "{said}: {out:?}");
    }
    // A group that is not in the dump.
    let objects: Value = serde_json::from_str(&dump).expect("is JSON");
    let users = objects.as_array().expect("is a list").iter();
    let users: Vec<_> = users
        .filter(|one| one["model"] == "accounts.user")
        .collect();
    env.write("users.json", &json!(users).to_string());
    let out = import(&env, "users.json", &["--yes"]);
    assert_eq!(out.status, 5, "{out:?}");
    let said = out.json()["errors"][0]["message"].to_string();
    assert!(said.contains("is not in the dump"), "{said}");
}
