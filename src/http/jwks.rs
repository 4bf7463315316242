//! `GET /.well-known/jwks.json`: the public keys, for services that verify offline.

use rouille::{Request, Response};

use super::App;
use super::problem::Problem;

/// Give the public keys that tokens are signed with (RFC 7517, section 5)
#[utoipa::path(
    get, path = "/.well-known/jwks.json", operation_id = "jwks", tag = "keys",
    responses((status = 200, description = "A JSON Web Key Set", body = serde_json::Value)),
)]
pub(super) fn read(app: &App, _: &Request) -> Result<Response, Problem> {
    let keys = Response::json(&app.services.public_jwks()?);
    let max_age = app.services.key_rules().max_age_secs();
    Ok(keys.with_public_cache(max_age.unsigned_abs()))
}
