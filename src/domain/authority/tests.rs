//! The tables of `docs/users.md`, cell by cell.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::domain::field::FieldUses;
use crate::domain::group::{GroupId, GroupName};

const DOCUMENT: &str = include_str!("../../../docs/users.md");

/// Every permission that the table is about.
const OWN: [&str; 10] = [
    "audit.view",
    "groups.add",
    "groups.change",
    "groups.delete",
    "groups.view",
    "sessions.delete",
    "sessions.view",
    "users.add",
    "users.change",
    "users.delete",
];

fn name(text: &str) -> PermissionName {
    text.parse().expect("is a name")
}

fn user(number: u128, permissions: &[&str]) -> User {
    User {
        id: UserId(Uuid::from_u128(number)),
        email: "ada@example.com".parse().expect("is an address"),
        first_name: "Ada".parse().expect("is a name"),
        last_name: "Lovelace".parse().expect("is a name"),
        phone_number: None,
        external_id: None,
        is_active: true,
        is_staff: false,
        is_superuser: false,
        groups: vec![],
        permissions: permissions.iter().map(|text| name(text)).collect(),
        fields: BTreeMap::new(),
        field_uses: FieldUses::default(),
        date_joined: Timestamp::UNIX_EPOCH,
        last_login: None,
        version: 1,
    }
}

fn group(text: &str, permissions: &[&str]) -> Group {
    let group_name: GroupName = text.parse().expect("is a name");
    Group {
        id: GroupId(Uuid::nil()),
        name: group_name,
        permissions: permissions.iter().map(|text| name(text)).collect(),
        created_at: Timestamp::UNIX_EPOCH,
        version: 1,
    }
}

fn bearer(user: User, scope: &str) -> Authority {
    let scope = scope.parse().expect("is a scope");
    Authority::User(Box::new(Bearer { user, scope }))
}

fn allowed() -> Vec<&'static str> {
    [&OWN[..], &["users.view", "billing.refund"]].concat()
}

/// Who stands at the head of a column.
fn authority(column: &str) -> Authority {
    let staff = |permissions: &[&str]| User {
        is_staff: true,
        groups: vec!["own".into()],
        ..user(1, permissions)
    };
    match column {
        "`authctl`" => Authority::Operator("root".into()),
        "superuser" => {
            let all = [&allowed()[..], &["billing.audit"]].concat();
            bearer(
                User {
                    is_superuser: true,
                    ..staff(&all)
                },
                "",
            )
        }
        "staff with the permission" => bearer(staff(&allowed()), ""),
        "staff without it" => bearer(staff(&["billing.refund"]), ""),
        "no staff" => bearer(
            User {
                is_staff: false,
                ..staff(&allowed())
            },
            "",
        ),
        "client with the scope" => {
            let scope = allowed().join(" ").parse().expect("is a scope");
            Authority::Client("billing".parse().expect("is an id"), scope)
        }
        other => panic!("nobody is called '{other}'"),
    }
}

/// What happens to whoever does what a row says.
fn outcome(row: &str, by: &Authority) -> Result<(), Denied> {
    let peer = user(2, &["billing.refund"]);
    let above = user(3, &["billing.refund", "billing.audit"]);
    let superuser = User {
        is_superuser: true,
        ..user(4, &[])
    };
    let own = || by.user().expect("is a user").clone();
    let (refund, audit) = (name("billing.refund"), name("billing.audit"));
    let (low, high) = (
        group("low", &["billing.refund"]),
        group("high", &["billing.audit"]),
    );
    let own_group = group("own", &[]);
    match row {
        "see accounts" | "see an account" | "see fields" => by.require(Builtin::UsersView),
        "see groups" | "see a group" | "see permissions" => by.require(Builtin::GroupsView),
        "see what was done" => by.require(Builtin::AuditView),
        "see the sessions of others" => by.require(Builtin::SessionsView),
        "add an account" => by.check_new(false, false),
        "add staff" => by.check_new(true, false),
        "add a superuser" => by.check_new(false, true),
        "add an account to a group" => {
            let added = by.check_new(false, false);
            added.and_then(|()| by.check(Deed::Membership(&low), &user(5, &[])))
        }
        "add an account to a group above" => {
            let added = by.check_new(false, false);
            added.and_then(|()| by.check(Deed::Membership(&high), &user(5, &[])))
        }
        "change a peer"
        | "fill in a field of a peer"
        | "invite a peer"
        | "start a reset of a peer's password"
        | "have a peer's address confirmed" => by.check(Deed::Profile, &peer),
        "change somebody above"
        | "fill in a field of somebody above"
        | "invite somebody above"
        | "start a reset of somebody's password above"
        | "have somebody's address above confirmed" => by.check(Deed::Profile, &above),
        "change a superuser" => by.check(Deed::Profile, &superuser),
        "change oneself" => by.check(Deed::Profile, &own()),
        "disable a peer" | "enable a peer" => by.check(Deed::Activity, &peer),
        "disable somebody above" | "enable somebody above" => by.check(Deed::Activity, &above),
        "disable oneself" => by.check(Deed::Activity, &own()),
        "end the sessions of a peer" => by.check(Deed::Sessions, &peer),
        "end the sessions of somebody above" => by.check(Deed::Sessions, &above),
        "make a peer staff" | "make a peer a superuser" => by.check(Deed::Standing, &peer),
        "make oneself a superuser" => by.check(Deed::Standing, &own()),
        "give a peer a permission that is one's own" | "take a permission from a peer" => {
            by.check(Deed::Permission(&refund), &peer)
        }
        "give a peer another permission" => by.check(Deed::Permission(&audit), &peer),
        "give oneself a permission" => by.check(Deed::Permission(&refund), &own()),
        "take a permission from somebody above" => by.check(Deed::Permission(&refund), &above),
        "put a peer into a group" | "take a peer out of a group" => {
            by.check(Deed::Membership(&low), &peer)
        }
        "put a peer into a group above" => by.check(Deed::Membership(&high), &peer),
        "put oneself into a group" => by.check(Deed::Membership(&low), &own()),
        "take somebody above out of a group" => by.check(Deed::Membership(&low), &above),
        "delete a peer" => by.check(Deed::Deletion, &peer),
        "delete somebody above" => by.check(Deed::Deletion, &above),
        "delete a superuser" => by.check(Deed::Deletion, &superuser),
        "add a group" => by.require(Builtin::GroupsAdd),
        "rename a group" => by.check_group(Builtin::GroupsChange, &low),
        "rename one's own group" => by.check_group(Builtin::GroupsChange, &own_group),
        "rename a group above" => by.check_group(Builtin::GroupsChange, &high),
        "delete a group" => by.check_group(Builtin::GroupsDelete, &low),
        "delete a group above" => by.check_group(Builtin::GroupsDelete, &high),
        "give a group a permission that is one's own" | "take a permission from a group" => {
            by.check_group_permission(&low, &refund)
        }
        "give a group another permission" => by.check_group_permission(&low, &audit),
        "take another permission from a group" => by.check_group_permission(&high, &audit),
        "give one's own group a permission" => by.check_group_permission(&own_group, &refund),
        "add a permission"
        | "delete a permission"
        | "add a field"
        | "change a field"
        | "rename a field"
        | "delete a field" => by.require_superuser(),
        "change one's own names" => by.own_account().map(drop),
        "see oneself"
        | "change one's own password"
        | "see one's own sessions"
        | "end one's own session"
        | "end one's other sessions" => by.user().map(drop).ok_or(Denied::NoUser),
        other => panic!("the row '{other}' is not tried"),
    }
}

/// The cells of every row of the table that begins with this heading.
fn table(first: &str) -> Vec<Vec<&'static str>> {
    let start = DOCUMENT.find(&format!("| {first} |")).expect("is there");
    DOCUMENT[start..]
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_document_says_who_may_do_what() {
    let rows = table("what");
    let [head, _, rows @ ..] = &rows[..] else {
        panic!("has a head");
    };
    let mut cells = 0;
    for row in rows {
        for (column, cell) in head.iter().zip(row).skip(1) {
            let expected = match *cell {
                "yes" => true,
                "no" => false,
                "-" => continue,
                other => panic!("'{other}' is no answer"),
            };
            let found = outcome(row[0], &authority(column));
            assert_eq!(found.is_ok(), expected, "{column}: {}: {found:?}", row[0]);
            cells += 1;
        }
    }
    assert!(cells > 200, "{cells}");
}

#[test]
fn the_document_lists_the_permissions_of_this_service() {
    let rows = table("permission");
    let listed: Vec<(String, &str)> = rows[2..]
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1]))
        .collect();
    let known = Builtin::ALL.iter();
    let known: Vec<(String, &str)> = known
        .map(|builtin| (builtin.name().to_owned(), builtin.meaning()))
        .collect();
    assert_eq!(listed, known);
}

/// A token that is only for something gives no more than that, whoever's it is.
#[test]
fn a_tokens_scope_limits_what_it_allows() {
    let superuser = User {
        is_superuser: true,
        ..user(1, &allowed())
    };
    let by = bearer(superuser.clone(), "users.view");
    assert!(by.may(Builtin::UsersView) && !by.may(Builtin::UsersChange));
    assert_eq!(by.require_superuser(), Err(Denied::SuperusersOnly));
    let by = bearer(superuser, "users.view users.change billing.refund");
    let peer = user(2, &["billing.refund"]);
    assert_eq!(by.check(Deed::Profile, &peer), Ok(()));
    assert_eq!(by.check(Deed::Standing, &peer), Err(Denied::SuperusersOnly));
    let above = user(3, &["billing.audit"]);
    assert_eq!(by.check(Deed::Profile, &above), Err(Denied::Above));
}
