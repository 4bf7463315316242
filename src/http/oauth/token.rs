//! `POST /oauth/token`.

use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::client_auth;
use super::error::{self, OauthCode, OauthError};
use super::form::Form;
use crate::domain::client::Client;
use crate::domain::scope::{Scope, ScopeError};
use crate::http::problem::Problem;
use crate::http::{App, origin};
use crate::service::client_grant::{self, ClientGrantError, Wish};
use crate::service::refresh::{self, Exchange, RefreshError};

/// What a client wants a token for. It shows itself by HTTP Basic, or here.
#[derive(ToSchema)]
#[schema(as = TokenRequest)]
#[expect(dead_code, reason = "describes the form for the API's document")]
pub(in crate::http) struct Body {
    /// `client_credentials` or `refresh_token`.
    #[schema(pattern = "^(client_credentials|refresh_token)$")]
    grant_type: String,
    /// Of a session that was made through this client.
    #[schema(value_type = String, required = false, format = Password)]
    refresh_token: Option<String>,
    /// Words with spaces between; by default all there are.
    #[schema(value_type = String, required = false)]
    scope: Option<String>,
    /// For whom the token is to be: one of the client's audiences, by default the first (RFC 8707).
    #[schema(value_type = String, required = false)]
    resource: Option<String>,
    /// The client, if it does not show itself by HTTP Basic.
    #[schema(value_type = String, required = false)]
    client_id: Option<String>,
    /// Its secret.
    #[schema(value_type = String, required = false, format = Password)]
    client_secret: Option<String>,
}

/// An access token (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = TokenReply)]
pub(in crate::http) struct Reply<'a> {
    /// A signed access token (RFC 9068).
    access_token: &'a str,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the token expires.
    #[schema(example = 900)]
    expires_in: i64,
    /// Gets the next pair of tokens, once; a client by itself has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    /// What the token may be used for.
    #[serde(skip_serializing_if = "Scope::is_empty")]
    #[schema(value_type = String, required = false)]
    scope: &'a Scope,
}

/// Give a client an access token
///
/// By `client_credentials` one of its own, which has no user and no refresh token; by
/// `refresh_token` the next pair of a session that was made through it at `/auth/login`.
#[utoipa::path(
    post, path = "/oauth/token", operation_id = "token", tag = "oauth", security(("client" = []), ()),
    request_body(content = Body, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "An access token", body = Reply),
        error::Refused,
    ),
)]
pub(in crate::http) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    error::answered(answer(app, request))
}

fn answer(app: &App, request: &Request) -> Result<Response, OauthError> {
    let form = Form::read(request)?;
    let client = client_auth::holder_of_secret(app, request, &form)?;
    match form.require("grant_type")? {
        "client_credentials" => own_token(app, &client, &form),
        "refresh_token" => next_pair(app, request, &client, &form),
        _ => Err(OauthError::new(
            OauthCode::UnsupportedGrantType,
            "The grant types here are client_credentials and refresh_token.",
        )),
    }
}

fn own_token(app: &App, client: &Client, form: &Form) -> Result<Response, OauthError> {
    let wish = Wish {
        scope: scope(form)?,
        audience: form.get("resource"),
    };
    let grant = client_grant::issue(&app.services, client, wish)?;
    tracing::info!(client = %client.id, "a client was given a token");
    Ok(reply(&Reply {
        access_token: &grant.access_token,
        token_type: "Bearer",
        expires_in: grant.expires_in,
        refresh_token: None,
        scope: &grant.scope,
    }))
}

fn next_pair(
    app: &App,
    request: &Request,
    client: &Client,
    form: &Form,
) -> Result<Response, OauthError> {
    let usual = app.services.token_rules().audience.as_str();
    if form.get("resource").is_some_and(|wanted| wanted != usual) {
        let description = "The tokens of sessions are for the usual audience.";
        return Err(OauthError::new(OauthCode::InvalidTarget, description));
    }
    let exchange = Exchange {
        token: form.require("refresh_token")?,
        client: Some(&client.id),
        scope: scope(form)?,
        origin: origin::of(app, request),
    };
    let grant = refresh::refresh(&app.services, exchange)?;
    Ok(reply(&Reply {
        access_token: &grant.access_token,
        token_type: "Bearer",
        expires_in: grant.expires_in,
        refresh_token: Some(grant.refresh_token.expose()),
        scope: &grant.scope,
    }))
}

/// The old header field is for HTTP/1.0 caches, and RFC 6749, section 5.1, insists on it.
fn reply(reply: &Reply<'_>) -> Response {
    Response::json(reply).with_additional_header("Pragma", "no-cache")
}

fn scope(form: &Form) -> Result<Option<Scope>, OauthError> {
    let parse = |text: &str| {
        text.parse()
            .map_err(|error: ScopeError| too_wide(error.to_string()))
    };
    form.get("scope").map(parse).transpose()
}

fn too_wide(description: String) -> OauthError {
    OauthError::new(OauthCode::InvalidScope, description)
}

impl From<ClientGrantError> for OauthError {
    fn from(error: ClientGrantError) -> Self {
        match error {
            ClientGrantError::InvalidScope => too_wide("The client may not ask for this.".into()),
            ClientGrantError::InvalidTarget => Self::new(
                OauthCode::InvalidTarget,
                "The resource is none of the client's audiences.",
            ),
            ClientGrantError::Keys(error) => error.into(),
            ClientGrantError::Store(error) => error.into(),
            error => Self::Failed(Problem::internal().because(error)),
        }
    }
}

impl From<RefreshError> for OauthError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::InvalidGrant => Self::new(
                OauthCode::InvalidGrant,
                "The refresh token is not good, or not this client's.",
            ),
            RefreshError::InvalidScope => too_wide("The session has a narrower scope.".into()),
            RefreshError::Keys(error) => error.into(),
            RefreshError::Store(error) => error.into(),
            error => Self::Failed(Problem::internal().because(error)),
        }
    }
}
