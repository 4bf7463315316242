//! `GET /.well-known/jwks.json`: the public keys, for services that verify offline.

use rouille::{Request, Response};

use super::App;
use super::problem::Problem;

/// For how many seconds the keys may be kept.
const MAX_AGE_SECS: u64 = 300;

/// Give the public keys that tokens are signed with (RFC 7517, section 5)
#[utoipa::path(
    get, path = "/.well-known/jwks.json", operation_id = "jwks", tag = "keys",
    responses((status = 200, description = "A JSON Web Key Set", body = serde_json::Value)),
)]
pub(super) fn read(app: &App, _: &Request) -> Result<Response, Problem> {
    Ok(Response::json(&app.services.public_jwks()?).with_public_cache(MAX_AGE_SECS))
}
