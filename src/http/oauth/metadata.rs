//! `/.well-known/oauth-authorization-server` and `/.well-known/openid-configuration`: where everything
//! is, for libraries (RFC 8414).

use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::problem::Problem;

/// For how many seconds the document may be kept.
const MAX_AGE_SECS: u64 = 300;

/// How clients show themselves where tokens are given out or ended.
const BY_SECRET: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// What there is, and where (RFC 8414, section 2).
#[derive(Serialize, ToSchema)]
#[schema(as = ServerMetadata)]
pub(in crate::http) struct Reply<'a> {
    /// `iss` of all tokens.
    issuer: &'a str,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    /// None: there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    grant_types_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: [&'static str; 2],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 2],
    /// `sub` is the same for everybody.
    subject_types_supported: [&'static str; 1],
    service_documentation: String,
}

/// Say where everything is (RFC 8414)
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", operation_id = "serverMetadata", tag = "oauth",
    responses((status = 200, description = "What there is", body = Reply)),
)]
#[expect(clippy::unnecessary_wraps, reason = "every handler has this shape")]
pub(in crate::http) fn read(app: &App, _: &Request) -> Result<Response, Problem> {
    let at = |path: &str| format!("{}{path}", app.server.public_url);
    let reply = Reply {
        issuer: &app.services.token_rules().issuer,
        token_endpoint: at("/oauth/token"),
        introspection_endpoint: at("/oauth/introspect"),
        revocation_endpoint: at("/oauth/revoke"),
        jwks_uri: at("/.well-known/jwks.json"),
        response_types_supported: [],
        grant_types_supported: ["client_credentials", "refresh_token"],
        token_endpoint_auth_methods_supported: BY_SECRET,
        introspection_endpoint_auth_methods_supported: [BY_SECRET[0], BY_SECRET[1], "Bearer"],
        revocation_endpoint_auth_methods_supported: BY_SECRET,
        subject_types_supported: ["public"],
        service_documentation: at("/api/docs"),
    };
    Ok(Response::json(&reply).with_public_cache(MAX_AGE_SECS))
}

/// The same, where libraries of `OpenID` look for it
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", operation_id = "openidConfiguration", tag = "oauth",
    responses((status = 200, description = "What there is", body = Reply)),
)]
pub(in crate::http) fn read_for_openid(app: &App, request: &Request) -> Result<Response, Problem> {
    read(app, request)
}
