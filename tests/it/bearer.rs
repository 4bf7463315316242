//! How a bearer token is sent (RFC 6750).

use serde_json::json;

use crate::scene::Scene;

/// Security statement 41.
#[test]
fn the_challenge_names_an_error_only_if_there_was_a_token() {
    let scene = Scene::new();
    for path in ["/auth/verify", "/auth/me"] {
        let none = scene.authd.get(path);
        assert_eq!(none.status, 401);
        assert_eq!(none.header("www-authenticate"), "Bearer realm=\"authd\"");
        let basic = scene
            .authd
            .get_with(path, &[("Authorization", "Basic YTpi")]);
        assert_eq!(basic.status, 401);
        assert_eq!(basic.header("www-authenticate"), "Bearer realm=\"authd\"");
        for malformed in ["Bearer", "Bearer a b", "Bearer a,b"] {
            let answer = scene.authd.get_with(path, &[("Authorization", malformed)]);
            assert_eq!(answer.status, 400, "{malformed}");
            assert_eq!(
                answer.header("www-authenticate"),
                "Bearer realm=\"authd\", error=\"invalid_request\""
            );
        }
    }
    scene.refuses("garbage");
}

/// Security statement 42.
#[test]
fn a_token_in_the_query_is_not_looked_at_and_two_tokens_are_one_too_many() {
    let scene = Scene::new();
    let token = &scene.token;
    for name in ["access_token", "token"] {
        let answer = scene.authd.get(&format!("/auth/verify?{name}={token}"));
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"authd\"");
    }
    let header = format!("Bearer {token}");
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", header.as_str()),
    ];
    let body = json!({"token": token}).to_string();
    let answer = scene.authd.post("/auth/verify", &headers, body.as_bytes());
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer realm=\"authd\", error=\"invalid_request\""
    );
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = format!("access_token={token}");
    let answer = scene.authd.post("/auth/verify", &form, body.as_bytes());
    assert_eq!(answer.status, 415);
    let signature = token.rsplit_once('.').expect("has parts").1;
    assert!(!scene.authd.log().contains(signature));
}

/// Security statement 43.
#[test]
fn there_is_one_authorization_header_and_its_scheme_has_no_letter_case() {
    let scene = Scene::new();
    let token = &scene.token;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let value = format!("{scheme} {token}");
        let answer = scene
            .authd
            .get_with("/auth/verify", &[("Authorization", &value)]);
        assert_eq!(answer.status, 200, "{scheme}");
    }
    let (bearer, twice) = (format!("Bearer {token}"), format!("Bearer {token} {token}"));
    for headers in [
        &[
            ("Authorization", bearer.as_str()),
            ("Authorization", bearer.as_str()),
        ][..],
        &[
            ("Authorization", "Basic YTpi"),
            ("Authorization", bearer.as_str()),
        ],
        &[("Authorization", twice.as_str())],
    ] {
        let answer = scene.authd.get_with("/auth/verify", headers);
        assert_eq!(answer.status, 400, "{headers:?}");
        assert_eq!(answer.body["code"], "invalid_request");
    }
}
