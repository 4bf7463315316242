//! `/fields`, and accounts by what they have in them, over HTTP. `fields` and `field_rules` are about the
//! same from the command line.

use serde_json::{Value, json};

use crate::users_api::{Office, STAFF};

fn emails(list: &Value) -> Vec<&str> {
    let users = list["users"].as_array().expect("is a list");
    let emails = users.iter().map(|user| user["email"].as_str());
    emails.map(|email| email.expect("is a text")).collect()
}

#[test]
fn a_field_is_made_changed_renamed_and_removed() {
    let office = Office::new();
    let body = json!({"name": "department", "type": "string", "label": "Department",
        "max_length": 50, "default": "sales", "self_write": true});
    let made = office.ask(&office.root, "POST", "/fields", Some(body));
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("location"), "/fields/department");
    assert_eq!(made.header("cache-control"), "no-store");
    let tag = format!("\"{}\"", made.body["version"]);
    assert_eq!(made.header("etag"), tag);
    let mut expected = json!({"name": "department", "label": "Department", "type": "string",
        "required": false, "unique": false, "indexed": false, "default": "sales", "choices": null,
        "max_length": 50, "pattern": null, "min": null, "max": null, "self_read": true,
        "self_write": true, "in_token": false});
    for changing in ["created_at", "version"] {
        expected[changing] = made.body[changing].clone();
    }
    assert_eq!(made.body, expected);
    let staff = format!("/users/{}", office.id(STAFF));
    let department = |path: &str| office.done("GET", path, None)["fields"].clone();
    assert_eq!(department(&staff), json!({"department": "sales"}));

    let read = office.ask(&office.root, "GET", "/fields/department", None);
    assert_eq!(read.body, expected);
    assert_eq!(read.header("etag"), tag);
    let listed = office.done("GET", "/fields", None);
    assert_eq!(listed, json!({"fields": [expected]}));

    let change = json!({"max_length": null, "default": null, "in_token": true});
    let changed = office.done("PATCH", "/fields/department", Some(change));
    assert_eq!(changed["max_length"], Value::Null);
    assert_eq!(changed["default"], Value::Null);
    assert_eq!(changed["in_token"], true);
    assert_eq!(changed["label"], "Department");

    let rename = || Some(json!({"name": "unit"}));
    let renamed = office.done("PATCH", "/fields/department", rename());
    assert_eq!(renamed["name"], "unit");
    assert_eq!(department(&staff), json!({"unit": "sales"}));
    let gone = office.ask(&office.root, "PATCH", "/fields/department", rename());
    gone.is_problem(404, "not_found");
    // Its own name is no other.
    let same = json!({"name": "unit", "label": "Unit"});
    let same = office.done("PATCH", "/fields/unit", Some(same));
    assert_eq!(same["label"], "Unit");

    let removed = office.ask(&office.root, "DELETE", "/fields/unit", None);
    assert_eq!(removed.status, 204);
    for method in ["GET", "DELETE"] {
        let gone = office.ask(&office.root, method, "/fields/unit", None);
        gone.is_problem(404, "not_found");
    }
    let nothing = office.ask(&office.root, "GET", "/fields/No%20Name", None);
    nothing.is_problem(404, "not_found");
    assert_eq!(department(&staff), json!({}));
}

#[test]
fn a_definition_that_makes_no_sense_is_told_by_member_and_nothing_is_changed() {
    let office = Office::new();
    let size = json!({"name": "size", "type": "enum", "choices": ["s", "m"]});
    office.done("POST", "/fields", Some(size));
    let before = office.env.sql("SELECT * FROM fields");
    for (body, member) in [
        (json!({"name": "Size", "type": "string"}), "name"),
        (json!({"name": "email", "type": "string"}), "name"),
        (json!({"name": "a", "type": "text"}), "type"),
        (
            json!({"name": "a", "type": "string", "label": "a\nb"}),
            "label",
        ),
        (json!({"name": "a", "type": "string", "min": 1}), "min"),
        (
            json!({"name": "a", "type": "string", "pattern": "("}),
            "pattern",
        ),
        (
            json!({"name": "a", "type": "int", "min": 5, "max": 1}),
            "min",
        ),
        (json!({"name": "a", "type": "int", "max": "x"}), "max"),
        (json!({"name": "a", "type": "enum"}), "choices"),
        (
            json!({"name": "a", "type": "int", "default": "x"}),
            "default",
        ),
        (
            json!({"name": "a", "type": "string", "max_length": 0}),
            "max_length",
        ),
    ] {
        let refused = office.ask(&office.root, "POST", "/fields", Some(body));
        refused.is_problem(422, "invalid");
        assert!(refused.body["errors"][member].is_array(), "{refused:?}");
    }
    for (change, member) in [
        (json!({"choices": null}), "choices"),
        (json!({"min": 1}), "min"),
        (json!({"name": "Size"}), "name"),
        (json!({"name": "width", "label": "Width"}), "name"),
    ] {
        let refused = office.ask(&office.root, "PATCH", "/fields/size", Some(change));
        refused.is_problem(422, "invalid");
        assert!(refused.body["errors"][member].is_array(), "{refused:?}");
    }
    for malformed in [
        json!({"type": "string"}),
        json!({"created_at": "2020-01-01T00:00:00Z"}),
        json!({"required": null}),
        json!({"max_length": -1}),
    ] {
        let refused = office.ask(&office.root, "PATCH", "/fields/size", Some(malformed));
        refused.is_problem(400, "malformed_body");
    }
    let again = json!({"name": "size", "type": "int"});
    let taken = office.ask(&office.root, "POST", "/fields", Some(again));
    taken.is_problem(409, "conflict");
    assert_eq!(office.env.sql("SELECT * FROM fields"), before);
}

#[test]
fn accounts_that_break_a_new_rule_are_counted_and_only_force_brings_it() {
    let office = Office::new();
    let level = json!({"name": "level", "type": "int", "default": 7});
    office.done("POST", "/fields", Some(level));
    let lower = || Some(json!({"max": 5, "default": null}));
    let refused = office.ask(&office.root, "PATCH", "/fields/level", lower());
    refused.is_problem(409, "conflict");
    let detail = refused.body["detail"].as_str().expect("is a text");
    assert!(
        detail.contains("2 accounts break the rules") && detail.contains("force=true"),
        "{detail}"
    );
    let is = office.done("GET", "/fields/level", None);
    assert_eq!(is["max"], Value::Null);
    let unknown = office.ask(&office.root, "PATCH", "/fields/level?forces=true", lower());
    unknown.is_problem(400, "invalid_request");
    let forced = office.done("PATCH", "/fields/level?force=true", lower());
    assert_eq!(forced["max"], 5);

    // What cannot be is not, even so.
    let unique = Some(json!({"unique": true}));
    let refused = office.ask(&office.root, "PATCH", "/fields/level?force=true", unique);
    refused.is_problem(409, "conflict");
    let needed = json!({"name": "desk", "type": "string", "required": true});
    let refused = office.ask(&office.root, "POST", "/fields", Some(needed));
    refused.is_problem(409, "conflict");
    let detail = refused.body["detail"].as_str().expect("is a text");
    assert!(detail.contains("2 accounts"), "{detail}");
    let fields = office.done("GET", "/fields", None);
    assert_eq!(fields["fields"].as_array().map(Vec::len), Some(1));
}

#[test]
fn two_administrators_do_not_overwrite_each_others_fields() {
    let office = Office::new();
    let body = json!({"name": "size", "type": "int"});
    let made = office.ask(&office.root, "POST", "/fields", Some(body));
    let seen = made.header("etag").to_owned();
    let label = |label: &str| Some(json!({"label": label}));
    let path = "/fields/size";
    let first = office.ask_if(&office.root, "PATCH", path, label("One"), Some(&seen));
    assert_eq!(first.status, 200, "{first:?}");
    let second = [
        ("PATCH", label("Two")),
        ("PATCH", Some(json!({"name": "width"}))),
        ("DELETE", None),
    ];
    for (method, body) in second {
        let refused = office.ask_if(&office.root, method, path, body, Some(&seen));
        refused.is_problem(412, "precondition_failed");
        assert_eq!(refused.header("etag"), first.header("etag"));
    }
    assert_eq!(office.done("GET", path, None)["label"], "One");
}

#[test]
fn superusers_alone_change_fields_and_whoever_sees_accounts_sees_them() {
    let office = Office::new();
    office.done(
        "POST",
        "/fields",
        Some(json!({"name": "size", "type": "int"})),
    );
    for path in ["/fields", "/fields/size", "/fields/none"] {
        let refused = office.ask(&office.staff, "GET", path, None);
        refused.is_problem(403, "forbidden");
        assert_eq!(office.authd.get(path).status, 401, "{path}");
    }
    office.grant(&["users.view", "users.change"]);
    for (path, status) in [
        ("/fields", 200),
        ("/fields/size", 200),
        ("/fields/none", 404),
    ] {
        assert_eq!(office.ask(&office.staff, "GET", path, None).status, status);
    }
    for (method, path, body) in [
        ("POST", "/fields", Some(json!({"name": "a", "type": "int"}))),
        ("PATCH", "/fields/size", Some(json!({"label": "x"}))),
        ("PATCH", "/fields/size", Some(json!({"name": "width"}))),
        ("PATCH", "/fields/none", Some(json!({"label": "x"}))),
        ("DELETE", "/fields/size", None),
        ("DELETE", "/fields/none", None),
    ] {
        let refused = office.ask(&office.staff, method, path, body);
        refused.is_problem(403, "forbidden");
    }
    let fields = office.done("GET", "/fields", None);
    assert_eq!(fields["fields"][0]["name"], "size");
}

#[test]
fn accounts_are_listed_by_an_own_field() {
    let office = Office::new();
    let department = json!({"name": "department", "type": "string"});
    let level = json!({"name": "level", "type": "int", "indexed": true});
    let notes = json!({"name": "notes", "type": "json"});
    for field in [department, level, notes] {
        office.done("POST", "/fields", Some(field));
    }
    for (name, fields) in [
        ("ada", json!({"department": "R&D", "level": 3})),
        ("bob", json!({"department": "R&D", "level": 4})),
        ("eve", json!({"department": "sales", "level": 3})),
    ] {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "fields": fields});
        office.done("POST", "/users", Some(body));
    }
    let listed = |query: &str| office.done("GET", &format!("/users?{query}"), None);
    let found = listed("field.department=R%26D&order=email");
    assert_eq!(emails(&found), ["ada@example.com", "bob@example.com"]);
    let found = listed("field.level=3&order=-email");
    assert_eq!(emails(&found), ["eve@example.com", "ada@example.com"]);
    let found = listed("field.level=&order=email");
    assert_eq!(emails(&found), ["root@example.com", "staff@example.com"]);
    assert_eq!(emails(&listed("field.department=r%26d")), [""; 0]);

    let first = listed("field.department=R%26D&order=email&limit=1");
    let cursor = first["next"].as_str().expect("there is more");
    let path = format!("field.department=R%26D&order=email&limit=1&cursor={cursor}");
    let second = listed(&path);
    assert_eq!(emails(&second), ["bob@example.com"]);
    assert_eq!(second["next"], Value::Null);
    // A cursor of another list is none.
    let other = format!("/users?field.department=sales&order=email&cursor={cursor}");
    let refused = office.ask(&office.root, "GET", &other, None);
    refused.is_problem(400, "invalid_request");

    for (query, field) in [
        ("field.size=1", "fields.size"),
        ("field.=1", "fields."),
        ("field.level=high", "fields.level"),
        ("field.notes=1", "fields.notes"),
    ] {
        let refused = office.ask(&office.root, "GET", &format!("/users?{query}"), None);
        refused.is_problem(422, "invalid");
        assert!(refused.body["errors"][field].is_array(), "{refused:?}");
    }
    let both = "/users?field.level=3&field.department=sales";
    let refused = office.ask(&office.root, "GET", both, None);
    refused.is_problem(400, "invalid_request");
    // Whoever may not see accounts is not told which fields there are.
    for query in ["field.level=3", "field.size=1"] {
        let refused = office.ask(&office.staff, "GET", &format!("/users?{query}"), None);
        refused.is_problem(403, "forbidden");
    }
}
