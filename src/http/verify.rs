//! `GET` and `POST /auth/verify`: is this token good, and who is behind it right now?

use rouille::{Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::App;
use super::bearer;
use super::body;
use super::problem::Problem;
use crate::domain::user::User;
use crate::service::verification::{self, Verification};

/// The token to look at, for callers that do not want it in a header.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TokenToVerify)]
pub(super) struct Body {
    /// The access token.
    token: String,
}

/// A good token.
#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
pub(super) struct Reply<'a> {
    /// Always true: anything else is an error.
    active: bool,
    /// The account as it is now.
    user: &'a User,
    /// What the token says.
    #[schema(value_type = Object)]
    claims: &'a RawValue,
    /// For how many seconds this answer may be kept.
    max_age: u32,
}

/// Say whether the bearer token is good, and who is behind it right now
///
/// Writes nothing. What `authctl` changes shows at the next call.
#[utoipa::path(
    get, path = "/auth/verify", operation_id = "verify", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 200, description = "The token is good", body = Reply),
        bearer::Refused,
    ),
)]
pub(super) fn read(app: &App, request: &Request) -> Result<Response, Problem> {
    let token = bearer::token(request)?.ok_or_else(bearer::missing)?;
    let verification = verification::verify(&app.services, token)?;
    Ok(reply(&verification))
}

/// Say whether the token in the header or in the body is good, and who is behind it right now
#[utoipa::path(
    post, path = "/auth/verify", operation_id = "verifyToken", tag = "auth", security(("bearer" = []), ()),
    request_body(content = ref("#/components/schemas/TokenToVerify"), description = "Leave it out if the token is in the header"),
    responses(
        (status = 200, description = "The token is good", body = Reply),
        bearer::Refused,
        body::Refused,
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    if !body::is_present(request) {
        return read(app, request);
    }
    let body: Body = body::json(request)?;
    if bearer::token(request)?.is_some() {
        return Err(bearer::malformed());
    }
    let verification = verification::verify(&app.services, &body.token)?;
    Ok(reply(&verification))
}

fn reply(verification: &Verification) -> Response {
    Response::json(&Reply {
        active: true,
        user: &verification.user,
        claims: &verification.token.claims.payload,
        max_age: verification.max_age_secs,
    })
}
