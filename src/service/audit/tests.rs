//! What leaves an event, and what that says.

use super::*;
use crate::domain::actor::Actor;
use crate::domain::authority::{Authority, Bearer};
use crate::domain::group::GroupRef;
use crate::domain::password::Password;
use crate::domain::scope::Scope;
use crate::domain::session::Origin;
use crate::domain::user::{NewUser, User, UserChange};
use crate::service::accounts::{AccountError, LastSuperuser, PasswordChecks};
use crate::service::groups;
use crate::service::login::{Attempt, LoginError, login};
use crate::service::trial::{PASSWORD, Trial};
use crate::store::StoreError;

fn root(trial: &Trial) -> Management {
    trial.services.managed_by(Actor::operator("root"))
}

fn as_user(trial: &Trial, user: User) -> Management {
    let scope = Scope::default();
    trial.services.managed_by(Actor {
        authority: Authority::User(Box::new(Bearer { user, scope })),
        address: Some([192, 0, 2, 7].into()),
    })
}

/// What was written down since this number.
fn since(trial: &Trial, after: i64) -> Vec<Event> {
    let page = list(&root(trial), &Wanted::default(), after, 100);
    page.expect("lists").events
}

fn count(trial: &Trial) -> i64 {
    verify(&root(trial), None).expect("fits").events
}

/// The one event of what is done now.
#[track_caller]
fn one_event(trial: &Trial, work: impl FnOnce()) -> Event {
    let before = count(trial);
    work();
    let mut events = since(trial, before);
    assert_eq!(events.len(), 1, "{events:?}");
    events.pop().expect("there is one")
}

fn bob() -> NewUser {
    NewUser {
        email: "bob@example.com".parse().expect("is an address"),
        first_name: "Bob".parse().expect("is a name"),
        last_name: "".parse().expect("is a name"),
        phone_number: None,
        external_id: None,
        is_active: true,
        is_staff: true,
        is_superuser: false,
        groups: std::collections::BTreeSet::new(),
        fields: std::collections::BTreeMap::new(),
    }
}

/// Security statement 92.
#[test]
fn every_change_of_an_account_is_one_event_that_names_who_whom_and_what() {
    let trial = Trial::new();
    let accounts = &trial.accounts;
    let ada = trial.ada();
    let id = Some(trial.user.id.to_string());
    let event = one_event(&trial, || {
        let change = UserChange {
            first_name: Some("Augusta".parse().expect("is a name")),
            is_staff: Some(true),
            ..UserChange::default()
        };
        let changed = accounts.change(&ada, change, LastSuperuser::Keep);
        changed.expect("is changed");
    });
    assert_eq!(
        (event.event.as_str(), event.result.as_str()),
        ("user.changed", "ok")
    );
    assert_eq!(event.actor_kind, "operator");
    assert_eq!(event.actor_id.as_deref(), Some("root"));
    assert_eq!(event.user_id, id);
    let detail = serde_json::json!({"is_staff": true, "changed": ["first_name", "is_staff"]});
    assert_eq!(event.detail, detail);
    let event = one_event(&trial, || {
        trial.set_password("violet lantern orbits quartz");
    });
    assert_eq!(event.event, "user.password_changed");
    let event = one_event(&trial, || {
        accounts
            .disable(&ada, LastSuperuser::Keep)
            .expect("is disabled");
    });
    assert_eq!(event.event, "user.disabled");
    let event = one_event(&trial, || {
        accounts.enable(&ada).expect("is enabled");
    });
    assert_eq!(event.event, "user.enabled");
    let event = one_event(&trial, || {
        accounts
            .delete(&ada, LastSuperuser::Keep)
            .expect("is deleted");
    });
    assert_eq!(
        (event.event.as_str(), event.user_id.clone()),
        ("user.deleted", id)
    );
    // What was done to somebody stays, and is found by the id.
    let wanted = Wanted {
        user: Some(ada),
        ..Wanted::default()
    };
    let page = list(&root(&trial), &wanted, 0, 100).expect("lists");
    let names: Vec<&str> = page
        .events
        .iter()
        .map(|event| event.event.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "user.added",
            "user.changed",
            "user.password_changed",
            "user.disabled",
            "user.enabled",
            "user.deleted"
        ]
    );
}

#[test]
fn a_change_that_changes_nothing_or_fails_leaves_no_event() {
    let trial = Trial::new();
    let desk = root(&trial);
    let group = groups::add(&desk, "billing".parse().expect("is a name")).expect("is added");
    let name = || GroupRef::Id(group.id);
    groups::add_user(&desk, name(), trial.ada()).expect("is added");
    let before = count(&trial);
    groups::add_user(&desk, name(), trial.ada()).expect("is a member already");
    let same = UserChange {
        first_name: Some("Ada".parse().expect("is a name")),
        ..UserChange::default()
    };
    let same = trial
        .accounts
        .change(&trial.ada(), same, LastSuperuser::Keep);
    same.expect("is the same");
    let taken = NewUser {
        email: trial.user.email.clone(),
        ..bob()
    };
    let taken = trial.accounts.create(taken, None, PasswordChecks::Enforce);
    let Err(AccountError::Store(StoreError::EmailTaken(_))) = taken else {
        panic!("{taken:?}");
    };
    // The account is made, and gone again because there is no such group.
    let groups = ["none".parse().expect("is a name")].into();
    let new = NewUser { groups, ..bob() };
    let failed = trial.accounts.create(new, None, PasswordChecks::Enforce);
    assert!(matches!(failed, Err(AccountError::NoGroup(_))));
    assert_eq!(count(&trial), before);
}

#[test]
fn what_somebody_may_not_do_is_written_down_as_denied_and_not_done() {
    let trial = Trial::new();
    let made = trial.accounts.create(bob(), None, PasswordChecks::Enforce);
    let bob = made.expect("is added");
    let desk = as_user(&trial, bob.clone());
    let accounts = trial.services.accounts(desk.by.clone());
    let event = one_event(&trial, || {
        let refused = accounts.disable(&trial.ada(), LastSuperuser::Keep);
        assert!(matches!(refused, Err(AccountError::Denied(_))));
    });
    assert_eq!(
        (event.event.as_str(), event.result.as_str()),
        ("user.disabled", "denied")
    );
    assert_eq!(event.user_id, Some(trial.user.id.to_string()));
    assert_eq!(event.actor_id, Some(bob.id.to_string()));
    assert_eq!(event.address.as_deref(), Some("192.0.2.7"));
    assert_eq!(
        event.detail["reason"],
        "this needs the permission 'users.change'"
    );
    let event = one_event(&trial, || {
        assert!(matches!(
            list(&desk, &Wanted::default(), 0, 1),
            Err(AuditError::Denied(_))
        ));
    });
    assert_eq!(
        (event.event.as_str(), event.result.as_str()),
        ("audit.viewed", "denied")
    );
    let event = one_event(&trial, || {
        let password = Password::new(PASSWORD);
        let refused = accounts.set_password(&trial.ada(), &password, PasswordChecks::Enforce);
        assert!(matches!(refused, Err(AccountError::Denied(_))));
    });
    assert_eq!(event.event, "user.password_changed");
    assert!(trial.login(PASSWORD).is_ok());
}

/// Security statement 92; and what was typed is nowhere.
#[test]
fn a_login_is_one_event_whether_it_succeeds_or_not() {
    let trial = Trial::new();
    let attempt = |email: &str, password: &str| {
        let origin = Origin {
            address: Some([192, 0, 2, 9].into()),
            user_agent: None,
        };
        let attempt = Attempt {
            email,
            password,
            origin,
            client: None,
            scope: Scope::default(),
        };
        login(&trial.services, attempt)
    };
    let refused = |email: &str, password: &str| {
        let event = one_event(&trial, || {
            let outcome = attempt(email, password);
            assert!(matches!(outcome, Err(LoginError::InvalidCredentials)));
        });
        assert_eq!(
            (event.event.as_str(), event.result.as_str()),
            ("login", "failed")
        );
        assert_eq!(event.actor_kind, "anonymous");
        assert_eq!(event.address.as_deref(), Some("192.0.2.9"));
        let text = serde_json::to_string(&event).expect("serialises");
        assert!(!text.contains("typed"), "{text}");
        event.user_id
    };
    let ada = Some(trial.user.id.to_string());
    assert_eq!(refused("ada@example.com", "typed wrongly by hand"), ada);
    assert_eq!(refused("typed@example.com", PASSWORD), None);
    assert_eq!(refused("typed the password here", PASSWORD), None);
    let event = one_event(&trial, || {
        attempt("ada@example.com", PASSWORD).expect("logs in");
    });
    assert_eq!(
        (event.event.as_str(), event.result.as_str()),
        ("login", "ok")
    );
    assert_eq!((event.actor_id, event.user_id), (ada.clone(), ada.clone()));
    let session = trial.sql("SELECT id FROM sessions");
    assert_eq!(event.session_id, Some(session));
    let disabled = trial.accounts.disable(&trial.ada(), LastSuperuser::Keep);
    disabled.expect("is disabled");
    assert_eq!(refused("ada@example.com", PASSWORD), ada);
}

#[test]
fn whoever_kept_a_hash_finds_what_was_cut_off_or_written_anew() {
    let trial = Trial::new();
    let desk = root(&trial);
    let nothing: EventHash = "0".repeat(64).parse().expect("is a hash");
    trial.token();
    let kept = verify(&desk, Some(nothing)).expect("fits");
    assert!(kept.events >= 3);
    trial.token();
    let more = verify(&desk, Some(kept.hash)).expect("still fits");
    assert_eq!(more.events, kept.events + 1);
    trial.sql(&format!(
        "DELETE FROM audit_events WHERE number >= {}",
        kept.events
    ));
    assert_eq!(verify(&desk, None).expect("fits").events, kept.events - 1);
    let lost = verify(&desk, Some(kept.hash));
    assert!(matches!(lost, Err(AuditError::Lost(hash)) if hash == kept.hash));
    trial.sql("UPDATE audit_events SET result = 'denied' WHERE number = 2");
    assert!(matches!(verify(&desk, None), Err(AuditError::Broken(2))));
}

#[test]
fn a_hash_has_64_digits() {
    let text = "5a0caa856083d22bd1f061d4067e4eba7427c2705e9366fe001176ba6d5ceb39";
    let hash: EventHash = text.parse().expect("is one");
    assert_eq!(hash.to_string(), text);
    for bad in [
        "",
        "5a",
        &text[1..],
        &text.replace('5', "g"),
        &format!("+{}", &text[1..]),
    ] {
        assert_eq!(bad.parse::<EventHash>(), Err(EventHashError), "{bad}");
    }
}
