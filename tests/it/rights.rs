//! What rights are asked for: those that a thing needs and no others, and before anything is told.

use serde_json::{Value, json};

use crate::daemon::Answer;
use crate::env::{Outcome, PASSWORD};
use crate::graphql::{ADA, Desk, ROOT};

/// Nothing has it.
const NOBODY: &str = "0192f0c4-7b1a-7c3d-8e4f-5a6b7c8d9e0f";

impl Desk {
    /// Staff that may do this.
    fn staff(&self, email: &str, permissions: &[&str]) {
        let env = &self.env;
        env.add_user(email, PASSWORD);
        env.authctl(&["user", "set", email, "--staff", "true"])
            .succeeded();
        for permission in permissions {
            env.authctl(&["user", "grant", email, permission])
                .succeeded();
        }
    }

    fn authctl_as(&self, email: &str, command: &[&str]) -> Outcome {
        self.env.authctl_json(&[&["--as", email], command].concat())
    }

    /// As Ada, with a version that nothing has.
    fn ada_asks(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {}", self.ada);
        let mut headers = vec![("Authorization", bearer.as_str()), ("If-Match", "\"1\"")];
        headers.extend(body.map(|_| ("Content-Type", "application/json")));
        let body = body.map(Value::to_string).unwrap_or_default();
        self.authd.ask(method, path, &headers, body)
    }
}

/// A command needs the permission for what it does, not another for looking first.
#[test]
fn a_command_needs_no_permission_but_that_for_what_it_does() {
    let desk = Desk::new();
    let adder = "adder@example.com";
    desk.staff(adder, &["users.add"]);
    let add = ["user", "add", "eve@example.com", "--no-password"];
    desk.authctl_as(adder, &add).succeeded();
    desk.authctl_as(adder, &add).refused(
        4,
        "conflict",
        "the e-mail address 'eve@example.com' is taken",
    );
    // Whoever is shown an account sees it.
    let denied = |permission: &str| format!("this needs the permission '{permission}'");
    let shown = [&add[..], &["--if-not-exists"]].concat();
    desk.authctl_as(adder, &shown)
        .refused(4, "conflict", &denied("users.view"));
    let unable = "unable@example.com";
    desk.staff(unable, &["users.view"]);
    for email in ["eve@example.com", "new@example.com"] {
        let command = ["user", "add", email, "--no-password"];
        desk.authctl_as(unable, &command)
            .refused(4, "conflict", &denied("users.add"));
        desk.authctl_as(unable, &["user", "invite", email]).refused(
            4,
            "conflict",
            &denied("users.change"),
        );
    }
    let changer = "changer@example.com";
    desk.staff(changer, &["users.change"]);
    desk.authctl_as(changer, &["user", "invite", "eve@example.com"])
        .succeeded();
    desk.authctl_as(changer, &["user", "invite", "new@example.com"])
        .refused(4, "conflict", &denied("users.add"));
    let disable = ["user", "disable", "eve@example.com", "--yes"];
    desk.authctl_as(changer, &disable).succeeded();
    let remover = "remover@example.com";
    desk.staff(remover, &["users.delete", "groups.delete"]);
    desk.authctl_as(remover, &["user", "delete", "eve@example.com", "--yes"])
        .succeeded();
    desk.env.authctl(&["group", "add", "empty"]).succeeded();
    desk.authctl_as(remover, &["group", "delete", "empty", "--yes"])
        .succeeded();
    desk.authctl_as(remover, &["session", "list"])
        .refused(4, "conflict", &denied("sessions.view"));
    let prune = desk.authctl_as(remover, &["session", "prune"]);
    assert_eq!(prune.status, 2, "{prune:?}");
}

/// Security statement 83: whoever may not do a thing is told so, the same whether there is what they name,
/// and whatever its version.
#[test]
fn whoever_may_not_is_not_told_what_there_is() {
    let desk = Desk::new();
    let root = desk.id(ROOT);
    let group = desk.done("mutation {createGroup(name: \"a\") {id}}", &json!({}));
    let group = group["createGroup"]["id"].as_str().expect("is a text");
    desk.done(
        "mutation {createPermission(name: \"billing.refund\") {name}}",
        &json!({}),
    );
    let field = json!({"field": {"name": "department", "type": "string"}});
    desk.done(
        "mutation($field: NewFieldInput!) {createField(field: $field) {name}}",
        &field,
    );
    let user_patch = json!({"first_name": "Eve"});
    let group_patch = json!({"name": "b"});
    let field_patch = json!({"label": "b"});
    let (users, groups) = ([root.as_str(), NOBODY], [group, NOBODY]);
    let permissions = ["billing.refund", "billing.nothing"];
    let fields = ["department", "nothing"];
    for (method, path, body, names) in [
        ("GET", "/users/X", None, users),
        ("PATCH", "/users/X", Some(&user_patch), users),
        ("DELETE", "/users/X", None, users),
        ("GET", "/users/X/sessions", None, users),
        ("DELETE", "/users/X/sessions", None, users),
        ("POST", "/users/X/invitation", None, users),
        ("POST", "/users/X/password-reset", None, users),
        ("POST", "/users/X/email-confirmation", None, users),
        ("GET", "/users/X/permissions", None, users),
        ("PUT", "/users/X/permissions/users.view", None, users),
        ("DELETE", "/users/X/permissions/users.view", None, users),
        ("GET", "/groups/X", None, groups),
        ("PATCH", "/groups/X", Some(&group_patch), groups),
        ("DELETE", "/groups/X", None, groups),
        ("PUT", "/groups/X/permissions/users.view", None, groups),
        ("DELETE", "/groups/X/permissions/users.view", None, groups),
        ("DELETE", "/permissions/X", None, permissions),
        ("GET", "/fields/X", None, fields),
        ("PATCH", "/fields/X", Some(&field_patch), fields),
        ("DELETE", "/fields/X", None, fields),
    ] {
        let [there, nowhere] = names.map(|name| {
            let answer = desk.ada_asks(method, &path.replace('X', name), body);
            answer.is_problem(403, "forbidden");
            assert_eq!(answer.headers.get("etag"), None, "{answer:?}");
            answer.text
        });
        assert_eq!(there, nowhere, "{method} {path}");
    }
    for (query, names) in [
        ("{user(id: \"X\") {id}}", users),
        ("{userSessions(user: \"X\") {id}}", users),
        (
            "mutation {updateUser(id: \"X\", version: 1, changes: {is_staff: true}) {id}}",
            users,
        ),
        ("mutation {deleteUser(id: \"X\", version: 1) {id}}", users),
        ("mutation {inviteUser(user: \"X\")}", users),
        ("mutation {startPasswordReset(user: \"X\")}", users),
        ("mutation {startEmailConfirmation(user: \"X\")}", users),
        ("mutation {endUserSessions(user: \"X\")}", users),
        (
            "mutation {grantPermission(user: \"X\", permission: \"users.view\") {id}}",
            users,
        ),
        ("{group(id: \"X\") {id}}", groups),
        (
            "mutation {renameGroup(id: \"X\", version: 1, name: \"b\") {id}}",
            groups,
        ),
        ("mutation {deleteGroup(id: \"X\", version: 1) {id}}", groups),
        (
            "mutation {deletePermission(name: \"X\") {name}}",
            permissions,
        ),
        (
            "mutation {deleteField(name: \"X\", version: 1) {name}}",
            fields,
        ),
    ] {
        let [there, nowhere] = names.map(|name| {
            let query = query.replace('X', name);
            desk.refused_with("forbidden", Some(&desk.ada), &query)
        });
        assert_eq!(there["message"], nowhere["message"], "{query}");
    }
    for verb in ["invite", "reset-link", "confirm-email"] {
        let [there, nowhere] = [ROOT, "nobody@example.com"]
            .map(|email| desk.authctl_as(ADA, &["user", verb, email]).stderr);
        assert_eq!(there, nowhere, "{verb}");
    }
}
