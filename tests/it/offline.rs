//! Another service checks tokens by itself, with a library and the published keys.

use std::process::Command;

use crate::env::{Outcome, PASSWORD, TestEnv, run};
use crate::forger::{Forger, with};

#[test]
fn another_library_verifies_a_token_offline_with_the_published_keys() {
    let env = TestEnv::new();
    let ada = env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    let keys = authd.get("/.well-known/jwks.json").text;
    let keys = env.write("jwks.json", &keys);
    let keys = keys.to_str().expect("is UTF-8");
    // From here on there is no daemon to ask.
    drop(authd);

    let verified = verify_offline(&env, keys, &token);
    assert_eq!(verified.status, 0, "{verified:?}");
    assert_eq!(verified.json()["sub"], ada["id"]);

    let stranger = Forger::with_foreign_key(auth::tokens::KeyAlgorithm::EdDsa);
    let own = Forger::with_active_key(&env);
    let claims = crate::forger::claims_of(&token);
    let forged = stranger.token(&own.header(), &claims);
    let refused = verify_offline(&env, keys, &forged);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert_eq!(refused.stderr, "InvalidSignatureError\n");

    let other_audience = own.token(&own.header(), &with(&claims, "aud", Some("other".into())));
    let refused = verify_offline(&env, keys, &other_audience);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert_eq!(refused.stderr, "InvalidAudienceError\n");
}

fn verify_offline(env: &TestEnv, keys: &str, token: &str) -> Outcome {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/python/verify_offline.py"
    );
    let mut command: Command = env.command(python());
    let audience = "http://localhost:8000";
    run(command.args([script, keys, audience, audience]), token)
}

/// The Python with the library; `make test` makes one and names it.
#[expect(
    clippy::disallowed_methods,
    reason = "the Makefile says where the tests' Python is"
)]
pub(crate) fn python() -> String {
    std::env::var("AUTHD_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}
