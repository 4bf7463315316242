//! A service that is set to another authd than the one it asks does not start.

use authd_client::{Settings, StartError};

use crate::authd::Authd;
use crate::verifiers::{Either, KINDS};

#[track_caller]
fn refusal(settings: &Settings) -> [StartError; 2] {
    KINDS.map(|kind| {
        Either::start(kind, settings.clone())
            .err()
            .expect("does not start")
    })
}

#[test]
fn a_wrong_issuer_is_refused_in_every_mode() {
    let authd = Authd::shared();
    for settings in [authd.online(), authd.cached(), authd.offline()] {
        for error in refusal(&settings.issuer("https://elsewhere.example")) {
            let StartError::WrongIssuer { found, expected } = &error else {
                panic!("{error:?}");
            };
            assert_eq!(
                (&**found, &**expected),
                (&*authd.url(), "https://elsewhere.example")
            );
        }
    }
}

#[test]
fn a_wrong_audience_is_refused_where_there_is_a_client_to_see_it() {
    let authd = Authd::shared();
    for settings in [
        authd.online(),
        authd.cached(),
        authd.offline().client("billing", &authd.secret),
    ] {
        for error in refusal(&settings.audience("https://elsewhere.example")) {
            assert!(matches!(error, StartError::WrongAudience(_)), "{error:?}");
        }
    }
}

/// The client may ask for tokens of this audience, and users' are for another.
#[test]
fn an_audience_that_only_the_client_has_is_refused() {
    let authd = Authd::new(&[]);
    let options = [
        "client",
        "add",
        "other",
        "--audience",
        "https://other.example",
    ];
    let made = authd.authctl(&options, "");
    let secret = made["client_secret"].as_str().expect("has a secret");
    for error in refusal(
        &authd
            .cached()
            .client("other", secret)
            .audience("https://other.example"),
    ) {
        assert!(matches!(error, StartError::WrongAudience(_)), "{error:?}");
    }
}

#[test]
fn a_wrong_secret_is_refused_and_not_shown() {
    let authd = Authd::shared();
    for error in refusal(&authd.cached().client("billing", "hush-hush")) {
        assert!(matches!(error, StartError::WrongClient(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hush"));
    }
}

#[test]
fn an_authd_that_publishes_no_keys_is_refused_where_keys_are_needed() {
    let authd = Authd::new(&[("AUTHD_TOKENS_ALGORITHM", "HS256")]);
    for settings in [authd.cached(), authd.offline()] {
        for error in refusal(&settings) {
            assert!(matches!(error, StartError::NoKeys), "{error:?}");
        }
    }
    let user = authd.signed_in();
    assert!(
        KINDS
            .iter()
            .all(|kind| Either::new(*kind, authd.online()).is_good(&user.token))
    );
}

#[test]
fn an_authd_that_does_not_answer_is_no_reason_not_to_start() {
    let mut authd = Authd::new(&[]);
    let user = authd.signed_in();
    authd.stop();
    for settings in [authd.online(), authd.cached(), authd.offline()] {
        for kind in KINDS {
            assert!(Either::new(kind, settings.clone()).is_unavailable(&user.token));
        }
    }
}
