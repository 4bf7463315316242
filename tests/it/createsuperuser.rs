//! `authctl createsuperuser`: the assistant at a real terminal, and the same in scripts.

use serde_json::Value;

use crate::env::{Outcome, PASSWORD, TestEnv, only_sqlite, run};
use crate::terminal::{Ending, Terminal};

const BYPASS: &str = "Bypass the password checks and create the user anyway? [y/N]";

/// `createsuperuser --no-input -o json` with these variables.
fn scripted(env: &TestEnv, flags: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let arguments = [&["createsuperuser", "--no-input", "-o", "json"], flags].concat();
    let mut command = env.authctl_command(&arguments);
    run(command.envs(variables.iter().copied()), "")
}

/// Answers what is asked before the password.
fn introduce(terminal: &mut Terminal, email: &str) {
    terminal.answers("E-mail address:", email);
    terminal.answers("First name:", "");
    terminal.answers("Last name:", "");
    terminal.answers("Phone number (may be empty):", "");
}

#[test]
fn the_assistant_explains_what_is_wrong_and_asks_again() {
    let env = TestEnv::new();
    env.add_user("taken@example.com", PASSWORD);
    let mut terminal = Terminal::authctl(&env, "createsuperuser");
    terminal.answers("E-mail address:", "nonsense");
    terminal.shows("an e-mail address has exactly one '@', as in ada@example.com");
    terminal.answers("E-mail address:", "Taken@Example.com");
    terminal.shows("the e-mail address 'Taken@Example.com' is taken");
    terminal.answers("E-mail address:", "");
    terminal.shows("the e-mail address is empty");
    terminal.answers("E-mail address:", "Ada@example.com");
    terminal.answers("First name:", "Ada");
    terminal.answers("Last name:", "Lovelace");
    terminal.answers("Phone number (may be empty):", "020 7946 0000");
    terminal.shows("write the phone number with '+' and the country code");
    terminal.answers("Phone number (may be empty):", "+44 20 7946 0000");
    terminal.answers("Password:", PASSWORD);
    terminal.answers("Password (again):", "something else entirely");
    terminal.shows("the two are not the same, try again");
    terminal.answers("Password:", PASSWORD);
    terminal.answers("Password (again):", PASSWORD);
    terminal.shows("Superuser created.");
    let (screen, ending) = terminal.ends();
    assert_eq!(
        ending,
        Ending {
            status: 0,
            echo: true
        }
    );
    assert!(!screen.contains(PASSWORD), "{screen}");

    let user = env
        .authctl_json(&["user", "show", "ada@example.com"])
        .succeeded()
        .json();
    assert_eq!(user["email"], "Ada@example.com");
    assert_eq!(user["first_name"], "Ada");
    assert_eq!(user["last_name"], "Lovelace");
    assert_eq!(user["phone_number"], "+442079460000");
    for flag in ["is_active", "is_staff", "is_superuser"] {
        assert_eq!(user[flag], true, "{flag}");
    }
    assert_eq!(
        env.authd().try_login("ada@example.com", PASSWORD).status,
        200
    );
}

#[test]
fn names_and_phone_number_may_be_empty() {
    let env = TestEnv::new();
    let mut terminal = Terminal::authctl(&env, "createsuperuser");
    introduce(&mut terminal, "ada@example.com");
    terminal.answers("Password:", PASSWORD);
    terminal.answers("Password (again):", PASSWORD);
    assert_eq!(terminal.ends().1.status, 0);
    let user = env
        .authctl_json(&["user", "show", "ada@example.com"])
        .json();
    assert_eq!(
        (&user["first_name"], &user["last_name"]),
        (&"".into(), &"".into())
    );
    assert_eq!(user["phone_number"], Value::Null);
}

#[test]
fn what_is_given_is_not_asked() {
    let env = TestEnv::new();
    let mut terminal = Terminal::authctl(
        &env,
        "createsuperuser --email ada@example.com --last-name Lovelace -o json",
    );
    let before = terminal.shows("First name:");
    assert!(!before.contains("E-mail"), "{before}");
    terminal.types("Ada");
    let before = terminal.shows("Phone number (may be empty):");
    assert!(!before.contains("Last name"), "{before}");
    terminal.types("");
    terminal.answers("Password:", PASSWORD);
    terminal.answers("Password (again):", PASSWORD);
    terminal.shows("{\"created\":true,");
    assert_eq!(terminal.ends().1.status, 0);
}

#[test]
fn a_weak_password_needs_a_yes() {
    let env = TestEnv::new();
    let mut terminal = Terminal::authctl(&env, "createsuperuser");
    introduce(&mut terminal, "ada@example.com");
    for answer in ["n", ""] {
        terminal.answers("Password:", "secret");
        terminal.answers("Password (again):", "secret");
        terminal.shows("the password has 6 characters, at least 15 are needed");
        terminal.answers(BYPASS, answer);
    }
    // Nothing happened so far, and the assistant goes on asking.
    terminal.shows("Password:");
    assert_eq!(env.file_names(), Vec::<String>::new());
    terminal.types("secret");
    terminal.answers("Password (again):", "secret");
    terminal.answers(BYPASS, "y");
    terminal.shows("Superuser created.");
    assert_eq!(terminal.ends().1.status, 0);
    assert_eq!(
        env.authd().try_login("ada@example.com", "secret").status,
        200
    );
}

#[test]
fn ctrl_c_leaves_nothing_behind_and_the_terminal_as_it_was() {
    for question in [
        "E-mail address:",
        "Phone number (may be empty):",
        "Password:",
        "Password (again):",
        BYPASS,
    ] {
        let env = TestEnv::new();
        let mut terminal = Terminal::authctl(&env, "createsuperuser");
        let dialogue = [
            ("E-mail address:", "ada@example.com"),
            ("First name:", "Ada"),
            ("Last name:", "Lovelace"),
            ("Phone number (may be empty):", ""),
            ("Password:", "secret"),
            ("Password (again):", "secret"),
        ];
        for (asked, answer) in dialogue {
            if asked == question {
                break;
            }
            terminal.answers(asked, answer);
        }
        terminal.shows(question);
        terminal.presses_ctrl_c();
        let (screen, ending) = terminal.ends();
        assert_eq!(
            ending,
            Ending {
                status: 130,
                echo: true
            },
            "{question} {screen}"
        );
        assert!(
            screen.contains("authctl: interrupted"),
            "{question} {screen}"
        );
        assert!(!screen.contains("Superuser created"), "{question} {screen}");
        assert_eq!(env.file_names(), Vec::<String>::new(), "{question}");
    }
}

#[test]
fn without_a_terminal_and_without_no_input_nothing_is_made() {
    let env = TestEnv::new();
    let file = env.write("password", PASSWORD);
    let file = file.to_str().expect("is UTF-8");
    let attempts: [&[&str]; 3] = [
        &[],
        &["--email", "ada@example.com"],
        &[
            "--email",
            "ada@example.com",
            "--password-file",
            file,
            "--if-not-exists",
        ],
    ];
    for flags in attempts {
        env.authctl_json(&[&["createsuperuser"], flags].concat()).refused(
            2,
            "usage",
            "input is needed and there is no terminal to ask on: give --no-input, and the values by flags or AUTHD_SUPERUSER_...",
        );
        assert_eq!(env.file_names(), ["password"]);
    }
    let variables = [
        ("AUTHD_SUPERUSER_EMAIL", "ada@example.com"),
        ("AUTHD_SUPERUSER_PASSWORD", PASSWORD),
    ];
    let mut command = env.authctl_command(&["createsuperuser"]);
    let out = run(command.envs(variables), "ada@example.com\n\n\n\n");
    assert_eq!(out.status, 2, "{out:?}");
    assert_eq!(env.file_names(), ["password"]);
}

#[test]
fn no_input_with_something_missing_or_wrong_makes_nothing() {
    let env = TestEnv::new();
    let email = ("AUTHD_SUPERUSER_EMAIL", "ada@example.com");
    let password = ("AUTHD_SUPERUSER_PASSWORD", PASSWORD);
    scripted(&env, &[], &[password]).refused(
        2,
        "usage",
        "an e-mail address is needed: give --email or AUTHD_SUPERUSER_EMAIL",
    );
    scripted(&env, &[], &[email]).refused(
        2,
        "usage",
        "a password is needed: give AUTHD_SUPERUSER_PASSWORD_FILE, --password-file or --password-stdin",
    );
    scripted(
        &env,
        &[],
        &[("AUTHD_SUPERUSER_EMAIL", "nonsense"), password],
    )
    .refused(
        5,
        "invalid",
        "AUTHD_SUPERUSER_EMAIL: an e-mail address has exactly one '@', as in ada@example.com",
    );
    scripted(&env, &[], &[email, password, ("DJANGO_SUPERUSER_PHONE_NUMBER", "020")]).refused(
        5,
        "invalid",
        "DJANGO_SUPERUSER_PHONE_NUMBER: write the phone number with '+' and the country code, as in +44 20 7946 0000",
    );
    scripted(&env, &[], &[email, ("AUTHD_SUPERUSER_PASSWORD", "secret")]).refused(
        5,
        "invalid",
        "the password has 6 characters, at least 15 are needed: four or five unrelated words will do",
    );
    let out = scripted(
        &env,
        &[],
        &[email, ("AUTHD_SUPERUSER_PASSWORD_FILE", "missing")],
    );
    assert_eq!(out.status, 1, "{out:?}");
    assert_eq!(env.file_names(), Vec::<String>::new());
}

#[test]
fn scripts_give_everything_by_variables_or_flags() {
    let env = TestEnv::new();
    let file = env.write("password", &format!("{PASSWORD}\n"));
    let file = file.to_str().expect("is UTF-8");
    let user = scripted(
        &env,
        &[],
        &[
            ("AUTHD_SUPERUSER_EMAIL", "ada@example.com"),
            ("AUTHD_SUPERUSER_FIRST_NAME", "Ada"),
            ("AUTHD_SUPERUSER_LAST_NAME", "Lovelace"),
            ("AUTHD_SUPERUSER_PHONE_NUMBER", "+44 20 7946 0000"),
            ("AUTHD_SUPERUSER_PASSWORD", PASSWORD),
            ("DJANGO_SUPERUSER_EMAIL", "not-this-one@example.com"),
        ],
    )
    .succeeded()
    .json();
    assert_eq!(user["created"], true);
    assert_eq!(user["user"]["email"], "ada@example.com");
    assert_eq!(user["user"]["first_name"], "Ada");
    assert_eq!(user["user"]["last_name"], "Lovelace");
    assert_eq!(user["user"]["phone_number"], "+442079460000");
    assert_eq!(user["user"]["is_superuser"], true);

    let user = scripted(
        &env,
        &["--first_name", "Grace"],
        &[
            ("DJANGO_SUPERUSER_EMAIL", "grace@example.com"),
            ("DJANGO_SUPERUSER_FIRST_NAME", "Not Grace"),
            ("DJANGO_SUPERUSER_PASSWORD", PASSWORD),
        ],
    )
    .succeeded()
    .json();
    assert_eq!(user["user"]["first_name"], "Grace");

    // A script's variable that is empty is an answer, as it is at the prompt.
    let everything = [
        "createsuperuser",
        "--email",
        "empty@example.com",
        "--first-name",
        "",
        "--last-name",
        "",
        "--phone-number",
        "",
        "--password-file",
        file,
        "-o",
        "json",
    ];
    let user = env.authctl(&everything).succeeded().json();
    assert_eq!(user["user"]["phone_number"], Value::Null);

    let variables = [("AUTHD_SUPERUSER_PASSWORD_FILE", file)];
    scripted(&env, &["--email", "file@example.com"], &variables).succeeded();
    let flags = ["--email", "flag@example.com", "--password-file", file];
    scripted(&env, &flags, &[]).succeeded();
    let out = env.authctl_reading(
        PASSWORD,
        &[
            "createsuperuser",
            "--noinput",
            "--email",
            "stdin@example.com",
            "--password-stdin",
        ],
    );
    assert_eq!(out.status, 0, "{out:?}");

    let authd = env.authd();
    for name in ["ada", "grace", "file", "flag", "stdin"] {
        let answer = authd.try_login(&format!("{name}@example.com"), PASSWORD);
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
}

#[test]
fn if_not_exists_can_be_repeated_and_needs_no_password_then() {
    let env = TestEnv::new();
    let email = ("AUTHD_SUPERUSER_EMAIL", "ada@example.com");
    let variables = [email, ("AUTHD_SUPERUSER_PASSWORD", PASSWORD)];
    let first = scripted(&env, &["--if-not-exists"], &variables)
        .succeeded()
        .json();
    let before = env.everything();
    for variables in [
        &variables[..],
        &[email],
        &[("AUTHD_SUPERUSER_EMAIL", "ADA@example.com")],
    ] {
        let again = scripted(&env, &["--if-not-exists"], variables)
            .succeeded()
            .json();
        assert_eq!(again["created"], false);
        assert_eq!(again["user"], first["user"]);
    }
    scripted(&env, &[], &variables).refused(
        4,
        "conflict",
        "the e-mail address 'ada@example.com' is taken",
    );
    assert_eq!(env.everything(), before);

    // Somebody else's account is not taken for the superuser.
    env.add_user("grace@example.com", PASSWORD);
    scripted(&env, &["--if-not-exists", "--email", "grace@example.com"], &variables).refused(
        4,
        "conflict",
        "there is an account 'grace@example.com' already, and it is not a superuser: see 'authctl user set'",
    );
}

/// Of many at once one makes the account, and for the others it exists.
#[test]
fn if_not_exists_holds_for_many_at_once() {
    let env = TestEnv::new();
    env.authctl(&["migrate"]).succeeded();
    let password = [("AUTHD_SUPERUSER_PASSWORD", PASSWORD)];
    let flags = ["--if-not-exists", "--email", "ada@example.com"];
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| scripted(&env, &flags, &password)))
            .collect();
        let ends = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        ends.map(|end| end.expect("ends")).collect()
    });
    let made = outcomes.iter().filter(|out| {
        assert_eq!(out.status, 0, "{out:?}");
        out.json()["created"] == true
    });
    assert_eq!(made.count(), 1);
    assert_eq!(env.number("SELECT count(*) FROM users"), 1);
}

#[test]
fn the_password_checks_can_be_skipped() {
    let env = TestEnv::new();
    let variables = [
        ("AUTHD_SUPERUSER_EMAIL", "ada@example.com"),
        ("AUTHD_SUPERUSER_PASSWORD", "secret"),
    ];
    scripted(&env, &["--skip-password-checks"], &variables).succeeded();
    assert_eq!(
        env.authd().try_login("ada@example.com", "secret").status,
        200
    );
}

#[test]
fn nobody_answers_questions_for_a_database_that_cannot_be_made() {
    if only_sqlite("it is about the file's directory") {
        return;
    }
    let env = TestEnv::new();
    let terminal = Terminal::authctl(&env, "--database sqlite:missing/authd.db createsuperuser");
    let (screen, ending) = terminal.ends();
    let sentence = "its directory does not exist: create the directory first";
    assert!(screen.replace("\r\n", "\n").contains(sentence), "{screen}");
    assert!(!screen.contains("E-mail address"), "{screen}");
    assert_eq!(
        ending,
        Ending {
            status: 6,
            echo: true
        }
    );
}
