//! Another service is a client with a library that does not know us: Authlib.

use serde_json::json;

use crate::env::run;
use crate::oauth::Scene;
use crate::offline::python;

#[test]
fn authlib_gets_tokens_asks_about_them_and_ends_them_by_the_metadata_alone() {
    for method in ["client_secret_basic", "client_secret_post"] {
        let scene = Scene::new();
        let login = scene.log_in_through(&scene.billing, &[]);
        let given = json!({
            "client_secret": scene.billing.secret,
            "refresh_token": login["refresh_token"],
        });
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/oauth_client.py");
        let mut command = scene.env.command(python());
        command.args([script, &scene.authd.url, "billing", method]);
        let seen = run(&mut command, &given.to_string()).succeeded().json();

        let methods = seen["methods"].as_array().expect("is a list");
        assert!(methods.contains(&method.into()), "{seen}");
        let token = json!({"token_type": "Bearer", "expires_in": 900, "scope": "read"});
        assert_eq!(seen["token"], token);
        let introspection = &seen["introspection"];
        for (name, value) in [
            ("active", json!(true)),
            ("client_id", "billing".into()),
            ("sub", "billing".into()),
            ("scope", "read".into()),
            ("token_type", "Bearer".into()),
        ] {
            assert_eq!(introspection[name], value, "{introspection}");
        }
        assert_eq!(seen["asking"], json!(["ok", "insufficient_scope"]));
        assert_eq!(seen["refreshed"], "ada@example.com");
        let inactive = json!({"active": false});
        assert_eq!(seen["revoked"], json!([200, inactive]));
        assert_eq!(seen["revoked_session"], json!([200, inactive]));
        assert_eq!(seen["asking_afterwards"], "invalid_token");
        let refusals = json!([
            "invalid_client",
            "invalid_scope",
            "unsupported_grant_type",
            "invalid_grant",
        ]);
        assert_eq!(seen["refusals"], refusals);
    }
}
