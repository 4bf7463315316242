//! What each row of the table of `docs/users.md` is, as each edge is asked for it. `one_rule` does them all.

use serde_json::{Value, json};

use crate::env::PASSWORD;
use crate::graphql::NEW;
use crate::one_rule::{Doer, Office, Target};

/// A deed as each edge is asked for it.
pub(crate) struct Deed {
    /// `None`: this is nothing for `authctl`.
    pub(crate) cli: Option<Vec<String>>,
    pub(crate) rest: (&'static str, String, Option<Value>),
    pub(crate) graphql: String,
    /// Who does it; `None`: whoever does the others.
    pub(crate) by: Option<Doer>,
}

impl Deed {
    /// What a row says, to be done to somebody new.
    pub(crate) fn of(office: &Office, doer: &Doer, row: &str) -> Self {
        let (refund, audit) = ("billing.refund", "billing.audit");
        match row {
            "see accounts" => see(&["user", "list"], "/users", "users"),
            "see an account" => see_account(&office.peer()),
            "see fields" => see_all(&["field", "list"], "/fields", "fields {name}"),
            "see groups" => see(&["group", "list"], "/groups", "groups"),
            "see a group" => see_group(&office.group(refund)),
            "see permissions" => see(&["permission", "list"], "/permissions", "permissions"),
            "see what was done" => see(&["audit"], "/audit", "audit"),
            "see the sessions of others" => see_sessions(&office.peer()),
            "add an account" => add(office, "", json!({})),
            "add staff" => add(office, "--staff", json!({"is_staff": true})),
            "add a superuser" => add(office, "--superuser", json!({"is_superuser": true})),
            "add an account to a group" => add_to(office, &office.group(refund)),
            "add an account to a group above" => add_to(office, &office.group(audit)),
            "change a peer" => change(&office.peer()),
            "change somebody above" => change(&office.above()),
            "change a superuser" => change(&office.account(&[], true)),
            "change oneself" => change(&doer.account),
            "fill in a field of a peer" => fill_in(&office.peer()),
            "fill in a field of somebody above" => fill_in(&office.above()),
            "invite a peer" => code(&office.peer(), "invite", "invitation", "inviteUser"),
            "invite somebody above" => code(&office.above(), "invite", "invitation", "inviteUser"),
            "start a reset of a peer's password" => reset(&office.with_password("billing.refund")),
            "start a reset of somebody's password above" => {
                reset(&office.with_password("billing.audit"))
            }
            "have a peer's address confirmed" => confirm(&office.peer()),
            "have somebody's address above confirmed" => confirm(&office.above()),
            "disable a peer" => disable(&office.peer()),
            "disable somebody above" => disable(&office.above()),
            "disable oneself" => {
                let twin = office.twin(doer);
                let deed = disable(&twin.account);
                Self {
                    by: Some(twin),
                    ..deed
                }
            }
            "enable a peer" => enable(office, &office.peer()),
            "enable somebody above" => enable(office, &office.above()),
            "end the sessions of a peer" => end_sessions(&office.peer()),
            "end the sessions of somebody above" => end_sessions(&office.above()),
            "make a peer staff" => mark(&office.peer(), "staff"),
            "make a peer a superuser" => mark(&office.peer(), "superuser"),
            "make oneself a superuser" => mark(&doer.account, "superuser"),
            "give a peer a permission that is one's own" => {
                give(&office.account(&[], false), refund)
            }
            "give a peer another permission" => give(&office.peer(), audit),
            "give oneself a permission" => give(&doer.account, refund),
            "take a permission from a peer" => take(&office.peer(), refund),
            "take a permission from somebody above" => take(&office.above(), refund),
            "put a peer into a group" => put(&office.peer(), &office.group(refund)),
            "put a peer into a group above" => put(&office.peer(), &office.group(audit)),
            "put oneself into a group" => put(&doer.account, &office.group(refund)),
            "take a peer out of a group" => {
                let peer = office.peer();
                take_out(&peer, &office.group_of(&peer, refund))
            }
            "take somebody above out of a group" => {
                let above = office.above();
                take_out(&above, &office.group_of(&above, refund))
            }
            "delete a peer" => delete(&office.peer()),
            "delete somebody above" => delete(&office.above()),
            "delete a superuser" => delete(&office.account(&[], true)),
            _ => Self::of_things(office, doer, row),
        }
    }

    /// The same for groups, permissions and fields.
    fn of_things(office: &Office, doer: &Doer, row: &str) -> Self {
        let (refund, audit) = ("billing.refund", "billing.audit");
        match row {
            "add a group" => add_group(office),
            "rename a group" => rename(office, &office.group(refund)),
            "rename one's own group" => rename(office, &office.group_of(&doer.account, refund)),
            "rename a group above" => rename(office, &office.group(audit)),
            "delete a group" => delete_group(&office.group(refund)),
            "delete a group above" => delete_group(&office.group(audit)),
            "give a group a permission that is one's own" => {
                give_group(&office.group("users.view"), refund)
            }
            "give a group another permission" => give_group(&office.group(refund), audit),
            "give one's own group a permission" => {
                give_group(&office.group_of(&doer.account, refund), "users.view")
            }
            "take a permission from a group" => take_from_group(&office.group(refund), refund),
            "take another permission from a group" => take_from_group(&office.group(audit), audit),
            "add a permission" => add_permission(office),
            "delete a permission" => delete_permission(office),
            "add a field" => add_field(office),
            "change a field" => change_field(office),
            "rename a field" => rename_field(office),
            "delete a field" => delete_field(office),
            _ => Self::of_oneself(office, doer, row),
        }
    }

    /// The same for what is one's own.
    fn of_oneself(office: &Office, doer: &Doer, row: &str) -> Self {
        let fresh = office.fresh();
        match row {
            "see oneself" => own("GET", "/auth/me", None, "{me {id}}".into()),
            "change one's own names" => own(
                "PATCH",
                "/auth/me",
                Some(json!({"last_name": format!("B{fresh}")})),
                format!("mutation {{updateMe(changes: {{last_name: \"C{fresh}\"}}) {{id}}}}"),
            ),
            "change one's own password" => Self {
                by: Some(office.twin(doer)),
                ..own(
                    "POST",
                    "/auth/password/change",
                    Some(json!({"current_password": PASSWORD, "new_password": NEW})),
                    format!(
                        "mutation {{changePassword(current_password: \"{PASSWORD}\", new_password: \"{NEW}\")}}"
                    ),
                )
            },
            "see one's own sessions" => {
                own("GET", "/auth/sessions", None, "{sessions {id}}".into())
            }
            "end one's own session" => {
                let id = other_session(office, doer);
                let graphql = format!("mutation {{endSession(id: \"{id}\")}}");
                own("DELETE", &format!("/auth/sessions/{id}"), None, graphql)
            }
            "end one's other sessions" => {
                other_session(office, doer);
                let graphql = "mutation {logout(which: OTHERS)}".into();
                own(
                    "POST",
                    "/auth/logout",
                    Some(json!({"others": true})),
                    graphql,
                )
            }
            other => panic!("the row '{other}' is not tried"),
        }
    }
}

/// The id of a session besides that of the token.
fn other_session(office: &Office, doer: &Doer) -> String {
    office.desk.authd.login(&doer.account.name, PASSWORD);
    let (_, seen) = office.ask(&doer.token, "GET", "/auth/sessions", None);
    let seen = seen["sessions"].as_array().expect("is a list");
    let mut others = seen.iter().filter(|session| session["is_current"] == false);
    let other = others.next().expect("was begun");
    other["id"].as_str().expect("is a text").to_owned()
}

fn own(method: &'static str, path: &str, body: Option<Value>, graphql: String) -> Deed {
    Deed {
        cli: None,
        rest: (method, path.to_owned(), body),
        graphql,
        by: None,
    }
}

fn deed(
    cli: &[&str],
    rest: (&'static str, String, Option<Value>),
    graphql: impl Into<String>,
) -> Deed {
    Deed {
        cli: Some(cli.iter().map(|word| (*word).to_owned()).collect()),
        rest,
        graphql: graphql.into(),
        by: None,
    }
}

fn see(cli: &[&str], path: &str, field: &str) -> Deed {
    see_all(
        cli,
        path,
        &format!("{field}(first: 1) {{edges {{cursor}}}}"),
    )
}

fn see_all(cli: &[&str], path: &str, query: &str) -> Deed {
    deed(cli, ("GET", path.to_owned(), None), format!("{{{query}}}"))
}

fn see_account(Target { name, id }: &Target) -> Deed {
    let query = format!("user(id: \"{id}\") {{id}}");
    see_all(&["user", "show", name], &format!("/users/{id}"), &query)
}

fn see_group(Target { name, id }: &Target) -> Deed {
    let query = format!("group(id: \"{id}\") {{id}}");
    see_all(&["group", "show", name], &format!("/groups/{id}"), &query)
}

fn see_sessions(Target { name, id }: &Target) -> Deed {
    let query = format!("userSessions(user: \"{id}\") {{id}}");
    let path = format!("/users/{id}/sessions");
    see_all(&["session", "list", "--user", name], &path, &query)
}

/// With this flag, and these members.
fn add(office: &Office, flag: &str, mut body: Value) -> Deed {
    let email = format!("new{}@example.org", office.fresh());
    let mut cli = vec!["user", "add", &email, "--no-password"];
    cli.extend(flag.split(' ').filter(|word| !word.is_empty()));
    body["email"] = email.as_str().into();
    let members = body.as_object().expect("is an object").iter();
    let input: Vec<String> = members
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let graphql = format!(
        "mutation {{createUser(user: {{{}}}) {{id}}}}",
        input.join(", ")
    );
    deed(&cli, ("POST", "/users".into(), Some(body)), graphql)
}

fn add_to(office: &Office, group: &Target) -> Deed {
    let mut made = add(office, "", json!({"groups": [group.name]}));
    let cli = made.cli.iter_mut().next().expect("is there");
    cli.extend(["--group".to_owned(), group.name.clone()]);
    made
}

fn update(Target { name, id }: &Target, flags: &[&str], changes: Value, input: &str) -> Deed {
    let rest = ("PATCH", format!("/users/{id}"), Some(changes));
    let graphql = format!("mutation {{updateUser(id: \"{id}\", changes: {{{input}}}) {{id}}}}");
    deed(&[&["user", "set", name], flags].concat(), rest, graphql)
}

fn change(target: &Target) -> Deed {
    let changes = json!({"last_name": "B"});
    update(target, &["--last-name", "B"], changes, "last_name: \"B\"")
}

fn fill_in(target: &Target) -> Deed {
    let changes = json!({"fields": {"department": "sales"}});
    let input = "fields: {department: \"sales\"}";
    update(target, &["--field", "department=sales"], changes, input)
}

fn mark(target: &Target, mark: &str) -> Deed {
    let (name, flag) = (format!("is_{mark}"), format!("--{mark}"));
    let input = format!("{name}: true");
    update(target, &[&flag, "true"], json!({ name: true }), &input)
}

/// On the command line it is shown, elsewhere it is mailed.
fn code(Target { name, id }: &Target, verb: &str, path: &str, mutation: &str) -> Deed {
    deed(
        &["user", verb, name],
        ("POST", format!("/users/{id}/{path}"), None),
        format!("mutation {{{mutation}(user: \"{id}\")}}"),
    )
}

fn reset(target: &Target) -> Deed {
    code(target, "reset-link", "password-reset", "startPasswordReset")
}

fn confirm(target: &Target) -> Deed {
    let path = "email-confirmation";
    code(target, "confirm-email", path, "startEmailConfirmation")
}

fn activity(target: &Target, cli: &[&str], is_active: bool) -> Deed {
    let cli = cli.iter().map(|word| (*word).to_owned()).collect();
    let input = format!("is_active: {is_active}");
    Deed {
        cli: Some(cli),
        ..update(target, &[], json!({"is_active": is_active}), &input)
    }
}

fn disable(target: &Target) -> Deed {
    activity(target, &["user", "disable", &target.name, "--yes"], false)
}

fn enable(office: &Office, target: &Target) -> Deed {
    let path = format!("/users/{}", target.id);
    office.rest("PATCH", &path, Some(json!({"is_active": false})));
    activity(target, &["user", "enable", &target.name], true)
}

fn end_sessions(Target { name, id }: &Target) -> Deed {
    deed(
        &["session", "revoke", "--user", name, "--yes"],
        ("DELETE", format!("/users/{id}/sessions"), None),
        format!("mutation {{endUserSessions(user: \"{id}\")}}"),
    )
}

fn delete(Target { name, id }: &Target) -> Deed {
    deed(
        &["user", "delete", name, "--yes"],
        ("DELETE", format!("/users/{id}"), None),
        format!("mutation {{deleteUser(id: \"{id}\") {{id}}}}"),
    )
}

/// Something about two, as GraphQL has it.
fn of_two(mutation: &str, one: (&str, &str), other: (&str, &str), answer: &str) -> String {
    let ((first, one), (second, other)) = (one, other);
    format!("mutation {{{mutation}({first}: \"{one}\", {second}: \"{other}\") {{{answer}}}}}")
}

fn give(Target { name, id }: &Target, permission: &str) -> Deed {
    deed(
        &["user", "grant", name, permission],
        ("PUT", format!("/users/{id}/permissions/{permission}"), None),
        of_two(
            "grantPermission",
            ("user", id),
            ("permission", permission),
            "id",
        ),
    )
}

fn take(Target { name, id }: &Target, permission: &str) -> Deed {
    deed(
        &["user", "revoke", name, permission],
        (
            "DELETE",
            format!("/users/{id}/permissions/{permission}"),
            None,
        ),
        of_two(
            "revokePermission",
            ("user", id),
            ("permission", permission),
            "id",
        ),
    )
}

fn put(user: &Target, group: &Target) -> Deed {
    deed(
        &["group", "add-user", &group.name, &user.name],
        (
            "PUT",
            format!("/groups/{}/members/{}", group.id, user.id),
            None,
        ),
        of_two(
            "addUserToGroup",
            ("group", &group.id),
            ("user", &user.id),
            "id",
        ),
    )
}

fn take_out(user: &Target, group: &Target) -> Deed {
    deed(
        &["group", "remove-user", &group.name, &user.name],
        (
            "DELETE",
            format!("/groups/{}/members/{}", group.id, user.id),
            None,
        ),
        of_two(
            "removeUserFromGroup",
            ("group", &group.id),
            ("user", &user.id),
            "id",
        ),
    )
}

fn add_group(office: &Office) -> Deed {
    let name = format!("new {}", office.fresh());
    deed(
        &["group", "add", &name],
        ("POST", "/groups".into(), Some(json!({"name": name}))),
        format!("mutation {{createGroup(name: \"{name}\") {{id}}}}"),
    )
}

fn rename(office: &Office, Target { name, id }: &Target) -> Deed {
    let to = format!("renamed {}", office.fresh());
    deed(
        &["group", "rename", name, &to],
        ("PATCH", format!("/groups/{id}"), Some(json!({"name": to}))),
        of_two("renameGroup", ("id", id), ("name", &to), "id"),
    )
}

fn delete_group(Target { name, id }: &Target) -> Deed {
    deed(
        &["group", "delete", name, "--yes"],
        ("DELETE", format!("/groups/{id}"), None),
        format!("mutation {{deleteGroup(id: \"{id}\") {{id}}}}"),
    )
}

fn give_group(Target { name, id }: &Target, permission: &str) -> Deed {
    deed(
        &["group", "grant", name, permission],
        (
            "PUT",
            format!("/groups/{id}/permissions/{permission}"),
            None,
        ),
        of_two(
            "grantGroupPermission",
            ("group", id),
            ("permission", permission),
            "id",
        ),
    )
}

fn take_from_group(Target { name, id }: &Target, permission: &str) -> Deed {
    deed(
        &["group", "revoke", name, permission],
        (
            "DELETE",
            format!("/groups/{id}/permissions/{permission}"),
            None,
        ),
        of_two(
            "revokeGroupPermission",
            ("group", id),
            ("permission", permission),
            "id",
        ),
    )
}

fn add_permission(office: &Office) -> Deed {
    let name = format!("own.p{}", office.fresh());
    deed(
        &["permission", "add", &name],
        ("POST", "/permissions".into(), Some(json!({"name": name}))),
        format!("mutation {{createPermission(name: \"{name}\") {{name}}}}"),
    )
}

fn delete_permission(office: &Office) -> Deed {
    let name = format!("own.p{}", office.fresh());
    office.rest("POST", "/permissions", Some(json!({"name": name})));
    deed(
        &["permission", "delete", &name, "--yes"],
        ("DELETE", format!("/permissions/{name}"), None),
        format!("mutation {{deletePermission(name: \"{name}\") {{name}}}}"),
    )
}

fn add_field(office: &Office) -> Deed {
    let name = format!("f{}", office.fresh());
    let body = json!({"name": name, "type": "string"});
    deed(
        &["field", "add", &name, "--type", "string"],
        ("POST", "/fields".into(), Some(body)),
        format!("mutation {{createField(field: {{name: \"{name}\", type: \"string\"}}) {{name}}}}"),
    )
}

/// The name of a field that there is.
fn field(office: &Office) -> String {
    let name = format!("f{}", office.fresh());
    let body = json!({"name": name, "type": "string"});
    office.rest("POST", "/fields", Some(body));
    name
}

fn change_field(office: &Office) -> Deed {
    let name = field(office);
    deed(
        &["field", "change", &name, "--label", "A"],
        (
            "PATCH",
            format!("/fields/{name}"),
            Some(json!({"label": "A"})),
        ),
        format!("mutation {{changeField(name: \"{name}\", changes: {{label: \"A\"}}) {{name}}}}"),
    )
}

fn rename_field(office: &Office) -> Deed {
    let (name, to) = (field(office), format!("g{}", office.fresh()));
    deed(
        &["field", "rename", &name, &to],
        (
            "PATCH",
            format!("/fields/{name}"),
            Some(json!({"name": to})),
        ),
        of_two("renameField", ("name", &name), ("to", &to), "name"),
    )
}

fn delete_field(office: &Office) -> Deed {
    let name = field(office);
    deed(
        &["field", "delete", &name, "--yes"],
        ("DELETE", format!("/fields/{name}"), None),
        format!("mutation {{deleteField(name: \"{name}\") {{name}}}}"),
    )
}
