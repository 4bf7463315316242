//! `POST /oauth/introspect`: what a client may know of a token (RFC 7662).

use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::client_auth;
use super::error::{self, OauthError};
use super::form::Form;
use crate::domain::client::ClientId;
use crate::domain::permission::PermissionName;
use crate::domain::scope::Scope;
use crate::domain::user::User;
use crate::http::App;
use crate::http::problem::Problem;
use crate::service::introspection::{self, Active, ActiveRefresh, IntrospectError};
use crate::service::verification::Principal;
use crate::tokens::Claims;
use crate::tokens::claims::Subject;

/// The token to look at. The client shows itself by HTTP Basic, by a bearer token of its own, or
/// here.
#[derive(ToSchema)]
#[schema(as = IntrospectionRequest)]
#[expect(dead_code, reason = "describes the form for the API's document")]
pub(in crate::http) struct Body {
    /// An access token, an API token, or a refresh token of a session made through this client.
    #[schema(format = Password, min_length = 1)]
    token: String,
    /// Not needed: a token of any kind is found.
    #[schema(value_type = String, required = false)]
    token_type_hint: Option<String>,
    /// The client, if it does not show itself otherwise.
    #[schema(value_type = String, required = false)]
    client_id: Option<String>,
    /// Its secret.
    #[schema(value_type = String, required = false, format = Password)]
    client_secret: Option<String>,
}

/// What there is to know of a good token; of any other only `active`.
#[derive(Serialize, ToSchema)]
#[schema(as = Introspection)]
pub(in crate::http) struct Reply<'a> {
    /// Whether the token is good at this moment, and for the asking client.
    active: bool,
    /// What it may be used for; words with spaces between.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    scope: Option<&'a Scope>,
    /// The client it was given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    client_id: Option<&'a ClientId>,
    /// The user's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    /// `Bearer`; a refresh token has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// When it ends, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// When it was issued, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// The id of the user or of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// For whom it is: one, or a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    aud: Option<OneOrMany<'a>>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    /// Its own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// The session it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// The user as of this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a User>,
    /// What the user may do: by itself, through groups or as a superuser.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    permissions: Option<&'a [PermissionName]>,
}

/// As in a token.
#[derive(Serialize)]
#[serde(untagged)]
enum OneOrMany<'a> {
    One(&'a str),
    Many(&'a [String]),
}

/// Say what a token is worth at this moment, to a client whose business it is
///
/// A token that is not good, for whatever reason, or not for one of the client's audiences, is
/// `{"active":false}`. Writes nothing; what `authctl` changes shows at the next call.
#[utoipa::path(
    post, path = "/oauth/introspect", operation_id = "introspect", tag = "oauth", security(("client" = []), ("bearer" = []), ()),
    request_body(content = Body, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Good, or not", body = Reply),
        error::Refused,
    ),
)]
pub(in crate::http) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    error::answered(answer(app, request))
}

fn answer(app: &App, request: &Request) -> Result<Response, OauthError> {
    let form = Form::read(request)?;
    let caller = client_auth::caller(app, request, Some(&form))?;
    let token = form.require("token")?;
    let found = introspection::introspect(&app.services, &caller, token)?;
    Ok(match &found {
        None => Response::json(&Reply::default()),
        Some(Active::Access { principal, claims }) => Response::json(&access(principal, claims)),
        Some(Active::Refresh(refresh)) => Response::json(&Reply {
            iss: Some(&app.services.token_rules().issuer),
            ..of_refresh(refresh)
        }),
    })
}

impl Default for Reply<'_> {
    /// What is said of any token that is not good.
    fn default() -> Self {
        Self {
            active: false,
            scope: None,
            client_id: None,
            username: None,
            token_type: None,
            exp: None,
            iat: None,
            sub: None,
            aud: None,
            iss: None,
            jti: None,
            sid: None,
            user: None,
            permissions: None,
        }
    }
}

fn access<'a>(principal: &'a Principal, claims: &'a Claims) -> Reply<'a> {
    let (sub, sid) = match &claims.subject {
        Subject::User { id, session } => (id.to_string(), session.map(|id| id.to_string())),
        Subject::Client(id) => (id.to_string(), None),
    };
    let user = principal.user();
    Reply {
        active: true,
        scope: said(&claims.scope),
        client_id: claims.client.as_ref(),
        username: user.map(|user| user.email.as_str()),
        token_type: Some("Bearer"),
        exp: Some(claims.expires_at_secs).filter(|end| *end != Claims::NEVER),
        iat: Some(claims.issued_at_ms.div_euclid(1000)),
        sub: Some(sub),
        aud: Some(match claims.audience() {
            [one] => OneOrMany::One(one),
            many => OneOrMany::Many(many),
        }),
        iss: Some(claims.issuer()),
        jti: Some(claims.jti.to_string()),
        sid,
        user,
        permissions: user.map(|user| &user.permissions[..]),
    }
}

fn of_refresh(refresh: &ActiveRefresh) -> Reply<'_> {
    Reply {
        active: true,
        scope: said(&refresh.scope),
        client_id: Some(&refresh.client),
        username: Some(refresh.user.email.as_str()),
        exp: Some(refresh.expires_at_secs),
        iat: Some(refresh.given_at_secs),
        sub: Some(refresh.user.id.to_string()),
        sid: Some(refresh.session.to_string()),
        user: Some(&refresh.user),
        permissions: Some(&refresh.user.permissions),
        ..Reply::default()
    }
}

fn said(scope: &Scope) -> Option<&Scope> {
    Some(scope).filter(|scope| !scope.is_empty())
}

impl From<IntrospectError> for OauthError {
    fn from(error: IntrospectError) -> Self {
        match error {
            IntrospectError::Keys(error) => error.into(),
            IntrospectError::Store(error) => error.into(),
        }
    }
}
