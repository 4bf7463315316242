//! A running daemon with one account, a good token of it, and someone who forges others.

use serde_json::{Value, json};

use crate::env::{Answer, Authd, PASSWORD, TestEnv};
use crate::forger::{Forger, claims_of, with};

/// A daemon, an account, and someone who holds its signing key.
pub(crate) struct Scene {
    pub(crate) env: TestEnv,
    pub(crate) authd: Authd,
    pub(crate) forger: Forger,
    /// A good token of the account.
    pub(crate) token: String,
    /// What that says.
    pub(crate) claims: Value,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let env = TestEnv::new();
        env.add_user("ada@example.com", PASSWORD);
        let authd = env.authd();
        let token = authd.login("ada@example.com", PASSWORD);
        let forger = Forger::with_active_key(&env);
        let claims = claims_of(&token);
        let scene = Self {
            env,
            authd,
            forger,
            token,
            claims,
        };
        // What the forger writes is good as long as it says what authd would.
        let same = scene.forger.token(&scene.forger.header(), &scene.claims);
        scene.accepts(&same);
        scene
    }

    /// A token with the usual header and these claims.
    pub(crate) fn with_claims(&self, claims: &Value) -> String {
        self.forger.token(&self.forger.header(), claims)
    }

    /// A token with this claim changed (`None`: left out).
    pub(crate) fn with_claim(&self, name: &str, value: Option<Value>) -> String {
        self.with_claims(&with(&self.claims, name, value))
    }

    /// A token with this header member changed (`None`: left out), signed all the same.
    pub(crate) fn with_header(&self, name: &str, value: Option<Value>) -> String {
        let header = with(&self.forger.header(), name, value);
        self.forger.token(&header, &self.claims)
    }

    #[track_caller]
    pub(crate) fn accepts(&self, token: &str) {
        for answer in ask_everywhere(&self.authd, token) {
            assert_eq!(answer.status, 200, "{token} {answer:?}");
        }
    }

    #[track_caller]
    pub(crate) fn refuses(&self, token: &str) {
        refuses(&self.authd, token);
    }
}

/// All ways of verifying: the header, the body, a route that needs the caller, and a proxy's question.
fn ask_everywhere(authd: &Authd, token: &str) -> [Answer; 4] {
    let header = format!("Bearer {token}");
    [
        authd.verify(token),
        authd.post_json("/auth/verify", &json!({"token": token})),
        authd.get_with("/auth/me", &[("Authorization", &header)]),
        authd.get_with("/auth/forward", &[("Authorization", &header)]),
    ]
}

/// 401 with the one answer that every bad token gets, whichever way it comes.
#[track_caller]
pub(crate) fn refuses(authd: &Authd, token: &str) {
    for answer in ask_everywhere(authd, token) {
        assert_refused(&answer, token);
    }
}

/// The same for what does not fit into a header.
#[track_caller]
pub(crate) fn refuses_in_body(authd: &Authd, token: &str) {
    let answer = authd.post_json("/auth/verify", &json!({"token": token}));
    assert_refused(&answer, token);
}

#[track_caller]
fn assert_refused(answer: &Answer, token: &str) {
    let shown: String = token.chars().take(300).collect();
    assert_eq!(answer.status, 401, "{shown} {answer:?}");
    assert_eq!(answer.text, REFUSAL, "{shown}");
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge, "Bearer realm=\"authd\", error=\"invalid_token\"");
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// What every refusal says, to the byte.
const REFUSAL: &str = r#"{"type":"urn:authd:problem:invalid_token","title":"The token is missing or not valid","status":401,"detail":"The token is malformed, expired, revoked or not from here.","code":"invalid_token"}"#;
