//! Letters: through a mail server that is not ours, which may be away.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::env::{Authd, PASSWORD, TestEnv};
use crate::mail_server::{MailServer, code_in};

const NEW: &str = "violet lantern orbits quartz";

fn subject(mail: &Value) -> &str {
    mail["header"]["Subject"].as_str().expect("has one")
}

fn text(mail: &Value) -> &str {
    mail["text"].as_str().expect("has a text")
}

#[track_caller]
fn ask(authd: &Authd, path: &str, body: &Value, status: u16) {
    let answer = authd.post_json(path, body);
    assert_eq!(answer.status, status, "{answer:?}");
}

#[track_caller]
fn choose(authd: &Authd, mail: &Value, password: &str) {
    let body = json!({"token": code_in(text(mail)), "password": password});
    ask(authd, "/auth/password/reset/confirm", &body, 204);
}

/// Soon: what the server has taken is forgotten a moment after.
#[track_caller]
fn nothing_waits(env: &TestEnv) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while env.number("SELECT count(*) FROM outgoing_mail") > 0 {
        assert!(Instant::now() < deadline, "something waits");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `authctl` with the same configuration of mail as the daemon's.
fn authctl(env: &TestEnv, arguments: &[&str]) {
    let mut command = env.authctl_command(arguments);
    command.envs([
        ("AUTHD_MAIL_TRANSPORT", "smtp"),
        ("AUTHD_MAIL_HOST", "127.0.0.1"),
    ]);
    let outcome = crate::env::run(&mut command, "").succeeded();
    assert!(!outcome.stdout.contains("authd_"), "{outcome:?}");
}

/// Done when 6: the letters of each flow arrive, and each does what it says.
#[test]
fn every_flow_goes_by_mail_from_its_first_step_to_its_last() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let mut server = MailServer::start(&env);
    let authd = server.authd(&env, &[("AUTHD_ACCOUNTS_REGISTRATION", "open")]);

    let email = json!({"email": "ADA@example.com"});
    ask(&authd, "/auth/password/reset", &email, 202);
    let mail = server.last_to("ada@example.com", 1);
    assert_eq!(subject(&mail), "Choose another password");
    assert_eq!(mail["sender"], "authd@example.com");
    assert_eq!(mail["header"]["From"], "Example <authd@example.com>");
    assert_eq!(mail["header"]["Auto-Submitted"], "auto-generated");
    assert!(text(&mail).contains("within 1 hour"), "{mail}");
    let html = mail["html"].as_str().expect("has HTML");
    assert!(html.contains(&code_in(text(&mail))), "{html}");
    choose(&authd, &mail, NEW);
    let token = authd.login("ada@example.com", NEW);

    authctl(&env, &["user", "invite", "grace@example.com", "--mail"]);
    let mail = server.last_to("grace@example.com", 2);
    assert_eq!(subject(&mail), "Your account");
    choose(&authd, &mail, PASSWORD);
    authd.login("grace@example.com", PASSWORD);
    authctl(&env, &["user", "reset-link", "grace@example.com", "--mail"]);
    let mail = server.last_to("grace@example.com", 3);
    choose(&authd, &mail, NEW);
    authctl(
        &env,
        &["user", "confirm-email", "grace@example.com", "--mail"],
    );
    let mail = server.last_to("grace@example.com", 4);
    assert_eq!(subject(&mail), "Confirm your address");
    let confirm = |mail: &Value| {
        let body = json!({"token": code_in(text(mail))});
        ask(&authd, "/auth/email/confirm", &body, 204);
    };
    confirm(&mail);

    let bearer = format!("Bearer {token}");
    let change = |email: &str| {
        let body = json!({"email": email, "password": NEW}).to_string();
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let answer = authd.post("/auth/email/change", &headers, body.as_bytes());
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.text
    };
    let said = change("ada@example.org");
    let mail = server.last_to("ada@example.org", 6);
    assert_eq!(subject(&mail), "Confirm your new address");
    let told = server.last_to("ada@example.com", 6);
    assert_eq!(subject(&told), "Your address is about to change");
    assert!(text(&told).contains("ada@example.org"), "{told}");
    confirm(&mail);
    let told = server.last_to("ada@example.com", 7);
    assert_eq!(subject(&told), "Your address was changed");
    authd.login("ada@example.org", NEW);
    // Whose address it is, is not said: its owner is told.
    assert_eq!(change("grace@example.com"), said);
    let told = server.last_to("grace@example.com", 8);
    assert_eq!(subject(&told), "You have an account already");

    let register = |email: &str| ask(&authd, "/auth/register", &json!({"email": email}), 202);
    register("alan@example.com");
    let mail = server.last_to("alan@example.com", 9);
    assert_eq!(subject(&mail), "Finish your registration");
    let body = json!({"token": code_in(text(&mail)), "password": PASSWORD, "first_name": "Alan"});
    ask(&authd, "/auth/register/confirm", &body, 201);
    authd.login("alan@example.com", PASSWORD);
    register("Alan@Example.com");
    let told = server.last_to("alan@example.com", 10);
    assert_eq!(subject(&told), "You have an account already");
    nothing_waits(&env);
}

/// Done when 6: with the server away.
#[test]
fn with_the_server_away_the_answers_are_the_same_and_the_letter_comes_when_it_is_back() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let server = MailServer::start(&env);
    let port = server.port;
    let authd = server.authd(&env, &[("AUTHD_MAIL_TIMEOUT", "2s")]);
    let ask = |email: &str| {
        let answer = authd.post_json("/auth/password/reset", &json!({"email": email}));
        (answer.status, answer.text)
    };
    let of_nobody = ask("nobody@example.com");
    drop(server);
    assert_eq!(ask("ada@example.com"), of_nobody);
    assert_eq!(of_nobody.0, 202);
    // It was tried, and is not lost with the daemon.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !authd.log().contains("a letter could not be sent") {
        assert!(Instant::now() < deadline, "{}", authd.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    authd.stop();
    let mut server = MailServer::at(&env, port, &[]);
    let authd = server.authd(&env, &[]);
    let mail = server.last_to("ada@example.com", 1);
    choose(&authd, &mail, NEW);
    authd.login("ada@example.com", NEW);
}

#[test]
fn a_server_with_tls_and_a_password_is_trusted_by_its_certificate_alone() {
    for security in ["starttls", "tls"] {
        let env = TestEnv::new();
        env.add_user("ada@example.com", PASSWORD);
        let certificate = env.path("mail.pem");
        let certificate = certificate.to_str().expect("is UTF-8");
        let mut server = MailServer::at(&env, 0, &[certificate, security]);
        let password = env.write("mail.password", "mail-secret\n");
        let more = [
            ("AUTHD_MAIL_HOST", "localhost"),
            ("AUTHD_MAIL_SECURITY", security),
            ("AUTHD_MAIL_USERNAME", "authd"),
            (
                "AUTHD_MAIL_PASSWORD_FILE",
                password.to_str().expect("is UTF-8"),
            ),
        ];
        let authd = server.authd(&env, &more);
        let email = json!({"email": "ada@example.com"});
        ask(&authd, "/auth/password/reset", &email, 202);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !authd.log().contains("a letter could not be sent") {
            assert!(Instant::now() < deadline, "{}", authd.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(authd.log().contains("certificate"), "{}", authd.log());
        assert!(!authd.log().contains("mail-secret"));
        authd.stop();
        assert!(server.mails().is_empty());

        let trusting = [&more[..], &[("SSL_CERT_FILE", certificate)]].concat();
        let _authd = server.authd(&env, &trusting);
        let mail = server.last_to("ada@example.com", 1);
        assert_eq!((&mail["tls"], &mail["login"]), (&json!(true), &json!(true)));
    }
}

#[test]
fn of_several_nodes_one_sends_each_letter() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let mut server = MailServer::start(&env);
    let _nodes: Vec<Authd> = (0..3).map(|_| server.authd(&env, &[])).collect();
    for number in 0..12 {
        let email = format!("user{number}@example.com");
        authctl(&env, &["user", "invite", &email, "--mail"]);
    }
    let mails = server.wait_for(12);
    let to: BTreeSet<String> = mails.iter().map(|mail| mail["to"][0].to_string()).collect();
    assert_eq!((mails.len(), to.len()), (12, 12));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(server.mails().len(), 12);
    nothing_waits(&env);
}

/// Security statement 36, CVE-2025-64101, CVE-2025-71401: as the first request after the start, too.
#[test]
fn what_a_request_says_of_the_host_is_in_no_letter() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let mut server = MailServer::start(&env);
    let url = ("AUTHD_SERVER_PUBLIC_URL", "https://auth.example.com/sso/");
    // Believed or not.
    for (at, trusted) in ["", "127.0.0.1"].into_iter().enumerate() {
        let authd = server.authd(&env, &[url, ("AUTHD_SERVER_TRUSTED_PROXIES", trusted)]);
        let headers = [
            ("Host", "evil.example"),
            ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Uri", "https://evil.example/"),
            ("Forwarded", "host=evil.example"),
            ("Origin", "https://evil.example"),
            ("Referer", "https://evil.example/"),
            ("Content-Type", "application/json"),
        ];
        let body = br#"{"email": "ada@example.com"}"#;
        let answer = authd.post("/auth/password/reset", &headers, body);
        assert_eq!(answer.status, 202, "{answer:?}");
        let mail = server.last_to("ada@example.com", at + 1);
        assert!(!mail.to_string().contains("evil"), "{mail}");
        let link = "https://auth.example.com/sso/auth/password/reset#token=authd_reset_";
        assert!(text(&mail).contains(link), "{mail}");
        // Another letter within a minute is not sent.
        env.sql("UPDATE account_codes SET created_at = created_at - 60000");
        authd.stop();
    }
}

#[test]
fn a_mailbox_is_not_filled_from_here() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.add_user("grace@example.com", PASSWORD);
    let mut server = MailServer::start(&env);
    let authd = server.authd(&env, &[]);
    for _ in 0..5 {
        ask(
            &authd,
            "/auth/password/reset",
            &json!({"email": "ada@example.com"}),
            202,
        );
    }
    ask(
        &authd,
        "/auth/password/reset",
        &json!({"email": "grace@example.com"}),
        202,
    );
    server.last_to("grace@example.com", 2);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(server.mails().len(), 2);
}

/// Security statement 80: whoever starts it over HTTP never sees the code.
#[test]
fn what_managers_start_is_mailed_to_the_owner_and_to_nobody_else() {
    let env = TestEnv::new();
    for email in ["root@example.com", "ada@example.com"] {
        env.add_user(email, PASSWORD);
    }
    env.authctl(&["user", "set", "root@example.com", "--superuser", "true"])
        .succeeded();
    env.authctl(&["user", "add", "grace@example.com", "--no-password"])
        .succeeded();
    let mut server = MailServer::start(&env);
    let authd = server.authd(&env, &[]);
    let start = |authd: &Authd, email: &str, what: &str| {
        let shown = env
            .authctl_json(&["user", "show", email])
            .succeeded()
            .json();
        let id = shown["id"].as_str().expect("is a text");
        let token = authd.login("root@example.com", PASSWORD);
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        authd.ask("POST", &format!("/users/{id}/{what}"), &headers, "")
    };
    let started = |email: &str, what: &str| {
        let answer = start(&authd, email, what);
        assert_eq!(answer.status, 202, "{answer:?}");
        assert!(answer.body["expires_at"].is_string(), "{answer:?}");
        assert!(!answer.text.contains("authd_"), "{answer:?}");
    };
    started("grace@example.com", "invitation");
    choose(&authd, &server.last_to("grace@example.com", 1), NEW);
    authd.login("grace@example.com", NEW);
    started("ada@example.com", "password-reset");
    let mail = server.last_to("ada@example.com", 2);
    // The present one is good until then.
    authd.login("ada@example.com", PASSWORD);
    choose(&authd, &mail, NEW);
    authd.login("ada@example.com", NEW);
    started("ada@example.com", "email-confirmation");
    let mail = server.last_to("ada@example.com", 3);
    let code = json!({"token": code_in(text(&mail))});
    ask(&authd, "/auth/email/confirm", &code, 204);

    env.authctl(&["user", "add", "eve@example.com", "--no-password"])
        .succeeded();
    let refused = |authd: &Authd, email: &str, what: &str, why: &str| {
        let answer = start(authd, email, what);
        answer.is_problem(409, "conflict");
        assert!(answer.text.contains(why), "{answer:?}");
    };
    refused(&authd, "ada@example.com", "invitation", "has a password");
    refused(&authd, "eve@example.com", "password-reset", "no password");
    authd.stop();
    let authd = env.authd();
    refused(&authd, "eve@example.com", "invitation", "Mail is off");
    refused(&authd, "ada@example.com", "password-reset", "Mail is off");
    refused(
        &authd,
        "ada@example.com",
        "email-confirmation",
        "Mail is off",
    );
    assert_eq!(server.mails().len(), 3);
}

#[test]
fn letters_go_into_files_or_the_log_and_look_as_an_installation_wants() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    std::fs::create_dir(env.path("letters")).expect("makes a directory");
    let own = "Subject: Neues Passwort\n\nHallo {{ first_name }}!\n{{ link }}\n";
    env.write("letters/password_reset.txt", own);
    let variables = [
        ("AUTHD_MAIL_TRANSPORT", "file:mails"),
        ("AUTHD_MAIL_TEMPLATES", "letters"),
        (
            "AUTHD_ACCOUNTS_RESET_URL",
            "https://app.example.com/reset?token={token}",
        ),
    ];
    let authd = env.authd_with(&[], &variables);
    ask(
        &authd,
        "/auth/password/reset",
        &json!({"email": "ada@example.com"}),
        202,
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    let mail = loop {
        let entries = std::fs::read_dir(env.path("mails")).into_iter().flatten();
        let mut mails = entries.map(|entry| entry.expect("reads").path());
        let whole = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "eml");
        if let Some(mail) = mails.find(whole) {
            break mail;
        }
        assert!(Instant::now() < deadline, "{}", authd.log());
        std::thread::sleep(Duration::from_millis(20));
    };
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&mail).expect("is there").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let mail = std::fs::read_to_string(&mail).expect("reads");
    let mail = mail.replace("=\r\n", "").replace("=3D", "=");
    assert!(mail.contains("Subject: Neues Passwort"), "{mail}");
    assert!(
        mail.contains("https://app.example.com/reset?token=authd_reset_"),
        "{mail}"
    );
    assert!(!mail.contains("text/html"), "{mail}");
    assert!(!authd.log().contains("authd_reset_"), "{}", authd.log());
    authd.stop();

    env.sql("DELETE FROM account_codes");
    let authd = env.authd_with(&[], &[("AUTHD_MAIL_TRANSPORT", "log")]);
    ask(
        &authd,
        "/auth/password/reset",
        &json!({"email": "ada@example.com"}),
        202,
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while !authd.log().contains("authd_reset_") {
        assert!(Instant::now() < deadline, "{}", authd.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_cannot_send_letters_is_refused_at_the_start() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.write("password_reset.txt", "Subject: A\n\n{{ lnk }}\n");
    for (variables, says) in [
        (&[("AUTHD_MAIL_TRANSPORT", "smtp")][..], "mail.host"),
        (&[("AUTHD_MAIL_TRANSPORT", "pigeon")], "file:DIRECTORY"),
        (&[("AUTHD_MAIL_FROM", "nobody")], "is no sender"),
        (
            &[
                ("AUTHD_MAIL_TRANSPORT", "smtp"),
                ("AUTHD_MAIL_HOST", "localhost"),
                ("AUTHD_MAIL_SECURITY", "none"),
                ("AUTHD_MAIL_USERNAME", "a"),
                ("AUTHD_MAIL_PASSWORD", "b"),
            ],
            "others can read",
        ),
        (&[("AUTHD_MAIL_TEMPLATES", "none")], "does not exist"),
        (&[("AUTHD_MAIL_TEMPLATES", ".")], "password_reset.txt"),
        (
            &[("AUTHD_ACCOUNTS_RESET_URL", "https://app.example.com/")],
            "{token}",
        ),
        (
            &[("AUTHD_ACCOUNTS_RESET_URL", "//app.example.com/{token}")],
            "{token}",
        ),
        (
            &[("AUTHD_ACCOUNTS_RESET_URL", "https://{token}.example.com/")],
            "{token}",
        ),
        (&[("AUTHD_ACCOUNTS_RESET_TTL", "2d")], "accounts.reset_ttl"),
    ] {
        let refused = env.authd_refusal(&[], variables);
        assert!(refused.stderr.contains(says), "{refused:?}");
    }
}

/// One client does not write to everybody whose address it knows: counted together, over REST and GraphQL,
/// whether there are such accounts or not.
#[test]
fn one_client_does_not_write_to_many_strangers() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(
        &[],
        &[
            ("AUTHD_ACCOUNTS_REGISTRATION", "open"),
            ("AUTHD_ACCOUNTS_LETTERS_PER_ADDRESS", "3"),
            ("AUTHD_SERVER_TRUSTED_PROXIES", "127.0.0.1"),
        ],
    );
    let ask_from = |address: &str, path: &str, body: Value| {
        let headers = [
            ("Content-Type", "application/json"),
            ("X-Forwarded-For", address),
        ];
        authd.ask("POST", path, &headers, body.to_string())
    };
    let reset = |address: &str, email: &str| {
        ask_from(address, "/auth/password/reset", json!({"email": email}))
    };
    assert_eq!(reset("192.0.2.1", "ada@example.com").status, 202);
    let register = json!({"email": "grace@example.com"});
    let answer = ask_from("192.0.2.1", "/auth/register", register.clone());
    assert_eq!(answer.status, 202, "{answer:?}");
    let query = r#"mutation { requestPasswordReset(email: "alan@example.com") }"#;
    let answer = ask_from("192.0.2.1", "/graphql", json!({"query": query}));
    assert_eq!(answer.body["errors"], Value::Null, "{answer:?}");

    let known = reset("192.0.2.1", "ada@example.com");
    known.is_problem(429, "too_many_requests");
    assert_eq!(known.header("retry-after"), "1", "{known:?}");
    let unknown = reset("::ffff:192.0.2.1", "nobody@example.com");
    assert_eq!(unknown.status, 429, "{unknown:?}");
    assert_eq!(unknown.body["detail"], known.body["detail"]);
    let answer = ask_from("192.0.2.1", "/auth/register", register);
    assert_eq!(answer.status, 429, "{answer:?}");
    let answer = ask_from("192.0.2.1", "/graphql", json!({"query": query}));
    let code = &answer.body["errors"][0]["extensions"]["code"];
    assert_eq!(code, "too_many_requests", "{answer:?}");
    assert_eq!(reset("192.0.2.2", "ada@example.com").status, 202);
}
