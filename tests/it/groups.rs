//! `authctl group`, `authctl permission` and what follows from them.

use serde_json::{Value, json};

use crate::env::{Authd, PASSWORD, TestEnv};

/// Ada, the group `billing`, and a permission that it has.
fn billing() -> TestEnv {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.authctl(&["group", "add", "billing"]).succeeded();
    env.authctl(&["permission", "add", "billing.refund"])
        .succeeded();
    env.authctl(&["group", "grant", "billing", "billing.refund"])
        .succeeded();
    env
}

fn standing(authd: &Authd, token: &str) -> (Value, Value) {
    let answer = authd.verify(token);
    assert_eq!(answer.status, 200, "{answer:?}");
    let groups = answer.body["user"]["groups"].clone();
    (groups, answer.body["permissions"].clone())
}

/// Security statement 58.
#[test]
fn a_group_and_its_permissions_show_at_the_next_verify() {
    let env = billing();
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    assert_eq!(standing(&authd, &token), (json!([]), json!([])));

    let shown = env.authctl_json(&["group", "add-user", "billing", "ada@example.com"]);
    assert_eq!(shown.succeeded().json()["groups"], json!(["billing"]));
    let has = (json!(["billing"]), json!(["billing.refund"]));
    assert_eq!(standing(&authd, &token), has);

    env.authctl(&["group", "rename", "billing", "accounting"])
        .succeeded();
    let has = (json!(["accounting"]), json!(["billing.refund"]));
    assert_eq!(standing(&authd, &token), has);

    env.authctl(&["group", "revoke", "accounting", "billing.refund"])
        .succeeded();
    assert_eq!(standing(&authd, &token), (json!(["accounting"]), json!([])));

    env.authctl(&["user", "grant", "ada@example.com", "users.view"])
        .succeeded();
    env.authctl(&["group", "delete", "accounting", "--yes"])
        .succeeded();
    let has = (json!([]), json!(["users.view"]));
    assert_eq!(standing(&authd, &token), has);
    env.authctl(&["user", "revoke", "ada@example.com", "users.view"])
        .succeeded();
    assert_eq!(standing(&authd, &token), (json!([]), json!([])));
}

#[test]
fn a_superuser_has_every_permission_that_there_is() {
    let env = billing();
    env.authctl(&["user", "set", "ada@example.com", "--superuser", "true"])
        .succeeded();
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    let count = |permissions: &Value| permissions.as_array().expect("is a list").len();
    let (_, all) = standing(&authd, &token);
    let known = env.number("SELECT count(*) FROM permissions");
    assert_eq!(count(&all), usize::try_from(known).expect("is small"));
    env.authctl(&["permission", "add", "orders.ship"])
        .succeeded();
    assert_eq!(count(&standing(&authd, &token).1), count(&all) + 1);
    env.authctl(&["permission", "delete", "orders.ship", "--yes"])
        .succeeded();
    env.authctl(&["permission", "delete", "billing.refund", "--yes"])
        .succeeded();
    assert_eq!(count(&standing(&authd, &token).1), count(&all) - 1);
    env.authctl(&[
        "user",
        "set",
        "ada@example.com",
        "--superuser",
        "false",
        "--force",
    ])
    .succeeded();
    assert_eq!(standing(&authd, &token), (json!([]), json!([])));
}

/// Whoever follows the changes is told of everybody whose answer is another one.
#[test]
fn what_a_group_gains_or_loses_changes_the_version_of_its_members_and_of_nobody_else() {
    let env = billing();
    for email in ["bob@example.com", "eve@example.com"] {
        env.add_user(email, PASSWORD);
    }
    for email in ["ada@example.com", "bob@example.com"] {
        env.authctl(&["group", "add-user", "billing", email])
            .succeeded();
    }
    let versions = || {
        let sql = "SELECT version FROM users ORDER BY email_key";
        let lines = env.sql(sql);
        let numbers = lines.lines().map(|line| line.parse().expect("is a number"));
        numbers.collect::<Vec<i64>>()
    };
    let before = versions();
    env.authctl(&["group", "grant", "billing", "users.view"])
        .succeeded();
    let after = versions();
    assert!(after[0] > before[0] && after[1] > before[1] && after[0] != after[1]);
    assert_eq!(after[2], before[2]);
    assert!(env.number("SELECT value FROM change_sequence") >= after[1]);
    // Nothing changes, so nobody is told.
    env.authctl(&["group", "grant", "billing", "users.view"])
        .succeeded();
    env.authctl(&["group", "add-user", "billing", "ada@example.com"])
        .succeeded();
    assert_eq!(versions(), after);
}

#[test]
fn groups_are_named_once_and_found_by_name_or_id() {
    let env = billing();
    let shown = env.authctl_json(&["group", "show", "billing"]).succeeded();
    let group = shown.json();
    assert_eq!(group["permissions"], json!(["billing.refund"]));
    let id = group["id"].as_str().expect("is a text");
    assert_eq!(env.authctl_json(&["group", "show", id]).json(), group);
    let taken = env.authctl_json(&["group", "add", "billing"]);
    taken.refused(4, "conflict", "there is a group 'billing' already");
    let again = env.authctl_json(&["group", "add", "billing", "--if-not-exists"]);
    let again = again.succeeded().json();
    assert_eq!(again, json!({"created": false, "group": group}));
    env.authctl(&["group", "add", "Billing"]).succeeded();
    let same = env.authctl_json(&["group", "rename", "billing", "billing"]);
    assert_eq!(same.succeeded().json(), group);
    let taken = env.authctl_json(&["group", "rename", "Billing", "billing"]);
    taken.refused(4, "conflict", "there is a group 'billing' already");
    let listed = env.authctl(&["group", "list", "-q", "--limit", "1"]);
    assert_eq!(listed.stdout.lines().count(), 1);
    for bad in ["", "  ", "a\tb", id] {
        let out = env.authctl_json(&["group", "add", bad]);
        assert_eq!(out.status, 5, "{bad:?} {out:?}");
    }
}

#[test]
fn what_an_account_may_do_is_listed_with_what_it_was_given_by_itself() {
    let env = billing();
    let ask = ["user", "permissions", "ada@example.com"];
    let none = json!({"direct": [], "effective": []});
    assert_eq!(env.authctl_json(&ask).succeeded().json(), none);
    for command in [
        ["group", "add-user", "billing", "ada@example.com"],
        ["user", "grant", "ada@example.com", "users.view"],
    ] {
        env.authctl(&command).succeeded();
    }
    let both = json!({"direct": ["users.view"], "effective": ["billing.refund", "users.view"]});
    assert_eq!(env.authctl_json(&ask).succeeded().json(), both);
    let lines = env.authctl(&[&ask[..], &["-o", "tsv"]].concat());
    let lines = lines.succeeded().stdout;
    assert_eq!(lines, "billing.refund\tfalse\nusers.view\ttrue\n");
    env.authctl_json(&["user", "permissions", "eve@example.com"])
        .refused(3, "not_found", "there is no account 'eve@example.com'");
    // It is for whoever sees accounts.
    env.authctl(&["user", "add", "bob@example.com", "--staff", "--no-password"])
        .succeeded();
    env.authctl_json(&[&ask[..], &["--as", "bob@example.com"]].concat())
        .refused(4, "conflict", "this needs the permission 'users.view'");
}

#[test]
fn what_is_not_there_is_told_by_its_name_and_what_is_built_in_stays() {
    let env = billing();
    let refused = |arguments: &[&str], status: i32, message: &str| {
        let code = if status == 3 { "not_found" } else { "conflict" };
        env.authctl_json(arguments).refused(status, code, message);
    };
    let no_permission = "there is no permission 'a.b': see 'authctl permission list'";
    refused(&["group", "show", "other"], 3, "there is no group 'other'");
    refused(
        &["group", "grant", "other", "users.view"],
        3,
        "there is no group 'other'",
    );
    refused(&["group", "grant", "billing", "a.b"], 3, no_permission);
    refused(
        &["user", "grant", "ada@example.com", "a.b"],
        3,
        no_permission,
    );
    refused(&["permission", "delete", "a.b", "--yes"], 3, no_permission);
    refused(
        &["group", "add-user", "billing", "bob@example.com"],
        3,
        "there is no account 'bob@example.com'",
    );
    refused(
        &[
            "user",
            "add",
            "bob@example.com",
            "--no-password",
            "--group",
            "other",
        ],
        3,
        "there is no group 'other'",
    );
    assert_eq!(env.number("SELECT count(*) FROM users"), 1);
    refused(
        &["permission", "delete", "users.view", "--yes"],
        4,
        "the permission 'users.view' is built in",
    );
    let again = ["permission", "add", "billing.refund"];
    let out = env.authctl_json(&again);
    assert_eq!(out.status, 4, "{out:?}");
    let flags = ["--description", "Another", "--if-not-exists"];
    let had = env.authctl_json(&[&again[..], &flags].concat());
    assert_eq!(had.succeeded().json()["description"], "");
    let out = env.authctl_json(&["permission", "add", "refund"]);
    assert_eq!(out.status, 5, "{out:?}");
    for verb in [
        &["group", "delete", "billing"],
        &["permission", "delete", "billing.refund"],
    ] {
        assert_eq!(env.authctl_json(verb).status, 2);
    }
}

#[test]
fn members_are_listed_and_put_in_from_the_start() {
    let env = billing();
    let added = env.authctl_json(&[
        "user",
        "add",
        "bob@example.com",
        "--no-password",
        "--group",
        "billing",
    ]);
    let user = added.succeeded().json()["user"].clone();
    assert_eq!(user["groups"], json!(["billing"]));
    let listed = env.authctl_json(&["user", "list", "--group", "billing"]);
    assert_eq!(listed.succeeded().json()["users"], json!([user]));
}

#[test]
fn tokens_say_groups_and_permissions_if_they_are_told_to() {
    let env = billing();
    env.authctl(&["group", "add-user", "billing", "ada@example.com"])
        .succeeded();
    let claims = ("AUTHD_TOKENS_CLAIMS", "groups,permissions");
    let authd = env.authd_with(&[], &[claims]);
    let token = authd.login("ada@example.com", PASSWORD);
    let claims = authd.verify(&token).body["claims"].clone();
    assert_eq!(claims["groups"], json!(["billing"]));
    assert_eq!(claims["permissions"], json!(["billing.refund"]));
}

/// `docs/users.md`: through the command line with somebody else's rights.
#[test]
fn a_command_may_be_run_with_the_rights_of_an_account() {
    let env = billing();
    env.add_user("bob@example.com", PASSWORD);
    env.authctl(&["user", "set", "ada@example.com", "--staff", "true"])
        .succeeded();
    let rename = [
        "--as",
        "ada@example.com",
        "user",
        "set",
        "bob@example.com",
        "--last-name",
        "B",
    ];
    env.authctl_json(&rename)
        .refused(4, "conflict", "this needs the permission 'users.change'");
    env.authctl(&["user", "grant", "ada@example.com", "users.change"])
        .succeeded();
    env.authctl(&rename).succeeded();
    let promote = [
        "--as",
        "ada@example.com",
        "user",
        "set",
        "bob@example.com",
        "--staff",
        "true",
    ];
    env.authctl_json(&promote)
        .refused(4, "conflict", "only superusers may do this");
    let unknown = ["--as", "eve@example.com", "group", "list"];
    env.authctl_json(&unknown)
        .refused(3, "not_found", "there is no account 'eve@example.com'");
}
