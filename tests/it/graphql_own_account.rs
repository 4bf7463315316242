//! What people do with their own account, and without one, over `/graphql`: as over REST, by the same
//! functions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::env::PASSWORD;
use crate::graphql::{ADA, Desk, NEW, ROOT};
use crate::mail_server::{MailServer, code_in};

const WRONG: &str = "wrong horse battery staple";

impl Desk {
    /// As Ada, and all of it must work.
    #[track_caller]
    fn ada_does(&self, query: &str) -> Value {
        let answer = self.ask(Some(&self.ada), query, &json!({}));
        assert_eq!(answer.body["errors"], Value::Null, "{answer:?}");
        answer.body["data"].clone()
    }

    /// What a document is refused with, for these fields.
    #[track_caller]
    fn is_invalid(&self, token: Option<&str>, query: &str, field: &str) -> Value {
        let error = self.refused_with("invalid", token, query);
        let errors = error["extensions"]["errors"].as_object();
        let names: Vec<_> = errors.expect("has fields").keys().collect();
        assert_eq!(names, [field], "{error}");
        error
    }
}

fn change_password(current: &str, new: &str) -> String {
    format!("mutation {{changePassword(current_password: \"{current}\", new_password: \"{new}\")}}")
}

fn change_email(email: &str, password: &str) -> String {
    format!("mutation {{requestEmailChange(email: \"{email}\", password: \"{password}\")}}")
}

/// Security statement 82, over GraphQL.
#[test]
fn an_account_changes_of_itself_what_is_its_own_and_nothing_else() {
    let desk = Desk::new();
    for flags in [
        &["size", "--type", "int", "--self-read", "--self-write"][..],
        &["team", "--type", "string", "--self-read"],
    ] {
        desk.env
            .authctl(&[&["field", "add"], flags].concat())
            .succeeded();
    }
    let change = |changes: &str, more: &str| {
        format!(
            "mutation {{updateMe({more} changes: {{{changes}}}) {{first_name phone_number version fields {{size team}}}}}}"
        )
    };
    let whole = change(
        "first_name: \"Ada\", phone_number: \"+44 20 7946 0000\", fields: {size: 4}",
        "",
    );
    let changed = desk.ada_does(&whole)["updateMe"].take();
    assert_eq!(changed["first_name"], "Ada");
    assert_eq!(changed["phone_number"], "+442079460000");
    assert_eq!(changed["fields"], json!({"size": 4, "team": null}));
    let seen = format!("version: {},", changed["version"]);
    let emptied = desk.ada_does(&change("phone_number: null", &seen));
    assert_eq!(emptied["updateMe"]["phone_number"], Value::Null);
    assert_eq!(emptied["updateMe"]["first_name"], "Ada");
    let before = desk.env.everything();
    let late = change("first_name: \"Eve\"", &seen);
    desk.refused_with("precondition_failed", Some(&desk.ada), &late);
    for unknown in [
        "email: \"eve@example.com\"",
        "is_staff: true",
        "is_superuser: true",
        "is_active: true",
        "groups: []",
        "permissions: [\"users.view\"]",
        "password: \"x\"",
        "id: \"x\"",
    ] {
        desk.refused_with("invalid_request", Some(&desk.ada), &change(unknown, ""));
    }
    let both = "first_name: \"Eve\", fields: {team: \"red\"}";
    desk.is_invalid(Some(&desk.ada), &change(both, ""), "fields.team");
    desk.refused_with(
        "invalid_token",
        None,
        "mutation {updateMe(changes: {}) {id}}",
    );
    assert_eq!(desk.env.everything(), before);
}

/// A token with a scope is for what that names.
#[test]
fn an_api_token_changes_neither_its_account_nor_the_password() {
    let desk = Desk::new();
    let token = |scope: &str| {
        let arguments = [
            "token", "add", "--user", ADA, "--name", "ci", "--scope", scope, "-q",
        ];
        let out = desk.env.authctl(&arguments).succeeded().stdout;
        out.trim().to_owned()
    };
    let narrow = token("users.view");
    let narrow = Some(narrow.as_str());
    let rename = "mutation {updateMe(changes: {first_name: \"A\"}) {id}}";
    desk.refused_with("forbidden", narrow, rename);
    desk.refused_with("forbidden", narrow, &change_password(PASSWORD, NEW));
    desk.refused_with("forbidden", narrow, "{sessions {id}}");
    let session = desk.ada_does("{sessions {id}}")["sessions"][0]["id"].take();
    let session = session.as_str().expect("is a text");
    let end = format!("mutation {{endSession(id: \"{session}\")}}");
    desk.refused_with("forbidden", narrow, &end);
    assert_eq!(desk.authd.verify(&desk.ada).status, 200);
    let wide = token("sessions.view sessions.delete");
    let seen = desk.ask(Some(&wide), "{sessions {id is_current}}", &json!({}));
    let sessions = json!([{"id": session, "is_current": false}]);
    assert_eq!(seen.body["data"]["sessions"], sessions, "{seen:?}");
    let ended = desk.ask(Some(&wide), &end, &json!({}));
    assert_eq!(ended.body["data"]["endSession"], true, "{ended:?}");
    desk.authd
        .verify(&desk.ada)
        .is_problem(401, "invalid_token");
}

/// Security statements 57 and 60, over GraphQL.
#[test]
fn sessions_are_seen_and_ended_by_their_owner_and_by_whoever_may() {
    let desk = Desk::new();
    let other = desk.authd.login(ADA, PASSWORD);
    let seen = desk.ada_does("{sessions {id user_id method user_agent is_current}}");
    let seen = seen["sessions"].as_array().expect("is a list");
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (&seen[0]["is_current"], &seen[1]["is_current"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(seen[1]["method"], "pwd");
    let end = |id: &Value| format!("mutation {{endSession(id: {id})}}");
    // Somebody else's is as good as none.
    let roots = desk.done("{sessions {id}}", &json!({}))["sessions"][0]["id"].take();
    for id in [
        &roots,
        &json!("0192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f"),
        &json!("x"),
    ] {
        desk.refused_with("not_found", Some(&desk.ada), &end(id));
    }
    assert_eq!(desk.authd.verify(&desk.root).status, 200);
    assert_eq!(desk.ada_does(&end(&seen[1]["id"]))["endSession"], true);
    desk.authd.verify(&other).is_problem(401, "invalid_token");
    desk.refused_with("not_found", Some(&desk.ada), &end(&seen[1]["id"]));

    let other = desk.authd.login(ADA, PASSWORD);
    assert_eq!(
        desk.ada_does(&change_password(PASSWORD, NEW))["changePassword"],
        true
    );
    desk.authd.verify(&other).is_problem(401, "invalid_token");
    assert_eq!(desk.authd.verify(&desk.ada).status, 200);

    let ada = json!({"user": desk.id(ADA)});
    let of = "query($user: ID!) {userSessions(user: $user) {id is_current}}";
    let end_all = "mutation($user: ID!) {endUserSessions(user: $user)}";
    for query in [of, end_all] {
        let denied = desk.refused(Some(&desk.ada), query, &ada);
        assert_eq!(denied["extensions"]["code"], "forbidden", "{denied}");
        let nobody = desk.refused(Some(&desk.root), query, &json!({"user": "x"}));
        assert_eq!(nobody["extensions"]["code"], "not_found", "{nobody}");
    }
    let found = desk.done(of, &ada)["userSessions"].take();
    assert_eq!(found[0]["id"], seen[0]["id"]);
    assert_eq!(found[0]["is_current"], Value::Null);
    assert_eq!(desk.done(end_all, &ada)["endUserSessions"], true);
    desk.authd
        .verify(&desk.ada)
        .is_problem(401, "invalid_token");
}

/// Security statements 67 and 74; CVE-2025-64102.
#[test]
fn every_mutation_that_says_a_password_is_counted_with_the_logins() {
    let desk = Desk::new();
    let (ada, root) = (Some(desk.ada.as_str()), Some(desk.root.as_str()));
    // None is multiplied by aliases, nor beside another.
    let before = desk.env.everything();
    let [one, two] = ["\"a@example.com\"", "\"b@example.com\""].map(|email| {
        [
            format!("login(email: {email}, password: \"x\") {{token_type}}"),
            format!("changePassword(current_password: {email}, new_password: \"x\")"),
            format!("requestEmailChange(email: {email}, password: \"x\")"),
            format!("confirmEmail(token: {email})"),
            format!("requestPasswordReset(email: {email})"),
            format!("resetPassword(token: {email}, password: \"x\")"),
            format!("register(email: {email})"),
            format!(
                "confirmRegistration(registration: {{token: {email}, password: \"x\"}}) {{id}}"
            ),
        ]
    });
    for first in &one {
        for second in &two {
            let error = desk.refused_with(
                "limit_exceeded",
                ada,
                &format!("mutation {{a: {first} b: {second}}}"),
            );
            assert_eq!(error["extensions"]["limit"], "logins", "{error}");
        }
    }
    assert_eq!(desk.env.everything(), before);

    for _ in 0..2 {
        assert_eq!(desk.authd.try_login(ADA, WRONG).status, 401);
    }
    desk.is_invalid(ada, &change_password(WRONG, NEW), "current_password");
    desk.is_invalid(ada, &change_email("ada@example.org", WRONG), "password");
    desk.is_invalid(ada, &change_password(WRONG, NEW), "current_password");
    for query in [
        change_password(PASSWORD, NEW),
        change_email("ada@example.org", PASSWORD),
        format!("mutation {{login(email: \"{ADA}\", password: \"{PASSWORD}\") {{token_type}}}}"),
    ] {
        let error = desk.refused_with("too_many_requests", ada, &query);
        assert_eq!(error["extensions"]["retry_after"], 1, "{error}");
    }
    desk.authd
        .try_login(ADA, PASSWORD)
        .is_problem(429, "too_many_requests");
    // Who has nothing to do with it is not kept out.
    desk.is_invalid(root, &change_password(WRONG, NEW), "current_password");
    std::thread::sleep(Duration::from_millis(1100));
    desk.is_invalid(ada, &change_password(PASSWORD, "short"), "new_password");
    desk.ada_does(&change_password(PASSWORD, NEW));
    desk.authd.login(ADA, NEW);
}

/// Security statement 79, over GraphQL: by mail, from the first step to the last.
#[test]
fn codes_do_here_what_they_do_elsewhere() {
    let mut server = None;
    let desk = Desk::started(|env| {
        let mail = MailServer::start(env);
        let authd = mail.authd(env, &[("AUTHD_ACCOUNTS_REGISTRATION", "open")]);
        server = Some(mail);
        authd
    });
    let mut server = server.expect("was started");
    let code = |mail: &Value| code_in(mail["text"].as_str().expect("has a text"));
    let reset = |email: &str| format!("mutation {{requestPasswordReset(email: \"{email}\")}}");
    let choose =
        |code: &str| format!("mutation {{resetPassword(token: \"{code}\", password: \"{NEW}\")}}");
    let told = |query: &str| {
        let answer = desk.ask(None, query, &json!({}));
        assert_eq!(answer.status, 200);
        answer.text
    };
    // Who is unknown is answered the same.
    let known = told(&reset("ADA@example.com"));
    for unknown in ["nobody@example.com", "no address", ""] {
        assert_eq!(told(&reset(unknown)), known);
    }
    let mail = server.last_to(ADA, 1);
    let ada_s = code(&mail);
    for bad in ["", "x", &ada_s[1..], &desk.ada] {
        desk.is_invalid(None, &choose(bad), "token");
    }
    let short = choose(&ada_s).replace(NEW, "short");
    desk.is_invalid(None, &short, "password");
    assert_eq!(desk.authd.verify(&desk.ada).status, 200);
    assert_eq!(told(&choose(&ada_s)), "{\"data\":{\"resetPassword\":true}}");
    desk.authd
        .verify(&desk.ada)
        .is_problem(401, "invalid_token");
    desk.is_invalid(None, &choose(&ada_s), "token");
    let ada = desk.authd.login(ADA, NEW);

    let change = |email: &str| {
        let answer = desk.ask(Some(&ada), &change_email(email, NEW), &json!({}));
        answer.text
    };
    let confirm = |code: &str| format!("mutation {{confirmEmail(token: \"{code}\")}}");
    let free = change("ada@example.org");
    let mail = server.last_to("ada@example.org", 3);
    // Whose address it is, is not said.
    assert_eq!(change(ROOT), free);
    desk.is_invalid(Some(&ada), &change_email("no address", NEW), "email");
    // A code is for one thing.
    desk.is_invalid(None, &choose(&code(&mail)), "token");
    assert_eq!(
        told(&confirm(&code(&mail))),
        "{\"data\":{\"confirmEmail\":true}}"
    );
    desk.is_invalid(None, &confirm(&code(&mail)), "token");
    desk.authd.login("ada@example.org", NEW);

    let register = |email: &str| format!("mutation {{register(email: \"{email}\")}}");
    let fresh = told(&register("grace@example.com"));
    assert_eq!(told(&register(ROOT)), fresh);
    desk.is_invalid(None, &register("no address"), "email");
    let mail = server.last_to("grace@example.com", 6);
    let finish = |more: &str| {
        let code = code(&mail);
        format!(
            "mutation {{confirmRegistration(registration: {{token: \"{code}\", password: \"{NEW}\"{more}}}) {{email first_name is_staff}}}}"
        )
    };
    for flags in [
        &["size", "--type", "int", "--self-write"][..],
        &["team", "--type", "string"],
    ] {
        desk.env
            .authctl(&[&["field", "add"], flags].concat())
            .succeeded();
    }
    desk.is_invalid(None, &finish(", fields: {team: \"red\"}"), "fields.team");
    desk.refused_with("invalid_request", None, &finish(", is_staff: true"));
    let made = desk.ask(
        None,
        &finish(", first_name: \"Grace\", fields: {size: 4}"),
        &json!({}),
    );
    let grace = json!({"email": "grace@example.com", "first_name": "Grace", "is_staff": false});
    assert_eq!(made.body["data"]["confirmRegistration"], grace, "{made:?}");
    desk.authd.login("grace@example.com", NEW);
}

#[test]
fn nobody_registers_where_that_is_not_allowed() {
    let desk = Desk::new();
    for query in [
        "mutation {register(email: \"grace@example.com\")}".to_owned(),
        format!(
            "mutation {{confirmRegistration(registration: {{token: \"x\", password: \"{NEW}\"}}) {{id}}}}"
        ),
    ] {
        desk.refused_with("forbidden", None, &query);
    }
    assert_eq!(desk.env.number("SELECT count(*) FROM outgoing_mail"), 0);
}
