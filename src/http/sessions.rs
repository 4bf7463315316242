//! `/auth/sessions`: the caller's sessions.

use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::bearer;
use super::origin;
use super::problem::{Code, Problem, ProblemBody};
use crate::domain::session::{Session, SessionId};
use crate::service::sessions::{self, SessionError};

/// The sessions of the caller.
#[derive(Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(super) struct Reply {
    /// In the order of their logins.
    sessions: Vec<Shown>,
}

/// A session of the caller.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnSession)]
pub(super) struct Shown {
    #[serde(flatten)]
    session: Session,
    /// Whether the token of this request belongs to it.
    is_current: bool,
}

/// List the sessions of the bearer token's user
///
/// If the token has a scope, that must have `sessions.view`.
#[utoipa::path(
    get, path = "/auth/sessions", operation_id = "sessions", tag = "sessions", security(("bearer" = [])),
    responses(
        (status = 200, description = "The sessions that have not ended", body = Reply),
        bearer::Refused,
        bearer::NoUser,
    ),
)]
pub(super) fn list(app: &App, request: &Request) -> Result<Response, Problem> {
    let caller = bearer::user(app, request)?;
    let found = sessions::of_user(&app.services, caller.user.id, &caller.scope)?;
    let shown = |session: Session| Shown {
        is_current: Some(session.id) == caller.session,
        session,
    };
    let sessions = found.into_iter().map(shown).collect();
    Ok(Response::json(&Reply { sessions }))
}

/// End a session of the bearer token's user
///
/// Its tokens end with it, at once. Somebody else's session is answered like one that never was. If the
/// token has a scope, that must have `sessions.delete`.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", operation_id = "endSession", tag = "sessions", security(("bearer" = [])),
    params(("id" = String, Path, format = Uuid, description = "The session's id")),
    responses(
        (status = 204, description = "Ended"),
        (status = 404, description = "The user has no such session", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
        bearer::NoUser,
    ),
)]
pub(super) fn delete(app: &App, request: &Request, id: &str) -> Result<Response, Problem> {
    let caller = bearer::user(app, request)?;
    let id: SessionId = id.parse().map_err(|_| none())?;
    let address = origin::address_of(app, request);
    sessions::end_own(&app.services, caller.user.id, &caller.scope, id, address)?;
    Ok(Response::empty_204())
}

fn none() -> Problem {
    Problem::new(
        Code::NotFound,
        "There is no such session: it has ended, or never was.",
    )
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotFound(_) | SessionError::NoAccount(_) => none(),
            SessionError::Denied(denied) => denied.into(),
            SessionError::NarrowScope(error) => error.into(),
            SessionError::Store(error) => error.into(),
        }
    }
}
