//! API tokens: `authctl token`, and where they are accepted.

use serde_json::{Value, json};

use crate::env::{PASSWORD, TestEnv};
use crate::oauth::Scene;

/// Makes a token of Ada's, or of the owner that the arguments name.
fn make(env: &TestEnv, arguments: &[&str]) -> Value {
    let command = [&["token", "add", "--name", "test"], arguments].concat();
    env.authctl_json(&command).succeeded().json()
}

fn text(made: &Value) -> &str {
    made["token"].as_str().expect("is a text")
}

const ADA: [&str; 2] = ["--user", "ada@example.com"];

#[test]
fn a_users_api_token_is_accepted_wherever_an_access_token_is() {
    let scene = Scene::new();
    let made = make(&scene.env, &[&ADA[..], &["--scope", "read"]].concat());
    let (token, about) = (text(&made), &made["api_token"]);
    assert!(token.starts_with("authd_pat_"), "{token}");
    let answer = scene.authd.verify(token);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["user"]["email"], "ada@example.com");
    let claims = &answer.body["claims"];
    assert_eq!(claims["jti"], about["id"]);
    assert_eq!(claims["sub"], about["user_id"]);
    assert_eq!(claims["scope"], "read");
    assert_eq!(claims["iss"], "http://localhost:8000");
    assert_eq!(claims["aud"], "http://localhost:8000");
    assert_eq!(claims.get("sid"), None);
    let life = claims["exp"].as_i64().zip(claims["iat"].as_i64());
    let life = life.map(|(end, start)| end - start);
    assert!(matches!(life, Some(7_775_999..=7_776_000)), "{claims}");
    let body = json!({"token": token});
    assert_eq!(scene.authd.post_json("/auth/verify", &body).status, 200);
    let body = json!({"tokens": [token]});
    let batch = scene.authd.post_json("/auth/verify/batch", &body);
    assert_eq!(batch.body["results"][0]["active"], true);
    let bearer = format!("Bearer {token}");
    let header = [("Authorization", bearer.as_str())];
    let me = scene.authd.get_with("/auth/me", &header);
    assert_eq!(me.body["email"], "ada@example.com");
    let said = scene.is_active(token);
    assert_eq!(said["username"], "ada@example.com");
    assert_eq!((&said["jti"], &said["exp"]), (&about["id"], &claims["exp"]));
    assert_eq!(said.get("sid"), None);
    // It is no session, and ends none by itself.
    let session = scene.authd.login("ada@example.com", PASSWORD);
    assert_eq!(scene.authd.post("/auth/logout", &header, b"").status, 204);
    assert_eq!(scene.authd.verify(&session).status, 200);
    assert_eq!(scene.authd.verify(token).status, 200);
}

#[test]
fn a_clients_api_token_stands_for_the_client_and_is_for_its_audiences() {
    let scene = Scene::new();
    let made = make(&scene.env, &["--client", "billing", "--expires", "never"]);
    let token = text(&made);
    let answer = scene.authd.verify(token);
    assert_eq!(answer.body["client"]["id"], "billing", "{answer:?}");
    assert_eq!(answer.body["user"], Value::Null);
    let said = scene.is_active(token);
    assert_eq!((&said["sub"], said.get("exp")), (&json!("billing"), None));
    assert_eq!(
        scene.introspect(&scene.stock, token).text,
        r#"{"active":false}"#
    );
    // As a bearer it lets the client in.
    let bearer = format!("Bearer {token}");
    let answer = scene.post("/oauth/introspect", &bearer, &[("token", token)]);
    assert_eq!(answer.body["active"], true);
    let of_stock = make(&scene.env, &["--client", "stock"]);
    assert_eq!(scene.authd.verify(text(&of_stock)).status, 401);
    let answer = scene.introspect(&scene.stock, text(&of_stock));
    assert_eq!(answer.body["aud"], "https://stock.example.com");
    // No more than the client has.
    let wide = [
        "token", "add", "--name", "x", "--client", "billing", "--scope", "admin",
    ];
    let message = "the client 'billing' may not ask for this scope: see 'authctl client show'";
    scene.env.authctl_json(&wide).refused(5, "invalid", message);

    let disable = ["client", "disable", "billing", "--yes"];
    scene.env.authctl(&disable).succeeded();
    assert_eq!(scene.authd.verify(token).status, 401);
    scene
        .env
        .authctl(&["client", "enable", "billing"])
        .succeeded();
    assert_eq!(scene.authd.verify(token).status, 200);
    let delete = ["client", "delete", "billing", "--yes"];
    scene.env.authctl(&delete).succeeded();
    assert_eq!(scene.authd.verify(token).status, 401);
    assert_eq!(scene.env.number("SELECT count(*) FROM api_tokens"), 1);
}

/// Security statements 32 and 55, for API tokens.
#[test]
fn a_revoked_api_token_is_refused_at_the_next_verify_and_told_to_followers() {
    let scene = Scene::new();
    let by_admin = make(&scene.env, &ADA);
    let by_client = make(&scene.env, &["--client", "billing"]);
    let kept = make(&scene.env, &ADA);
    let id = by_admin["api_token"]["id"].as_str().expect("is a text");
    assert_eq!(scene.env.authctl(&["token", "revoke", id]).status, 2);
    let revoke = ["token", "revoke", id, "--yes"];
    let revoked = scene.env.authctl_json(&revoke).succeeded();
    assert_eq!(revoked.json(), by_admin["api_token"]);
    let gone = format!("there is no API token '{id}'");
    scene
        .env
        .authctl_json(&revoke)
        .refused(3, "not_found", &gone);
    // Another's is not this client's to end, and a user's is nobody's.
    scene.revoke(&scene.stock, text(&by_client));
    scene.revoke(&scene.billing, text(&kept));
    assert_eq!(scene.authd.verify(text(&by_client)).status, 200);
    for _ in 0..2 {
        scene.revoke(&scene.billing, text(&by_client));
        assert_eq!(scene.authd.verify(text(&by_client)).status, 401);
    }
    scene.is_inactive(text(&by_admin));
    assert_eq!(scene.authd.verify(text(&by_admin)).status, 401);
    assert_eq!(scene.authd.verify(text(&kept)).status, 200);
    let told = "SELECT count(*) FROM revocations WHERE kind = 'token'";
    assert_eq!(scene.env.number(told), 2);
}

/// Security statements 8, 52 and 53.
#[test]
fn only_a_whole_api_token_is_one_and_only_its_hash_is_stored() {
    let scene = Scene::new();
    let made = make(&scene.env, &ADA);
    let token = text(&made);
    for bad in [
        &token[..token.len() - 1],
        &format!("{token}A"),
        &token.to_uppercase(),
        &token.replace("authd_pat_", "authd_rt_"),
        &token.replace("authd_pat_", "authd_cs_"),
        "authd_pat_",
    ] {
        let answer = scene.authd.verify(bad);
        assert_eq!(answer.status, 401, "{bad}");
        assert_eq!(answer.text, scene.authd.verify("garbage").text);
    }
    let body = json!({"refresh_token": token});
    assert_eq!(scene.authd.post_json("/auth/refresh", &body).status, 401);
    assert_eq!(scene.authd.verify(token).status, 200);
    let log = scene.authd.log();
    let part = &token[12..40];
    assert!(!log.contains(part), "{log}");
    for (name, content) in scene.env.files() {
        let mut windows = content.windows(part.len());
        assert!(!windows.any(|bytes| bytes == part.as_bytes()), "{name}");
    }
}

#[test]
fn tokens_are_listed_by_owner_and_page_by_page_without_themselves() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.authctl(&["client", "add", "billing"]).succeeded();
    let (one, two) = (make(&env, &ADA), make(&env, &["--client", "billing"]));
    let list = |arguments: &[&str]| {
        let command = [&["token", "list"], arguments].concat();
        env.authctl_json(&command).succeeded()
    };
    let all = list(&[]);
    assert!(!all.stdout.contains("authd_pat_"), "{all:?}");
    let both = json!([one["api_token"], two["api_token"]]);
    assert_eq!(all.json(), json!({"api_tokens": both, "next": null}));
    for (arguments, expected) in [(ADA, &one), (["--client", "billing"], &two)] {
        let found = list(&arguments).json();
        assert_eq!(found["api_tokens"], json!([expected["api_token"]]));
    }
    let first = list(&["--limit", "1"]).json();
    assert_eq!(first["next"], one["api_token"]["id"]);
    let next = first["next"].as_str().expect("is a text");
    let rest = list(&["--after", next]).json();
    assert_eq!(rest["api_tokens"], json!([two["api_token"]]));
    // For people and scripts.
    let command = ["token", "add", "--name", "x", "--user", "ada@example.com"];
    let out = env.authctl(&[&command[..], &["-q"]].concat()).succeeded();
    assert!(out.stdout.starts_with("authd_pat_"), "{out:?}");
    assert_eq!((out.stdout.lines().count(), out.stderr.as_str()), (1, ""));
    let out = env.authctl(&command).succeeded();
    assert!(out.stderr.contains("shown this once"), "{out:?}");
}

#[test]
fn a_token_wants_an_owner_that_is_there_and_a_life_that_is_one() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let add = |arguments: &[&str]| {
        let command = [&["token", "add", "--name", "x"], arguments].concat();
        env.authctl_json(&command)
    };
    assert_eq!(add(&[]).status, 2);
    assert_eq!(
        add(&["--user", "ada@example.com", "--client", "a"]).status,
        2
    );
    add(&["--client", "a"]).refused(3, "not_found", "there is no client 'a'");
    let nobody = "there is no account 'bob@example.com'";
    add(&["--user", "bob@example.com"]).refused(3, "not_found", nobody);
    for life in ["0s", "-1h", "90", "soon", "", "1ns"] {
        let out = add(&[&ADA[..], &[&format!("--expires={life}")]].concat());
        assert_eq!(out.status, 5, "{life} {out:?}");
    }
    assert_eq!(env.number("SELECT count(*) FROM api_tokens"), 0);
}

/// CVE-2025-61928 (better-auth made API keys for any user whose id was in a body): nobody makes a
/// token over HTTP, for themselves or for others.
#[test]
fn no_request_makes_an_api_token() {
    let scene = Scene::new();
    let ada = scene.authd.try_login("ada@example.com", PASSWORD);
    let token = ada.body["access_token"].as_str().expect("is a text");
    let bearer = format!("Bearer {token}");
    let user = scene.authd.verify(token).body["user"]["id"].clone();
    let document = scene.authd.get("/api/schema?format=json");
    let paths = document.body["paths"].as_object().expect("is an object");
    let body = json!({"user_id": user, "userId": user, "name": "x", "grant_type": "api_token"});
    for path in paths.keys().map(String::as_str).chain(["/auth/tokens"]) {
        for authorization in [None, Some(("Authorization", bearer.as_str()))] {
            let mut headers = vec![("Content-Type", "application/json")];
            headers.extend(authorization);
            let answer = scene
                .authd
                .post(path, &headers, body.to_string().as_bytes());
            let refused = matches!(answer.status, 400..=499);
            // These do what they are for, whatever else a body says.
            let harmless = ["/auth/logout", "/auth/forward"].contains(&path);
            assert!(refused || harmless, "{path} {answer:?}");
        }
    }
    assert_eq!(scene.env.number("SELECT count(*) FROM api_tokens"), 0);
}

#[test]
fn a_scope_narrows_what_a_token_may_do_to_its_own_users_account() {
    let scene = Scene::new();
    let (authd, session) = (&scene.authd, scene.authd.login("ada@example.com", PASSWORD));
    let sid = crate::forger::claims_of(&session)["sid"].clone();
    let one = format!("/auth/sessions/{}", sid.as_str().expect("is a text"));
    let ask = |scope: &[&str], method: &str, path: &str, body: &[u8]| {
        let made = make(&scene.env, &[&ADA[..], scope].concat());
        let bearer = format!("Bearer {}", text(&made));
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        authd.ask(method, path, &headers, body)
    };
    let read = ["--scope", "read"];
    for (method, path, body, needed) in [
        ("GET", "/auth/sessions", "", "sessions.view"),
        ("DELETE", one.as_str(), "", "sessions.delete"),
        (
            "POST",
            "/auth/logout",
            r#"{"all": true}"#,
            "sessions.delete",
        ),
        (
            "POST",
            "/auth/logout",
            r#"{"others": true}"#,
            "sessions.delete",
        ),
    ] {
        for scope in [
            &read[..],
            &["--scope", "sessions.add", "--scope", "users.view"],
        ] {
            let answer = ask(scope, method, path, body.as_bytes());
            answer.is_problem(403, "forbidden");
            let challenge =
                format!("Bearer realm=\"authd\", error=\"insufficient_scope\", scope=\"{needed}\"");
            assert_eq!(answer.header("www-authenticate"), challenge);
        }
        assert_eq!(authd.verify(&session).status, 200, "{method} {path}");
    }
    // It may show whose it is, and end what it has: no session.
    assert_eq!(ask(&read, "GET", "/auth/me", b"").status, 200);
    assert_eq!(ask(&read, "POST", "/auth/logout", b"").status, 204);
    assert_eq!(authd.verify(&session).status, 200);

    let view = ["--scope", "sessions.view"];
    let shown = ask(&view, "GET", "/auth/sessions", b"");
    assert_eq!(shown.body["sessions"][0]["id"], sid, "{shown:?}");
    assert_eq!(ask(&[], "GET", "/auth/sessions", b"").status, 200);
    let delete = ["--scope", "sessions.delete"];
    assert_eq!(ask(&delete, "DELETE", &one, b"").status, 204);
    assert_eq!(authd.verify(&session).status, 401);
    let again = authd.login("ada@example.com", PASSWORD);
    let all = ask(&delete, "POST", "/auth/logout", br#"{"all": true}"#);
    assert_eq!(all.status, 204, "{all:?}");
    assert_eq!(authd.verify(&again).status, 401);
}
