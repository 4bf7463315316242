//! Codes that let somebody do one thing with an account, once: by links that are passed on.

use serde_json::{Value, json};

use crate::env::{Answer, Authd, PASSWORD, TestEnv};
use crate::mail_server::{MailServer, code_in};

const NEW: &str = "violet lantern orbits quartz";

/// The code in the link that a command prints.
fn code(env: &TestEnv, verb: &str, email: &str) -> String {
    let issued = env.authctl_json(&["user", verb, email]).succeeded().json();
    code_in(issued["link"].as_str().expect("is shown"))
}

fn choose(authd: &Authd, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "password": password});
    authd.post_json("/auth/password/reset/confirm", &body)
}

#[track_caller]
fn is_dead(answer: &Answer) {
    answer.is_problem(422, "invalid");
    let errors = json!({"token": ["The code is not good, or not any more: ask for another."]});
    assert_eq!(answer.body["errors"], errors);
}

/// Security statements 79 and 80: an administrator starts it, and whoever has the link chooses.
#[test]
fn a_link_that_authctl_prints_sets_a_password_once() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let out = env
        .authctl(&["user", "reset-link", "ada@example.com", "-q"])
        .succeeded();
    let link = out.stdout.trim_end();
    let start = "http://localhost:8000/auth/password/reset#token=authd_reset_";
    assert!(link.starts_with(start), "{link}");
    // The present password is good until then.
    authd.login("ada@example.com", PASSWORD);
    let code = code_in(link);
    assert_eq!(choose(&authd, &code, NEW).status, 204);
    authd.verify(&token).is_problem(401, "invalid_token");
    authd
        .try_login("ada@example.com", PASSWORD)
        .is_problem(401, "invalid_credentials");
    authd.login("ada@example.com", NEW);
    is_dead(&choose(&authd, &code, PASSWORD));

    for (arguments, status, error) in [
        (["user", "reset-link", "nobody@example.com"], 3, "not_found"),
        (["user", "invite", "ada@example.com"], 4, "conflict"),
    ] {
        let refused = env.authctl_json(&arguments);
        assert_eq!(refused.status, status, "{refused:?}");
        assert!(refused.stderr.contains(error), "{refused:?}");
    }
    let refused = env.authctl_json(&["user", "reset-link", "ada@example.com", "--mail"]);
    refused.refused(
        4,
        "conflict",
        "mail is off: set mail.transport, or pass the link on yourself",
    );
    env.authctl(&["user", "disable", "ada@example.com", "--yes"])
        .succeeded();
    let refused = env.authctl_json(&["user", "reset-link", "ada@example.com"]);
    refused.refused(
        4,
        "conflict",
        "'ada@example.com' is disabled: enable it first",
    );
}

#[test]
fn an_invitation_makes_an_account_whose_owner_chooses_the_password() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.authctl(&["group", "add", "billing"]).succeeded();
    let arguments = [
        "user",
        "invite",
        "grace@example.com",
        "--first-name",
        "Grace",
        "--group",
        "billing",
    ];
    let invited = env.authctl_json(&arguments).succeeded().json();
    assert_eq!(invited["user"]["first_name"], "Grace");
    assert_eq!(invited["user"]["groups"], json!(["billing"]));
    assert_eq!(invited["mailed"], false);
    let authd = env.authd();
    authd
        .try_login("grace@example.com", "")
        .is_problem(401, "invalid_credentials");
    // Once more: the account is there, and has no password.
    let again = code(&env, "invite", "grace@example.com");
    let first = code_in(invited["link"].as_str().expect("is shown"));
    assert_eq!(choose(&authd, &first, NEW).status, 204);
    authd.login("grace@example.com", NEW);
    is_dead(&choose(&authd, &again, PASSWORD));
    let refused = env.authctl_json(&["user", "invite", "grace@example.com"]);
    assert_eq!(refused.status, 4, "{refused:?}");
}

/// CVE-2026-18963: nothing but a good code sets a password, in whatever order one asks.
#[test]
fn no_order_of_requests_sets_a_password_without_a_code() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let good = code(&env, "reset-link", "ada@example.com");
    let bearer = format!("Bearer {token}");
    let bodies = [
        json!({"password": NEW}),
        json!({"token": null, "password": NEW}),
        json!({"token": "", "password": NEW}),
        json!({"token": [good], "password": NEW}),
        json!({"token": token, "password": NEW}),
        json!({"email": "ada@example.com", "password": NEW}),
        json!({"token": good.to_uppercase(), "password": NEW}),
        json!({"token": good[..good.len() - 1], "password": NEW}),
        json!({"token": format!("{good}A"), "password": NEW}),
        json!({"token": good, "password": "short"}),
        json!({"token": good, "password": NEW, "user_id": 1}),
    ];
    for _ in 0..2 {
        let answer = authd.post_json("/auth/password/reset", &json!({"email": "ada@example.com"}));
        assert_eq!(answer.status, 202);
        for body in &bodies {
            for headers in [&[][..], &[("Authorization", bearer.as_str())]] {
                let headers = [headers, &[("Content-Type", "application/json")]].concat();
                let body = body.to_string();
                let path = "/auth/password/reset/confirm";
                let answer = authd.post(path, &headers, body.as_bytes());
                assert!(matches!(answer.status, 400 | 422), "{body} {answer:?}");
            }
        }
    }
    authd.login("ada@example.com", PASSWORD);
    assert_eq!(choose(&authd, &good, NEW).status, 204);
}

/// Security statement 79: the same status and body, whoever the address belongs to, with mail off.
#[test]
fn asking_for_a_reset_answers_the_same_to_everybody() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.add_user("grace@example.com", PASSWORD);
    env.authctl(&["user", "disable", "grace@example.com", "--yes"])
        .succeeded();
    let authd = env.authd();
    let ask = |email: &str| authd.post_json("/auth/password/reset", &json!({"email": email}));
    let of_ada = ask("ada@example.com");
    assert_eq!(of_ada.status, 202, "{of_ada:?}");
    assert_eq!(of_ada.header("cache-control"), "no-store");
    for email in ["grace@example.com", "nobody@example.com", "no address", ""] {
        let answer = ask(email);
        assert_eq!(
            (answer.status, &answer.text),
            (202, &of_ada.text),
            "{email}"
        );
    }
    // What was asked for is written down, and nobody could be mailed a code.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let waiting = "SELECT count(*) FROM outgoing_mail";
    while env.number(waiting) > 0 {
        assert!(std::time::Instant::now() < deadline, "{}", authd.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let events = "SELECT count(*) FROM audit_events WHERE event = 'user.reset_wanted'";
    assert_eq!(env.number(events), 5);
    assert_eq!(env.number(&format!("{events} AND result = 'ok'")), 1);
    assert_eq!(env.number("SELECT count(*) FROM account_codes"), 0);
}

/// Security statements 52 and 91.
#[test]
fn no_code_stands_in_the_database_or_the_log() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.add_user("grace@example.com", PASSWORD);
    let mut server = MailServer::start(&env);
    let authd = server.authd(&env, &[("AUTHD_LOG_LEVEL", "trace")]);
    let printed = code(&env, "reset-link", "ada@example.com");
    let answer = authd.post_json(
        "/auth/password/reset",
        &json!({"email": "grace@example.com"}),
    );
    assert_eq!(answer.status, 202);
    let mail = server.last_to("grace@example.com", 1);
    let mailed = code_in(mail["text"].as_str().expect("has a text"));
    is_dead(&choose(&authd, &printed.to_lowercase(), NEW));
    assert_eq!(choose(&authd, &printed, NEW).status, 204);
    let files = env.files();
    for code in [&printed, &mailed] {
        let secret = code.rsplit_once("_reset_").expect("has a prefix").1;
        assert!(!authd.log().contains(secret));
        for (name, content) in &files {
            if name.starts_with("mails-") {
                continue;
            }
            let found = content
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "in {name}");
        }
    }
}

/// Security statement 57: as many as ask at once, one sets it.
#[test]
fn of_many_who_use_a_code_at_once_one_does() {
    let env = TestEnv::new();
    let (authd, _) = env.signed_in();
    let good = code(&env, "reset-link", "ada@example.com");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8)
            .map(|number| {
                let (authd, good) = (&authd, &good);
                scope.spawn(move || choose(authd, good, &format!("{NEW} {number}")).status)
            })
            .collect();
        asking
            .into_iter()
            .map(|one| one.join().expect("ends"))
            .collect()
    });
    let done = statuses.iter().filter(|status| **status == 204).count();
    assert_eq!(done, 1, "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 204 | 422)),
        "{statuses:?}"
    );
}

/// CVE-2024-38351: what somebody else prepares for an address comes to nothing.
#[test]
fn nobody_prepares_an_account_for_somebody_else() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let mut server = MailServer::start(&env);
    let authd = server.authd(&env, &[("AUTHD_ACCOUNTS_REGISTRATION", "open")]);
    // Somebody who does not read that mail knows no code, and can give no password.
    let prepared = json!({"email": "victim@example.com", "password": "the password of mallory"});
    authd
        .post_json("/auth/register", &prepared)
        .is_problem(400, "malformed_body");
    let asked = authd.post_json("/auth/register", &json!({"email": "victim@example.com"}));
    assert_eq!(asked.status, 202, "{asked:?}");
    let mail = server.last_to("victim@example.com", 1);
    assert_eq!(env.number("SELECT count(*) FROM users"), 1);
    let token = code_in(mail["text"].as_str().expect("has a text"));
    let confirm = |more: &Value| {
        let mut body = json!({"token": token, "password": NEW});
        for (name, value) in more.as_object().expect("is an object") {
            body[name] = value.clone();
        }
        authd.post_json("/auth/register/confirm", &body)
    };
    // Security statement 82: nobody gives themselves what is not theirs to give.
    for more in [
        json!({"is_staff": true}),
        json!({"is_superuser": true}),
        json!({"groups": ["billing"]}),
        json!({"id": "01a207da-808f-7a02-b6e4-2c9f1d7a3e58"}),
        json!({"email": "other@example.com"}),
    ] {
        confirm(&more).is_problem(400, "malformed_body");
    }
    env.authctl(&["field", "add", "level", "--type", "int"])
        .succeeded();
    env.authctl(&[
        "field",
        "add",
        "nickname",
        "--type",
        "string",
        "--self-write",
    ])
    .succeeded();
    let refused = confirm(&json!({"fields": {"level": 9}}));
    refused.is_problem(422, "invalid");
    assert!(
        refused.body["errors"]["fields.level"].is_array(),
        "{refused:?}"
    );
    let made = confirm(&json!({"fields": {"nickname": "Vic"}, "first_name": "Victor"}));
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["fields"], json!({"nickname": "Vic"}));
    assert_eq!(made.body["is_staff"], false);
    authd.login("victim@example.com", NEW);
    is_dead(&confirm(&json!({})));
}

#[test]
fn registration_is_closed_unless_it_is_opened() {
    let env = TestEnv::new();
    let (authd, _) = env.signed_in();
    let answer = authd.post_json("/auth/register", &json!({"email": "eve@example.com"}));
    answer.is_problem(403, "forbidden");
    let body = json!({"token": "authd_register_", "password": NEW});
    authd
        .post_json("/auth/register/confirm", &body)
        .is_problem(403, "forbidden");
    assert_eq!(env.number("SELECT count(*) FROM outgoing_mail"), 0);
}

/// Security statement 67.
#[test]
fn an_address_is_changed_with_the_password_alone() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let bearer = format!("Bearer {token}");
    let ask = |headers: &[(&str, &str)], body: &Value| {
        let headers = [headers, &[("Content-Type", "application/json")]].concat();
        authd.post("/auth/email/change", &headers, body.to_string().as_bytes())
    };
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    ask(&[], &body).is_problem(401, "invalid_token");
    let signed = [("Authorization", bearer.as_str())];
    for (body, field) in [
        (
            json!({"email": "ada@example.org", "password": "wrong"}),
            "password",
        ),
        (json!({"email": "ada", "password": PASSWORD}), "email"),
    ] {
        let refused = ask(&signed, &body);
        refused.is_problem(422, "invalid");
        assert!(refused.body["errors"][field].is_array(), "{refused:?}");
    }
    assert_eq!(ask(&signed, &body).status, 202);
    let events = "SELECT count(*) FROM audit_events WHERE event = 'user.email_change_wanted'";
    assert_eq!(env.number(&format!("{events} AND result = 'failed'")), 1);
    assert_eq!(env.number(&format!("{events} AND result = 'ok'")), 1);
    // Nothing is changed by asking.
    authd.login("ada@example.com", PASSWORD);
}

#[test]
fn a_link_leads_to_a_page_that_runs_nothing_but_its_own_script() {
    let env = TestEnv::new();
    let (authd, _) = env.signed_in();
    for path in [
        "/auth/password/reset",
        "/auth/email/confirm",
        "/auth/register/confirm",
    ] {
        let page = authd.get(path);
        assert_eq!(page.status, 200, "{page:?}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            page.text.contains("<script src=\"../account.js\">"),
            "{page:?}"
        );
    }
    let script = authd.get("/auth/account.js");
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    // Whoever may manage accounts may use the commands in somebody's name.
    let link = env.authctl(&[
        "--as",
        "ada@example.com",
        "user",
        "reset-link",
        "ada@example.com",
    ]);
    assert_eq!(link.status, 4, "{link:?}");
}
