//! `/users`, `/groups` and `/permissions`: managing accounts over HTTP.

use serde_json::{Value, json};

use crate::daemon::Answer;
use crate::env::{Authd, PASSWORD, TestEnv};

pub(crate) const ROOT: &str = "root@example.com";
pub(crate) const STAFF: &str = "staff@example.com";

/// A superuser, somebody of staff without a permission yet, and the daemon.
pub(crate) struct Office {
    pub(crate) env: TestEnv,
    pub(crate) authd: Authd,
    pub(crate) root: String,
    pub(crate) staff: String,
}

impl Office {
    pub(crate) fn new() -> Self {
        let env = TestEnv::new();
        for email in [ROOT, STAFF] {
            env.add_user(email, PASSWORD);
        }
        env.authctl(&["user", "set", ROOT, "--superuser", "true"])
            .succeeded();
        env.authctl(&["user", "set", STAFF, "--staff", "true"])
            .succeeded();
        let authd = env.authd();
        let (root, staff) = (authd.login(ROOT, PASSWORD), authd.login(STAFF, PASSWORD));
        Self {
            env,
            authd,
            root,
            staff,
        }
    }

    pub(crate) fn grant(&self, permissions: &[&str]) {
        for permission in permissions {
            self.env
                .authctl(&["user", "grant", STAFF, permission])
                .succeeded();
        }
    }

    pub(crate) fn ask(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_if(token, method, path, body, None)
    }

    pub(crate) fn ask_if(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        seen: Option<&str>,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Authorization", bearer.as_str())];
        let media_type = if method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        if body.is_some() {
            headers.push(("Content-Type", media_type));
        }
        headers.extend(seen.map(|tag| ("If-Match", tag)));
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.authd.ask(method, path, &headers, &body)
    }

    /// As the superuser, and it must work.
    #[track_caller]
    pub(crate) fn done(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask(&self.root, method, path, body);
        assert!((200..300).contains(&answer.status), "{answer:?}");
        answer.body
    }

    pub(crate) fn id(&self, email: &str) -> String {
        let found = self.done("GET", &format!("/users?email={email}"), None);
        let id = found["users"][0]["id"].as_str();
        id.expect("is there").to_owned()
    }
}

#[test]
fn an_account_is_made_changed_and_removed() {
    let office = Office::new();
    let body = json!({"email": "ada@example.com", "first_name": "Ada", "password": PASSWORD,
        "phone_number": "+44 20 7946 0000"});
    let made = office.ask(&office.root, "POST", "/users", Some(body));
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.body["id"].as_str().expect("is a text");
    let path = format!("/users/{id}");
    assert_eq!(made.header("location"), path);
    assert_eq!(made.body["phone_number"], "+442079460000");
    assert_eq!(made.header("cache-control"), "no-store");
    office.authd.login("ada@example.com", PASSWORD);

    let read = office.ask(&office.root, "GET", &path, None);
    let tag = read.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", read.body["version"]));
    let change = json!({"last_name": "Lovelace", "phone_number": null});
    let changed = office.ask_if(&office.root, "PATCH", &path, Some(change), Some(&tag));
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["last_name"], "Lovelace");
    assert_eq!(changed.body["first_name"], "Ada");
    assert_eq!(changed.body["phone_number"], Value::Null);
    assert_ne!(changed.header("etag"), tag);

    let token = office.authd.login("ada@example.com", PASSWORD);
    office.done("PATCH", &path, Some(json!({"is_active": false})));
    assert_eq!(office.authd.verify(&token).status, 401);
    assert_eq!(
        office.authd.try_login("ada@example.com", PASSWORD).status,
        401
    );
    office.done("DELETE", &path, None);
    assert_eq!(office.ask(&office.root, "GET", &path, None).status, 404);
    assert_eq!(office.ask(&office.root, "DELETE", &path, None).status, 404);
}

#[test]
fn two_administrators_do_not_overwrite_each_other() {
    let office = Office::new();
    let path = format!("/users/{}", office.id(STAFF));
    let seen = office.ask(&office.root, "GET", &path, None);
    let tag = seen.header("etag").to_owned();
    let name = |name: &str| Some(json!({"first_name": name}));
    let first = office.ask_if(&office.root, "PATCH", &path, name("One"), Some(&tag));
    assert_eq!(first.status, 200);
    for (method, body) in [("PATCH", name("Two")), ("DELETE", None)] {
        let second = office.ask_if(&office.root, method, &path, body, Some(&tag));
        second.is_problem(412, "precondition_failed");
        assert_eq!(second.header("etag"), first.header("etag"));
    }
    for other in ["W/\"1\"", "\"x\"", "\"1\", \"2\""] {
        let answer = office.ask_if(&office.root, "PATCH", &path, name("Two"), Some(other));
        answer.is_problem(412, "precondition_failed");
    }
    for bad in ["1", "x", "\"1", "\"1\","] {
        let answer = office.ask_if(&office.root, "PATCH", &path, name("Two"), Some(bad));
        answer.is_problem(400, "invalid_request");
    }
    let any = office.ask_if(&office.root, "PATCH", &path, name("Two"), Some("*"));
    assert_eq!(any.body["first_name"], "Two");
}

#[test]
fn what_is_wrong_with_each_field_is_told_and_nothing_is_changed() {
    let office = Office::new();
    let before = office.env.sql("SELECT * FROM users");
    let body = json!({"email": "ada@", "first_name": "a\nb", "phone_number": "12345",
        "groups": ["", "billing"]});
    let refused = office.ask(&office.root, "POST", "/users", Some(body));
    refused.is_problem(422, "invalid");
    let errors = refused.body["errors"].as_object().expect("is an object");
    let fields: Vec<&String> = errors.keys().collect();
    assert_eq!(fields, ["email", "first_name", "groups", "phone_number"]);
    let path = format!("/users/{}", office.id(STAFF));
    for (change, field) in [
        (json!({"email": "x"}), "email"),
        (json!({"groups": ["nobody"]}), "groups"),
    ] {
        let refused = office.ask(&office.root, "PATCH", &path, Some(change));
        refused.is_problem(422, "invalid");
        assert!(refused.body["errors"][field].is_array(), "{refused:?}");
    }
    let weak = json!({"email": "ada@example.com", "password": "short"});
    let refused = office.ask(&office.root, "POST", "/users", Some(weak));
    assert!(refused.body["errors"]["password"].is_array(), "{refused:?}");
    for malformed in [
        json!({"first_name": 1}),
        json!({"is_active": null}),
        json!({"id": "x"}),
        json!({"password": "x"}),
        json!({"date_joined": "2020-01-01T00:00:00Z"}),
        json!([]),
    ] {
        let refused = office.ask(&office.root, "PATCH", &path, Some(malformed));
        refused.is_problem(400, "malformed_body");
    }
    let taken = office.ask(
        &office.root,
        "PATCH",
        &path,
        Some(json!({"email": "ROOT@example.com"})),
    );
    taken.is_problem(409, "conflict");
    assert_eq!(office.env.sql("SELECT * FROM users"), before);
}

/// Security statement 83.
#[test]
fn who_may_not_see_accounts_is_not_told_which_there_are() {
    let office = Office::new();
    let id = office.id(ROOT);
    for path in [
        format!("/users/{id}"),
        "/users/01890000-0000-7000-8000-000000000000".to_owned(),
        "/users".to_owned(),
        "/groups".to_owned(),
        format!("/users/{id}/sessions"),
        format!("/users/{id}/permissions"),
    ] {
        let refused = office.ask(&office.staff, "GET", &path, None);
        refused.is_problem(403, "forbidden");
        assert_eq!(office.authd.get(&path).status, 401, "{path}");
    }
    office.grant(&["users.view"]);
    let path = format!("/users/{id}");
    assert_eq!(office.ask(&office.staff, "GET", &path, None).status, 200);
    assert_eq!(
        office.ask(&office.staff, "GET", "/users/x", None).status,
        404
    );
    let change = Some(json!({"first_name": "x"}));
    let refused = office.ask(&office.staff, "PATCH", &path, change);
    refused.is_problem(403, "forbidden");
}

/// Security statement 82; CVE-2026-27946, GHSA-xxwr-vvr3-2g9f.
#[test]
fn staff_raises_nobody_above_itself_and_not_itself() {
    let office = Office::new();
    office.grant(&[
        "users.view",
        "users.add",
        "users.change",
        "users.delete",
        "groups.change",
    ]);
    let add = json!({"email": "peer@example.com", "password": PASSWORD});
    let peer = office.ask(&office.staff, "POST", "/users", Some(add));
    assert_eq!(peer.status, 201, "{peer:?}");
    let peer = format!("/users/{}", peer.body["id"].as_str().expect("is a text"));
    let (own, root) = (
        format!("/users/{}", office.id(STAFF)),
        format!("/users/{}", office.id(ROOT)),
    );
    office.done(
        "POST",
        "/permissions",
        Some(json!({"name": "billing.refund"})),
    );
    let group = office.done("POST", "/groups", Some(json!({"name": "billing"})));
    let group = format!("/groups/{}", group["id"].as_str().expect("is a text"));
    office.done("PUT", &format!("{group}/permissions/billing.refund"), None);
    let before = office
        .env
        .sql("SELECT is_staff, is_superuser, permission_names FROM users");
    for (method, path, body) in [
        ("PATCH", own.clone(), Some(json!({"is_superuser": true}))),
        ("PATCH", own.clone(), Some(json!({"groups": ["billing"]}))),
        ("PUT", format!("{own}/permissions/users.view"), None),
        ("PATCH", peer.clone(), Some(json!({"is_staff": true}))),
        ("PUT", format!("{peer}/permissions/billing.refund"), None),
        ("PATCH", peer.clone(), Some(json!({"groups": ["billing"]}))),
        ("PUT", format!("{group}/members/{}", &peer[7..]), None),
        ("PUT", format!("{group}/permissions/users.view"), None),
        ("PATCH", group.clone(), Some(json!({"name": "other"}))),
        (
            "PATCH",
            root.clone(),
            Some(json!({"email": "mine@example.com"})),
        ),
        ("PATCH", root.clone(), Some(json!({"is_active": false}))),
        ("DELETE", root.clone(), None),
        (
            "POST",
            "/users".into(),
            Some(json!({"email": "x@example.com", "is_superuser": true})),
        ),
        (
            "POST",
            "/users".into(),
            Some(json!({"email": "x@example.com", "groups": ["billing"]})),
        ),
        ("POST", "/permissions".into(), Some(json!({"name": "a.b"}))),
    ] {
        let refused = office.ask(&office.staff, method, &path, body);
        assert_eq!(refused.status, 403, "{method} {path} {refused:?}");
    }
    let after = office
        .env
        .sql("SELECT is_staff, is_superuser, permission_names FROM users");
    assert_eq!(after, before);
    // What it may: a peer's names, a permission that it has.
    let done = office.ask(
        &office.staff,
        "PUT",
        &format!("{peer}/permissions/users.view"),
        None,
    );
    assert_eq!(done.status, 200, "{done:?}");
}

/// Security statement 84.
#[test]
fn the_last_active_superuser_stays_and_of_two_at_once_one_does() {
    let office = Office::new();
    let root = format!("/users/{}", office.id(ROOT));
    for (method, body) in [
        ("DELETE", None),
        ("PATCH", Some(json!({"is_superuser": false}))),
        ("PATCH", Some(json!({"is_active": false}))),
    ] {
        let refused = office.ask(&office.root, method, &root, body);
        refused.is_problem(409, "conflict");
    }
    let staff = format!("/users/{}", office.id(STAFF));
    for _ in 0..5 {
        office.done("PATCH", &staff, Some(json!({"is_superuser": true})));
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let demotions = [(&office.staff, &root), (&office.root, &staff)].map(|(by, whom)| {
                let office = &office;
                scope.spawn(move || {
                    let demote = Some(json!({"is_superuser": false}));
                    office.ask(by, "PATCH", whom, demote).status
                })
            });
            demotions
                .into_iter()
                .map(|one| one.join().expect("ends"))
                .collect()
        });
        assert!(
            statuses.contains(&200) && !statuses.iter().all(|one| *one == 200),
            "{statuses:?}"
        );
        let left = "SELECT count(*) FROM users WHERE is_superuser";
        assert_eq!(office.env.number(left), 1, "{statuses:?}");
        office
            .env
            .authctl(&["user", "set", ROOT, "--superuser", "true"])
            .succeeded();
        office
            .env
            .authctl(&["user", "set", STAFF, "--superuser", "false"])
            .succeeded();
    }
}

/// Security statement 87; CVE-2026-33503, CVE-2026-33504.
#[test]
fn pages_follow_one_another_and_a_changed_cursor_is_refused() {
    let office = Office::new();
    for number in 0..7 {
        let email = format!("user{number}@example.com");
        office
            .env
            .authctl(&["user", "add", &email, "--no-password"])
            .succeeded();
    }
    for (order, sorted) in [
        ("id", true),
        ("email", true),
        ("-email", false),
        ("-id", false),
    ] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/users?order={order}&limit=2{cursor}");
            let page = office.done("GET", &path, None);
            let users = page["users"].as_array().expect("is a list");
            let key = if order.ends_with("id") { "id" } else { "email" };
            seen.extend(
                users
                    .iter()
                    .map(|user| user[key].as_str().expect("is a text").to_owned()),
            );
            let Some(next) = page["next"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        let mut expected = seen.clone();
        expected.sort();
        expected.dedup();
        if !sorted {
            expected.reverse();
        }
        assert_eq!(seen, expected, "{order}");
        assert_eq!(seen.len(), 9);
    }
    let page = office.done("GET", "/users?limit=2", None);
    let cursor = page["next"].as_str().expect("is a text");
    let mut changed = cursor.to_owned();
    changed.replace_range(10..11, if &cursor[10..11] == "A" { "B" } else { "A" });
    for query in [
        format!("cursor={changed}"),
        format!("cursor={}", &cursor[1..]),
        format!("order=email&cursor={cursor}"),
        format!("active=true&cursor={cursor}"),
        "cursor='%20OR%201=1--".to_owned(),
        "cursor=".to_owned(),
        "limit=0".to_owned(),
        "limit=1001".to_owned(),
        "limit=-1".to_owned(),
        "order=password_hash".to_owned(),
        "active=maybe".to_owned(),
        "nonsense=1".to_owned(),
        "limit=1&limit=2".to_owned(),
        format!("search={}", "x".repeat(400)),
    ] {
        let refused = office.ask(&office.root, "GET", &format!("/users?{query}"), None);
        refused.is_problem(400, "invalid_request");
        assert!(!refused.text.contains("SELECT"), "{refused:?}");
    }
    let groups = office.ask(
        &office.root,
        "GET",
        &format!("/groups?cursor={cursor}"),
        None,
    );
    groups.is_problem(400, "invalid_request");
}

#[test]
fn accounts_are_found_by_address_text_group_and_standing() {
    let office = Office::new();
    office.env.authctl(&["group", "add", "billing"]).succeeded();
    office
        .env
        .authctl(&["group", "add-user", "billing", STAFF])
        .succeeded();
    let found = |query: &str| {
        let page = office.done("GET", &format!("/users?{query}"), None);
        let users = page["users"].as_array().expect("is a list").clone();
        users
            .iter()
            .map(|user| user["email"].as_str().expect("is a text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("email=STAFF@example.com"), [STAFF]);
    assert_eq!(found("email=nobody@example.com"), [""; 0]);
    assert_eq!(found("search=roo"), [ROOT]);
    assert_eq!(found("search=%00"), [""; 0]);
    assert_eq!(found("group=billing"), [STAFF]);
    assert_eq!(found("superuser=true"), [ROOT]);
    assert_eq!(found("staff=true&active=1"), [STAFF]);
    assert_eq!(found("email=staff@example.com&superuser=true"), [""; 0]);
    assert_eq!(found("order=-email"), [STAFF, ROOT]);
}

#[test]
fn groups_and_permissions_are_managed_over_http() {
    let office = Office::new();
    let made = office.ask(
        &office.root,
        "POST",
        "/groups",
        Some(json!({"name": "billing"})),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let group = made.header("location").to_owned();
    let again = office.ask(
        &office.root,
        "POST",
        "/groups",
        Some(json!({"name": "billing"})),
    );
    again.is_problem(409, "conflict");
    let new = json!({"name": "billing.refund", "description": "Pay money back"});
    office.done("POST", "/permissions", Some(new.clone()));
    office
        .ask(&office.root, "POST", "/permissions", Some(new))
        .is_problem(409, "conflict");
    let granted = office.done("PUT", &format!("{group}/permissions/billing.refund"), None);
    assert_eq!(granted["permissions"], json!(["billing.refund"]));
    let staff = office.id(STAFF);
    let member = office.done("PUT", &format!("{group}/members/{staff}"), None);
    assert_eq!(member["groups"], json!(["billing"]));
    let path = format!("/users/{staff}/permissions");
    let has = json!({"direct": [], "effective": ["billing.refund"]});
    assert_eq!(office.done("GET", &path, None), has);
    office.done("PUT", &format!("{path}/users.view"), None);
    let has = json!({"direct": ["users.view"], "effective": ["billing.refund", "users.view"]});
    assert_eq!(office.done("GET", &path, None), has);

    let tag = office
        .ask(&office.root, "GET", &group, None)
        .header("etag")
        .to_owned();
    let renamed = office.ask_if(
        &office.root,
        "PATCH",
        &group,
        Some(json!({"name": "money"})),
        Some(&tag),
    );
    assert_eq!(renamed.body["name"], "money", "{renamed:?}");
    let late = office.ask_if(&office.root, "DELETE", &group, None, Some(&tag));
    late.is_problem(412, "precondition_failed");
    office.done("DELETE", &format!("{group}/members/{staff}"), None);
    office.done(
        "DELETE",
        &format!("{group}/permissions/billing.refund"),
        None,
    );
    office.done("DELETE", &group, None);
    assert_eq!(office.ask(&office.root, "GET", &group, None).status, 404);
    office.done("DELETE", "/permissions/billing.refund", None);
    let builtin = office.ask(&office.root, "DELETE", "/permissions/users.view", None);
    builtin.is_problem(409, "conflict");
    let listed = office.done("GET", "/permissions?limit=1000", None);
    assert_eq!(listed["permissions"].as_array().map(Vec::len), Some(21));
    for path in [
        format!("{path}/no.such"),
        format!("/groups/{staff}/permissions/users.view"),
        "/groups/x/members/y".to_owned(),
    ] {
        assert_eq!(
            office.ask(&office.root, "PUT", &path, None).status,
            404,
            "{path}"
        );
    }
}

#[test]
fn an_administrator_sees_and_ends_the_sessions_of_others() {
    let office = Office::new();
    let staff = office.id(STAFF);
    let path = format!("/users/{staff}/sessions");
    let sessions = office.done("GET", &path, None);
    assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(1));
    office.done("DELETE", &path, None);
    assert_eq!(office.authd.verify(&office.staff).status, 401);
    let none = office.done("GET", &path, None);
    assert_eq!(none["sessions"], json!([]));
    // Nobody of staff ends those of a superuser.
    office.grant(&["sessions.delete", "sessions.view"]);
    let staff = office.authd.login(STAFF, PASSWORD);
    let root = format!("/users/{}/sessions", office.id(ROOT));
    office
        .ask(&staff, "DELETE", &root, None)
        .is_problem(403, "forbidden");
    assert_eq!(office.ask(&staff, "GET", &root, None).status, 200);
}

/// A client's scope are its permissions, and an API token's scope is a limit.
#[test]
fn services_and_scripts_manage_accounts_as_far_as_their_scope_goes() {
    let office = Office::new();
    let secret = office
        .env
        .authctl(&["client", "add", "sync", "--scope", "users.view", "-q"])
        .succeeded();
    let body = format!(
        "grant_type=client_credentials&client_id=sync&client_secret={}",
        secret.stdout.trim()
    );
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let token = office.authd.post("/oauth/token", &[form], body.as_bytes());
    let token = token.body["access_token"]
        .as_str()
        .expect("is a text")
        .to_owned();
    assert_eq!(office.ask(&token, "GET", "/users", None).status, 200);
    let path = format!("/users/{}", office.id(STAFF));
    let change = Some(json!({"first_name": "x"}));
    assert_eq!(
        office.ask(&token, "PATCH", &path, change.clone()).status,
        403
    );

    let add = [
        "token",
        "add",
        "--name",
        "ci",
        "--user",
        ROOT,
        "--scope",
        "users.view",
        "-q",
    ];
    let token = office
        .env
        .authctl(&add)
        .succeeded()
        .stdout
        .trim()
        .to_owned();
    assert_eq!(office.ask(&token, "GET", "/users", None).status, 200);
    assert_eq!(office.ask(&token, "PATCH", &path, change).status, 403);
}

/// From 0 on there is every account, and then every change, each once and in its order.
#[test]
fn whoever_follows_the_changes_ends_with_the_accounts_there_are() {
    let office = Office::new();
    let mut copy = std::collections::BTreeMap::new();
    let mut cursor = 0;
    let mut follow = |copy: &mut std::collections::BTreeMap<String, Value>| loop {
        let path = format!("/users/changes?since={cursor}&limit=2");
        let page = office.done("GET", &path, None);
        for change in page["changes"].as_array().expect("is a list") {
            let version = change["version"].as_i64().expect("is a number");
            assert!(version > cursor, "{page}");
            cursor = version;
            let of = |which: &str| change[which]["id"].as_str().map(str::to_owned);
            if let Some(id) = of("user") {
                copy.insert(id, change["user"].clone());
            } else {
                copy.remove(&of("deleted").expect("is one of both"));
            }
        }
        cursor = page["cursor"].as_i64().expect("is a number");
        if page["more"] == false {
            break;
        }
    };
    follow(&mut copy);
    assert_eq!(copy.len(), 2);
    for number in 0..5 {
        let email = format!("user{number}@example.com");
        office.done("POST", "/users", Some(json!({"email": email})));
    }
    let gone = office.id("user1@example.com");
    office.done("DELETE", &format!("/users/{gone}"), None);
    let changed = format!("/users/{}", office.id("user2@example.com"));
    office.done("PATCH", &changed, Some(json!({"first_name": "Two"})));
    follow(&mut copy);
    let all = office.done("GET", "/users", None);
    let all = all["users"].as_array().expect("is a list").iter();
    let all = all.map(|user| {
        (
            user["id"].as_str().expect("is a text").to_owned(),
            user.clone(),
        )
    });
    assert_eq!(copy, all.collect());

    let future = office.ask(&office.root, "GET", "/users/changes?since=9999999", None);
    future.is_problem(410, "gone");
    assert_eq!(future.body["cursor"], 0);
    let denied = office.ask(&office.staff, "GET", "/users/changes", None);
    denied.is_problem(403, "forbidden");
    // Whoever waits is told as soon as there is something.
    let began = std::time::Instant::now();
    let page = std::thread::scope(|scope| {
        let path = format!("/users/changes?wait=30s&since={}", cursor_of(&office));
        let office = &office;
        let waiting = scope.spawn(move || office.done("GET", &path, None));
        std::thread::sleep(std::time::Duration::from_millis(300));
        office
            .env
            .authctl(&["user", "set", STAFF, "--last-name", "New"])
            .succeeded();
        waiting.join().expect("ends")
    });
    assert_eq!(page["changes"][0]["user"]["last_name"], "New", "{page}");
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
}

fn cursor_of(office: &Office) -> i64 {
    office.env.number("SELECT value FROM change_sequence")
}

/// What was decided before is not done after the rights are gone.
#[test]
fn an_administrator_who_was_demoted_changes_nothing_any_more() {
    let office = Office::new();
    office.env.add_user("ada@example.com", PASSWORD);
    let path = format!("/users/{}", office.id("ada@example.com"));
    office
        .env
        .authctl(&["user", "set", STAFF, "--superuser", "true"])
        .succeeded();
    let change = || Some(json!({"is_staff": true}));
    assert_eq!(
        office.ask(&office.staff, "PATCH", &path, change()).status,
        200
    );
    office
        .env
        .authctl(&["user", "set", STAFF, "--superuser", "false"])
        .succeeded();
    let refused = office.ask(
        &office.staff,
        "PATCH",
        &path,
        Some(json!({"is_staff": false})),
    );
    refused.is_problem(403, "forbidden");
}

#[test]
fn own_fields_are_set_with_everything_else_and_what_does_not_fit_is_told() {
    let office = Office::new();
    for field in [
        &["field", "add", "department", "--type", "string"][..],
        &["field", "add", "level", "--type", "int", "--max", "5"],
    ] {
        office.env.authctl(field).succeeded();
    }
    let new = json!({"email": "ada@example.com", "fields": {"department": "R&D"}});
    let user = office.done("POST", "/users", Some(new));
    assert_eq!(user["fields"], json!({"department": "R&D", "level": null}));
    let path = format!("/users/{}", office.id("ada@example.com"));
    let change = |fields: Value| {
        let body = json!({"first_name": "Ada", "fields": fields});
        office.ask(&office.root, "PATCH", &path, Some(body))
    };
    let refused = change(json!({"department": 1, "level": 6, "shoe_size": 40}));
    refused.is_problem(422, "invalid");
    let errors = json!({
        "fields.department": ["It must be a text."],
        "fields.level": ["At most 5."],
        "fields.shoe_size": ["There is no such field."]
    });
    assert_eq!(refused.body["errors"], errors);
    assert_eq!(office.done("GET", &path, None), user);
    let changed = change(json!({"department": null, "level": 5}));
    let has = json!({"department": null, "level": 5});
    assert_eq!(changed.body["fields"], has, "{changed:?}");
}

/// Security statement 86: the schema's rule, whoever comes by whichever way, in whatever spelling.
#[test]
fn of_many_who_make_an_account_with_one_address_at_once_one_does() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    env.authctl(&["user", "set", "ada@example.com", "--superuser", "true"])
        .succeeded();
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let spellings = [
        "zo\u{e9}@b\u{fc}cher.example",
        " Zoe\u{301}@B\u{dc}CHER.example ",
        "ZO\u{c9}@xn--bcher-kva.example",
        "zo\u{e9}@bu\u{308}cher.EXAMPLE",
    ];
    let by_rest = |email: &str| {
        let body = json!({"email": email}).to_string();
        authd.ask("POST", "/users", &headers, body).status
    };
    let by_command = |email: &str| env.authctl(&["user", "add", email, "--no-password"]).status;
    let (rest, commands) = std::thread::scope(|scope| {
        let asked = spellings.iter().cycle().take(46);
        let asked: Vec<_> = asked
            .map(|email| scope.spawn(move || by_rest(email)))
            .collect();
        let run: Vec<_> = spellings
            .iter()
            .map(|email| scope.spawn(move || by_command(email)))
            .collect();
        let rest: Vec<u16> = asked
            .into_iter()
            .map(|one| one.join().expect("ends"))
            .collect();
        let commands: Vec<i32> = run
            .into_iter()
            .map(|one| one.join().expect("ends"))
            .collect();
        (rest, commands)
    });
    assert!(
        rest.iter().all(|status| matches!(status, 201 | 409)),
        "{rest:?}"
    );
    assert!(
        commands.iter().all(|status| matches!(status, 0 | 4)),
        "{commands:?}"
    );
    let made = rest.iter().filter(|status| **status == 201).count();
    let made = made + commands.iter().filter(|status| **status == 0).count();
    assert_eq!(made, 1, "{rest:?} {commands:?}");
    assert_eq!(env.number("SELECT count(*) FROM users"), 2);
}
