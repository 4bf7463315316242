//! One rule, one place: the table of `docs/users.md`, done by each of those who are in it, on the command
//! line, over REST and over GraphQL. All three do the same, or none does, for the same reason.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::deeds::Deed;
use crate::env::PASSWORD;
use crate::graphql::Desk;

const TABLE: &str = include_str!("../../docs/users.md");

/// What those who have permissions have.
const ALLOWED: [&str; 12] = [
    "audit.view",
    "billing.refund",
    "groups.add",
    "groups.change",
    "groups.delete",
    "groups.view",
    "sessions.delete",
    "sessions.view",
    "users.add",
    "users.change",
    "users.delete",
    "users.view",
];

/// Those who stand at the head of a column.
#[derive(Clone, Copy)]
struct Kind {
    title: &'static str,
    column: usize,
    is_staff: bool,
    is_superuser: bool,
    /// What it may do.
    permissions: &'static [&'static str],
}

const KINDS: [Kind; 4] = [
    Kind {
        title: "superuser",
        column: 2,
        is_staff: true,
        is_superuser: true,
        permissions: &[],
    },
    Kind {
        title: "staff with the permission",
        column: 3,
        is_staff: true,
        is_superuser: false,
        permissions: &ALLOWED,
    },
    Kind {
        title: "staff without it",
        column: 4,
        is_staff: true,
        is_superuser: false,
        permissions: &["billing.refund"],
    },
    Kind {
        title: "no staff",
        column: 5,
        is_staff: false,
        is_superuser: false,
        permissions: &ALLOWED,
    },
];

/// What an edge says to a deed.
#[derive(Debug, PartialEq)]
enum Said {
    Done,
    Denied(String),
}

/// Somebody who does something.
pub(crate) struct Doer {
    kind: Kind,
    pub(crate) account: Target,
    pub(crate) token: String,
}

/// An account or a group that something is done to.
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) id: String,
}

/// The service, and its first superuser.
pub(crate) struct Office {
    pub(crate) desk: Desk,
    made: Cell<u32>,
}

impl Office {
    fn new() -> Self {
        let desk = Desk::with(&[("AUTHD_MAIL_TRANSPORT", "file:letters")]);
        let office = Self {
            desk,
            made: Cell::new(0),
        };
        for permission in ["billing.refund", "billing.audit"] {
            office.rest("POST", "/permissions", Some(json!({"name": permission})));
        }
        let field = json!({"name": "department", "type": "string"});
        office.rest("POST", "/fields", Some(field));
        office
    }

    /// As the first superuser, and it must work.
    #[track_caller]
    pub(crate) fn rest(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask(&self.desk.root, method, path, body);
        assert!((200..300).contains(&answer.0), "{method} {path} {answer:?}");
        answer.1
    }

    pub(crate) fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self.desk.authd.ask(method, path, &headers, &body);
        (answer.status, answer.body)
    }

    /// A number that nothing has yet.
    pub(crate) fn fresh(&self) -> u32 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    /// Somebody of this kind, logged in.
    fn doer(&self, kind: Kind) -> Doer {
        let body = json!({
            "email": format!("{}@example.net", self.fresh()),
            "password": PASSWORD,
            "is_staff": kind.is_staff,
            "is_superuser": kind.is_superuser,
        });
        let account = self.made(&body, kind.permissions);
        let token = self.desk.authd.login(&account.name, PASSWORD);
        Doer {
            kind,
            account,
            token,
        }
    }

    /// Another of the same kind, for what nobody does twice.
    pub(crate) fn twin(&self, doer: &Doer) -> Doer {
        self.doer(doer.kind)
    }

    /// An account that may do this by itself.
    pub(crate) fn account(&self, permissions: &[&str], is_superuser: bool) -> Target {
        let email = format!("{}@example.org", self.fresh());
        let body = json!({"email": email, "is_superuser": is_superuser});
        self.made(&body, permissions)
    }

    /// The same for one that can log in.
    pub(crate) fn with_password(&self, permission: &str) -> Target {
        let email = format!("{}@example.org", self.fresh());
        self.made(
            &json!({"email": email, "password": PASSWORD}),
            &[permission],
        )
    }

    fn made(&self, body: &Value, permissions: &[&str]) -> Target {
        let made = self.rest("POST", "/users", Some(body.clone()));
        let text = |name: &str| made[name].as_str().expect("is a text").to_owned();
        let (name, id) = (text("email"), text("id"));
        for permission in permissions {
            let path = format!("/users/{id}/permissions/{permission}");
            self.rest("PUT", &path, None);
        }
        Target { name, id }
    }

    pub(crate) fn peer(&self) -> Target {
        self.account(&["billing.refund"], false)
    }

    pub(crate) fn above(&self) -> Target {
        self.account(&["billing.refund", "billing.audit"], false)
    }

    pub(crate) fn group(&self, permission: &str) -> Target {
        let name = format!("group {}", self.fresh());
        let made = self.rest("POST", "/groups", Some(json!({"name": name})));
        let id = made["id"].as_str().expect("is a text").to_owned();
        let path = format!("/groups/{id}/permissions/{permission}");
        self.rest("PUT", &path, None);
        Target { name, id }
    }

    /// The same with this member.
    pub(crate) fn group_of(&self, member: &Target, permission: &str) -> Target {
        let group = self.group(permission);
        let path = format!("/groups/{}/members/{}", group.id, member.id);
        self.rest("PUT", &path, None);
        group
    }

    /// `None`: this is nothing for the command line.
    fn cli(&self, doer: &Doer, row: &str) -> Option<Said> {
        let deed = Deed::of(self, doer, row);
        let email = &deed.by.as_ref().unwrap_or(doer).account.name;
        let mut arguments = vec!["--as", email];
        arguments.extend(deed.cli.as_ref()?.iter().map(String::as_str));
        let out = self.desk.env.authctl_json(&arguments);
        match out.status {
            0 => Some(Said::Done),
            4 => {
                let said: Value = serde_json::from_str(&out.stderr).expect("is JSON");
                assert_eq!(said["error"]["code"], "conflict", "{row} {out:?}");
                let message = said["error"]["message"].as_str().expect("is a text");
                // A sentence of its own elsewhere.
                let (first, rest) = message.split_at(1);
                Some(Said::Denied(format!("{}{rest}.", first.to_uppercase())))
            }
            _ => panic!("{row}: {out:?}"),
        }
    }

    fn over_rest(&self, doer: &Doer, row: &str) -> Said {
        let deed = Deed::of(self, doer, row);
        let token = &deed.by.as_ref().unwrap_or(doer).token;
        let (method, path, body) = deed.rest;
        let (status, body) = self.ask(token, method, &path, body);
        match status {
            200..300 => Said::Done,
            403 => {
                assert_eq!(body["code"], "forbidden");
                Said::Denied(body["detail"].as_str().expect("is a text").to_owned())
            }
            _ => panic!("{row}: {status} {body}"),
        }
    }

    fn over_graphql(&self, doer: &Doer, row: &str) -> Said {
        let deed = Deed::of(self, doer, row);
        let token = &deed.by.as_ref().unwrap_or(doer).token;
        let answer = self.desk.ask(Some(token), &deed.graphql, &json!({}));
        match &answer.body["errors"] {
            Value::Null => Said::Done,
            errors => {
                let code = &errors[0]["extensions"]["code"];
                assert_eq!(code, "forbidden", "{row} {errors}");
                Said::Denied(errors[0]["message"].as_str().expect("is a text").to_owned())
            }
        }
    }

    fn denied_so_far(&self) -> i64 {
        let denied = "SELECT count(*) FROM audit_events WHERE result = 'denied'";
        self.desk.env.number(denied)
    }
}

/// Done when 1; and whatever somebody may not do is written down.
#[test]
fn every_edge_allows_and_denies_the_same() {
    let office = Office::new();
    let (_, table) = TABLE.split_once("| what | `authctl` |").expect("is there");
    let rows = table.lines().skip(2);
    let rows: Vec<Vec<&str>> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 60, "{}", rows.len());
    for kind in KINDS {
        let doer = office.doer(kind);
        for cells in &rows {
            let (row, title) = (cells[0], kind.title);
            let before = office.denied_so_far();
            let graphql = office.over_graphql(&doer, row);
            let word = if graphql == Said::Done { "yes" } else { "no" };
            assert_eq!(word, cells[kind.column], "{title}: {row}: {graphql:?}");
            let others = [Some(office.over_rest(&doer, row)), office.cli(&doer, row)];
            let mut edges = 1;
            for said in others.into_iter().flatten() {
                assert_eq!(said, graphql, "{title}: {row}");
                edges += 1;
            }
            let denials = if graphql == Said::Done { 0 } else { edges };
            let written = office.denied_so_far() - before;
            assert_eq!(written, denials, "{title}: {row}");
        }
    }
}
