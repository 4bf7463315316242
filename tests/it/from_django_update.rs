//! `authctl import --from django --on-conflict update`: what has changed in Django since the first import.

use serde_json::{Value, json};

use crate::env::{Outcome, TestEnv};
use crate::from_django::{Project, import, patient};

const NEW: &str = "harbours over quiet lanterns";

/// Four change their password or lose it, two of whom logged in here; Ada's rights are others.
const MEANWHILE: &str = r#"
from django.contrib.auth.models import Group, Permission
from accounts.models import User
for name in ["scrypt", "bcrypt"]:
    user = User.objects.get(email=f"{name}@example.com")
    user.set_password("harbours over quiet lanterns")
    user.save()
for name in ["argon2", "pbkdf2_sha1"]:
    user = User.objects.get(email=f"{name}@example.com")
    user.set_unusable_password()
    user.save()
ada = User.objects.get(email="Ada@Example.com")
ada.user_permissions.set([Permission.objects.get(codename="add_user")])
ada.groups.set([Group.objects.create(name="Sales")])
"#;

fn update(env: &TestEnv, source: &str, more: &[&str]) -> Outcome {
    let flags = ["--yes", "--on-conflict", "update"];
    import(env, source, &[&flags, more].concat()).succeeded()
}

fn check(env: &TestEnv, source: &str, name: &str, password: &str) -> Outcome {
    let email = format!("{name}@example.com");
    let arguments = ["import", source, "--from", "django", "--check", &email];
    env.authctl_reading(password, &[&arguments[..], &["--password-stdin"]].concat())
}

#[test]
fn an_update_brings_passwords_and_rights_as_they_are_in_django_by_then() {
    let project = Project::new(&[]);
    let env = TestEnv::new();
    import(&env, &project.dump("dump.json", &[]), &["--yes"]).succeeded();
    let authd = patient(&env);
    for name in ["bcrypt", "pbkdf2_sha1"] {
        authd.login(&format!("{name}@example.com"), project.password());
    }
    for permission in ["accounts.delete_user", "users.view"] {
        env.authctl(&["user", "grant", "ada@example.com", permission])
            .succeeded();
    }
    project.manage(&["shell", "-v0", "--no-imports", "-c", MEANWHILE]);
    let last = project.dump("last.json", &[]);

    // Whoever looks before, is told the truth about after.
    for (name, password, status, said) in [
        ("scrypt", NEW, 0, "could log in with this password"),
        ("scrypt", project.password(), 5, "this is not its password"),
        ("bcrypt", NEW, 5, "this is its password in Django alone"),
        ("bcrypt", project.password(), 0, "and another in Django"),
        ("bcrypt", "wrong", 5, "this is not its password"),
        ("argon2", "wrong", 5, "it has no password"),
        ("pbkdf2_sha1", project.password(), 0, "could log in"),
    ] {
        let out = check(&env, &last, name, password);
        assert_eq!(out.status, status, "{name}: {out:?}");
        let all = format!("{}{}", out.stdout, out.stderr);
        assert!(all.contains(said), "{name}: {out:?}");
    }
    let out = check(&env, &last, "scrypt", NEW);
    assert!(
        out.stderr.contains("--on-conflict update brings"),
        "{out:?}"
    );

    let before = env.everything();
    for (flags, is_done) in [(&["--dry-run"][..], false), (&[], true)] {
        let out = update(&env, &last, flags);
        let kept = "kept: 1 password that somebody logged in with or set here; if Django has another by now, it does not come: bcrypt@example.com";
        let lost = "Ada@Example.com (the group 'Billing, EMEA', the permission 'accounts.delete_user', the permission 'accounts.view_user')";
        for said in [kept, lost, "warning: Django has no password for 1 account"] {
            assert!(out.stderr.contains(said), "{said}: {out:?}");
        }
        let warnings = out.json()["warnings"].to_string();
        assert!(warnings.contains("pbkdf2_sha1@example.com"), "{warnings}");
        assert!(!warnings.contains("argon2@example.com"), "{warnings}");
        assert_eq!(out.json()["updated"], 3, "{out:?}");
        assert_eq!(env.everything() != before, is_done);
    }
    assert_eq!(update(&env, &last, &[]).json()["updated"], 0);

    authd.login("scrypt@example.com", NEW);
    for name in ["bcrypt", "pbkdf2_sha1"] {
        authd.login(&format!("{name}@example.com"), project.password());
    }
    let refused = authd.try_login("argon2@example.com", project.password());
    assert_eq!(refused.status, 401);
    let none = "SELECT email FROM users WHERE password_hash IS NULL ORDER BY email";
    let none = env.sql(none);
    assert!(
        none.contains("argon2@") && !none.contains("sha1@"),
        "{none}"
    );

    let direct = "SELECT permission FROM user_permissions ORDER BY permission";
    assert_eq!(env.sql(direct), "accounts.add_user\nusers.view");
    let shown = env.authctl_json(&["user", "show", "ada@example.com"]);
    assert_eq!(shown.succeeded().json()["groups"], json!(["Sales"]));
    for (email, action) in [
        ("scrypt@example.com", "user.password_changed"),
        ("argon2@example.com", "user.password_changed"),
        ("ada@example.com", "user.revoked"),
    ] {
        let events = env.authctl_json(&["audit", "--user", email]).succeeded();
        let events: Value = events.json();
        assert!(events.to_string().contains(action), "{email}: {events}");
    }
    env.authctl(&["audit", "verify"]).succeeded();
}

/// A token that somebody has by other ways is as old as the password that is another now.
#[test]
fn a_password_that_an_update_replaces_or_takes_ends_what_was_begun_with_it() {
    let project = Project::new(&[]);
    let env = TestEnv::new();
    import(&env, &project.dump("dump.json", &[]), &["--yes"]).succeeded();
    let hashes = "SELECT email, password_hash FROM users WHERE email_key IN
        ('scrypt@example.com', 'argon2@example.com') ORDER BY email";
    let of_django = env.sql(hashes);
    let authd = patient(&env);
    let tokens = ["scrypt", "argon2"]
        .map(|name| authd.login(&format!("{name}@example.com"), project.password()));
    // As if the login had not replaced them.
    for line in of_django.lines() {
        let (email, hash) = line.split_once('|').expect("has two columns");
        env.sql(&format!(
            "UPDATE users SET password_hash = '{hash}' WHERE email = '{email}'"
        ));
    }
    project.manage(&["shell", "-v0", "--no-imports", "-c", MEANWHILE]);
    for token in &tokens {
        assert_eq!(authd.verify(token).status, 200);
    }
    update(&env, &project.dump("last.json", &[]), &[]);
    for token in &tokens {
        assert_eq!(authd.verify(token).status, 401);
    }
}

#[test]
fn an_update_names_those_whom_it_enables_and_those_who_are_staff_no_more() {
    let project = Project::new(&[]);
    let env = TestEnv::new();
    let dump = project.dump("dump.json", &[]);
    import(&env, &dump, &["--yes"]).succeeded();
    let out = update(&env, &dump, &[]);
    assert!(!out.stderr.contains("Django says so"), "{out:?}");
    env.authctl(&["user", "disable", "scrypt@example.com", "--yes"])
        .succeeded();
    env.authctl(&["user", "set", "bcrypt@example.com", "--staff", "true"])
        .succeeded();
    let out = update(&env, &dump, &["-q"]);
    let warning = "warning: disabled here and active again, because Django says so: 1 account;";
    assert!(out.stderr.contains(warning), "{out:?}");
    assert!(out.stderr.contains("scrypt@example.com"), "{out:?}");
    let notes = out.json()["notes"].to_string();
    let note = "staff or a superuser no more, because Django says so: bcrypt@example.com";
    assert!(notes.contains(note), "{notes}");
    assert!(!notes.contains("scrypt"), "{notes}");
}
