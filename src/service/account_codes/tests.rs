//! Codes at a time that stands until it is moved.

use super::addresses;
use super::managed::{AccountCodes, Delivery, Issued};
use super::passwords::{request_reset, set_password};
use super::registration::{self, Newcomer};
use super::*;
use crate::domain::actor::Actor;
use crate::domain::password::Password;
use crate::domain::scope::Scope;
use crate::domain::session::SessionId;
use crate::domain::user::{NewUser, User, UserChange, UserRef};
use crate::service::accounts::{LastSuperuser, PasswordChecks};
use crate::service::own_account::Owner;
use crate::service::own_password::{self, PasswordChange};
use crate::service::secret_key::SecretKeySource;
use crate::service::trial::{PASSWORD, Trial};
use crate::service::{secret_rotation, verification};
use crate::store::{outgoing_mail, users};
use crate::tokens;

const NEW: &str = "violet lantern orbits quartz";

fn codes(trial: &Trial) -> AccountCodes {
    trial.services.account_codes(Actor::operator("root"))
}

/// What is after the '#' of the link.
fn code_in(issued: &Issued) -> String {
    let link = issued.link.as_ref().expect("is shown").expose();
    link.split_once('#')
        .expect("has a place for it")
        .1
        .to_owned()
}

fn reset_code(trial: &Trial) -> String {
    let issued = codes(trial).reset(&trial.ada(), Delivery::Link);
    code_in(&issued.expect("is made"))
}

fn choose(trial: &Trial, code: &str, password: &str) -> Result<User, CodeError> {
    set_password(&trial.services, code, &Password::new(password), None)
}

#[track_caller]
fn is_dead<T>(outcome: Result<T, CodeError>) {
    assert!(matches!(outcome, Err(CodeError::Dead)));
}

/// Without a password.
fn add_grace(trial: &Trial) -> UserRef {
    let new = NewUser {
        email: "grace@example.com".parse().expect("is an address"),
        first_name: "Grace".parse().expect("is a name"),
        last_name: "".parse().expect("is a name"),
        phone_number: None,
        external_id: None,
        is_active: true,
        is_staff: false,
        is_superuser: false,
        groups: std::collections::BTreeSet::new(),
        fields: std::collections::BTreeMap::new(),
    };
    let added = trial.accounts.create(new, None, PasswordChecks::Enforce);
    UserRef::Id(added.expect("is added").id)
}

/// Security statements 57 and 79, CVE-2026-4325.
#[test]
fn a_code_sets_a_password_once_and_ends_sessions_and_the_other_codes() {
    let trial = Trial::new();
    let token = trial.token();
    let session = trial.login(PASSWORD).expect("logs in");
    let (one, other) = (reset_code(&trial), reset_code(&trial));
    choose(&trial, &one, NEW).expect("is set");
    assert!(trial.refusal(&token).is_some());
    assert!(trial.refusal(&session.access_token).is_some());
    assert_eq!(trial.count("SELECT count(*) FROM sessions"), 0);
    assert_eq!(trial.count("SELECT count(*) FROM account_codes"), 0);
    assert!(trial.login(PASSWORD).is_err());
    trial.clock.advance_millis(1);
    assert!(trial.login(NEW).is_ok());
    for dead in [&one, &other] {
        is_dead(choose(&trial, dead, PASSWORD));
    }
    assert!(trial.login(NEW).is_ok());
}

/// A session of Ada's.
fn session(trial: &Trial, password: &str) -> Option<SessionId> {
    let token = trial.login(password).expect("logs in").access_token;
    let found = verification::verify(&trial.services, &token).expect("is good");
    match found.claims.subject {
        tokens::claims::Subject::User { session, .. } => session,
        tokens::claims::Subject::Client(_) => None,
    }
}

fn change_own_password(trial: &Trial, current: &str, new: &str) {
    let change = PasswordChange {
        by: Owner {
            user: &trial.user,
            session: session(trial, current),
            scope: &Scope::default(),
            address: None,
        },
        current: &Password::new(current),
        new: &Password::new(new),
    };
    own_password::change(&trial.services, &change).expect("is changed");
}

/// Security statement 79: dead after a password change, whoever made it, and by whichever way.
#[test]
fn a_code_does_not_outlive_what_it_was_made_for() {
    let trial = Trial::new();
    let after = |change: &dyn Fn()| {
        let code = reset_code(&trial);
        trial.clock.advance_millis(1);
        change();
        trial.clock.advance_millis(1);
        is_dead(choose(&trial, &code, NEW));
    };
    after(&|| trial.set_password("another password of hers"));
    after(&|| change_own_password(&trial, "another password of hers", PASSWORD));
    after(&|| {
        let disabled = trial.accounts.disable(&trial.ada(), LastSuperuser::Keep);
        disabled.expect("is disabled");
        trial.accounts.enable(&trial.ada()).expect("is enabled");
    });
    after(&|| {
        let change = UserChange {
            email: Some("ada@example.org".parse().expect("is an address")),
            ..UserChange::default()
        };
        let changed = trial
            .accounts
            .change(&trial.ada(), change, LastSuperuser::Keep);
        changed.expect("is changed");
    });
    after(&|| trial.clock.advance_secs(3600));
    let code = reset_code(&trial);
    trial.clock.advance_secs(3599);
    choose(&trial, &code, NEW).expect("is good until then");
    let code = reset_code(&trial);
    let deleted = trial.accounts.delete(&trial.ada(), LastSuperuser::Keep);
    deleted.expect("is deleted");
    is_dead(choose(&trial, &code, NEW));
}

/// Security statements 8, 53 and 79, CVE-2026-4325.
#[test]
fn a_code_of_one_purpose_is_good_for_no_other() {
    let trial = Trial::new();
    let confirmation = codes(&trial).confirm_email(&trial.ada(), Delivery::Link);
    let confirmation = code_in(&confirmation.expect("is made"));
    let reset = reset_code(&trial);
    is_dead(choose(&trial, &confirmation, NEW));
    is_dead(addresses::confirm(&trial.services, &reset, None));
    let register = |code: &str| {
        let newcomer = Newcomer {
            first_name: "Eve".parse().expect("is a name"),
            last_name: "".parse().expect("is a name"),
            phone_number: None,
            fields: std::collections::BTreeMap::new(),
        };
        registration::complete(&trial.services, code, &Password::new(NEW), newcomer, None)
    };
    is_dead(register(&reset));
    is_dead(register(&confirmation));
    // The same bits under the other's name.
    let renamed = confirmation.replace("authd_confirm_", "authd_reset_");
    is_dead(choose(&trial, &renamed, NEW));
    // Nor does what somebody writes into the row's hash help the other purpose.
    let token = OpaqueToken::generate(
        OpaqueKind::Code(Purpose::PasswordReset),
        &*trial.services.sources.random,
    );
    is_dead(choose(&trial, token.expose(), NEW));
    for token in [trial.token(), String::new(), "authd_reset_".into()] {
        is_dead(choose(&trial, &token, NEW));
    }
    assert!(trial.refusal(&reset).is_some(), "it is no access token");
    for end in 0..reset.len() {
        is_dead(choose(&trial, &reset[..end], NEW));
    }
    choose(&trial, &reset, NEW).expect("is good for its own");
    addresses::confirm(&trial.services, &confirmation, None).expect_err("ended with the password");
}

/// Security statement 66: at a reset, too; and the code is not used up by a bad try.
#[test]
fn a_password_that_breaks_a_rule_leaves_the_code_good() {
    let trial = Trial::new();
    let code = reset_code(&trial);
    for bad in ["short", "ada@example.com", "aaaaaaaaaaaaaaaaaaaa"] {
        let refused = choose(&trial, &code, bad);
        assert!(matches!(
            refused,
            Err(CodeError::Account(AccountError::Policy(_)))
        ));
    }
    choose(&trial, &code, NEW).expect("is set");
}

#[test]
fn an_invitation_is_for_an_account_without_a_password_and_a_reset_for_one_with() {
    let trial = Trial::new();
    let grace = add_grace(&trial);
    let codes = codes(&trial);
    let refused = codes.invite(&trial.ada(), Delivery::Link);
    assert!(matches!(refused, Err(CodeError::HasPassword(_))));
    let refused = codes.reset(&grace, Delivery::Link);
    assert!(matches!(refused, Err(CodeError::NoPassword(_))));
    let refused = codes.invite(&grace, Delivery::Mail);
    assert!(matches!(refused, Err(CodeError::NoMail)));
    let invited = codes.invite(&grace, Delivery::Link).expect("is invited");
    let code = code_in(&invited);
    trial.clock.advance_secs(7 * 24 * 3600 - 1);
    choose(&trial, &code, NEW).expect("is set");
    is_dead(choose(&trial, &code, PASSWORD));
}

#[test]
fn the_latest_five_codes_of_a_purpose_are_good() {
    let trial = Trial::new();
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(reset_code(&trial));
        trial.clock.advance_secs(1);
    }
    assert_eq!(trial.count("SELECT count(*) FROM account_codes"), 5);
    is_dead(choose(&trial, &made[1], NEW));
    choose(&trial, &made[2], NEW).expect("is set");
}

/// Security statements 70 and 79: nothing but one row of what was asked for is written before the
/// answer, whoever the address belongs to, so the time tells nothing.
#[test]
fn asking_for_a_reset_does_the_same_for_every_address() {
    let trial = Trial::new();
    add_grace(&trial);
    let disabled = trial.accounts.disable(&trial.ada(), LastSuperuser::Keep);
    let rows = |trial: &Trial| {
        ["account_codes", "outgoing_mail", "audit_events"]
            .map(|table| trial.count(&format!("SELECT count(*) FROM {table}")))
    };
    disabled.expect("is disabled");
    for email in [
        "ada@example.com",
        "grace@example.com",
        "nobody@example.com",
        "none",
        "",
    ] {
        let [codes, mails, events] = rows(&trial);
        request_reset(&trial.services, email, None).expect("is seen to");
        assert_eq!(rows(&trial), [codes, mails + 1, events], "{email}");
    }
    trial.accounts.enable(&trial.ada()).expect("is enabled");
    let [codes, mails, events] = rows(&trial);
    request_reset(&trial.services, "ada@example.com", None).expect("is seen to");
    assert_eq!(rows(&trial), [codes, mails + 1, events]);
}

/// Security statement 52: the queue says nothing to whoever reads the database.
#[test]
fn what_waits_is_sealed_and_opens_after_a_change_of_the_secret() {
    let trial = Trial::new();
    request_reset(&trial.services, "secret.person@example.com", None).expect("is seen to");
    let waiting = || {
        let waiting = trial.services.store.write(outgoing_mail::all);
        waiting.expect("reads").remove(0)
    };
    let before = waiting();
    let text = String::from_utf8_lossy(&before.sealed).into_owned();
    assert!(!text.contains("secret.person"));
    let by = Actor::operator("root");
    let (store, source) = (
        &trial.services.store,
        SecretKeySource::File(trial.secret_file()),
    );
    secret_rotation::rotate(store, &source, None, &trial.services.sources, &by)
        .expect("is changed");
    let after = waiting();
    assert_ne!(before.sealed, after.sealed);
    let secrets = trial.services.keys.renew(store).expect("is read");
    let label = crate::service::post::label(after.id);
    let opened = secrets.sealing.open(&label, &after.sealed).expect("opens");
    let text = String::from_utf8_lossy(opened.expose()).into_owned();
    assert!(text.contains("secret.person@example.com"), "{text}");
}

/// Security statement 67: who changes the address knows the password.
#[test]
fn an_address_changes_when_somebody_with_the_password_reads_the_new_ones_mail() {
    let trial = Trial::new();
    let new = || "ada@example.org".parse().expect("is an address");
    let session = session(&trial, PASSWORD);
    let ask = |password: &str| {
        let by = Owner {
            user: &trial.user,
            session,
            scope: &Scope::default(),
            address: None,
        };
        let password = Password::new(password);
        addresses::request_change(&trial.services, &by, &password, new())
    };
    assert!(matches!(
        ask("wrong horse battery staple"),
        Err(CodeError::WrongPassword)
    ));
    assert_eq!(trial.count("SELECT count(*) FROM outgoing_mail"), 0);
    ask(PASSWORD).expect("is seen to");
    assert_eq!(trial.count("SELECT count(*) FROM outgoing_mail"), 1);
    // What the post makes of it where mail is on.
    let (rules, random) = (
        trial.services.account_rules.clone(),
        trial.services.sources.random.clone(),
    );
    let (ada, now) = (trial.user.clone(), trial.services.sources.clock.now());
    let fresh = trial.services.store.write(move |tx| {
        let subject = Subject::Account(&ada);
        issue(
            tx,
            (&rules, &*random),
            Purpose::EmailChange,
            subject,
            &new(),
            now,
        )
    });
    let link = fresh.expect("is made").link;
    let code = link
        .expose()
        .split_once('#')
        .expect("has a place")
        .1
        .to_owned();
    let reset = reset_code(&trial);
    let user = addresses::confirm(&trial.services, &code, None).expect("is confirmed");
    assert_eq!(user.email.as_str(), "ada@example.org");
    let id = trial.user.id;
    let confirmed = trial
        .services
        .store
        .read(|c| users::confirmation::is_confirmed(c, id));
    assert!(confirmed.expect("reads"));
    is_dead(addresses::confirm(&trial.services, &code, None));
    // It was mailed to the address before.
    is_dead(choose(&trial, &reset, NEW));
}

#[test]
fn a_time_is_said_as_people_say_it() {
    for (secs, words) in [
        (60, "1 minute"),
        (90, "1 minute"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (72 * 3600, "3 days"),
        (24 * 3600, "1 day"),
    ] {
        assert_eq!(in_words(SignedDuration::from_secs(secs)), words);
    }
}
