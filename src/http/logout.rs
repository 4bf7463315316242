//! `POST /auth/logout`: ends sessions of the caller.

use rouille::{Request, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::App;
use super::problem::Problem;
use super::{bearer, body, origin};
use crate::service::sessions::{self, Logout, LogoutError};

/// Which sessions to end; without a body, the token's own.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Logout)]
pub(super) struct Body {
    /// Every session of the user.
    all: bool,
    /// Every session of the user but the token's own; with `all`, that one too.
    others: bool,
}

/// End the session of the bearer token, every session of its user, or every other
///
/// The tokens of a session end with it, at once. Ending what has ended already is no error. If the token
/// has a scope, that must have `sessions.delete` for more than its own session.
#[utoipa::path(
    post, path = "/auth/logout", operation_id = "logout", tag = "sessions", security(("bearer" = [])),
    request_body(content = ref("#/components/schemas/Logout"), description = "Leave it out to end this session"),
    responses(
        (status = 204, description = "Ended"),
        bearer::Refused,
        bearer::NoUser,
        body::Refused,
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    let token = bearer::token(request)?.ok_or_else(bearer::missing)?;
    let body: Body = if body::is_present(request) {
        body::json(request)?
    } else {
        Body::default()
    };
    let which = match body {
        Body { all: true, .. } => Logout::All,
        Body { others: true, .. } => Logout::Others,
        Body { .. } => Logout::This,
    };
    sessions::logout(
        &app.services,
        token,
        which,
        origin::address_of(app, request),
    )?;
    Ok(Response::empty_204())
}

impl From<LogoutError> for Problem {
    fn from(error: LogoutError) -> Self {
        match error {
            LogoutError::Verify(error) => error.into(),
            LogoutError::NarrowScope(error) => error.into(),
        }
    }
}
