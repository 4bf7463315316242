//! `authctl user`: every verb, by e-mail address and by id, for people and for scripts.

use serde_json::{Value, json};

use crate::env::{PASSWORD, TestEnv, run};
use crate::terminal::Terminal;

const OTHER_PASSWORD: &str = "lantern over quiet harbours";

/// Adds an account without a password.
fn add(env: &TestEnv, email: &str, flags: &[&str]) -> Value {
    let arguments = [&["user", "add", email, "--no-password"], flags].concat();
    env.authctl_json(&arguments).succeeded().json()["user"].take()
}

fn text<'v>(user: &'v Value, field: &str) -> &'v str {
    user[field].as_str().expect("is a string")
}

#[test]
fn add_takes_every_flag_and_prints_the_contracts_user() {
    let env = TestEnv::new();
    let out = env
        .authctl_reading(
            &format!("{PASSWORD}\n"),
            &[
                "user",
                "add",
                "Ada@Example.com",
                "--first_name",
                "Ada",
                "--last-name",
                "Lovelace",
                "--phone-number",
                "+44 (20) 7946-0000",
                "--staff",
                "--password-stdin",
                "--noinput",
                "-o",
                "json",
            ],
        )
        .succeeded();
    let document = out.json();
    let user = &document["user"];
    assert_eq!(
        document,
        json!({"created": true, "user": {
            "id": user["id"], "email": "Ada@Example.com", "first_name": "Ada",
            "last_name": "Lovelace", "phone_number": "+442079460000", "is_active": true,
            "is_staff": true, "is_superuser": false, "groups": [], "fields": {},
            "date_joined": user["date_joined"], "last_login": null, "version": 1,
        }})
    );
    assert_eq!(out.stdout.lines().count(), 1);
    if env.is_on_sqlite() {
        assert_eq!(out.stderr, "created the database 'authd.db'\n");
    } else {
        let place = format!("/{}'\n", env.database().name());
        assert!(out.stderr.starts_with("created the database '"), "{out:?}");
        assert!(out.stderr.ends_with(&place), "{out:?}");
        assert!(!out.stderr.contains('@'), "no user, no password: {out:?}");
    }
    let id = uuid::Uuid::parse_str(text(user, "id")).expect("is a UUID");
    assert_eq!(id.get_version_num(), 7);
    let joined = text(user, "date_joined");
    assert!(joined.ends_with('Z') && joined.len() == "2026-11-23T10:00:00Z".len());

    let grace = add(&env, "grace@example.com", &["--superuser", "--inactive"]);
    assert_eq!(grace["is_superuser"], true);
    assert_eq!(grace["is_staff"], true);
    assert_eq!(grace["is_active"], false);
    assert_eq!(grace["first_name"], "");
    assert_eq!(grace["phone_number"], Value::Null);
}

#[test]
fn one_account_is_named_by_its_address_in_any_letters_or_by_its_id() {
    let env = TestEnv::new();
    let ada = add(&env, "Ada@example.com", &["--first-name", "Ada"]);
    let (id, joined) = (text(&ada, "id"), text(&ada, "date_joined"));
    let json = format!(
        "{{\"id\":\"{id}\",\"email\":\"Ada@example.com\",\"first_name\":\"Ada\",\
         \"last_name\":\"\",\"phone_number\":null,\"is_active\":true,\"is_staff\":false,\
         \"is_superuser\":false,\"groups\":[],\"fields\":{{}},\"date_joined\":\"{joined}\",\
         \"last_login\":null,\"version\":1}}\n"
    );
    let tsv =
        format!("{id}\tAda@example.com\tAda\t\t\ttrue\tfalse\tfalse\t{joined}\t\t1\t\t{{}}\n");
    let upper = id.to_uppercase();
    for name in ["Ada@example.com", "ada@EXAMPLE.com", id, &upper] {
        let show = |flags: &[&str]| {
            let out = env.authctl(&[&["user", "show", name], flags].concat());
            let out = out.succeeded();
            assert_eq!(out.stderr, "");
            out.stdout
        };
        assert_eq!(show(&["-o", "json"]), json);
        assert_eq!(show(&["-o", "tsv"]), tsv);
        assert_eq!(show(&["-q"]), format!("{id}\n"));
        let table = show(&[]);
        assert!(
            table.contains("│ email        ┆ Ada@example.com"),
            "{table}"
        );
    }
}

#[test]
fn an_address_in_other_letters_is_taken_and_nothing_changes() {
    let env = TestEnv::new();
    add(&env, "ada@bücher.example", &["--first-name", "Ada"]);
    add(&env, "grace@example.com", &[]);
    let before = env.everything();
    for email in [
        "ADA@bücher.example",
        "ada@BÜCHER.example",
        "ada@xn--bcher-kva.example",
    ] {
        let sentence = format!("the e-mail address '{email}' is taken");
        env.authctl_json(&["user", "add", email, "--no-password", "--first-name", "Eve"])
            .refused(4, "conflict", &sentence);
        env.authctl_json(&["user", "set", "grace@example.com", "--email", email])
            .refused(4, "conflict", &sentence);
    }
    assert_eq!(env.everything(), before);
}

#[test]
fn if_not_exists_makes_adding_safe_to_repeat() {
    let env = TestEnv::new();
    let ada = add(&env, "ada@example.com", &["--if-not-exists"]);
    let out = env.authctl_json(&[
        "user",
        "add",
        "ADA@example.com",
        "--no-password",
        "--first-name",
        "Eve",
        "--if-not-exists",
    ]);
    assert_eq!(
        out.succeeded().json(),
        json!({"created": false, "user": ada})
    );

    let arguments = [
        "user",
        "add",
        "ada@example.com",
        "--no-password",
        "--if-not-exists",
        "-q",
    ];
    let out = env.authctl(&arguments).succeeded();
    assert_eq!(out.stdout, format!("{}\n", text(&ada, "id")));
    assert_eq!(out.stderr, "");
}

#[test]
fn list_goes_through_twenty_five_accounts_page_by_page() {
    let env = TestEnv::new();
    let ids: Vec<String> = (0..25)
        .map(|n| text(&add(&env, &format!("user{n}@example.com"), &[]), "id").to_owned())
        .collect();

    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    let mut after: Option<String> = None;
    while sizes.len() < 10 {
        let cursor = after.iter().flat_map(|after| ["--after", after]);
        let arguments: Vec<&str> = ["user", "list", "--limit", "10"]
            .into_iter()
            .chain(cursor)
            .collect();
        let page = env.authctl_json(&arguments).succeeded().json();
        let users = page["users"].as_array().expect("is a list");
        sizes.push(users.len());
        seen.extend(users.iter().map(|user| text(user, "id").to_owned()));
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [10, 10, 5]);
    assert_eq!(seen, ids);

    // A page that is just full is the last one if nothing follows.
    let page = env
        .authctl_json(&["user", "list", "--limit", "25"])
        .succeeded();
    assert_eq!(page.json()["next"], Value::Null);

    let out = env
        .authctl(&["user", "list", "--limit", "2", "-o", "tsv"])
        .succeeded();
    assert_eq!(out.stdout.lines().count(), 2);
    let more = format!("there are more: --after {}\n", ids[1]);
    assert_eq!(out.stderr, more);
    // A script that takes ids is told as well.
    let out = env.authctl(&["user", "list", "--limit", "2", "-q"]);
    assert_eq!(out.stdout, ids[..2].join("\n") + "\n");
    assert_eq!(out.stderr, more);
    let out = env.authctl(&["user", "list", "-q"]).succeeded();
    assert_eq!(out.stdout, ids.join("\n") + "\n");
    assert_eq!(out.stderr, "");

    for limit in ["0", "10001", "-1", "ten"] {
        let out = env.authctl(&["user", "list", &format!("--limit={limit}")]);
        assert_eq!(out.status, 5, "{out:?}");
    }
    let out = env.authctl(&["user", "list", "--after", "user3@example.com"]);
    assert_eq!(out.status, 5, "{out:?}");
}

#[test]
fn list_filters_and_searches() {
    let env = TestEnv::new();
    add(&env, "root@example.com", &["--superuser"]);
    add(
        &env,
        "staff@example.com",
        &["--staff", "--first-name", "Grace", "--last-name", "Hopper"],
    );
    add(
        &env,
        "gone@example.com",
        &["--inactive", "--phone-number", "+442079460000"],
    );
    add(&env, "50%_off@example.com", &[]);
    let found = |flags: &[&str]| -> Vec<String> {
        let arguments = [&["user", "list"], flags].concat();
        let page = env.authctl_json(&arguments).succeeded().json();
        let users = page["users"].as_array().expect("is a list");
        users
            .iter()
            .map(|user| {
                text(user, "email")
                    .trim_end_matches("@example.com")
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(found(&[]), ["root", "staff", "gone", "50%_off"]);
    assert_eq!(found(&["--active"]), ["root", "staff", "50%_off"]);
    assert_eq!(found(&["--inactive"]), ["gone"]);
    assert_eq!(found(&["--superuser"]), ["root"]);
    assert_eq!(found(&["--staff"]), ["root", "staff"]);
    assert_eq!(found(&["--staff", "--search", "HOPPER"]), ["staff"]);
    assert_eq!(found(&["--search", "grace h"]), ["staff"]);
    assert_eq!(found(&["--search", "7946"]), ["gone"]);
    assert_eq!(found(&["--search", "%"]), ["50%_off"]);
    assert_eq!(found(&["--search", "_"]), ["50%_off"]);
    assert_eq!(found(&["--search", "' OR 1=1 --"]), Vec::<String>::new());

    let out = env
        .authctl(&["user", "list", "--search", "nobody", "-o", "tsv"])
        .succeeded();
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("", ""));
    env.authctl_json(&["user", "list", "--active", "--inactive"])
        .refused(
            2,
            "usage",
            "the argument '--active' cannot be used with '--inactive'",
        );
}

#[test]
fn set_changes_what_is_named_and_nothing_else() {
    let env = TestEnv::new();
    let ada = add(
        &env,
        "ada@example.com",
        &["--first-name", "Ada", "--phone-number", "+442079460000"],
    );
    let set = |flags: &[&str]| {
        let arguments = [&["user", "set", text(&ada, "id")], flags].concat();
        env.authctl_json(&arguments).succeeded().json()
    };
    let mut expected = ada.clone();
    let changes: [(&[&str], &str, Value); 7] = [
        (
            &["--email", "Ada.L@example.com"],
            "email",
            json!("Ada.L@example.com"),
        ),
        (&["--first_name", "Augusta"], "first_name", json!("Augusta")),
        (&["--last_name", "Ångström"], "last_name", json!("Ångström")),
        (
            &["--phone_number", "+1 (201) 555-0123"],
            "phone_number",
            json!("+12015550123"),
        ),
        (&["--phone-number", ""], "phone_number", Value::Null),
        (&["--staff", "true"], "is_staff", json!(true)),
        (&["--superuser", "true"], "is_superuser", json!(true)),
    ];
    for (number, (flags, field, value)) in changes.into_iter().enumerate() {
        expected[field] = value;
        expected["version"] = json!(number + 2);
        assert_eq!(set(flags), expected);
    }
    let shown = env.authctl_json(&["user", "show", "ada.l@example.com"]);
    assert_eq!(shown.succeeded().json(), expected);

    env.authctl_json(&["user", "set", "ada.l@example.com"])
        .refused(
            2,
            "usage",
            "there is nothing to change: name a field, as in --first-name Ada",
        );
}

#[test]
fn the_last_active_superuser_stays_unless_forced() {
    let env = TestEnv::new();
    let root = add(&env, "root@example.com", &["--superuser"]);
    add(&env, "disabled@example.com", &["--superuser", "--inactive"]);
    add(&env, "staff@example.com", &["--staff"]);
    let before = env.everything();
    let attempts: [&[&str]; 3] = [
        &["user", "disable", "root@example.com", "--yes"],
        &["user", "delete", "root@example.com", "--yes"],
        &["user", "set", "root@example.com", "--superuser", "false"],
    ];
    for attempt in attempts {
        env.authctl_json(attempt).refused(
            4,
            "conflict",
            "'root@example.com' is the last active superuser: make another one first",
        );
        assert_eq!(env.everything(), before);
    }

    // With a second one, it is not the last.
    add(&env, "second@example.com", &["--superuser"]);
    env.authctl_json(&["user", "disable", "root@example.com", "--yes"])
        .succeeded();
    env.authctl_json(&["user", "enable", "root@example.com"])
        .succeeded();
    env.authctl_json(&["user", "delete", "second@example.com", "--yes"])
        .succeeded();

    for attempt in &attempts[..2] {
        let out = env
            .authctl_json(&[attempt, &["--force"][..]].concat())
            .succeeded();
        assert_eq!(out.json()["id"], root["id"]);
        if attempt.contains(&"delete") {
            env.authctl_json(&["user", "show", "root@example.com"])
                .refused(3, "not_found", "there is no account 'root@example.com'");
        } else {
            env.authctl_json(&["user", "enable", "root@example.com"])
                .succeeded();
        }
    }
}

#[test]
fn forced_demotion_works() {
    let env = TestEnv::new();
    add(&env, "root@example.com", &["--superuser"]);
    let arguments = [
        "user",
        "set",
        "root@example.com",
        "--superuser",
        "false",
        "--force",
    ];
    let user = env.authctl_json(&arguments).succeeded().json();
    assert_eq!(user["is_superuser"], false);
    assert_eq!(user["is_active"], true);
}

#[test]
fn without_a_terminal_nothing_is_disabled_or_deleted_unconfirmed() {
    let env = TestEnv::new();
    add(&env, "ada@example.com", &[]);
    let before = env.everything();
    for verb in ["disable", "delete"] {
        for flags in [&[][..], &["--no-input"], &["--force"]] {
            let arguments = [&["user", verb, "ada@example.com"], flags].concat();
            env.authctl_json(&arguments).refused(
                2,
                "usage",
                "not confirmed: nothing was changed (say yes, or give --yes)",
            );
        }
        let out = env.authctl_reading("y\ny\n", &["user", verb, "ada@example.com"]);
        assert_eq!(out.status, 2, "{out:?}");
        assert_eq!(env.everything(), before);
    }
}

#[test]
fn at_a_terminal_a_yes_is_needed() {
    let env = TestEnv::new();
    add(&env, "ada@example.com", &[]);
    let before = env.everything();
    for answer in ["n", ""] {
        let mut terminal = Terminal::authctl(&env, "user delete ada@example.com");
        terminal.answers("Delete ada@example.com for good? [y/N]", answer);
        let (_, ending) = terminal.ends();
        assert_eq!(ending.status, 2);
        assert_eq!(env.everything(), before);
    }
    let mut terminal = Terminal::authctl(&env, "user disable ada@example.com -o json");
    terminal.answers("Disable ada@example.com? [y/N]", "y");
    assert_eq!(terminal.ends().1.status, 0);
    let shown = env.authctl_json(&["user", "show", "ada@example.com"]);
    assert_eq!(shown.json()["is_active"], false);
}

#[test]
fn a_value_that_breaks_a_rule_is_named_with_the_rule() {
    let env = TestEnv::new();
    add(&env, "ada@example.com", &[]);
    let before = env.everything();
    let plus = "write the phone number with '+' and the country code, as in +44 20 7946 0000";
    let control = "a name may not contain control characters such as line ends";
    let cases = [
        (
            "--phone-number",
            "020 7946 0000",
            "invalid value '020 7946 0000' for '--phone-number <NUMBER>'",
            plus,
        ),
        (
            "--first-name",
            "A\u{7}",
            "invalid value 'A' for '--first-name <NAME>'",
            control,
        ),
        (
            "--last-name",
            "Love\nlace",
            "invalid value 'Love lace' for '--last-name <NAME>'",
            control,
        ),
    ];
    for (flag, value, refused, rule) in cases {
        let sentence = format!("{refused}: {rule}");
        env.authctl_json(&[
            "user",
            "add",
            "eve@example.com",
            "--no-password",
            flag,
            value,
        ])
        .refused(5, "invalid", &sentence);
        env.authctl_json(&["user", "set", "ada@example.com", flag, value])
            .refused(5, "invalid", &sentence);
    }
    let long = "x".repeat(151);
    let out = env.authctl(&["user", "set", "ada@example.com", "--first-name", &long]);
    assert_eq!(out.status, 5);
    let rule = "a name may have at most 150 characters, this one has 151";
    assert!(out.stderr.contains(rule), "{out:?}");

    let emails = [
        (
            "nonsense",
            "an e-mail address has exactly one '@', as in ada@example.com",
        ),
        (
            "a@b@example.com",
            "an e-mail address has exactly one '@', as in ada@example.com",
        ),
        ("", "the e-mail address is empty"),
        (
            "ada@-example-.com",
            "the part after the '@' is not a domain name",
        ),
        (
            ".ada@example.com",
            "the part before the '@' has a character or a dot that may not stand there",
        ),
    ];
    for (email, rule) in emails {
        env.authctl_json(&["user", "add", email, "--no-password"])
            .refused(
                5,
                "invalid",
                &format!("invalid value '{email}' for '<EMAIL>': {rule}"),
            );
    }
    assert_eq!(env.everything(), before);
}

#[test]
fn a_password_that_breaks_the_policy_is_refused_and_nothing_is_made() {
    let env = TestEnv::new();
    let short = "the password has 8 characters, at least 15 are needed: four or five unrelated words will do";
    let cases = [
        ("tr0ub4d0", short),
        (
            "eve@example.com",
            "the password is the account's own e-mail address: choose one that nobody can look up",
        ),
    ];
    for (password, sentence) in cases {
        env.authctl_reading(
            password,
            &[
                "user",
                "add",
                "eve@example.com",
                "--password-stdin",
                "-o",
                "json",
            ],
        )
        .refused(5, "invalid", sentence);
        assert_eq!(env.file_names(), Vec::<String>::new());
    }
    let out = env.authctl_reading(
        "passwordpassword",
        &["user", "add", "eve@example.com", "--password-stdin"],
    );
    assert_eq!(out.status, 5);
    assert!(out.stderr.contains("easily guessed"), "{out:?}");

    env.add_user("eve@example.com", PASSWORD);
    env.authctl_reading(
        "tr0ub4d0",
        &[
            "user",
            "passwd",
            "eve@example.com",
            "--password-stdin",
            "-o",
            "json",
        ],
    )
    .refused(5, "invalid", short);
    assert_eq!(
        env.authd().try_login("eve@example.com", PASSWORD).status,
        200
    );
}

#[test]
fn a_password_comes_from_standard_input_a_file_or_the_environment() {
    let env = TestEnv::new();
    let file = env.write("password", &format!("{OTHER_PASSWORD}\r\n"));
    let file = file.to_str().expect("is UTF-8");
    let add = |email: &str, flags: &[&str], variables: &[(&str, &str)], input: &str| {
        let arguments = [&["user", "add", email], flags].concat();
        let mut command = env.authctl_command(&arguments);
        run(command.envs(variables.iter().copied()), input).succeeded();
    };
    add(
        "stdin@example.com",
        &["--password-stdin"],
        &[],
        &format!("{OTHER_PASSWORD}\n"),
    );
    add("file@example.com", &["--password-file", file], &[], "");
    add(
        "variable@example.com",
        &[],
        &[("AUTHD_USER_PASSWORD", OTHER_PASSWORD)],
        "",
    );
    add(
        "named@example.com",
        &[],
        &[("AUTHD_USER_PASSWORD_FILE", file)],
        "",
    );
    // What is named on the command line wins.
    let wrong = [("AUTHD_USER_PASSWORD", PASSWORD)];
    add("wins@example.com", &["--password-file", file], &wrong, "");
    add(
        "nobody@example.com",
        &["--no-password"],
        &[("AUTHD_USER_PASSWORD", OTHER_PASSWORD)],
        "",
    );

    let authd = env.authd();
    for name in ["stdin", "file", "variable", "named", "wins"] {
        let answer = authd.try_login(&format!("{name}@example.com"), OTHER_PASSWORD);
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
    let answer = authd.try_login("nobody@example.com", OTHER_PASSWORD);
    assert_eq!(answer.status, 401);
    assert_eq!(answer.body["code"], "invalid_credentials");

    let missing = env.path("missing");
    let out = env.authctl(&[
        "user",
        "passwd",
        "file@example.com",
        "--password-file",
        "missing",
    ]);
    assert_eq!(out.status, 1, "{out:?}");
    assert!(
        out.stderr
            .starts_with("authctl: opening 'missing' failed: "),
        "{out:?}"
    );
    assert!(!missing.exists());
}

#[test]
fn without_a_terminal_a_missing_password_is_an_error_and_nothing_is_made() {
    let env = TestEnv::new();
    let ways = "--password-stdin, --password-file, AUTHD_USER_PASSWORD or --no-password";
    env.authctl_json(&["user", "add", "ada@example.com"])
        .refused(
            2,
            "usage",
            &format!("a password is needed and there is no terminal to ask on: give {ways}"),
        );
    env.authctl_json(&["user", "add", "ada@example.com", "--no-input"])
        .refused(2, "usage", &format!("a password is needed: give {ways}"));
    assert_eq!(env.file_names(), Vec::<String>::new());

    add(&env, "ada@example.com", &[]);
    let before = env.everything();
    let out = env.authctl_json(&["user", "passwd", "ada@example.com"]);
    assert_eq!(out.status, 2, "{out:?}");
    assert_eq!(env.everything(), before);
    // Somebody who does not see the question is not asked.
    let mut terminal =
        Terminal::authctl(&env, "user passwd ada@example.com 2>refused; cat refused");
    terminal.shows("there is no terminal to ask on");
    terminal.ends();
    assert_eq!(env.everything(), before);
}

#[test]
fn a_new_password_is_asked_for_twice_at_a_terminal() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let mut terminal = Terminal::authctl(&env, "user passwd ada@example.com -q");
    terminal.answers("Password:", OTHER_PASSWORD);
    terminal.answers("Password (again):", PASSWORD);
    terminal.shows("the two are not the same, try again");
    terminal.answers("Password:", OTHER_PASSWORD);
    terminal.answers("Password (again):", OTHER_PASSWORD);
    let (screen, ending) = terminal.ends();
    assert_eq!(ending.status, 0);
    assert!(!screen.contains(OTHER_PASSWORD), "{screen}");
    let authd = env.authd();
    assert_eq!(authd.try_login("ada@example.com", PASSWORD).status, 401);
    assert_eq!(
        authd.try_login("ada@example.com", OTHER_PASSWORD).status,
        200
    );
}

#[test]
fn disabling_and_a_new_password_end_what_was_issued_before() {
    let env = TestEnv::new();
    let id = text(&env.add_user("ada@example.com", PASSWORD), "id").to_owned();
    let authd = env.authd();
    let first = authd.login("ada@example.com", PASSWORD);
    env.authctl_json(&["user", "disable", &id, "-y"])
        .succeeded();
    assert_eq!(authd.try_login("ada@example.com", PASSWORD).status, 401);
    let enabled = env
        .authctl_json(&["user", "enable", &id])
        .succeeded()
        .json();
    assert_eq!(enabled["is_active"], true);
    assert_eq!(authd.verify(&first).status, 401);
    // Tokens and log-outs count in whole seconds; a login may have to wait for the next one.
    let second = authd.login("ada@example.com", PASSWORD);
    assert_eq!(authd.verify(&second).status, 200);
    let out = env.authctl_reading(
        OTHER_PASSWORD,
        &["user", "passwd", &id, "--password-stdin", "-q"],
    );
    assert_eq!(out.succeeded().stdout, format!("{id}\n"));
    assert_eq!(authd.verify(&second).status, 401);
    assert_eq!(authd.try_login("ada@example.com", PASSWORD).status, 401);
    assert_eq!(
        authd.try_login("ada@example.com", OTHER_PASSWORD).status,
        200
    );
    let shown = env.authctl_json(&["user", "show", &id]).json();
    assert_ne!(shown["last_login"], Value::Null);
}

#[test]
fn deleting_frees_the_address_but_not_the_id() {
    let env = TestEnv::new();
    add(&env, "root@example.com", &["--superuser"]);
    let ada = add(&env, "ada@example.com", &[]);
    let gone = env
        .authctl_json(&["user", "delete", text(&ada, "id"), "--yes"])
        .succeeded();
    assert_eq!(gone.json()["id"], ada["id"]);
    let again = add(&env, "ada@example.com", &[]);
    assert_ne!(again["id"], ada["id"]);
    let id = text(&ada, "id");
    env.authctl_json(&["user", "show", id]).refused(
        3,
        "not_found",
        &format!("there is no account '{id}'"),
    );
}

#[test]
fn an_unknown_account_is_status_3_for_every_verb() {
    let env = TestEnv::new();
    add(&env, "root@example.com", &["--superuser"]);
    let before = env.everything();
    let stranger = "019ab000-0000-7000-8000-000000000000";
    for name in ["nobody@example.com", stranger] {
        let attempts: [&[&str]; 6] = [
            &["user", "show", name],
            &["user", "set", name, "--first-name", "X"],
            &["user", "enable", name],
            &["user", "disable", name, "--yes"],
            &["user", "delete", name, "--yes", "--force"],
            &["user", "passwd", name, "--password-stdin"],
        ];
        for attempt in attempts {
            let arguments = [attempt, &["-o", "json"]].concat();
            env.authctl_reading(PASSWORD, &arguments).refused(
                3,
                "not_found",
                &format!("there is no account '{name}'"),
            );
        }
    }
    let out = env.authctl(&["user", "show", "nobody"]);
    assert_eq!(out.status, 5, "{out:?}");
    assert!(
        out.stderr
            .contains("'nobody' is neither an id nor an e-mail address")
    );
    assert_eq!(env.everything(), before);
}

#[test]
fn a_misuse_is_one_whole_sentence_in_json() {
    let env = TestEnv::new();
    env.authctl_json(&["user", "show"]).refused(
        2,
        "usage",
        "the following required arguments were not provided: <USER>",
    );
    env.authctl_json(&[])
        .refused(2, "usage", "a command is needed: see --help");
    env.authctl_json(&["user"])
        .refused(2, "usage", "a command is needed: see --help");
    env.authctl_json(&["user", "add", "ada@example.com", "--pasword-file", "x"]).refused(
        2,
        "usage",
        "unexpected argument '--pasword-file' found; tip: a similar argument exists: '--password-file'",
    );
    assert_eq!(env.file_names(), Vec::<String>::new());
}

#[test]
fn a_table_fits_a_terminal_of_eighty_columns() {
    let env = TestEnv::new();
    let long = "augusta.ada.king.countess.of.lovelace@mathematics.example.com";
    add(
        &env,
        long,
        &[
            "--first-name",
            "Augusta Ada",
            "--last-name",
            "King, Countess of Lovelace",
            "--phone-number",
            "+442079460000",
            "--superuser",
        ],
    );
    add(
        &env,
        "grace@example.com",
        &["--staff", "--last-name", "Hopper"],
    );
    add(
        &env,
        "ada@bücher.example",
        &["--first-name", "愛田愛田愛田愛田愛田"],
    );
    for arguments in ["user list", &format!("user show {long}"), "config show"] {
        let (screen, ending) = Terminal::authctl(&env, arguments).ends();
        assert_eq!(ending.status, 0);
        let widths = screen
            .lines()
            .map(|line| line.chars().map(width).sum::<usize>());
        let widest = widths.max().unwrap_or_default();
        assert!((60..=80).contains(&widest), "{widest} columns:\n{screen}");
        assert!(screen.contains('┆'), "{screen}");
    }
    let (screen, _) = Terminal::authctl(&env, "user list").ends();
    for whole in [
        "grace@example.com",
        "Hopper",
        "+442079460000",
        "superuser",
        "never",
    ] {
        assert!(screen.contains(whole), "{whole}:\n{screen}");
    }
}

/// Columns of a character, as far as this test needs it.
fn width(c: char) -> usize {
    match c {
        '\r' => 0,
        '\u{4e00}'..='\u{9fff}' => 2,
        _ => 1,
    }
}
