//! One rule, one place: the table of `docs/users.md`, done by each of those who are in it, on the command
//! line, over REST and over GraphQL. All three do the same, or none does.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::env::PASSWORD;
use crate::graphql::Desk;

const TABLE: &str = include_str!("../../docs/users.md");

/// Who stands at the head of a column, and the column's number.
const WHO: [(&str, &str, usize); 4] = [
    ("superuser", "super@example.com", 2),
    ("staff with the permission", "able@example.com", 3),
    ("staff without it", "unable@example.com", 4),
    ("no staff", "plain@example.com", 5),
];

/// What those who have permissions have.
const ALLOWED: [&str; 10] = [
    "audit.view",
    "billing.refund",
    "groups.add",
    "groups.change",
    "groups.delete",
    "groups.view",
    "users.add",
    "users.change",
    "users.delete",
    "users.view",
];

/// A deed as each edge is asked for it.
struct Deed {
    cli: Vec<String>,
    rest: (&'static str, String, Option<Value>),
    graphql: String,
}

struct Office {
    desk: Desk,
    made: Cell<u32>,
}

/// An account or a group that something is done to.
struct Target {
    name: String,
    id: String,
}

impl Office {
    fn new() -> Self {
        let desk = Desk::new();
        let office = Self {
            desk,
            made: Cell::new(0),
        };
        for permission in ["billing.refund", "billing.audit"] {
            office.rest("POST", "/permissions", Some(json!({"name": permission})));
        }
        for (who, email, _) in WHO {
            office.desk.env.add_user(email, PASSWORD);
            let id = office.desk.id(email);
            let marks = json!({"is_staff": who != "no staff", "is_superuser": who == "superuser"});
            office.rest("PATCH", &format!("/users/{id}"), Some(marks));
            let has: &[&str] = match who {
                "staff without it" => &["billing.refund"],
                _ => &ALLOWED,
            };
            for permission in has {
                office.rest(
                    "PUT",
                    &format!("/users/{id}/permissions/{permission}"),
                    None,
                );
            }
        }
        office
    }

    /// As the first superuser, and it must work.
    #[track_caller]
    fn rest(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask(&self.desk.root, method, path, body);
        assert!((200..300).contains(&answer.0), "{method} {path} {answer:?}");
        answer.1
    }

    fn ask(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self.desk.authd.ask(method, path, &headers, &body);
        (answer.status, answer.body)
    }

    fn fresh(&self) -> u32 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    /// An account that may do this by itself.
    fn account(&self, permissions: &[&str], is_superuser: bool) -> Target {
        let email = format!("{}@example.org", self.fresh());
        let body = json!({"email": email, "is_superuser": is_superuser});
        let made = self.rest("POST", "/users", Some(body));
        let id = made["id"].as_str().expect("is a text").to_owned();
        for permission in permissions {
            self.rest(
                "PUT",
                &format!("/users/{id}/permissions/{permission}"),
                None,
            );
        }
        Target { name: email, id }
    }

    fn peer(&self) -> Target {
        self.account(&["billing.refund"], false)
    }

    fn above(&self) -> Target {
        self.account(&["billing.refund", "billing.audit"], false)
    }

    fn group(&self, permission: &str) -> Target {
        let name = format!("group {}", self.fresh());
        let made = self.rest("POST", "/groups", Some(json!({"name": name})));
        let id = made["id"].as_str().expect("is a text").to_owned();
        self.rest(
            "PUT",
            &format!("/groups/{id}/permissions/{permission}"),
            None,
        );
        Target { name, id }
    }

    /// What a row says, to be done to somebody new; `None`: this table leaves it to the unit tests, which
    /// have all of it.
    fn deed(&self, row: &str) -> Option<Deed> {
        Some(match row {
            "see accounts" => see(&["user", "list"], "/users", "users"),
            "see groups" => see(&["group", "list"], "/groups", "groups"),
            "see what was done" => see(&["audit"], "/audit", "audit"),
            "add an account" => self.add(None),
            "add staff" => self.add(Some("staff")),
            "add a superuser" => self.add(Some("superuser")),
            "change a peer" => change(&self.peer()),
            "change somebody above" => change(&self.above()),
            "change a superuser" => change(&self.account(&[], true)),
            "disable a peer" => disable(&self.peer()),
            "disable somebody above" => disable(&self.above()),
            "make a peer staff" => make_staff(&self.peer()),
            "give a peer a permission that is one's own" => {
                give(&self.account(&[], false), "billing.refund")
            }
            "give a peer another permission" => give(&self.peer(), "billing.audit"),
            "take a permission from somebody above" => take(&self.above(), "billing.refund"),
            "put a peer into a group" => put(&self.peer(), &self.group("billing.refund")),
            "put a peer into a group above" => put(&self.peer(), &self.group("billing.audit")),
            "take somebody above out of a group" => {
                let (above, group) = (self.above(), self.group("billing.refund"));
                self.rest(
                    "PUT",
                    &format!("/groups/{}/members/{}", group.id, above.id),
                    None,
                );
                take_out(&above, &group)
            }
            "delete a peer" => delete(&self.peer()),
            "delete somebody above" => delete(&self.above()),
            "delete a superuser" => delete(&self.account(&[], true)),
            "add a group" => self.add_group(),
            "rename a group" => self.rename(&self.group("billing.refund")),
            "rename a group above" => self.rename(&self.group("billing.audit")),
            "delete a group" => delete_group(&self.group("billing.refund")),
            "delete a group above" => delete_group(&self.group("billing.audit")),
            "give a group a permission that is one's own" => {
                give_group(&self.group("users.view"), "billing.refund")
            }
            "give a group another permission" => {
                give_group(&self.group("billing.refund"), "billing.audit")
            }
            "add a permission" => self.add_permission(),
            "delete a permission" => self.delete_permission(),
            _ => return None,
        })
    }

    fn add(&self, mark: Option<&str>) -> Deed {
        let email = format!("new{}@example.org", self.fresh());
        let mut cli = words(&["user", "add", &email, "--no-password"]);
        let mut body = json!({"email": email});
        let mut input = format!("email: \"{email}\"");
        if let Some(mark) = mark {
            cli.push(format!("--{mark}"));
            body[format!("is_{mark}")] = true.into();
            input = format!("{input}, is_{mark}: true");
        }
        Deed {
            cli,
            rest: ("POST", "/users".into(), Some(body)),
            graphql: format!("mutation {{createUser(user: {{{input}}}) {{id}}}}"),
        }
    }

    fn add_group(&self) -> Deed {
        let name = format!("new {}", self.fresh());
        Deed {
            cli: words(&["group", "add", &name]),
            rest: ("POST", "/groups".into(), Some(json!({"name": name}))),
            graphql: format!("mutation {{createGroup(name: \"{name}\") {{id}}}}"),
        }
    }

    fn rename(&self, group: &Target) -> Deed {
        let (Target { name, id }, to) = (group, format!("renamed {}", self.fresh()));
        Deed {
            cli: words(&["group", "rename", name, &to]),
            rest: ("PATCH", format!("/groups/{id}"), Some(json!({"name": to}))),
            graphql: format!("mutation {{renameGroup(id: \"{id}\", name: \"{to}\") {{id}}}}"),
        }
    }

    fn add_permission(&self) -> Deed {
        let name = format!("own.p{}", self.fresh());
        Deed {
            cli: words(&["permission", "add", &name]),
            rest: ("POST", "/permissions".into(), Some(json!({"name": name}))),
            graphql: format!("mutation {{createPermission(name: \"{name}\") {{name}}}}"),
        }
    }

    fn delete_permission(&self) -> Deed {
        let name = format!("own.p{}", self.fresh());
        self.rest("POST", "/permissions", Some(json!({"name": name})));
        Deed {
            cli: words(&["permission", "delete", &name, "--yes"]),
            rest: ("DELETE", format!("/permissions/{name}"), None),
            graphql: format!("mutation {{deletePermission(name: \"{name}\") {{name}}}}"),
        }
    }

    /// What each edge says to a deed of somebody: nothing, or why not. Each does it to somebody new.
    fn said(&self, email: &str, token: &str, row: &str) -> [Option<String>; 3] {
        let deed = || self.deed(row).expect("is one of the deeds");
        let cli = {
            let deed = deed();
            let mut arguments = vec!["--as", email];
            arguments.extend(deed.cli.iter().map(String::as_str));
            let out = self.desk.env.authctl_json(&arguments);
            match out.status {
                0 => None,
                4 => {
                    let said: Value = serde_json::from_str(&out.stderr).expect("is JSON");
                    assert_eq!(said["error"]["code"], "conflict", "{row} {out:?}");
                    Some(
                        said["error"]["message"]
                            .as_str()
                            .expect("is a text")
                            .to_owned(),
                    )
                }
                _ => panic!("{email}: {row}: {out:?}"),
            }
        };
        let rest = {
            let (method, path, body) = deed().rest;
            let (status, body) = self.ask(token, method, &path, body);
            match status {
                200..300 => None,
                403 => {
                    assert_eq!(body["code"], "forbidden");
                    Some(body["detail"].as_str().expect("is a text").to_owned())
                }
                _ => panic!("{email}: {row}: {status} {body}"),
            }
        };
        let graphql = {
            let answer = self.desk.ask(Some(token), &deed().graphql, &json!({}));
            match &answer.body["errors"] {
                Value::Null => None,
                errors => {
                    assert_eq!(
                        errors[0]["extensions"]["code"], "forbidden",
                        "{row} {errors}"
                    );
                    Some(errors[0]["message"].as_str().expect("is a text").to_owned())
                }
            }
        };
        [cli, rest, graphql]
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn see(cli: &[&str], path: &str, field: &str) -> Deed {
    Deed {
        cli: words(cli),
        rest: ("GET", path.to_owned(), None),
        graphql: format!("{{{field}(first: 1) {{edges {{cursor}}}}}}"),
    }
}

fn update(Target { name, id }: &Target, flags: &[&str], changes: &Value, input: &str) -> Deed {
    Deed {
        cli: [words(&["user", "set", name]), words(flags)].concat(),
        rest: ("PATCH", format!("/users/{id}"), Some(changes.clone())),
        graphql: format!("mutation {{updateUser(id: \"{id}\", changes: {{{input}}}) {{id}}}}"),
    }
}

fn change(target: &Target) -> Deed {
    let changes = json!({"last_name": "B"});
    update(target, &["--last-name", "B"], &changes, "last_name: \"B\"")
}

fn make_staff(target: &Target) -> Deed {
    let changes = json!({"is_staff": true});
    update(target, &["--staff", "true"], &changes, "is_staff: true")
}

fn disable(target: &Target) -> Deed {
    Deed {
        cli: words(&["user", "disable", &target.name, "--yes"]),
        ..update(
            target,
            &[],
            &json!({"is_active": false}),
            "is_active: false",
        )
    }
}

fn delete(Target { name, id }: &Target) -> Deed {
    Deed {
        cli: words(&["user", "delete", name, "--yes"]),
        rest: ("DELETE", format!("/users/{id}"), None),
        graphql: format!("mutation {{deleteUser(id: \"{id}\") {{id}}}}"),
    }
}

fn give(Target { name, id }: &Target, permission: &str) -> Deed {
    Deed {
        cli: words(&["user", "grant", name, permission]),
        rest: ("PUT", format!("/users/{id}/permissions/{permission}"), None),
        graphql: format!(
            "mutation {{grantPermission(user: \"{id}\", permission: \"{permission}\") {{id}}}}"
        ),
    }
}

fn take(Target { name, id }: &Target, permission: &str) -> Deed {
    Deed {
        cli: words(&["user", "revoke", name, permission]),
        rest: (
            "DELETE",
            format!("/users/{id}/permissions/{permission}"),
            None,
        ),
        graphql: format!(
            "mutation {{revokePermission(user: \"{id}\", permission: \"{permission}\") {{id}}}}"
        ),
    }
}

fn put(user: &Target, group: &Target) -> Deed {
    Deed {
        cli: words(&["group", "add-user", &group.name, &user.name]),
        rest: (
            "PUT",
            format!("/groups/{}/members/{}", group.id, user.id),
            None,
        ),
        graphql: format!(
            "mutation {{addUserToGroup(group: \"{}\", user: \"{}\") {{id}}}}",
            group.id, user.id
        ),
    }
}

fn take_out(user: &Target, group: &Target) -> Deed {
    Deed {
        cli: words(&["group", "remove-user", &group.name, &user.name]),
        rest: (
            "DELETE",
            format!("/groups/{}/members/{}", group.id, user.id),
            None,
        ),
        graphql: format!(
            "mutation {{removeUserFromGroup(group: \"{}\", user: \"{}\") {{id}}}}",
            group.id, user.id
        ),
    }
}

fn delete_group(Target { name, id }: &Target) -> Deed {
    Deed {
        cli: words(&["group", "delete", name, "--yes"]),
        rest: ("DELETE", format!("/groups/{id}"), None),
        graphql: format!("mutation {{deleteGroup(id: \"{id}\") {{id}}}}"),
    }
}

fn give_group(Target { name, id }: &Target, permission: &str) -> Deed {
    Deed {
        cli: words(&["group", "grant", name, permission]),
        rest: (
            "PUT",
            format!("/groups/{id}/permissions/{permission}"),
            None,
        ),
        graphql: format!(
            "mutation {{grantGroupPermission(group: \"{id}\", permission: \"{permission}\") {{id}}}}"
        ),
    }
}

#[test]
fn every_edge_allows_and_denies_the_same() {
    let office = Office::new();
    let (_, table) = TABLE.split_once("| what | `authctl` |").expect("is there");
    let mut judged = 0;
    for (who, email, column) in WHO {
        let token = office.desk.authd.login(email, PASSWORD);
        for line in table
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'))
        {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let row = cells[0];
            if office.deed(row).is_none() {
                continue;
            }
            let [cli, rest, graphql] = office.said(email, &token, row);
            let expected = cells[column];
            let word = if graphql.is_none() { "yes" } else { "no" };
            assert_eq!(word, expected, "{who}: {row}: {graphql:?}");
            assert_eq!(rest, graphql, "{who}: {row}");
            // A command may look something up first, and be denied that.
            assert_eq!(cli.is_some(), graphql.is_some(), "{who}: {row}: {cli:?}");
            judged += 1;
        }
    }
    assert!(judged >= 60, "{judged}");
}
