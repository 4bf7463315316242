//! The layer and the extractors, in a service of axum's that listens.

use authd_client::{AuthdLayer, Caller, Refusal, SignedIn, UserMirror, Verifier};
use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::get;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::authd::Authd;
use crate::local::{AnyMirror, on_each};
use crate::stand_in::StandIn;
use crate::verifiers::runtime;

#[derive(Clone)]
struct Service {
    verifier: Verifier,
    mirror: AnyMirror,
}

impl FromRef<Service> for Verifier {
    fn from_ref(service: &Service) -> Self {
        service.verifier.clone()
    }
}

async fn me(user: SignedIn, State(service): State<Service>) -> Result<String, Refusal> {
    let row = service.mirror.row_of(&user).await?;
    Ok(format!("{} {}", row.key, user.email))
}

async fn anybody(Caller(found): Caller) -> String {
    found.claim("sub").unwrap_or_default().to_owned()
}

async fn perhaps(
    found: Option<axum::Extension<std::sync::Arc<authd_client::Verification>>>,
) -> &'static str {
    if found.is_some() {
        "somebody"
    } else {
        "nobody"
    }
}

/// The service's address; it lives as long as the process.
fn serve(verifier: &Verifier, mirror: AnyMirror) -> String {
    let layer = || AuthdLayer::new(verifier.clone());
    let router = Router::new()
        .route("/me", get(me))
        .route("/anybody", get(anybody))
        .route("/behind", get(anybody).layer(layer()))
        .route("/perhaps", get(perhaps).layer(layer().optional()))
        .route("/users", get(anybody).layer(layer().scope("users.view")))
        .route("/managers", get(anybody).layer(layer().group("managers")))
        .route(
            "/invoices",
            get(anybody).layer(layer().permission("billing.view_invoice")),
        )
        .with_state(Service {
            verifier: verifier.clone(),
            mirror,
        });
    let listener = runtime()
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("binds");
    let address = listener.local_addr().expect("has an address");
    runtime().spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("is ASCII"))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("is JSON")
    }
}

fn ask(url: &str, authorization: &[&str]) -> Answer {
    let agent = ureq::Agent::new_with_config(
        ureq::config::Config::builder()
            .http_status_as_error(false)
            .build(),
    );
    let request = authorization.iter().fold(agent.get(url), |request, value| {
        request.header("Authorization", *value)
    });
    let (head, mut body) = request.call().expect("answers").into_parts();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.read_to_string().expect("is a text"),
    }
}

fn verifier(settings: authd_client::Settings) -> Verifier {
    runtime()
        .block_on(Verifier::start(settings))
        .expect("starts")
}

#[test]
fn a_good_token_is_let_in_and_its_users_row_is_there() {
    on_each(|local| {
        let authd = Authd::shared();
        let url = serve(&verifier(authd.cached()), local.mirror());
        let user = authd.signed_in();
        for _ in 0..2 {
            let answer = ask(&format!("{url}/me"), &[&format!("Bearer {}", user.token)]);
            let key = local.row(&user.id, "id");
            assert_eq!(
                (answer.status, answer.body),
                (200, format!("{key} {}", user.email))
            );
        }
        for path in ["/anybody", "/behind"] {
            let answer = ask(
                &format!("{url}{path}"),
                &[&format!("bearer  {}", user.token)],
            );
            assert_eq!((answer.status, answer.body), (200, user.id.clone()));
        }
    });
}

#[test]
fn without_a_good_token_the_answer_is_401_with_a_challenge_and_no_reason() {
    let authd = Authd::shared();
    on_each(|local| {
        let url = serve(&verifier(authd.online()), local.mirror());
        let forged = format!("Bearer {}x", authd.signed_in().token);
        for path in ["/me", "/anybody", "/behind", "/users"] {
            for none in [&[][..], &["Basic YTpi"], &["Bearer"]] {
                let answer = ask(&format!("{url}{path}"), none);
                assert_eq!(
                    (answer.status, answer.header("www-authenticate")),
                    (401, "Bearer"),
                    "{path} {none:?}"
                );
            }
            for bad in [
                &["Bearer x"][..],
                &[&*forged],
                &["Bearer a b"],
                &["Bearer x", "Bearer y"],
            ] {
                let answer = ask(&format!("{url}{path}"), bad);
                let challenge = answer.header("www-authenticate");
                assert_eq!(
                    (answer.status, challenge),
                    (401, r#"Bearer error="invalid_token""#),
                    "{path} {bad:?}"
                );
                assert_eq!(answer.header("content-type"), "application/problem+json");
                assert_eq!(answer.header("cache-control"), "no-store");
                let problem = answer.json();
                assert_eq!(problem["code"], "invalid_token");
                assert_eq!(problem["detail"], "The token is not good.");
            }
        }
        assert_eq!(ask(&format!("{url}/perhaps"), &[]).body, "nobody");
        assert_eq!(ask(&format!("{url}/perhaps"), &["Bearer x"]).status, 401);
        assert_eq!(local.count(), 0);
    });
}

#[test]
fn a_token_that_is_good_and_not_enough_gets_403() {
    let authd = Authd::new(&[]);
    authd.authctl(&["group", "add", "managers"], "");
    let user = authd.signed_in();
    let bearer = format!("Bearer {}", user.token);
    on_each(|local| {
        let url = serve(&verifier(authd.online()), local.mirror());
        for path in ["/managers", "/invoices"] {
            let answer = ask(&format!("{url}{path}"), &[&bearer]);
            assert_eq!(
                (answer.status, &answer.json()["code"]),
                (403, &json!("forbidden")),
                "{path}"
            );
        }
        // A client is nobody who could have a row.
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "billing"),
            ("client_secret", &*authd.secret),
        ];
        let mut answer = ureq::post(format!("{}/oauth/token", authd.url()))
            .send_form(form)
            .expect("answers");
        let client: Value = answer.body_mut().read_json().expect("is JSON");
        let client = format!(
            "Bearer {}",
            client["access_token"].as_str().expect("is a text")
        );
        assert_eq!(ask(&format!("{url}/anybody"), &[&client]).status, 200);
        assert_eq!(ask(&format!("{url}/me"), &[&client]).status, 403);
        // Nor is somebody whose row was switched off here.
        assert_eq!(ask(&format!("{url}/me"), &[&bearer]).status, 200);
        local.sql("UPDATE users SET is_active = FALSE");
        assert_eq!(ask(&format!("{url}/me"), &[&bearer]).status, 403);
    });
    authd.authctl(&["group", "add-user", "managers", &user.email], "");
    on_each(|local| {
        let url = serve(&verifier(authd.online()), local.mirror());
        assert_eq!(ask(&format!("{url}/managers"), &[&bearer]).status, 200);
    });
}

#[test]
fn a_scope_that_is_missing_is_named_in_the_challenge() {
    let authd = Authd::shared();
    on_each(|local| {
        let url = serve(&verifier(authd.online()), local.mirror());
        let (_, email) = authd.add_user(&[]);
        let arguments = [
            "token",
            "add",
            "--user",
            &email,
            "--name",
            "x",
            "--expires",
            "never",
            "--scope",
            "other",
        ];
        let made = authd.authctl(&arguments, "");
        let bearer = format!("Bearer {}", made["token"].as_str().expect("is a text"));
        let answer = ask(&format!("{url}/users"), &[&bearer]);
        let challenge = r#"Bearer error="insufficient_scope", scope="users.view""#;
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (403, challenge)
        );
        assert_eq!(ask(&format!("{url}/behind"), &[&bearer]).status, 200);
    });
}

#[test]
fn where_nobody_can_say_the_answer_is_503_and_when_to_come_again() {
    on_each(|local| {
        let stand_in = StandIn::new();
        stand_in.say("/auth/verify", "302 Found", "Location: /login\r\n", "");
        let url = serve(&verifier(stand_in.online()), local.mirror());
        let bearer = format!("Bearer {}", Authd::shared().signed_in().token);
        for path in ["/me", "/anybody", "/behind"] {
            let answer = ask(&format!("{url}{path}"), &[&bearer]);
            assert_eq!(
                (answer.status, answer.header("retry-after")),
                (503, "1"),
                "{path}"
            );
            assert_eq!(answer.header("www-authenticate"), "");
        }
        assert_eq!(local.count(), 0);
    });
}
